"""These tests run in the world that tools/site/enter makes (see tests/groups/matrix), as root."""

import os
import subprocess

import pytest
import stage
from jobs import collect_garbage
from world import STATE, Leftovers


def pytest_configure():
    if "VMBATCH_SITE" not in os.environ:
        pytest.exit("call me by tests/run matrix, or inside tools/site/enter", returncode=4)


class NodeLeftovers(Leftovers):
    KEPT = Leftovers.KEPT | {STATE / "torque", STATE / "torque/requeues"}


@pytest.fixture(scope="session")
def node():
    collected = collect_garbage()  # what a killed run of these tests left
    assert collected.returncode == 0, collected.stderr
    stage.install()


@pytest.fixture(scope="module")
def played(node):
    """Empty guests, and a host that plays what is in them."""
    subprocess.run(["mount", "--bind", stage.PREFIX / "ssh", "/usr/bin/ssh"], check=True)
    guests = stage.Guests()
    guests.start()
    yield guests
    guests.enough.set()
    guests.join()
    subprocess.run(["umount", "/usr/bin/ssh"], check=True)


@pytest.fixture
def silent(played):
    """No guest says that it is ready, until .silent is False again."""
    played.silent = True
    yield played
    played.silent = False


@pytest.fixture
def configure(node):
    """configure({"deadlines": {"ready": 1}}) for this test."""
    yield stage.configure
    stage.configure()


@pytest.fixture(scope="module")
def before(played):
    """The world without jobs."""
    return NodeLeftovers()


@pytest.fixture
def nothing_left(before):
    """Called, it says that nothing of any job is there. So it is after each test."""

    def check():
        for file in (STATE / "torque/requeues").glob("*"):
            file.unlink()  # of jobs that never ran again; they go by themselves, in time
        before.assert_none(within=20)

    yield check
    while stage.begun:
        stage.begun.pop().kill()
    try:
        check()
    except AssertionError:
        collect_garbage()  # for the sake of the tests to come
        raise
    finally:
        for file in stage.tombstones():
            file.unlink()
