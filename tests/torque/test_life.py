"""Whole lives of jobs, and the ways in which mom lets an epilogue come late, early, twice or never."""

import signal
import time

from in_guest import BOOT_ID
from jobs import collect_garbage, known_jobs
from mom import Job
from node import job_of_qsub, page_lines
from waiting import wait_until
from world import guests, virsh

ID = "1.server.example"
WAITS = "#!/bin/sh\necho begun\nsleep 1000\n"


def started(mom, script, **how):
    """A job that has begun in its guest."""
    run = mom.run(Job(script=script, **how))
    assert run.prologue().code == 0, run.written()
    run.start()
    wait_until(lambda: run.written()[0] or run.session.wait(0))
    assert run.written()[0], run.written()
    return run


def test_the_page_s_first_job(mom):
    """howto/torque.md, after the set-up that all these tests stand on: what it submits, and the server's attribute."""
    (attribute,) = [words for words in page_lines("qmgr")]
    assert attribute[:2] == ["-c", "set server automatic_requeue_exit_code = 120"]
    batch, interactive = [job_of_qsub(words) for words in page_lines("qsub")]
    assert interactive.interactive and interactive.queue == batch.queue
    outcome = mom.submit(batch)
    assert (outcome.state, outcome.exit_status, outcome.err) == ("completed", 0, b"")
    said = dict(line.split(None, 1) for line in outcome.out.decode().splitlines() if " " in line)
    assert said["boot"].split()[1] != BOOT_ID.read_text().strip()
    assert "alice" in said["user"] and "physics" in said["user"]


def test_exit_7_of_an_array_job_is_7(mom):
    """From prologue to epilogue; its guest has what the job asked for."""
    mom.tells_script_path = False
    outcome = mom.submit(Job(id="69[2].server.example", script="#!/bin/sh\nnproc; pwd; cd \"$PBS_O_WORKDIR\" && pwd; exit 7\n",
                             resources="nodes=1:ppn=2,mem=300mb", submitted_from="/work/of alice"))
    assert (outcome.exit_status, outcome.err) == (7, b"")
    assert outcome.out.decode().splitlines() == ["2", "/var/opt/vmbatch/home/alice", "/work/of alice"]


def test_qrerun_whose_kill_comes_late(mom):
    """It hits the job's next run: that one ends, and nothing of either is left."""
    first = started(mom, WAITS)
    mom.qrerun(first)
    assert first.finish().state == "requeued"
    second = started(mom, WAITS)
    mom.late_kill(second)
    assert second.finish().exit_status == 256 + signal.SIGKILL


def test_a_lost_guest_is_120_as_when_mom_restarted_with_q_starts_the_job_beside_its_old_processes(mom):
    """The old run's guest is ended by the new one's prologue. A guest that is gone does not close its connections, so that
    the old remoteshell takes a minute to notice; by its exit code the server would queue the job again."""
    mom.requeue_exit_code = 120
    old = started(mom, WAITS)
    new = started(mom, "#!/bin/sh\necho begun\nexit 3\n")
    assert old.session.wait(150), "remoteshell does not notice"
    assert old.session.exit_status == mom.requeue_exit_code
    out, err = old.written()
    assert b"lost" in err and err.count(b"\n") == 1
    assert new.session.wait(60)
    new.epilogue(new.session.exit_status)
    assert new.exit_status == 3
    new.remove_files()


def test_a_deleted_job_that_a_restarted_mom_starts_all_the_same(mom):
    run = mom.run(Job(script=WAITS))
    assert run.prologue().code == 0
    assert run.epilogue(-1).code == 0
    run.start()
    assert run.finish(20).exit_status == 123


def test_epilogues_for_what_is_not_there(mom, node):
    """Of a job that never was, twice; of one whose guest is gone after a node's crash."""
    run = mom.run(Job(script=WAITS))
    assert [run.epilogue(0).code, run.epilogue(0).code] == [0, 0]
    # The kernel tells starts of processes in hundredths of a second: within one, which came first cannot be known, and a
    # prologue takes itself for overtaken.
    time.sleep(0.05)
    assert run.prologue().code == 0
    virsh("destroy", f"vmbatch-{ID}")
    assert run.epilogue(0).code == 0
    run.remove_files()


def test_a_job_between_prologue_and_epilogue_is_nobody_s_garbage(mom):
    run = mom.run(Job(script=WAITS))
    assert run.prologue().code == 0
    assert known_jobs() == {ID: "left"}
    assert collect_garbage().stdout == b""
    assert guests() == {f"vmbatch-{ID}"}
    assert run.epilogue(0).code == 0
    run.remove_files()
