"""These tests run in the world that tools/site/enter makes (see tests/groups/system), as root."""

import os
import subprocess

import pytest
from jobs import CHECKOUT, Caller, collect_garbage, vmbatch
from world import Leftovers


@pytest.fixture(scope="session", autouse=True)
def images():
    """Both guests in the cache, under their names. The world's state outlives it: what a killed run of these tests left
    is removed first."""
    if "VMBATCH_SITE" not in os.environ:
        pytest.exit("call me by tests/run system, or inside tools/site/enter", returncode=4)
    collected = collect_garbage()
    assert collected.returncode == 0, collected.stderr
    for name in ["mini", "debian"]:
        built = subprocess.run([CHECKOUT / "tests/guests/build", name], check=True, stdout=subprocess.PIPE, text=True)
        imported = vmbatch("image", "import", built.stdout.strip(), "--name", name, timeout=300)
        assert imported.returncode == 0, imported.stderr


@pytest.fixture(autouse=True)
def leftovers(images):
    """After every test the world is as it was before."""
    taken = Leftovers()
    yield taken
    try:
        taken.assert_none()
    except AssertionError:
        collect_garbage()  # for the sake of the tests to come
        raise


@pytest.fixture
def caller(tmp_path, leftovers):
    """Its jobs do not outlive the test, whatever happens in it."""
    begun = []

    class WatchedCaller(Caller):
        def begin(self, *words, **how):
            begun.append(super().begin(*words, **how))
            return begun[-1]

    yield WatchedCaller(tmp_path)
    for job in begun:
        if job.process.poll() is None:
            job.kill()
            collect_garbage()
