"""These tests run in the world that tools/site/enter makes (see tests/groups/slurm), as root. VmBatch is installed there
below /usr/local, and Slurm set up for it, as howto/slurm.md says."""

import os
import subprocess
from pathlib import Path

import pytest
from cluster import CONF, HOMES, Cluster, run, until, write_site_configuration
from howto import set_up
from jobs import CHECKOUT, collect_garbage, vmbatch
from world import Leftovers

BUILD = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev"))
INSTALLED = Path("/var/opt/vmbatch-installed")

# A partition whose guests cannot be made, by the node's fault.
BROKEN = """
[queue.broken]
profiles = ["broken"]

[profile.broken]
image = "not-there"
"""


def pytest_configure():
    if "VMBATCH_SITE" not in os.environ:
        pytest.exit("call me by tests/run slurm, or inside tools/site/enter", returncode=4)


@pytest.fixture(scope="session", autouse=True)
def installed():
    """The world has its own mounts and its own /etc."""
    subprocess.run(["cmake", "--install", BUILD], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "DESTDIR": str(INSTALLED)})
    subprocess.run(["mount", "--bind", INSTALLED / "usr/local", "/usr/local"], check=True)
    Path("/etc/vmbatch").mkdir(exist_ok=True)
    site = subprocess.run([CHECKOUT / "tools/site/config"], check=True, capture_output=True, text=True).stdout
    Path("/etc/vmbatch/vmbatch.toml").write_text(site)
    collected = collect_garbage()
    assert collected.returncode == 0, collected.stderr
    built = subprocess.run([CHECKOUT / "tests/guests/build", "mini"], check=True, stdout=subprocess.PIPE, text=True)
    imported = vmbatch("image", "import", built.stdout.strip(), "--name", "mini", timeout=300)
    assert imported.returncode == 0, imported.stderr


@pytest.fixture(scope="session")
def whole_cluster(installed):
    write_site_configuration()
    set_up()
    with Path("/etc/vmbatch/vmbatch.toml").open("a") as file:
        file.write(BROKEN)
    with CONF.open("a") as file:
        file.write("PartitionName=broken Nodes=ALL State=UP\n")
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


class LeftoversOfJobs(Leftovers):
    """Without Slurm's daemons, which a test may start again."""

    def left(self):
        found = super().left()
        daemons = ("slurmd ", "slurmctld ", "slurmctld:")
        processes = [line for line in found.pop("new processes", [])
                     if not line.split(" ", 1)[1].split("/")[-1].startswith(daemons)]
        return found | ({"new processes": processes} if processes else {})


@pytest.fixture
def cluster(whole_cluster):
    """After every test the world is as it was before: no guest, no process, no file of a job's."""
    taken = LeftoversOfJobs()
    yield whole_cluster
    subprocess.run(["scancel", "--user=alice"], check=False)
    try:
        until(lambda: run("squeue", "--noheader").stdout == "", 40)
        taken.assert_none(within=30)
        # For a moment a node is still planned for a job that has been cancelled.
        until(lambda: [whole_cluster.node_state(node) for node in ("n1", "n2")] == ["idle", "idle"], 40)
    except AssertionError:
        collect_garbage()  # for the sake of the tests to come
        raise
    finally:
        for home in HOMES.iterdir():
            for file in home.glob("slurm-*.out"):
                file.unlink()
