"""What Torque lets run beside what, and when it runs no epilogue at all: each case that was seen there, from both sides, step
by step. A program that is beside another one is stopped at a step until the other is as far as it gets."""

import os
import signal
import time

import pytest
from stage import ID, MOM_PRIV, a_moment, begin, reboot, run, run_killed, table, tombstones, well
from world import JOBS, STATE, guests, virsh

MAKING = [step for program, step in table() if program == "prologue" and (step == "host_checked" or ("gc", step) not in table())]
REMOVING = [step for program, step in table() if program == "epilogue" and step != "tombstone_left"]
GUEST = {f"vmbatch-{ID}"}

pytestmark = pytest.mark.usefixtures("played")


def wait_until(true, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.005)


def is_asked_to_end(pid) -> bool:
    """SIGTERM waits for it."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            pending = [int(line.split()[1], 16) for line in file if line.startswith(("SigPnd", "ShdPnd"))]
    except OSError:
        return False
    return any(mask >> (signal.SIGTERM - 1) & 1 for mask in pending)


# ---- the epilogue comes, once, after all else ----

def test_normal_end_qdel_walltime_qrerun(nothing_left):
    for status in ["7", "271", "-11", "-14"]:
        well("prologue")
        well("remoteshell", code=7)
        well("epilogue", status=status)
        nothing_left()


def test_failed_prologue(nothing_left, configure):
    configure({"share": {"probe": "127.0.0.1:1"}})
    failed = run("prologue")
    assert failed.code == 2 and failed.err.count("\n") == 1, failed
    well("epilogue", status="-14")
    nothing_left()


def test_timed_out_prologue(nothing_left):
    """Mom has killed all of its session."""
    run_killed("prologue", "domain_started")
    well("epilogue", status="-14")
    nothing_left()


# ---- qdel while the prologue runs: the epilogue runs beside it ----

@pytest.mark.parametrize("step", MAKING)
def test_qdel_while_the_prologue_runs(nothing_left, step):
    """The epilogue has done all it can do without it before the prologue goes on."""
    prologue = begin("prologue", stop=step)
    stopped = prologue.stopped()
    a_moment()
    epilogue = begin("epilogue", status="-1")
    wait_until(lambda: is_asked_to_end(stopped) or tombstones())
    done = prologue.go_on()
    # From the last look for signals on it is done, and the epilogue removes a job that was left.
    assert done.code == 2 or step in ("access_written", "job_left") and done.code == 0, done
    ended = epilogue.end()
    assert (ended.code, ended.err) == (0, "")
    nothing_left()


@pytest.mark.parametrize("step", ["share_made", "domain_started"])
def test_qdel_while_the_prologue_hangs(nothing_left, configure, step):
    """It never goes on: killed in time."""
    configure({"torque": {"prologalarm": 30}})
    prologue = begin("prologue", stop=step)
    prologue.stopped()
    a_moment()
    well("epilogue", status="-1")
    assert prologue.end().code == 2
    nothing_left()


@pytest.mark.parametrize("epilogue_at", ["tombstone_left", "unfinished_swept"])
@pytest.mark.parametrize("prologue_at", ["host_checked", "directory_filled"])
def test_qdel_before_there_is_a_job(nothing_left, prologue_at, epilogue_at):
    """The prologue goes on while the epilogue, which found nothing, is still there."""
    prologue = begin("prologue", stop=prologue_at)
    prologue.stopped()
    a_moment()
    epilogue = begin("epilogue", status="-1", stop=epilogue_at)
    if (prologue_at, epilogue_at) == ("directory_filled", "unfinished_swept"):
        wait_until(tombstones)  # it waits for the prologue to be done with the directories
        assert prologue.go_on().code == 2
        epilogue.stopped()
    else:
        epilogue.stopped()
        assert prologue.go_on().code == 2
    assert guests() == set()
    assert epilogue.go_on().code == 0
    nothing_left()


@pytest.mark.parametrize("step", REMOVING)
def test_an_epilogue_beside_the_next_run_s_prologue(nothing_left, step):
    """The prologue waits for it, or asks it to make way; and the run it makes is whole."""
    well("prologue")
    epilogue = begin("epilogue", stop=step)
    stopped = epilogue.stopped()
    prologue = begin("prologue")
    wait_until(lambda: is_asked_to_end(stopped) or prologue.process.poll() is not None or step == "unfinished_swept"
               or not (JOBS / ID).exists())
    epilogue.go_on()
    assert prologue.end().code == 0
    assert guests() == GUEST
    well("remoteshell", code=7)
    well("epilogue")
    nothing_left()


def test_mom_is_restarted_within_120_s_of_that(nothing_left):
    """The starter is executed for the deleted job: nothing runs, on this host or elsewhere."""
    well("prologue")
    well("epilogue", status="-1")
    refused = run("remoteshell")
    assert refused.code == 123 and refused.err.count("\n") == 1, refused
    assert "there is no guest for this job" in refused.err
    nothing_left()


# ---- mom killed during the prologue, restarted -p: a second prologue beside the first ----

@pytest.mark.parametrize("step", MAKING)
def test_a_second_prologue_starts_beside_the_first(nothing_left, step):
    """However far the first one is, the job is the second's."""
    first = begin("prologue", stop=step)
    stopped = first.stopped()
    a_moment()
    second = begin("prologue")
    if step == "host_checked":
        assert second.end().code == 0
    else:
        wait_until(lambda: is_asked_to_end(stopped) or step == "directory_filled")
    first_end = first.go_on()
    assert first_end.code == 2 or step in ("directory_filled", "access_written", "job_left"), first_end
    assert second.end().code == 0
    assert guests() == GUEST
    well("remoteshell", code=7)
    well("epilogue")
    nothing_left()


@pytest.mark.parametrize("step", MAKING)
def test_the_second_prologue_is_the_one_that_waits(nothing_left, step):
    """The first one, which comes to the job late, sees that it is another's and keeps its hands off it."""
    first = begin("prologue", stop="host_checked")
    first.stopped()
    a_moment()
    second = begin("prologue", stop=step)
    second.stopped()
    if step == "directory_filled":
        assert second.go_on().code == 0
        assert first.go_on().code == 2
    elif step == "host_checked":
        os.kill(first.stopped(), signal.SIGCONT)
        wait_until(lambda: (JOBS / ID).exists())
        assert second.go_on().code == 0
        assert first.end().code in (0, 2)
    else:
        assert first.go_on().code == 2
        assert second.go_on().code == 0
    assert guests() == GUEST
    well("remoteshell", code=7)
    well("epilogue")
    nothing_left()


# ---- mom restarted while the job runs ----

def test_mom_restarted_p_while_the_job_runs(nothing_left):
    """The epilogue comes at the job's end; of the exit status it knows nothing."""
    well("prologue")
    job = begin("remoteshell", stop="task_begun")
    job.process.stdin.write(f"{MOM_PRIV}/script\n")
    job.process.stdin.close()
    job.process.stdin = None
    stopped = job.stopped()
    os.kill(stopped, signal.SIGCONT)
    assert job.end().code == 7
    well("epilogue", status="0")
    nothing_left()


@pytest.mark.parametrize("step", ["access_found", "guest_connected", "task_sent", "task_begun", "task_ended"])
def test_mom_restarted_q_epilogue_and_next_run_beside_the_old_processes(nothing_left, step):
    well("prologue")
    old = begin("remoteshell", stop=step)
    old.process.stdin.write(f"{MOM_PRIV}/script\n")
    old.process.stdin.close()
    old.process.stdin = None
    stopped = old.stopped()
    well("epilogue", status="-4")
    well("prologue")
    well("remoteshell", code=7)
    os.kill(stopped, signal.SIGCONT)
    old.end()
    assert guests() == GUEST
    well("epilogue")
    nothing_left()


# ---- the host goes down ----

def crash_of_the_host():
    reboot()
    virsh("destroy", f"vmbatch-{ID}")


def test_node_crash_the_epilogue_comes_at_restart(nothing_left):
    well("prologue")
    crash_of_the_host()
    well("epilogue")
    nothing_left()


def test_node_reinstalled_job_purged_with_mom_down_no_epilogue(nothing_left):
    """What is left is swept at boot, and not before it."""
    well("prologue")
    assert well("gc").out == ""
    crash_of_the_host()
    assert well("gc").out == f"job {ID}\n"
    nothing_left()


# ---- gc beside an epilogue ----

@pytest.mark.parametrize("step", REMOVING)
def test_gc_beside_an_epilogue(nothing_left, step):
    """It leaves the job to the epilogue, which is there."""
    well("prologue")
    epilogue = begin("epilogue", stop=step)
    epilogue.stopped()
    gc = begin("gc")
    time.sleep(0.3)
    ended = epilogue.go_on()
    assert (ended.code, ended.err) == (0, "")
    assert gc.end().code == 0
    nothing_left()


@pytest.mark.parametrize("step", [step for program, step in table() if program == "gc"])
def test_an_epilogue_beside_gc(nothing_left, step):
    """It asks gc to make way; or finds nothing."""
    run_killed("prologue", "access_written")
    gc = begin("gc", stop=step)
    stopped = gc.stopped()
    epilogue = begin("epilogue")
    wait_until(lambda: is_asked_to_end(stopped) or epilogue.process.poll() is not None or not (JOBS / ID).exists())
    gc.go_on()
    ended = epilogue.end()
    assert (ended.code, ended.err) == (0, "")
    well("gc")
    nothing_left()


# ---- tombstones ----

def test_a_tombstone_is_no_longer_there_than_a_prologue_may_run(nothing_left, configure):
    well("epilogue")
    assert [stone.name for stone in tombstones()] == [ID]
    well("gc")
    assert [stone.name for stone in tombstones()] == [ID]
    a_moment()
    well("prologue")  # it means the prologues before it
    well("epilogue")
    configure({"torque": {"prologalarm": 1}, "slurm": {"prolog_timeout": 1}})
    time.sleep(1.2)
    well("gc")
    assert tombstones() == []
    assert not list((STATE / "jobs").glob(".*-*"))
