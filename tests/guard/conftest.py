"""These tests end libvirtd again and again, so they have a world of tools/site/enter for themselves (see
tests/groups/guard). Their guests have an empty disk: their firmware finds nothing to boot, and stays."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from jobs import Caller, collect_garbage, vmbatch
from libvirtd import HERE, Libvirtd
from world import STATE, Leftovers


@pytest.fixture(scope="session", autouse=True)
def image(tmp_path_factory):
    if "VMBATCH_SITE" not in os.environ:
        pytest.exit("call me by tests/run guard, or inside tools/site/enter", returncode=4)
    hooks = Path("/etc/libvirt/hooks")
    hooks.mkdir(exist_ok=True)
    shutil.copy(HERE / "qemu-hook", hooks / "qemu")
    subprocess.run([HERE / "restart-libvirtd"], check=True)  # it looks for hooks when it starts
    Libvirtd().wait()
    assert collect_garbage().returncode == 0
    empty = tmp_path_factory.mktemp("image") / "empty.raw"
    empty.write_bytes(bytes(1 << 20))
    imported = vmbatch("image", "import", empty, "--name", "empty", "--format", "raw")
    assert imported.returncode == 0, imported.stderr


@pytest.fixture
def libvirtd(image):
    """Well, before the test and after it."""
    (STATE / "host/hypervisor.json").unlink(missing_ok=True)
    Libvirtd.plan.unlink(missing_ok=True)
    yield Libvirtd()
    Libvirtd.plan.unlink(missing_ok=True)
    Libvirtd().make_well()


@pytest.fixture
def caller(tmp_path, libvirtd):
    """Its jobs do not outlive the test, and nothing of them does."""
    begun = []

    class WatchedCaller(Caller):
        def begin(self, *words, **how):
            begun.append(super().begin(*words, **how))
            return begun[-1]

    taken = Leftovers()
    yield WatchedCaller(tmp_path)
    libvirtd.make_well()
    for job in begun:
        job.kill()
    collected = collect_garbage()
    assert (collected.returncode, collected.stderr) == (0, b"")
    left = {kind: what for kind, what in taken.left().items() if kind != "new processes"}  # libvirtd is another
    assert not left, left
