"""prologue, epilogue and epilogue.precancel.

- They lie in mom_priv. One that is missing is no error. One that is not a regular file of root's, not executable or
  writable by group or others is not run and has failed; so has one that cannot be executed, a script without `#!`.
- prologue and epilogue run as root, epilogue.precancel as the job's user, each in a session of its own, in mom_priv, with
  stdin from /dev/null, the job's output files (or its terminal) as stdout and stderr, umask 0077 (prologue) or 0022, a
  short environment, and mom's own pipes open under 9, 11 and 14.
- `$prologalarm N` (300) is for both. If N > 10, SIGKILL comes after N - 10 s, to all of the session and nobody else; no
  SIGTERM before it.
- Of a prologue: exit 0, the job runs. Exit 1, it is aborted. Any other exit, or time out: it is requeued, an interactive
  one aborted. Death by a signal counts as success. Of an epilogue nothing counts.
"""

import os
import select
import signal
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from .process import Child, kill_all_of, spawn

UMASK = {"prologue": 0o077, "epilogue": 0o022, "epilogue.precancel": 0o022}


@dataclass
class HookEnd:
    code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    missing: bool = False
    refused: bool = False  # its file is not as it must be
    seconds: float = 0.0
    held: bool = False  # somebody still has mom's pipes


class Hook:
    """One that runs, or has."""

    def __init__(self, file: Path, words: list[str], environment: dict[str, str], outputs, alarm: float, user=None):
        self.end: HookEnd | None = None
        self.child: Child | None = None
        self.alarm = alarm - 10 if alarm > 10 else alarm
        self.begun = time.monotonic()
        if not file.exists():
            self.end = HookEnd(missing=True)
            return
        if not is_as_it_must_be(file):
            self.end = HookEnd(refused=True)
            return
        self.pipe, write_end = os.pipe()
        with open("/dev/null", "rb") as null:
            self.child = spawn([str(file), *words], environment, stdin=null.fileno(), stdout=outputs[0], stderr=outputs[1],
                               directory=file.parent, umask=UMASK[file.name], user=user, leak=write_end)
        os.close(write_end)

    def running(self) -> bool:
        return self.end is None and not self.child.wait(0)

    def wait(self) -> HookEnd:
        if self.end is None:
            left = self.begun + self.alarm - time.monotonic()
            timed_out = not self.child.wait(left)
            if timed_out:
                kill_all_of(self.child.pid)
                self.child.wait(10)
            self.end = HookEnd(self.child.code, None if timed_out else self.child.signal, timed_out,
                               seconds=time.monotonic() - self.begun, held=is_held(self.pipe))
            os.close(self.pipe)
        return self.end


def is_as_it_must_be(file: Path) -> bool:
    info = file.stat()
    return (info.st_uid == 0 and stat.S_ISREG(info.st_mode) and bool(info.st_mode & stat.S_IXUSR)
            and not info.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def is_held(pipe: int) -> bool:
    """Whether the other end is still open somewhere: a moment after its owner died it may be."""
    poll = select.poll()
    poll.register(pipe, 0)  # POLLHUP is told unasked
    return not poll.poll(500)


def what_a_prologue_means(end: HookEnd, interactive: bool) -> str:
    if end.missing or end.signal is not None or end.code == 0 and not end.timed_out:
        return "runs"
    if end.code == 1 or interactive:
        return "aborted"
    return "requeued"
