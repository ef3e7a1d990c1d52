"""slurm-prolog and slurm-epilog without Slurm: what they read, what they ask, what they do to the node. No guests."""

import os
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev"))
HOOKS = ["slurm-prolog", "slurm-epilog"]

CONFIG = """schema = 1
[paths]
cache_dir = "{0}/cache"
state_dir = "{0}/state"
[share]
source = "10.0.0.1:/vmbatch"
[profile.small]
[queue.plain]
profiles = []
[slurm]
commands = "{0}/commands"
"""

JOB = {"SLURM_JOB_ID": "12", "SLURMD_NODENAME": "n1", "SLURM_JOB_UID": str(os.getuid()), "SLURM_JOB_GID": str(os.getgid()),
       "SLURM_JOB_PARTITION": "vm", "SLURM_JOB_WORK_DIR": "/", "SLURM_JOB_NUM_NODES": "1", "SLURM_JOB_CPUS_PER_NODE": "1"}


class Node:
    """An installation, and Slurm's commands that only write down how they were called."""

    def __init__(self, directory):
        self.directory = directory
        subprocess.run(["cmake", "--install", BUILD, "--prefix", directory / "prefix"], check=True, stdout=subprocess.DEVNULL)
        (directory / "prefix/etc/vmbatch").mkdir(parents=True)
        (directory / "prefix/etc/vmbatch/vmbatch.toml").write_text(CONFIG.format(directory))
        (directory / "commands").mkdir()
        self.command("squeue", "echo '12|RUNNING|0|300M|cpu=1,mem=300M|'")
        self.command("scontrol", "")

    def command(self, name, text):
        file = self.directory / "commands" / name
        file.write_text(f"#!/bin/sh\nprintf '%s ' {name} \"$@\" >>{self.directory}/called\necho >>{self.directory}/called\n{text}\n")
        file.chmod(0o755)

    def called(self):
        file = self.directory / "called"
        return file.read_text().splitlines() if file.exists() else []

    def call(self, hook, *words, **environment):
        return subprocess.run([self.directory / "prefix/libexec/vmbatch" / hook, *words], env=environment, check=False,
                              capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    return Node(tmp_path_factory.mktemp("node"))


@pytest.fixture
def node(installation):
    (installation.directory / "called").unlink(missing_ok=True)
    installation.command("squeue", "echo '12|RUNNING|0|300M|cpu=1,mem=300M|'")
    return installation


@pytest.mark.parametrize("hook", HOOKS)
def test_help_and_usage(node, hook):
    assert node.call(hook, "--help").returncode == 0
    assert "howto/slurm.md" in node.call(hook, "--help").stdout
    assert node.call(hook, "surplus").returncode == 2


@pytest.mark.parametrize("hook", HOOKS)
def test_called_by_somebody_else_than_slurmd(node, hook):
    done = node.call(hook)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("vmbatch: slurmd did not say what it has to: SLURM_JOB_ID")


def test_a_partition_without_guests_asks_nothing(node):
    done = node.call("slurm-prolog", **{**JOB, "SLURM_JOB_PARTITION": "plain"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert node.called() == []


def test_a_fault_of_the_node_drains_it(node):
    """Whatever it is that is missing here. The environment's settings are not looked at."""
    done = node.call("slurm-prolog", **JOB, VMBATCH_CONFIG="/no/such", VMBATCH_STATE_DIR="/no/such", PATH="/no/such")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("vmbatch: job 12: ") and done.stderr.count("\n") == 1 and "/no/such" not in done.stderr
    asked, drained = node.called()
    assert asked.startswith("squeue --noheader --noconvert --jobs 12 -O JobID:|,")
    assert drained.startswith("scontrol update NodeName=n1 State=DRAIN Reason=vmbatch: job 12: ")


def test_slurmctld_that_does_not_answer(node):
    node.command("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1")
    done = node.call("slurm-prolog", **JOB)
    assert done.returncode == 1
    assert "slurmctld does not do what it is asked" in done.stderr and "Unable to contact slurm controller" in done.stderr
    assert node.called()[1].startswith("scontrol update NodeName=n1 State=DRAIN")


def test_a_batch_job_has_its_script_read(node):
    node.command("squeue", "echo '12|RUNNING|1|300M|cpu=1,mem=300M|'")
    node.call("slurm-prolog", **JOB)
    assert node.called()[1] == "scontrol write batch_script 12 - "


def test_an_epilog_of_a_job_that_never_was(node):
    done = node.call("slurm-epilog", **JOB)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert node.called() == []
