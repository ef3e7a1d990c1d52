"""A small Slurm cluster on one machine: munged, slurmctld, two slurmd; and its users' commands."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from world import guests

CONF = Path("/etc/slurm/slurm.conf")
STATE, LOGS = Path("/var/lib/slurm"), Path("/var/log/slurm")
NODES = ["n1", "n2"]
HOMES = Path("/var/opt/vmbatch/home")
GROUPS = {"alice": [6001], "bob": []}
OVER = {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT"}

# A job that is there until release().
HOLD = """trap 'go=yes' USR1
echo begun
while [ -z "$go" ]; do sleep 0.2; done
"""

# What a site has before it has heard of VmBatch. No control groups here; jobs that are queued again begin soon.
SITE = """ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=slurm
AuthType=auth/munge
AuthInfo=cred_expire=5
StateSaveLocation={state}/ctld
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd-%n.pid
SlurmdSpoolDir={state}/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=20
NodeName={nodes} NodeHostname={host} NodeAddr=127.0.0.1 Port=[17001-17002] CPUs=4 RealMemory=2000 State=UNKNOWN
PartitionName=host Nodes=ALL Default=YES State=UP
"""


def run(*words, check=True, timeout=30, **how) -> subprocess.CompletedProcess:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=timeout,
                          **{"stdin": subprocess.DEVNULL, **how})
    assert not check or done.returncode == 0, (words, done.stdout, done.stderr)
    return done


def write_site_configuration():
    host = os.uname().nodename.split(".")[0]
    CONF.write_text(SITE.format(host=host, state=STATE, nodes=",".join(NODES)))
    # Slurm looks for control groups even if nothing uses them.
    CONF.with_name("cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")


class Cluster:
    def __init__(self):
        self.daemons: dict[str, subprocess.Popen] = {}
        for directory in [STATE, STATE / "ctld", LOGS]:
            directory.mkdir(exist_ok=True)
            shutil.chown(directory, "slurm")
        Path("/run/munge").mkdir(exist_ok=True)
        shutil.chown("/run/munge", "munge")

    def begin(self, name, *words, **how):
        log = (LOGS / f"{name}.log").open("ab")
        self.daemons[name] = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                              start_new_session=True, **how)

    def start(self):
        self.begin("munged", "/usr/sbin/munged", "--foreground", user="munge", group="munge", extra_groups=[])
        until(Path("/run/munge/munge.socket.2").exists)
        self.begin("slurmctld", "/usr/sbin/slurmctld", "-D")
        for node in NODES:
            self.start_node(node)
        until(lambda: all(self.node_state(node) == "idle" for node in NODES))

    def start_node(self, node):
        self.begin(node, "/usr/sbin/slurmd", "-D", "-N", node)

    def kill_node(self, node):
        """As a crash: what slurmd has started goes on."""
        self.daemons[node].kill()
        self.daemons[node].wait()

    def stop(self):
        for daemon in reversed(list(self.daemons.values())):
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    # ---- nodes ----

    def node(self, node, what) -> str:
        return run("sinfo", "-h", "-N", "-n", node, "-o", what).stdout.splitlines()[0].strip()

    def node_state(self, node) -> str:
        """idle, mix, drain (also while it drains) …"""
        return re.sub("^(drng|draining)", "drain", self.node(node, "%t").rstrip("*~#$@"))

    def drain_reason(self, node) -> str:
        return self.node(node, "%E")

    def resume(self, node):
        run("scontrol", "update", f"NodeName={node}", "State=RESUME")
        until(lambda: self.node_state(node) == "idle")

    # ---- jobs ----

    def call(self, *words, user="alice", env=None, cwd=None, **how) -> subprocess.CompletedProcess:
        """A command of a user's, in their home."""
        return run(*words, **{**self.as_user(user, env), "cwd": cwd or HOMES / user, "check": False, **how})

    def as_user(self, user, env=None) -> dict:
        return {"user": user, "group": user, "extra_groups": GROUPS[user],
                "env": {"PATH": "/usr/bin:/bin", "HOME": str(HOMES / user), "USER": user, **(env or {})}}

    def submit(self, script: str, *arguments, options=(), partition="vm", memory="256M", **how) -> str:
        """By sbatch; the job's number."""
        file = HOMES / how.get("user", "alice") / f"script-{time.monotonic_ns()}"
        file.write_text(script)
        file.chmod(0o644)
        done = self.call("sbatch", "--parsable", "-p", partition, f"--mem={memory}", "-t", "10", *options, file, *arguments,
                         **how)
        file.unlink()  # Slurm has it
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def show(self, job) -> dict[str, str]:
        """Of scontrol's fields those without blanks."""
        shown = run("scontrol", "show", "job", job).stdout
        return dict(word.split("=", 1) for word in shown.split() if "=" in word)

    def state(self, job) -> str:
        return self.show(job)["JobState"]

    def wait_for(self, job, *states, reason=None, timeout=300):
        until(lambda: self.state(job) in states and reason in (None, self.show(job)["Reason"]), timeout,
              lambda: (self.show(job), self.output(job), self.log(job)))

    def wait(self, job, timeout=300) -> tuple[str, str]:
        """Until Epilog and all are over: its state, and exit code and signal as in 7:0."""
        self.wait_for(job, *OVER, timeout=timeout)
        return self.state(job), self.show(job)["ExitCode"]

    def output(self, job) -> str:
        file = Path(self.show(job)["StdOut"])
        return file.read_text(errors="replace") if file.exists() else ""

    def wait_for_output(self, job, text, timeout=300):
        until(lambda: text in self.output(job), timeout, lambda: (self.show(job), self.output(job), self.log(job)))

    def wait_for_guest(self, job):
        """It is being made: the Prolog is at work."""
        until(lambda: f"vmbatch-{self.show(job)['JobId']}" in guests(), 60, lambda: (self.show(job), self.log(job)))

    def release(self, job):
        """A job that waits for USR1 goes on."""
        run("scancel", "--signal=USR1", "--batch", job)

    def log(self, job) -> list[str]:
        """What slurmd said of it."""
        return [line for node in NODES for line in (LOGS / f"{node}.log").read_text(errors="replace").splitlines()
                if "vmbatch:" in line or "rror" in line][-8:]


def until(true, timeout=20, tell=lambda: ""):
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, tell()
        time.sleep(0.1)
