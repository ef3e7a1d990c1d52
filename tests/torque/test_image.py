"""A job whose profile's image has to be fetched first."""

import shutil

import pytest
from hostile_http import HostileServer
from image_cache import MIB, sha256
from jobs import vmbatch
from mom import Job
from world import ROOT

SCRIPT = "#!/bin/sh\necho ran\n"
SHORT = 18


@pytest.fixture
def empty_cache(leftovers):
    """Where QEMU's account can read."""
    directory = ROOT / "empty-cache"
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def test_a_requeued_job_goes_on_with_the_download_and_runs(mom, configure, empty_cache):
    """The image takes longer than the prologue may: the job goes back, what came stays, and its next run needs the rest only.
    (The server is slow and the prologue's time short the first time, so that the test need not take minutes.)"""
    image = vmbatch("image", "path", "mini").stdout.decode().strip()
    with open(image, "rb") as file:
        data = file.read()
    with HostileServer() as server:
        url = server.serve("/mini", data, rate=8 * MIB)
        changes = {"paths": {"cache_dir": str(empty_cache)}, "profile": {"mini": {"image": "farm"}},
                   "remote": {"farm": {"urls": [url], "checksum": sha256(data)}}}
        configure({**changes, "torque": {"prologalarm": SHORT}})
        mom.prologalarm = SHORT
        run = mom.run(Job(script=SCRIPT))
        end = run.prologue()
        assert (end.code, end.timed_out) == (2, False), run.written()
        assert run.verdict() == "requeued"
        assert b"cannot be fetched" in run.written()[1] and run.written()[1].count(b"\n") == 1
        assert run.give_up().state == "requeued"
        assert list(empty_cache.glob("downloads/*.part")) and not list(empty_cache.glob("images/sha256-*"))

        server.resources["/mini"].rate = 0
        configure(changes)
        mom.read_config()
        outcome = mom.submit(Job(script=SCRIPT))
        assert (outcome.state, outcome.exit_status, outcome.out) == ("completed", 0, b"ran\n"), outcome
        assert [seen.status for seen in server.requests("/mini")] == [200, 206]
