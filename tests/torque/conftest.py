"""These tests run in the world that tools/site/enter makes (see tests/groups/torque), as root."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from jobs import CHECKOUT, collect_garbage, vmbatch
from in_guest import Guest
from mom import Job, Mom
from node import CONFIG, TORQUE, follow_page, install
from world import STATE, Leftovers, merged, to_toml

# Users can pass it, as they can /var/spool/torque.
HOMES = Path("/var/opt/vmbatch/torque")


def pytest_configure():
    if "VMBATCH_SITE" not in os.environ:
        pytest.exit("call me by tests/run torque, or inside tools/site/enter", returncode=4)


@pytest.fixture
def home(request):
    """A directory for a mom of the test's own."""
    directory = HOMES / re.sub(r"\W", "_", request.node.name)
    (directory / "mom_priv").mkdir(parents=True)
    HOMES.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def make_mom(home):
    """make_mom(prologue="shell text", …, config="lines"): a mom with these hooks."""

    def make(config="", **how) -> Mom:
        for name in ["prologue", "epilogue", "epilogue.precancel", "starter"]:
            if (text := how.pop(name.replace(".", "_"), None)) is not None:
                file = home / "mom_priv" / name
                file.write_text(text if text.startswith("#!") else f"#!/bin/bash\n{text}\n")
                file.chmod(0o755)
        (home / "mom_priv/config").write_text(config.replace("STARTER", str(home / "mom_priv/starter")) + "\n")
        return Mom(home, **how)

    return make


class NodeLeftovers(Leftovers):
    KEPT = Leftovers.KEPT | {STATE / "torque", STATE / "torque/requeues", STATE / "ended"}


@pytest.fixture(scope="session")
def node():
    """This world as a node: VmBatch installed, a guest in its cache, Torque set up by the page."""
    install()
    collected = collect_garbage()  # what a killed run of these tests left
    assert collected.returncode == 0, collected.stderr
    shutil.rmtree(STATE / "torque", ignore_errors=True)
    built = subprocess.run([CHECKOUT / "tests/guests/build", "mini"], check=True, stdout=subprocess.PIPE, text=True)
    imported = vmbatch("image", "import", built.stdout.strip(), "--name", "mini", timeout=300)
    assert imported.returncode == 0, imported.stderr
    follow_page()


@pytest.fixture
def leftovers(node):
    """After the test the world is as it was before."""
    taken = NodeLeftovers()
    yield taken
    # Of jobs that never ran again, and that epilogues found nothing of: they go by themselves, in time.
    for file in [*(STATE / "torque/requeues").glob("*"), *(STATE / "ended").glob("*")]:
        file.unlink()
    try:
        taken.assert_none()
    except AssertionError:
        collect_garbage()  # for the sake of the tests to come
        raise


@pytest.fixture
def mom(leftovers):
    """The node's."""
    return Mom(TORQUE)


@pytest.fixture
def configure(node):
    """configure({"torque": {"prologalarm": 20}}) for this test: the node's configuration, changed."""
    before = CONFIG.read_text()

    def change(changes):
        CONFIG.write_text(to_toml(merged(tomllib.loads(before), changes)))

    yield change
    CONFIG.write_text(before)


@pytest.fixture(scope="module")
def guest(node):
    """A guest of alice's, for all tests of a module."""
    made = Guest(Mom(TORQUE), Job(id="7[1].server.example"))
    yield made
    made.end()


@pytest.fixture
def in_guest(guest, leftovers):
    """The same; after each test nothing on the host but the guest is left."""
    guest.mom.read_config()
    return guest
