"""What the job_submit plugin lets pass, and what it does not: nothing of a job of these partitions runs on a node."""

import os

import pytest
from cluster import HOMES
from jobs import known_jobs
from world import guests

REMOTESHELL = "/usr/local/libexec/vmbatch/remoteshell"


@pytest.fixture
def script(cluster):
    file = HOMES / "alice/job"
    file.write_text("#!/bin/sh\necho ran on $(hostname)\n")
    file.chmod(0o644)
    yield file
    file.unlink()


@pytest.mark.parametrize("words, why", [
    (["srun", "-p", "vm", "--mem=100", "id"], "use sbatch, or srun --pty " + REMOTESHELL),
    (["salloc", "-p", "vm", "--mem=100", "id"], "use sbatch, or srun --pty " + REMOTESHELL),
    (["srun", "-p", "vm", "--mem=100", REMOTESHELL + "x"], "use sbatch"),
    (["sbatch", "-p", "vm,host", "job"], "'vm,host' names partitions with and without guests"),
    (["sbatch", "-p", "vm", "-N", "2", "job"], "one guest, on one node"),
])
def test_what_could_not_be_contained_is_refused(cluster, script, words, why):
    done = cluster.call(*words)
    assert done.returncode != 0
    assert why in done.stderr
    assert "uid=" not in done.stdout


def test_a_waiting_job_does_not_change_sides(cluster, script):
    plain, contained = [cluster.call("sbatch", "--parsable", "-H", "-p", partition, "job").stdout.strip()
                        for partition in ["host", "vm"]]
    assert cluster.call("scontrol", "update", f"JobId={plain}", "Partition=vm").returncode != 0
    assert cluster.call("scontrol", "update", f"JobId={contained}", "Partition=host").returncode != 0
    assert cluster.call("scontrol", "update", f"JobId={contained}", "NumNodes=2").returncode != 0
    assert cluster.call("scontrol", "update", f"JobId={contained}", "TimeLimit=5").returncode == 0
    assert [cluster.show(job)["Partition"] for job in (plain, contained)] == ["host", "vm"]
    cluster.call("scancel", plain, contained)


def test_a_partition_without_guests_is_as_it_was(cluster, script):
    job = cluster.call("sbatch", "--parsable", "-p", "host", "job").stdout.strip()
    assert cluster.wait(job) == ("COMPLETED", "0:0")
    assert cluster.output(job) == f"ran on {os.uname().nodename}\n"
    assert (guests(), known_jobs()) == (set(), {})


def test_no_profile_of_a_user_is_read_on_the_node(cluster, script):
    """As it is for --export=NONE in other partitions. The job is refused here, to save a guest."""
    home = HOMES / "alice"
    profile = home / ".bash_profile"
    profile.write_text(f"touch {home}/read-$SLURM_JOB_PARTITION$RANDOM\n")
    try:
        for partition, times in [("vm", 0), ("host", 1)]:
            job = cluster.submit("#!/bin/sh\n#VMBATCH profile=debian\n", partition=partition, options=["--export=NONE"])
            cluster.wait(job)
            assert len(list(home.glob("read-*"))) == times
    finally:
        profile.unlink()
        for file in home.glob("read-*"):
            file.unlink()


def test_remoteshell_has_no_guest_but_the_jobs_own(cluster):
    """On a node's command line, and where jobs have no guest: it runs nothing."""
    done = cluster.call(REMOTESHELL, "id")
    assert done.returncode == 121 and "no batch system has called" in done.stderr
    step = cluster.call("srun", "-p", "host", REMOTESHELL, "id")
    assert step.returncode == 123 and "there is no guest for this job" in step.stderr
    assert "uid=" not in done.stdout + step.stdout
