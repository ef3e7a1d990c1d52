"""The world tools/site/enter makes for these tests: its configuration, and what is to be seen of jobs in it."""

import copy
import json
import os
import subprocess
import time
import tomllib
from pathlib import Path

from traces import describe, running

ROOT = Path("/var/opt/vmbatch")
CACHE, STATE, SHARE = ROOT / "cache", ROOT / "state", ROOT / "share"
JOBS = STATE / "jobs"

# Accounts, as site/enter was told.
ALICE, PHYSICS, BOB = 5001, 6001, 5002


def settings(changes=None) -> dict:
    """The world's configuration, with changes: {"deadlines": {"ready": 3}}; None takes a key away."""
    whole = tomllib.loads(Path(os.environ["VMBATCH_CONFIG"]).read_text())
    return merged(whole, changes or {})


def share_source() -> str:
    """Where guests on the bridge find the share."""
    return settings()["share"]["source"]


def merged(base, changes):
    result = copy.copy(base)
    for key, value in changes.items():
        both_tables = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both_tables else value
    return {key: value for key, value in result.items() if value is not None}


def to_toml(table: dict) -> str:
    """Tables become inline ones: short, and every kind of value can stand in every place."""
    return "".join(f"{key} = {toml_value(value)}\n" for key, value in table.items())


def toml_value(value) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return json.dumps(value)


def virsh(*words) -> str:
    return subprocess.run(["virsh", "-q", "-c", "qemu:///system", *words], check=True, capture_output=True, text=True,
                          timeout=60).stdout


def guests() -> set[str]:
    return set(virsh("list", "--all", "--name").split())


def seen() -> dict[str, set]:
    """What a job makes while it runs. Mounts are without their running numbers."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return {
        "guests": guests(),
        "processes": set(running()),
        "files": {path for top in (CACHE, STATE, SHARE) for path in top.rglob("*")
                  if not {STATE / "host", STATE / "ended"} & set(path.parents)},
        "mounts": {line.split(" ", 2)[2] for line in mounts},
        "network devices": set(os.listdir("/sys/class/net")),
    }


class Leftovers:
    """Taken before a test; assert_none() says afterwards that all of the world is as it was. Processes, guests and
    mounts of others are not seen here, so everything new is ours."""

    # Made by the first job and kept. (Tombstones, in `ended`, for an hour.)
    KEPT = {STATE / "host", STATE / "ended", JOBS, JOBS / ".setup.lock"}

    def __init__(self):
        self.before = seen()

    def left(self) -> dict[str, list]:
        now, found = seen(), {}
        for kind, before in self.before.items():
            found[f"new {kind}"] = now[kind] - before - self.KEPT
            found[f"missing {kind}"] = before - now[kind]
        found["new processes"] = {describe(process) for process in found["new processes"]}
        del found["missing processes"]  # those of the test before
        return {kind: sorted(map(str, what)) for kind, what in found.items() if what}

    def assert_none(self, within: float = 5):
        """A killed process takes a moment to end."""
        deadline = time.monotonic() + within
        while (left := self.left()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left, left
