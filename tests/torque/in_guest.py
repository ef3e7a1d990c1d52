"""One guest for many jobs: its prologue has run, and each job here is started in it as mom would start the job."""

from dataclasses import dataclass
from pathlib import Path

from mom import Build, Job, Mom, Run
from mom.session import Session
from waiting import wait_until
from world import JOBS

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass
class Ended:
    status: int  # as Torque's server shows it
    out: bytes
    err: bytes


class Guest:
    def __init__(self, mom: Mom, job: Job):
        self.mom, self.job = mom, job
        self.run = mom.run(job)
        end = self.run.prologue()
        assert end.code == 0, self.run.written()

    def prepare(self, script="", **how) -> Run:
        """A run of the job whose prologue has been: with another script, shell, …"""
        run = self.mom.run(Job(**{"id": self.job.id, "user": self.job.user, "script": script, **how}))
        return run

    def execute(self, script, build=Build.USUAL, umask=0o022, seconds=60, **how) -> Ended:
        run = self.prepare(script, **how)
        run.start(build, umask)
        return ended(run, run.session, seconds)

    def begin(self, script, **how) -> Run:
        """It has said something."""
        run = self.prepare(script, **how)
        run.start()
        wait_until(lambda: run.written()[0] or run.session.wait(0))
        return run

    def kill(self, run: Run):
        """Its remoteshell has no time to tidy up."""
        run.session.end()
        for socket in (JOBS / self.job.id / "user").glob("connection-*"):
            socket.unlink()

    def end(self):
        assert self.run.epilogue(0).code == 0, self.run.written()
        self.run.remove_files()


def ended(run: Run, session: Session, seconds=60) -> Ended:
    assert session.wait(seconds), run.written()
    out, err = run.written()
    return Ended(session.exit_status, out, err)
