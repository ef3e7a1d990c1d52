// Torque's epilogue.precancel, which runs as the job's user before each SIGTERM to a job. pbs_mom does
// nothing else meanwhile. There is nothing to do here: the SIGTERM reaches remoteshell, which passes it on.
int main()
{
    return 0;
}
