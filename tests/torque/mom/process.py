"""Processes as mom starts and ends them: each in a session of its own, known by that session."""

import errno
import fcntl
import os
import pwd
import select
import signal
import termios
import time
from pathlib import Path

# mom's own pipes are open in what it starts, under these numbers.
LEAKED = (9, 11, 14)
CANNOT_EXEC = 254


class Child:
    """A process that leads a session."""

    def __init__(self, pid: int):
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)
        self.status: int | None = None

    def wait(self, seconds: float) -> bool:
        """Whether it has ended."""
        if self.status is None:
            poll = select.poll()
            poll.register(self.pidfd, select.POLLIN)
            if not poll.poll(max(0.0, seconds) * 1000):
                return False
            self.status = os.waitpid(self.pid, 0)[1]
            os.close(self.pidfd)
        return True

    @property
    def code(self) -> int | None:
        return os.WEXITSTATUS(self.status) if os.WIFEXITED(self.status) else None

    @property
    def signal(self) -> int | None:
        return os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else None


def spawn(argv, environment, *, stdin, stdout, stderr, directory, umask, user=None, leak=None, terminal=False) -> Child:
    """argv may be a list of argument vectors: the first that can be executed is. `leak` is a descriptor to be found under
    the numbers of LEAKED."""
    candidates = argv if isinstance(argv[0], list) else [argv]
    account = pwd.getpwnam(user) if user else None
    pid = os.fork()
    if pid == 0:
        try:
            become([stdin, stdout, stderr], directory, umask, account, leak, terminal)
            for words in candidates:
                try:
                    os.execve(words[0], words if words[0] not in ("", None) else words, environment)
                except OSError as error:
                    if error.errno not in (errno.ENOENT, errno.EACCES):
                        raise
        finally:
            os._exit(CANNOT_EXEC)
    return Child(pid)


def become(streams, directory, umask, account, leak, terminal):
    """In the child."""
    os.setsid()
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
            signal.signal(number, signal.SIG_DFL)
    # Lifted first, so that no one is overwritten before it is used.
    lifted = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in streams]
    leaked = fcntl.fcntl(leak, fcntl.F_DUPFD, 100) if leak is not None else None
    for number, fd in enumerate(lifted):
        os.dup2(fd, number)
    for number in LEAKED if leaked is not None else ():
        os.dup2(leaked, number)
    for fd in {int(name) for name in os.listdir("/proc/self/fd")} - {0, 1, 2, *(LEAKED if leaked is not None else ())}:
        try:
            os.close(fd)
        except OSError:
            pass  # that of the listing
    if terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.umask(umask)
    if account:
        os.initgroups(account.pw_name, account.pw_gid)
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    os.chdir(directory)


def members(session: int) -> list[int]:
    """The processes of a session, the dead excepted."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, its_session = (path / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(its_session) == session and state not in "ZX":
            found.append(int(path.name))
    return found


def kill_session(session: int, number: int) -> list[int]:
    """Sends a signal to each process of a session; to whom."""
    told = members(session)
    for pid in told:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
    return told


def kill_all_of(session: int):
    """Until nobody is left."""
    deadline = time.monotonic() + 10
    while kill_session(session, signal.SIGKILL):
        assert time.monotonic() < deadline, f"session {session} does not end"
        time.sleep(0.01)
