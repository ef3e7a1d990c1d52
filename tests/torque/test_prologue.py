"""The prologue: what each of its ends means to Torque, and that it is always one of the three that it may be."""

import os
import signal
import time

import pytest
from mom import Job
from mom.process import members
from node import LIBEXEC, TORQUE
from world import STATE, guests

SCRIPT = "#!/bin/sh\necho ran\n"
OF_OTHERS = "#!/bin/sh\n#VMBATCH profile=debian\necho ran\n"


def wait_until(true, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def requeues(job_id="1.server.example"):
    file = STATE / "torque/requeues" / job_id
    return int(file.read_text()) if file.exists() else 0


@pytest.fixture
def sick_node(configure):
    """Its libvirt is not there. It sends jobs back."""
    configure({"hypervisor": {"uri": "qemu+unix:///system?socket=/nowhere"}})


@pytest.mark.parametrize("interactive", [False, True])
def test_exit_0_there_is_a_guest(mom, interactive):
    """With no process of ours beside it, and nothing of mom's open."""
    run = mom.run(Job(script=SCRIPT, interactive=interactive))
    end = run.prologue()
    assert (end.code, end.held) == (0, False), run.written()
    assert run.verdict() == "runs"
    assert guests() == {"vmbatch-1.server.example"}
    assert run.written() == (b"", b"")
    assert members(run.hook.child.pid) == []
    assert run.epilogue(0).code == 0
    assert guests() == set()
    run.remove_files()


@pytest.mark.parametrize("job, reason", [
    (Job(script=OF_OTHERS), "the profile the job asks for is not for its queue"),
    (Job(script=SCRIPT, resources="nodes=1:ppn=64"), "64 vCPUs are asked for"),
    (Job(script=SCRIPT, resources="mem=1tb"), "1T of memory are asked for"),
    (Job(script=SCRIPT, resources="mem=lots"), "a resource the job asks for is not a number: mem=lots"),
    (Job(script="#VMBATCH whatever\n"), "a #VMBATCH line that says nothing known"),
])
def test_exit_1_is_for_what_the_user_can_mend(mom, job, reason):
    """The job is aborted, with one line that says why."""
    run = mom.run(job)
    assert run.prologue().code == 1
    assert run.verdict() == "aborted"
    out, err = run.written()
    assert (out, err.count(b"\n")) == (b"", 1)
    assert err.startswith(b"vmbatch: ") and reason.encode() in err
    assert run.give_up().exit_status == -2


@pytest.mark.parametrize("interactive, verdict", [(False, "requeued"), (True, "aborted")])
def test_any_other_exit_is_2_for_what_the_host_is_to_blame_for(mom, sick_node, interactive, verdict):
    run = mom.run(Job(script=SCRIPT, interactive=interactive))
    assert run.prologue().code == 2
    assert run.verdict() == verdict
    out, err = run.written()
    assert (out, err.count(b"\n")) == (b"", 1)
    assert b"libvirt cannot be reached" in err
    assert run.give_up().state == verdict


def test_timeout_is_never_mom_s(mom, configure):
    """The guest does not get ready in time: the prologue says so itself, before it is killed, and has removed it."""
    configure({"torque": {"prologalarm": 16}})
    mom.prologalarm = 16
    run = mom.run(Job(script=SCRIPT))
    end = run.prologue()
    assert not end.timed_out and end.code == 2, run.written()
    assert run.verdict() == "requeued"
    assert b"in time" in run.written()[1]
    assert guests() == set()
    run.give_up()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGINT, signal.SIGHUP])
def test_killed_by_a_signal_would_count_as_success(mom, number):
    """So it is not: only SIGKILL ends it by a signal. Then the epilogue removes what it left, guest or not."""
    run = mom.run(Job(script=SCRIPT))
    hook = run.begin_prologue()
    wait_until(guests)
    os.kill(hook.child.pid, number)
    if number == signal.SIGKILL:
        assert hook.wait().signal == number
        assert run.verdict() == "runs"
    elif number == signal.SIGSEGV:
        assert hook.wait().code == 0
    else:
        assert hook.wait().code == 2
        assert run.verdict() == "requeued"
        assert guests() == set()
    assert run.epilogue(0).code == 0
    assert guests() == set()
    run.remove_files()


def test_a_prologue_that_crashes_sends_the_job_back(mom):
    """The process that works for it is another one than mom's child."""
    run = mom.run(Job(script=SCRIPT))
    hook = run.begin_prologue()
    wait_until(guests)
    worker, = [pid for pid in members(hook.child.pid) if ppid(pid) == hook.child.pid]
    os.kill(worker, signal.SIGSEGV)
    assert hook.wait().code == 2
    assert b"it was killed by signal 11" in run.written()[1]
    assert run.epilogue(-14).code == 0
    run.remove_files()


def ppid(pid) -> int:
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def test_no_code_means_hold_so_requeues_are_delayed_and_end(mom, sick_node):
    """Torque knows no back-off and no limit: it ran a failing prologue 30 times in 8 seconds."""
    begun = time.monotonic()
    outcome = mom.submit(Job(script=SCRIPT), most_runs=2)
    assert (outcome.state, outcome.runs) == ("requeued", 2)
    assert time.monotonic() - begun > 2 + 4
    assert requeues() == 2
    (STATE / "torque/requeues/1.server.example").write_text("20\n")
    run = mom.run(Job(script=SCRIPT))
    assert run.prologue().code == 1
    assert b"20 times" in run.written()[1]
    run.give_up()
    assert requeues() == 0


def test_a_configuration_that_cannot_be_read(mom, configure):
    configure({"no_such_key": 1})
    run = mom.run(Job(script=SCRIPT))
    end = run.prologue()
    assert (end.code, end.seconds > 2) == (2, True)
    assert run.written()[1].count(b"\n") == 1
    assert run.epilogue(-14).code == 1
    run.remove_files()


@pytest.mark.parametrize("tells_script_path", [True, False])
def test_the_profile_is_asked_for_in_the_script(mom, configure, tells_script_path):
    """Also where mom does not say where the script is."""
    configure({"queue": {"batch": {"profiles": ["debian", "mini"]}}})
    mom.tells_script_path = tells_script_path
    run = mom.run(Job(id="69[2].server.example", script="#!/bin/sh\n#VMBATCH profile=mini\n"))
    assert run.prologue().code == 0, run.written()
    record = (STATE / "jobs/69[2].server.example/ledger/job.json").read_text()
    assert '"profile":"mini"' in record
    assert run.epilogue(0).code == 0
    run.remove_files()


def test_without_its_job_starter_mom_would_run_the_job_on_the_host(mom):
    """So the prologue sends it back."""
    config = TORQUE / "mom_priv/config"
    before = config.read_text()
    (LIBEXEC / "remoteshell").rename(LIBEXEC / "aside")
    try:
        run = mom.run(Job(script=SCRIPT))
        assert run.prologue().code == 2
        assert b"its $job_starter cannot be executed" in run.written()[1]
        config.write_text("$prologalarm 300\n")
        assert run.prologue().code == 2
        assert b"it names no $job_starter" in run.written()[1]
        run.give_up()
    finally:
        config.write_text(before)
        (LIBEXEC / "aside").rename(LIBEXEC / "remoteshell")


# ---- beside an epilogue, and beside another prologue ----

@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0, 3.0])
def test_qdel_while_the_prologue_runs(mom, delay):
    """The epilogue runs beside it. No guest is left, however far the prologue was."""
    run = mom.run(Job(script=SCRIPT))
    hook = run.begin_prologue()
    time.sleep(delay)
    assert mom.qdel(run) is None
    assert hook.wait().code == 2, run.written()
    assert guests() == set()
    assert not (STATE / "jobs/1.server.example").exists()
    run.remove_files()


def test_mom_restarted_while_the_prologue_runs(mom):
    """A second prologue starts beside the first: one guest, and it is the second one's."""
    first = mom.run(Job(script=SCRIPT))
    hook = first.begin_prologue()
    wait_until(guests)
    second = mom.run(Job(script=SCRIPT))
    assert second.prologue().code == 0, second.written()
    assert hook.wait().code == 2
    assert guests() == {"vmbatch-1.server.example"}
    assert second.epilogue(0).code == 0
    assert guests() == set()
    second.remove_files()
