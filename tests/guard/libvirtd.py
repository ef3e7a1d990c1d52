"""The world's libvirtd, and what can happen to it."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from world import STATE

HERE = Path(__file__).resolve().parent
URI = "qemu:///system"


class Libvirtd:
    plan = Path("/run/guard-plan")

    @property
    def pid(self) -> int:
        return int(Path("/run/libvirtd.pid").read_text())

    def stop(self):
        os.kill(self.pid, signal.SIGSTOP)

    def kill(self):
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(pid), 30)

    def will(self, step: str, action: str, times: int = 1):
        self.plan.write_text(f"{step} {action} {times}\n")

    def answers(self) -> bool:
        asked = subprocess.run(["timeout", "5", "virsh", "-q", "-c", URI, "uri"], capture_output=True, check=False)
        return asked.returncode == 0

    def wait(self):
        until(self.answers, 60)

    def make_well(self):
        if not self.answers():
            subprocess.run([HERE / "restart-libvirtd"], check=True)
            self.wait()

    def restart_without(self, domain: str):
        """It comes back and knows nothing of a guest that runs."""
        self.kill()
        for file in Path("/run/libvirt/qemu").glob(f"{domain}.*"):
            file.unlink()
        self.make_well()


def restarts() -> int:
    file = STATE / "host/hypervisor.json"
    return json.loads(file.read_text())["restarts"] if file.exists() else 0


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def qemus(domain: str) -> list[int]:
    """The processes that run this guest."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if f"guest={domain},debug-threads=on".encode() in words:
            found.append(int(path.parent.name))
    return found


def until(true, seconds: float):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, true
        time.sleep(0.05)
