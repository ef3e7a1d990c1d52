"""Signals: what mom sends reaches the job's processes in the guest, once, and an end is an end there, too."""

import signal
import time
from pathlib import Path

import pytest
from in_guest import ended
from mom.process import members
from traces import describe, running
from waiting import wait_until

# Says which signals it hears, until the one that it was asked to wait for.
LISTENER = """#!/bin/bash
for name in HUP INT USR1 USR2 TERM; do trap "echo $name" $name; done
echo begun
until [ -e /tmp/enough ]; do sleep 0.2 & wait; done
"""


def begun(guest, script, **how):
    run = guest.begin(script, **how)
    assert run.written()[0].startswith(b"begun"), run.written()
    return run


def heard(run) -> list[str]:
    return run.written()[0].decode().split()[1:]


def ask_guest(guest, command) -> str:
    run = guest.prepare()
    task = run.start_task("/bin/sh", "-c", command)
    done = ended(run, task)
    assert done.status == 0, done
    return done.out.decode()


def ssh_clients() -> list[str]:
    return [describe(process) for process in running() if "/usr/bin/ssh" in describe(process)]


def test_mom_signals_each_process_of_the_session(in_guest):
    """Only the leader is in it: what carries the job has sessions of its own."""
    run = begun(in_guest, LISTENER)
    assert members(run.session.child.pid) == [run.session.child.pid]
    assert ssh_clients()
    in_guest.kill(run)


@pytest.mark.parametrize("name", ["HUP", "INT", "USR1", "USR2", "TERM"])
def test_signals_may_arrive_several_times_and_the_job_hears_one(in_guest, name):
    run = begun(in_guest, LISTENER)
    in_guest.mom.qsig(run, signal.Signals[f"SIG{name}"], times=4)
    wait_until(lambda: heard(run))
    time.sleep(1.5)
    assert heard(run) == [name]
    in_guest.kill(run)


@pytest.mark.parametrize("name", ["USR1", "HUP", "TERM", "INT"])
def test_an_untrapped_one_ends_the_job(in_guest, name):
    number = signal.Signals[f"SIG{name}"]
    run = begun(in_guest, "#!/bin/sh\necho begun; exec sleep 1000\n")
    in_guest.mom.qsig(run, number, times=4)
    assert ended(run, run.session).status == 256 + number


def test_suspend_and_resume(in_guest):
    """`qsig -s suspend`: the job's processes stop, and go on."""
    run = begun(in_guest, "#!/bin/bash\necho begun; while :; do echo x; sleep 0.1; done\n")
    in_guest.mom.qsig(run, signal.SIGSTOP)
    time.sleep(5)
    so_far = len(heard(run))
    time.sleep(2)
    assert len(heard(run)) == so_far
    in_guest.mom.qsig(run, signal.SIGCONT)
    wait_until(lambda: len(heard(run)) > so_far)
    in_guest.mom.qsig(run, signal.SIGTERM)
    assert ended(run, run.session).status == 256 + signal.SIGTERM


GRACE = """#!/bin/bash
trap 'echo term; sleep 2; echo tidied; exit 3' TERM
echo begun
while :; do sleep 0.2; done
"""


def test_qdel_is_precancel_then_term_and_the_job_has_the_grace_period(in_guest):
    """Only a leader that traps TERM and waits gets it; this one does, and passes it on."""
    in_guest.mom.kill_delay = 30
    run = begun(in_guest, GRACE)
    started = time.monotonic()
    precancel = in_guest.mom.qdel(run)
    assert (precancel.code, precancel.seconds < 2) == (0, True), "mom waits for it"
    assert time.monotonic() - started < 25
    done = ended(run, run.session)
    assert (done.status, done.out) == (3, b"begun\nterm\ntidied\n")


def test_qdel_of_a_job_that_does_not_listen_ends_with_kill(in_guest):
    """Then the leader and all that carried the job are gone from the host; the guest's end comes with the epilogue."""
    in_guest.mom.kill_delay = 2
    run = begun(in_guest, "#!/bin/bash\ntrap '' TERM\necho begun\nsleep 1000\n")
    in_guest.mom.qdel(run)
    assert ended(run, run.session).status == 256 + signal.SIGKILL
    wait_until(lambda: not ssh_clients(), 10)
    in_guest.kill(run)


def test_walltime_is_term_then_kill_at_the_next_poll(in_guest):
    in_guest.mom.poll = 30
    run = begun(in_guest, GRACE)
    in_guest.mom.walltime_is_over(run)
    assert ended(run, run.session).out == b"begun\nterm\ntidied\n"
    assert run.ended_by == -11


def test_after_term_the_remote_process_does_not_live_on(in_guest):
    """As it does where mom's TERM ends an ssh."""
    run = begun(in_guest, "#!/bin/bash\necho begun; sleep 4321 & sleep 4322\n")
    assert "sleep 432" in ask_guest(in_guest, "ps -o args")
    in_guest.mom.qsig(run, signal.SIGTERM)
    assert run.session.wait(30)
    assert "sleep 432" not in ask_guest(in_guest, "ps -o args")


def test_the_leaders_end_is_the_end_of_all_of_the_job(in_guest):
    """What the job left in the background, in the guest and here."""
    run = in_guest.prepare("#!/bin/bash\nsetsid sleep 5321 >/dev/null 2>&1 & echo begun; sleep 0.5; exit 4\n")
    run.start()
    assert ended(run, run.session).status == 4
    assert members(run.session.child.pid) == []
    assert ssh_clients() == []
    assert "sleep 5321" not in ask_guest(in_guest, "ps -o args")


def test_after_sigkill_of_the_leader_nothing_of_it_stays_on_the_host(in_guest):
    """The remote process may: the epilogue ends it with its guest."""
    run = begun(in_guest, "#!/bin/sh\necho begun; exec sleep 1000\n")
    run.session.signal(signal.SIGKILL)
    assert run.session.wait(10)
    wait_until(lambda: not ssh_clients(), 10)
    assert not [pid for pid in Path("/proc").glob("[0-9]*") if "remoteshell" in describe((int(pid.name), ""))]
    in_guest.kill(run)


def test_term_before_there_is_a_job(in_guest):
    """While remoteshell is on its way into the guest it ends like a job that does not listen."""
    run = in_guest.prepare("#!/bin/sh\nsleep 1000\n")
    run.start()
    time.sleep(0.1)
    in_guest.mom.qsig(run, signal.SIGTERM)
    assert ended(run, run.session).status == 256 + signal.SIGTERM
