"""What runs on behalf of a job: its script, an interactive shell, a task.

- With `$job_starter` in mom's configuration that program is started in the shell's place, with the shell as its argument,
  as the job's user, or as root with `$job_starter_run_privileged true`. It leads the job's session and has the job's working
  directory, environment, stdin, stdout and stderr. The user chooses the shell (`qsub -S`).
- A batch job's stdin is a pipe with one line, the script's path and the arguments of `qsub -F`. Mom configured with
  --disable-shell-pipe gives the script itself as stdin; with --enable-shell-use-argv its path follows the shell.
- An interactive job has a terminal as stdin, stdout and stderr.
- A task's argv is the starter, the command and its arguments. Its stdin is /dev/null, its PBS_TASKNUM above 1, its session
  its own.
- A starter that is missing or not executable is passed over: the shell runs, here.
- When the leader ends, the rest of its session is killed at once.
"""

import os
import pty
import signal
from enum import Enum
from pathlib import Path

from .process import Child, kill_all_of, kill_session, spawn


class Build(Enum):
    """How mom was configured when it was compiled."""

    USUAL = "script's path on a pipe"
    DISABLE_SHELL_PIPE = "script on stdin"
    SHELL_USE_ARGV = "script's path as argument"


class Session:
    def __init__(self, child: Child, terminal: int | None = None):
        self.child = child
        self.terminal = terminal  # our end of it

    def signal(self, number: int, times: int = 1):
        """Several times: mom repeats some signals."""
        for _ in range(times):
            kill_session(self.child.pid, number)

    def wait(self, seconds: float) -> bool:
        """Whether the leader has ended; then nothing of the session is left."""
        if not self.child.wait(seconds):
            return False
        kill_all_of(self.child.pid)
        return True

    @property
    def exit_status(self) -> int:
        """As the server shows it."""
        return self.child.code if self.child.signal is None else 256 + self.child.signal

    def end(self):
        """However far it is."""
        self.signal(signal.SIGKILL)
        self.wait(10)
        if self.terminal is not None:
            os.close(self.terminal)
            self.terminal = None


def start_batch(starter, privileged, job, home, script: Path, outputs, build=Build.USUAL, umask=0o022) -> Session:
    shell = job.shell or job.account_entry.pw_shell
    argument = [str(script)] if build == Build.SHELL_USE_ARGV else []
    if build == Build.DISABLE_SHELL_PIPE:
        stdin = os.open(script, os.O_RDONLY)
    elif build == Build.SHELL_USE_ARGV:
        stdin = os.open("/dev/null", os.O_RDONLY)
    else:
        stdin, write_end = os.pipe()
        os.write(write_end, f"{script} {job.arguments}".rstrip().encode() + b"\n")
        os.close(write_end)
    try:
        return Session(spawn(candidates(starter, [shell, *argument]), job.environment(home, 1), stdin=stdin,
                             stdout=outputs[0], stderr=outputs[1], directory=job.starts_in or job.account_entry.pw_dir,
                             umask=umask, user=None if privileged else job.user))
    finally:
        os.close(stdin)


def start_interactive(starter, privileged, job, home, umask=0o022) -> Session:
    shell = job.shell or job.account_entry.pw_shell
    ours, its = pty.openpty()
    os.fchown(its, job.account_entry.pw_uid, -1)
    try:
        return Session(spawn(candidates(starter, [shell]), job.environment(home, 1), stdin=its, stdout=its, stderr=its,
                             directory=job.starts_in or job.account_entry.pw_dir, umask=umask,
                             user=None if privileged else job.user, terminal=True), terminal=ours)
    finally:
        os.close(its)


def start_task(starter, privileged, job, home, words, outputs, number=2, umask=0o022) -> Session:
    with open("/dev/null", "rb") as null:
        return Session(spawn(candidates(starter, list(words)), job.environment(home, number), stdin=null.fileno(),
                             stdout=outputs[0], stderr=outputs[1], directory=job.starts_in or job.account_entry.pw_dir,
                             umask=umask, user=None if privileged else job.user))


def candidates(starter, words) -> list[list[str]]:
    return [[str(starter), *words], words] if starter else [words]
