"""What a machine shows of a program that ran: processes, mounts, network devices, namespaces, files.

Other programs may run meanwhile, so a process counts only if it can be ours: by a mark in its environment, by sharing a
namespace with one that has it, or by being a server that runs on the machine itself.
"""

import os
import time
import uuid
from pathlib import Path

SERVERS = {"ganesha.nfsd", "libvirtd", "virtlogd", "virtlockd", "dnsmasq", "rpcbind", "rpc.statd", "sshd"}
# Where packages and servers keep things. Not /tmp, which is everybody's: see Traces.environment.
DIRECTORIES = ["/etc", "/run", "/usr/sbin", "/var/opt", "/var/log", "/var/lib/libvirt", "/var/lib/nfs", "/var/lib/misc",
               "/var/cache/libvirt", "/sys/fs/cgroup", "/dev"]
NAMESPACES = ["mnt", "net", "pid", "ipc", "uts"]


class Traces:
    """Taken before a program runs; assert_none() says afterwards that nothing of it is left."""

    def __init__(self, temporary: Path):
        self.mark = f"mark-{uuid.uuid4()}"
        self.temporary = temporary
        temporary.mkdir(exist_ok=True)
        self.processes = set(running())
        self.things = things()

    def environment(self, **more: str) -> dict[str, str]:
        """For the program: its processes can be told from others', and its temporary files too."""
        return {**os.environ, "VMBATCH_TEST_MARK": self.mark, "TMPDIR": str(self.temporary), **more}

    def left(self) -> dict[str, list[str]]:
        now, found = things(), {}
        for kind, before in self.things.items():
            found[f"new {kind}"] = sorted(now[kind] - before)
            found[f"missing {kind}"] = sorted(before - now[kind])
        new = [process for process in running() if process not in self.processes]
        found["processes"] = [describe(process) for process in self.ours(new)]
        found["temporary files"] = [str(path) for path in self.temporary.iterdir()]
        return {kind: what for kind, what in found.items() if what}

    def assert_none(self, within: float = 10) -> None:
        """The kernel takes a moment for what belonged to a killed process."""
        deadline = time.monotonic() + within
        while (left := self.left()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left, left

    def ours(self, processes: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """The marked ones, all in their namespaces, and servers in the machine's own."""
        machine = own_namespaces(Path("/proc/self"))
        inside = {process: own_namespaces(Path(f"/proc/{process[0]}")) for process in processes}
        marked = {process for process in processes if self.mark in read(process, "environ")}
        worlds = set().union(*(inside[process] for process in marked)) - machine
        return [process for process in processes
                if process in marked or inside[process] & worlds
                or (inside[process] == machine and read(process, "comm").strip() in SERVERS)]


def running():
    """Processes as (pid, start time): a pid alone may be used again. Not kernel threads, not the dead."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z" and fields[1] != "2":
            yield int(path.name), fields[19]


def read(process: tuple[int, str], name: str) -> str:
    try:
        return Path(f"/proc/{process[0]}/{name}").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""  # it has just ended


def describe(process: tuple[int, str]) -> str:
    return f"{process[0]} {read(process, 'cmdline')[:200]}"


def own_namespaces(path: Path) -> set[str]:
    found = set()
    for kind in NAMESPACES:
        try:
            found.add(os.readlink(path / "ns" / kind))
        except OSError:
            pass
    return found


def things() -> dict[str, set[str]]:
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return {
        "mounts": {line.split(" ", 2)[2] for line in mounts},  # without their running numbers
        "network devices": set(os.listdir("/sys/class/net")),
        "named network namespaces": set(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else set(),
        "files": files(),
    }


def files() -> set[str]:
    found = set()
    for top in DIRECTORIES:
        for directory, names, plain in os.walk(top):
            found.update(os.path.join(directory, name) for name in names + plain if not ignored(directory))
    return found


def ignored(directory: str) -> bool:
    """Where terminals and shared memory come and go with every program."""
    return directory.startswith(("/dev/pts", "/dev/shm", "/var/log/apt"))
