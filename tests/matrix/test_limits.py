"""Time limits: each phase has its own and says so, the hook's own is never mom's to enforce, and a host that fails again and
again takes its time."""

import json
import re
import socket
import time

import pytest
from jobs import vmbatch
from stage import DEAF, ID, begin, run, well
from world import CACHE, STATE, virsh

pytestmark = pytest.mark.usefixtures("played")

IMAGES = STATE / "host/images"


def failed(done, phase) -> str:
    assert done.code == 2 and done.err.count("\n") == 1, done
    assert f"in phase '{phase}', after " in done.err, done
    return done.err


def go_on_late(step, seconds):
    """A prologue that is slow there."""
    prologue = begin("prologue", stop=step)
    prologue.stopped()
    time.sleep(seconds)
    return prologue.go_on()


def test_fetch(nothing_left, configure):
    kept = set((CACHE / "downloads").iterdir())
    with socket.create_server(("127.0.0.1", 0)) as server:  # it accepts, and says nothing
        far = {"urls": [f"http://127.0.0.1:{server.getsockname()[1]}/image"], "checksum": "sha256:" + "0" * 64}
        configure({"deadlines": {"fetch": 1}, "profile": {"empty": {"image": "far"}}, "remote": {"far": far}})
        done = run("prologue")
    for file in set((CACHE / "downloads").iterdir()) - kept:
        file.unlink()  # what had come, for the next one to go on with
    failed(done, "fetch")
    nothing_left()


@pytest.mark.parametrize("phase, step", [("prepare", "share_made"), ("start", "domain_recorded")])
def test_prepare_and_start(nothing_left, configure, phase, step):
    configure({"deadlines": {phase: 1}})
    failed(go_on_late(step, 1.2), phase)
    nothing_left()


def test_ready(nothing_left, configure, silent):
    configure({"deadlines": {"ready": 1}})
    assert "the guest did not become ready in time" in failed(run("prologue"), "ready")
    nothing_left()


def test_connect(nothing_left, configure):
    configure({"deadlines": {"connect": 1}})
    DEAF.touch()
    try:
        assert "the guest does not let the job's user in" in failed(run("prologue"), "connect")
    finally:
        DEAF.unlink()
    nothing_left()


def test_a_prologue_whose_work_exceeds_its_limit_every_time(nothing_left, configure, silent):
    """Requeued, capped, aborted, each time by its own will and with nothing left; then the next job runs."""

    def prologue_in_a_second():
        configure({"torque": {"prologalarm": 11}})
        done = run("prologue")
        configure()  # the epilogue has its usual time
        return done

    for attempt in range(1, 21):
        done = prologue_in_a_second()
        assert done.code == 2 and "in phase" in done.err, (attempt, done)
        well("epilogue", status="-14")
    assert "using up all the time that the batch system gives a prologue" in done.err
    last = prologue_in_a_second()
    assert last.code == 1
    assert "this host has sent the job back 20 times: it is given up" in last.err
    well("epilogue", status="-2")
    nothing_left()
    silent.silent = False
    well("prologue", job_id="2.server.example")
    well("remoteshell", job_id="2.server.example", code=7)
    well("epilogue", job_id="2.server.example")
    nothing_left()


def die_young(job_id):
    prologue = begin("prologue", job_id=job_id, stop="domain_started")
    prologue.stopped()
    virsh("destroy", f"vmbatch-{job_id}")
    done = prologue.go_on()
    assert done.code == 2 and "the guest ended before it was ready" in done.err, done


def test_a_host_whose_guests_die_young_takes_a_rest(nothing_left, silent):
    """From their image; everybody can see it; and one good guest ends it."""
    for number in range(3):
        die_young(f"{number}.server.example")
    begun = time.monotonic()
    refused = run("prologue", job_id="3.server.example")
    assert refused.code == 2 and time.monotonic() - begun > 1.5
    assert re.search(r"this host rests: guests of this image die before they are ready: empty, 3 in a row", refused.err)
    listed = json.loads(vmbatch("job", "list", "--json").stdout)["sick_images"]
    assert [(image["image"], image["deaths"]) for image in listed] == [("empty", 3)]
    assert 0 < listed[0]["rest"] <= 60
    assert b"image 'empty': 3 of its guests died in a row" in vmbatch("job", "list").stderr
    # A minute later:
    record, = IMAGES.iterdir()
    data = json.loads(record.read_text())
    record.write_text(json.dumps({**data, "last": data["last"] - 6100}))
    silent.silent = False
    well("prologue", job_id=ID)
    assert list(IMAGES.iterdir()) == []
    well("epilogue", job_id=ID)
    nothing_left()
