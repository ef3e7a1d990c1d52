"""The life of jobs on a node.

- prologue, then the job, then the epilogue, whatever became of the first two. The epilogue learns the exit status: the
  job's code, 256 + signal, -2 (the prologue said abort), -14 (it asked for a requeue; -3 before 6.1.2), -11 (walltime).
- A requeued job runs again at once, as often as it takes; server attribute disable_automatic_requeue ends it with -14.
  With automatic_requeue_exit_code = N a job whose starter exits N is requeued, too.
- qdel: epilogue.precancel, SIGTERM to each process of the session, SIGKILL after kill_delay (2 s). Walltime: SIGTERM,
  SIGKILL at the next poll. Mom does nothing else while epilogue.precancel runs.
- qdel while the prologue runs: the epilogue runs beside it; the prologue goes on.
- qrerun: SIGTERM, requeue; its late SIGKILL may meet the job's next run.
- An aborted or requeued job's output files are not delivered.
"""

import os
import re
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from . import session
from .hooks import Hook, HookEnd, what_a_prologue_means
from .job import Job

ABORTED, REQUEUED, WALLTIME = -2, -14, -11


@dataclass
class Outcome:
    exit_status: int
    state: str  # "completed", "aborted" or "requeued"
    out: bytes | None
    err: bytes | None
    runs: int = 1


class Run:
    """A job on its way through this node, once."""

    def __init__(self, mom: "Mom", job: Job):
        self.mom, self.job = mom, job
        self.script = mom.home / "mom_priv/jobs" / f"{job.file_name}.SC"
        self.files = [mom.home / "spool" / f"{job.file_name}.{kind}" for kind in ("OU", "ER")]
        account = job.account_entry
        self.script.write_text(job.script)
        for file in [self.script, *self.files]:
            file.open("a" if file == self.script else "w").close()
            os.chown(file, account.pw_uid, account.pw_gid)
            file.chmod(0o700 if file == self.script else 0o600)
        self.session: session.Session | None = None
        self.hook: Hook | None = None
        self.exit_status: int | None = None
        self.ended_by: int | None = None  # an exit status that mom has decided on

    def outputs(self):
        return [os.open(file, os.O_WRONLY | os.O_APPEND) for file in self.files]

    def run_hook(self, name: str, words, user=None) -> Hook:
        outputs = self.outputs()
        try:
            return Hook(self.mom.home / "mom_priv" / name, words, self.job.hook_environment(self.mom.home), outputs,
                        self.mom.prologalarm, user)
        finally:
            for fd in outputs:
                os.close(fd)

    def begin_prologue(self) -> Hook:
        path = self.script if self.mom.tells_script_path else None
        self.hook = self.run_hook("prologue", self.job.prologue_words(path))
        return self.hook

    def prologue(self) -> HookEnd:
        return self.begin_prologue().wait()

    def verdict(self) -> str:
        return what_a_prologue_means(self.hook.wait(), self.job.interactive)

    def start(self, build=session.Build.USUAL, umask=0o022) -> session.Session:
        mom = self.mom
        outputs = self.outputs()
        try:
            if self.job.interactive:
                self.session = session.start_interactive(mom.starter, mom.privileged, self.job, mom.home, umask)
            else:
                self.session = session.start_batch(mom.starter, mom.privileged, self.job, mom.home, self.script, outputs,
                                                   build, umask)
        finally:
            for fd in outputs:
                os.close(fd)
        return self.session

    def start_task(self, *words, number=2) -> session.Session:
        outputs = self.outputs()
        try:
            return session.start_task(self.mom.starter, self.mom.privileged, self.job, self.mom.home, words, outputs, number)
        finally:
            for fd in outputs:
                os.close(fd)

    def epilogue(self, exit_status: int) -> HookEnd:
        self.exit_status = exit_status
        path = self.script if self.mom.tells_script_path else None
        number = self.session.child.pid if self.session else 0
        return self.run_hook("epilogue", self.job.epilogue_words(number, exit_status, path)).wait()

    def finish(self, seconds: float = 120) -> Outcome:
        """The job's own end, the epilogue, the output."""
        assert self.session.wait(seconds), "the job does not end"
        status = self.session.exit_status if self.ended_by is None else self.ended_by
        self.epilogue(status)
        again = status == self.mom.requeue_exit_code or self.ended_by == REQUEUED
        return self.deliver("requeued" if again else "completed")

    def give_up(self) -> Outcome:
        """After a prologue that did not let the job run."""
        state = self.verdict()
        self.epilogue(ABORTED if state == "aborted" else REQUEUED)
        if state == "requeued" and self.mom.disable_automatic_requeue:
            state = "completed"
        return self.deliver(state)

    def deliver(self, state: str) -> Outcome:
        out, err = [file.read_bytes() for file in self.files] if state == "completed" else (None, None)
        self.remove_files()
        return Outcome(self.exit_status, state, out, err)

    def written(self) -> tuple[bytes, bytes]:
        """What is in the output files so far."""
        return self.files[0].read_bytes(), self.files[1].read_bytes()

    def remove_files(self):
        for file in [self.script, *self.files]:
            file.unlink(missing_ok=True)


class Mom:
    def __init__(self, home: Path, tells_script_path=True, kill_delay=2.0, poll=1.0):
        self.home = home
        self.tells_script_path = tells_script_path  # 6.0.2 and later
        self.kill_delay, self.poll = kill_delay, poll
        self.requeue_exit_code: int | None = None  # server attribute automatic_requeue_exit_code
        self.disable_automatic_requeue = False  # server attribute
        for name, mode in [("", 0o755), ("mom_priv", 0o751), ("mom_priv/jobs", 0o751), ("spool", 0o1777), ("aux", 0o755)]:
            directory = home / name
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(mode)
        self.read_config()

    def read_config(self):
        file = self.home / "mom_priv/config"
        text = file.read_text() if file.exists() else ""
        said = dict(re.findall(r"^\$(\w+)[ \t]+(\S+)[ \t]*$", text, re.MULTILINE))
        self.prologalarm = float(said.get("prologalarm", 300))
        self.starter = said.get("job_starter")
        self.privileged = said.get("job_starter_run_privileged") == "true"

    def run(self, job: Job) -> Run:
        return Run(self, job)

    def submit(self, job: Job, most_runs: int = 1, seconds: float = 120) -> Outcome:
        """A job's whole life; one that is requeued runs again at once."""
        runs = 0
        while True:
            runs += 1
            run = self.run(job)
            run.prologue()
            if run.verdict() == "runs":
                run.start()
                outcome = run.finish(seconds)
            else:
                outcome = run.give_up()
            outcome.runs = runs
            if outcome.state != "requeued" or runs >= most_runs:
                return outcome

    def qsig(self, run: Run, number: int, times: int = 1):
        run.session.signal(number, times)

    def qdel(self, run: Run) -> HookEnd | None:
        """What became of epilogue.precancel; None while the prologue runs, beside which the epilogue has run then."""
        if run.session is None:
            assert run.hook.running(), "it is over"
            run.epilogue(-1)
            return None
        precancel = self.precancel_and_term(run)
        if not run.session.wait(self.kill_delay):
            run.session.signal(signal.SIGKILL)
        return precancel

    def walltime_is_over(self, run: Run) -> HookEnd:
        run.ended_by = WALLTIME
        precancel = self.precancel_and_term(run)
        if not run.session.wait(self.poll):
            run.session.signal(signal.SIGKILL)
        return precancel

    def qrerun(self, run: Run):
        """Its SIGKILL is the caller's to send, to whatever session the job has by then: late_kill()."""
        run.ended_by = REQUEUED
        self.precancel_and_term(run)

    def late_kill(self, run: Run):
        time.sleep(self.kill_delay)
        run.session.signal(signal.SIGKILL)

    def precancel_and_term(self, run: Run) -> HookEnd:
        hook = run.run_hook("epilogue.precancel", run.job.epilogue_words(run.session.child.pid, 0, None), run.job.user)
        end = hook.wait()
        run.session.signal(signal.SIGTERM)
        return end

    def remove(self):
        shutil.rmtree(self.home)
