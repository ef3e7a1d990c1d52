"""Whatever ends `vmbatch run`, nothing of its job is left: removed by itself if it can, by `vmbatch job gc` if not."""

import random
import signal
import subprocess
import time

import pytest
from jobs import VMBATCH, collect_garbage, environment, known_jobs
from world import JOBS, SHARE, STATE, guests, virsh

# Waits until its input ends. Every job here has the same id: what one left would be in the way of the next.
SCRIPT = "echo begun; cat >/dev/null; exit 7\n"
ID = ["--job-id", "crash"]

PHASES = ["check", "prepare", "start", "ready", "connect", "run", "remove"]


def begun(caller, phase, delay, event="begun"):
    """A job that is so far."""
    job = caller.begin("mini", SCRIPT, options=ID)
    if phase == "remove":
        assert job.wait_for_line() == b"begun\n"
        job.process.stdin.close()
        job.process.stdin = None
    job.wait_for(phase, event)
    time.sleep(delay)
    return job


def collect(within=60):
    collected = collect_garbage(timeout=within)
    assert (collected.returncode, collected.stderr) == (0, b"")
    return collected.stdout.decode()


KILLS = [("check", 0), ("check", 0.02), ("prepare", 0), ("prepare", 0.03), ("prepare", 0.08), ("start", 0),
         ("start", 0.05), ("start", 0.3), ("start", 1), ("ready", 0), ("ready", 2), ("connect", 0.1), ("run", 0),
         ("run", 1), ("remove", 0), ("remove", 0.1)]


@pytest.mark.parametrize("phase, delay", KILLS)
def test_killed(caller, phase, delay):
    job = begun(caller, phase, delay)
    job.kill()
    if PHASES.index(phase) in range(PHASES.index("start"), PHASES.index("remove")):
        assert known_jobs() == {"crash": "abandoned"}
        assert collect() == "removed job crash\n"
    else:
        collect()
    assert known_jobs() == {}
    assert collect() == ""


@pytest.mark.parametrize("turn", range(3))
def test_killed_at_any_moment(caller, turn):
    delay = random.uniform(0, 3)
    job = caller.begin("mini", SCRIPT, options=ID)
    time.sleep(delay)
    job.kill()
    collect()
    assert known_jobs() == {}, delay


SIGNALS = [("check", 0, signal.SIGINT), ("prepare", 0.03, signal.SIGTERM), ("start", 0, signal.SIGINT),
           ("start", 0.3, signal.SIGTERM), ("ready", 1, signal.SIGINT), ("connect", 0.1, signal.SIGTERM),
           ("run", 1, signal.SIGINT), ("run", 0, signal.SIGHUP)]


@pytest.mark.parametrize("phase, delay, number", SIGNALS)
def test_asked_to_end(caller, phase, delay, number):
    """Removed by vmbatch itself: no gc here."""
    job = begun(caller, phase, delay)
    job.process.send_signal(number)
    assert job.process.wait(30) == 128 + number, job.lines
    assert job.err() == b""
    assert known_jobs() == {}


def test_asked_to_end_again_and_again(caller):
    """An impatient Ctrl-C does not cut the removal short."""
    job = begun(caller, "run", 0)
    while job.process.poll() is None:
        job.process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    assert job.process.returncode in (130, -signal.SIGINT)  # the same to a shell
    assert known_jobs() == {}


def test_a_job_that_runs_is_not_touched(caller):
    """Garbage is collected without a pause during all of a job's life."""
    job = caller.begin("mini", SCRIPT, options=ID)
    while ("begun", "run") not in job.events():
        assert collect() == "", job.lines
        assert job.process.poll() is None, job.lines
    assert job.wait_for_line() == b"begun\n"
    assert known_jobs() == {"crash": "running"}
    assert guests() == {"vmbatch-crash"}
    # Nor is its id given twice.
    second = caller.run("mini", SCRIPT, options=ID, timeout=20)
    assert second.code == 121
    assert b"there is a job with this id already: 'crash'" in second.err
    assert job.end() == 7


def test_many_collectors_at_once(caller):
    begun(caller, "ready", 0.5).kill()
    collectors = [subprocess.Popen([VMBATCH, "job", "gc"], env=environment(), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE) for _ in range(4)]
    said = [collector.communicate(timeout=60) for collector in collectors]
    assert [collector.returncode for collector in collectors] == [0] * 4, said
    assert sorted(said) == [(b"", b"")] * 3 + [(b"removed job crash\n", b"")]


def test_a_killed_collector(caller):
    begun(caller, "ready", 0.5).kill()
    for delay in [0.01, 0.02, 0.04, 0.08, 0.12, 0.16]:
        collector = subprocess.Popen([VMBATCH, "job", "gc"], env=environment(), stdout=subprocess.DEVNULL)
        time.sleep(delay)
        collector.kill()
        collector.wait()
    collect()
    assert known_jobs() == {}


def test_a_guest_whose_job_is_gone(caller):
    """libvirt may start a guest after its job was removed already: found by what is written in the domain."""
    begun(caller, "ready", 0).kill()
    aside = (JOBS / "crash").rename(STATE / "aside")
    share, = SHARE.iterdir()
    assert collect() == f"ended guest vmbatch-crash\nremoved {share}\nreleased the image of job crash\n"
    aside.rename(JOBS / "crash")
    assert collect() == "removed job crash\n"


def test_a_guest_that_dies_while_the_job_runs(caller):
    """Told within seconds, though a dead guest does not close its connections."""
    job = begun(caller, "run", 0)
    assert job.wait_for_line() == b"begun\n"
    virsh("destroy", "vmbatch-crash")
    assert job.process.wait(30) == 120
    assert job.err().count(b"\n") == 1
    assert b"the guest was lost while the job ran" in job.err()


def test_after_all_that_the_next_job_runs(caller):
    job = begun(caller, "run", 0)
    assert job.end() == 7
