"""A few cells of the matrix with guests that boot, an SSH server in them, and NFS between."""

import subprocess

import pytest
from jobs import CHECKOUT, vmbatch
from stage import reboot, run_killed, well
from world import guests


@pytest.fixture(scope="module")
def played(node):
    """Nothing is."""
    built = subprocess.run([CHECKOUT / "tests/guests/build", "mini"], check=True, stdout=subprocess.PIPE, text=True)
    imported = vmbatch("image", "import", built.stdout.strip(), "--name", "mini", timeout=300)
    assert imported.returncode == 0, imported.stderr


REAL = {"queue": "real"}


@pytest.mark.parametrize("program, step, by", [("prologue", "guest_ready", "gc"), ("prologue", "guest_entered", "again"),
                                               ("remoteshell", "task_begun", "gc"), ("epilogue", "domain_ended", "again")])
def test_killed(nothing_left, program, step, by):
    if program != "prologue":
        well("prologue", seconds=200, **REAL)
    run_killed(program, step, seconds=200, **REAL)
    if by == "gc":
        if program == "remoteshell":
            assert well("gc").out == ""
            reboot()
        well("gc")
    else:
        well("prologue", seconds=200, **REAL)
        well("remoteshell", code=7, seconds=120)
        well("epilogue")
    assert guests() == set()
    nothing_left()
