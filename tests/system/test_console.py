"""Sitting at a guest's serial port. The guest is a boot sector that gives back each letter in the other case."""

import os
import pty
import select
import signal
import struct
import subprocess
import time

import pytest
from jobs import VMBATCH, environment, known_jobs, vmbatch

PROFILE = {"image": "echo", "hypervisor": "qemu", "method": "CDROM", "dialect": "cernvm", "ready": "channel",
           "vcpus": {"default": 1, "max": 1}, "memory": {"default": "64M", "max": "64M"}, "network": {"type": "user"}}
# Reads the serial port's line status until a letter is there, and sends it back with bit 5 turned.
ECHO = bytes.fromhex("bafd03 ec a801 74fb baf803 ec 3420 ee ebef")


@pytest.fixture(scope="module")
def echo_image(images, tmp_path_factory):
    file = tmp_path_factory.mktemp("image") / "echo.raw"
    file.write_bytes(ECHO.ljust(510, b"\0") + struct.pack("<H", 0xAA55) + bytes(1 << 20))
    imported = vmbatch("image", "import", file, "--name", "echo", "--format", "raw")
    assert imported.returncode == 0, imported.stderr
    yield
    assert vmbatch("image", "rm", "echo").returncode == 0


class Sitting:
    """`vmbatch guest console` with a terminal of its own."""

    def __init__(self, job):
        self.ours, theirs = pty.openpty()
        self.process = subprocess.Popen([VMBATCH, "guest", "console", job], stdin=theirs, stdout=theirs, stderr=theirs,
                                        env=environment())
        os.close(theirs)
        self.heard = b""

    def hear(self, what, seconds=60):
        deadline = time.monotonic() + seconds
        while what not in self.heard:
            assert time.monotonic() < deadline, self.heard
            if select.select([self.ours], [], [], 0.1)[0]:
                self.heard += os.read(self.ours, 4096)

    def say(self, what):
        os.write(self.ours, what)

    def leave(self):
        self.say(b"\x1d")
        assert self.process.wait(30) == 0
        os.close(self.ours)


def repeat_until_heard(sitting, what, answer):
    """The guest may still be in its firmware, which swallows what comes."""
    deadline = time.monotonic() + 90
    while answer not in sitting.heard:
        assert time.monotonic() < deadline, sitting.heard
        sitting.say(what)
        if select.select([sitting.ours], [], [], 1)[0]:
            sitting.heard += os.read(sitting.ours, 4096)


def test_console(echo_image, caller):
    job = caller.begin("echo", "true\n", options=["--config", caller.config({"profile": {"echo": PROFILE}}),
                                                  "--job-id", "sat-at"])
    job.wait_for("start", "ended")
    sitting = Sitting("sat-at")
    sitting.hear(b"Ctrl-] leaves it")
    repeat_until_heard(sitting, b"ctx", b"CTX")
    second = vmbatch("guest", "console", "sat-at")
    assert (second.returncode, second.stdout) == (1, b"")
    assert b"somebody else has the console already" in second.stderr
    sitting.leave()

    # It can be left and taken again; and the guest's end is its end.
    again = Sitting("sat-at")
    again.hear(b"Ctrl-] leaves it")
    repeat_until_heard(again, b"vmb", b"VMB")
    assert b"CTX" in vmbatch("guest", "log", "sat-at").stdout
    job.process.send_signal(signal.SIGTERM)
    again.hear(b"left the console")
    assert again.process.wait(30) == 0
    os.close(again.ours)
    assert job.process.wait(150) == 128 + signal.SIGTERM, job.lines
    assert known_jobs() == {}


def test_no_console(caller):
    asked = vmbatch("guest", "console", "nobody")
    assert asked.returncode == 1
    assert b"nobody" in asked.stderr
