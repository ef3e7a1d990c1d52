"""Killed at each step of a job's life, in each program that passes it: whatever comes next removes all, and the next job runs."""

import socket
import subprocess

import pytest
from stage import ID, PREFIX, a_moment, reboot, run, run_killed, table, well
from world import CACHE, JOBS, SHARE, STATE, guests

TABLE = table()
MAKING = {step for program, step in TABLE if program == "prologue"} - {step for program, step in TABLE if program == "gc"}
RECOVERIES = ["epilogue", "gc", "again"]
# Its batch system will come for it: gc waits for that, or for another boot.
STILL_LEFT = {("prologue", "job_left")} | {(program, step) for program, step in TABLE if program == "remoteshell"}

pytestmark = pytest.mark.usefixtures("played")


def come_to(program, step):
    """The life of a job until the program that will be killed."""
    if program == "gc":
        run_killed("prologue", "access_written")
    elif not (program == "prologue" and step in MAKING) and step != "tombstone_left":
        well("prologue")


def recover(by, still_left):
    if by == "epilogue":
        well("epilogue")
        return
    if by == "gc":
        collected = well("gc").out
        if still_left:
            assert collected == ""
            reboot()
            well("gc")
        return
    a_moment()
    well("prologue")
    assert guests() == {f"vmbatch-{ID}"}
    well("remoteshell", code=7)
    well("epilogue")


@pytest.mark.parametrize("by", RECOVERIES)
@pytest.mark.parametrize("program, step", TABLE)
def test_killed(nothing_left, program, step, by):
    come_to(program, step)
    run_killed(program, step)
    recover(by, (program, step) in STILL_LEFT)
    nothing_left()


def traced(program, **how) -> list[str]:
    file = PREFIX / "trace"
    file.write_text("")
    file.chmod(0o666)
    well(program, trace=file, **how)
    return file.read_text().split()


def test_the_table_is_true(nothing_left):
    """Each program passes what the table says, in its order, and nothing else: no step is without its cases."""
    of = {name: [step for program, step in TABLE if program == name] for name in ("prologue", "remoteshell", "epilogue", "gc")}
    making = [step for step in of["prologue"] if step in MAKING]
    removing = [step for step in of["prologue"] if step not in MAKING]
    assert traced("epilogue") == ["tombstone_left", "unfinished_swept"]
    a_moment()
    assert traced("prologue") == making
    assert traced("remoteshell", code=7) == of["remoteshell"]
    assert traced("prologue") == [making[0], *removing, *making[1:]]
    assert traced("epilogue") == [step for step in of["epilogue"] if step != "tombstone_left"]
    run_killed("prologue", "access_written")
    assert traced("gc") == of["gc"]


@pytest.mark.parametrize("step", ["share_made", "domain_started", "task_begun", "directory_unlisted"])
def test_killed_again_and_again(nothing_left, step):
    """Each program is killed at each of the steps that removing takes, one after the other; the last one finds the rest."""
    program = {"task_begun": "remoteshell", "directory_unlisted": "epilogue"}.get(step, "prologue")
    come_to(program, step)
    run_killed(program, step)
    for turn, at in enumerate(["job_taken", "domain_ended", "domain_struck", "share_removed", "share_struck", "lease_released",
                               "lease_struck", "directory_unlisted", "directory_removed"]):
        run(["epilogue", "gc"][turn % 2], kill=at)
    well("epilogue")
    well("gc")
    nothing_left()


# ---- that a leak is seen ----

def test_a_leak_is_caught(nothing_left, before, silent):
    """As by a program that makes a thing first and writes it down then."""
    run_killed("prologue", "share_made")
    entry, = (JOBS / ID / "ledger/made").glob("*-share.json")
    entry.unlink()
    well("epilogue")
    leaked, = SHARE.iterdir()
    assert before.left() == {"new files": [str(leaked)]}
    with pytest.raises(AssertionError):
        before.assert_none(within=0)
    assert well("gc").out == f"share {leaked}\n"


def plant_socket():
    path = JOBS / "socket"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    return path.unlink


def plant_file(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")

    def remove():
        path.unlink()
        if path.parent.name == "0" * 64:
            path.parent.rmdir()
    return remove


def plant_mount():
    subprocess.run(["mount", "-t", "tmpfs", "test", SHARE], check=True)
    return lambda: subprocess.run(["umount", SHARE], check=True)


def plant_process():
    process = subprocess.Popen(["sleep", "1000"])
    return lambda: (process.kill(), process.wait())


def plant_device():
    subprocess.run(["ip", "tuntap", "add", "planted", "mode", "tap"], check=True)
    return lambda: subprocess.run(["ip", "link", "del", "planted"], check=True)


def plant_guest():
    xml = (PREFIX / "halt.xml").read_text().replace("<os>", "<name>planted</name><memory unit='MiB'>16</memory><os>", 1)
    subprocess.run(["virsh", "-q", "-c", "qemu:///system", "create", "/dev/stdin"],
                   input=xml.replace("<domain>", "<domain type='qemu'>"), text=True, check=True, timeout=60)
    return lambda: subprocess.run(["virsh", "-q", "-c", "qemu:///system", "destroy", "planted"], check=True, timeout=60)


PLANTED = {"new files": [plant_socket, lambda: plant_file(CACHE / "leases" / ("0" * 64) / ID), lambda: plant_file(JOBS / ".new-1"),
                         lambda: plant_file(STATE / "overlay.qcow2")],
           "new mounts": [plant_mount], "new processes": [plant_process], "new network devices": [plant_device],
           "new guests": [plant_guest]}


@pytest.mark.parametrize("kind, plant", [(kind, plant) for kind, plants in PLANTED.items() for plant in plants])
def test_what_is_looked_for_is_seen(nothing_left, before, kind, plant):
    remove = plant()
    try:
        assert before.left().get(kind)
    finally:
        remove()
