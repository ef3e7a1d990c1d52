"""A node on which a job's programs can be ended at any step, and on which guests cost nothing.

Guests are real ones of QEMU's driver, but their firmware is four bytes that stop the processor: they are there, and that is
all. What a guest does is played: its report on the share by a thread here, its SSH server by a client that runs the command
on this host. So a life of a job takes a second, of which most is libvirt's and QEMU's.
"""

import os
import shutil
import signal
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from jobs import VMBATCH, vmbatch
from traces import running
from world import JOBS, ROOT, SHARE, STATE, merged, settings, to_toml

BUILD = VMBATCH.parents[1]
PREFIX = ROOT / "matrix"
LIBEXEC = PREFIX / "libexec/vmbatch"
MOM_PRIV = PREFIX / "mom_priv"
ID = "69[2].server.example"
LEFT = JOBS / ID / "ledger/left"

PROGRAMS = {"prologue": LIBEXEC / "prologue", "epilogue": LIBEXEC / "epilogue", "remoteshell": LIBEXEC / "remoteshell",
            "gc": PREFIX / "bin/gc"}

# What a client is told: `-o ControlPath=NAME`, and to be the connection (-M) or to run the last word.
DEAF = PREFIX / "deaf"  # while it is there nobody gets in
SSH = f"""#!/bin/sh
[ ! -e {DEAF} ] || exec sleep 1000
for word; do
    case $word in ControlPath=*) socket=${{word#*=}} ;; -M) master=yes ;; esac
done
[ -n "$master" ] || exec /bin/sh -c "$word"
: >"$socket"
exec sleep 1000
"""

DOMAIN = f"""<domain>
  <os>
    <type arch="x86_64" machine="pc">hvm</type>
    <loader type="rom">{PREFIX}/halt.rom</loader>
  </os>
  <on_poweroff>destroy</on_poweroff>
  <devices>
    <controller type="usb" model="none"/>
    <memballoon model="none"/>
  </devices>
</domain>
"""


def table() -> list[tuple[str, str]]:
    """(program, step), as the build has it."""
    rows = subprocess.run([BUILD / "matrix/bin/list-steps"], check=True, capture_output=True, text=True).stdout
    return [(program, step) for step, *programs in map(str.split, rows.splitlines()) for program in programs]


def install(as_installed=False):
    """Once in a world. The programs have steps, unless they are to be those that are installed."""
    shutil.rmtree(PREFIX, ignore_errors=True)
    for directory in [LIBEXEC, PREFIX / "bin", PREFIX / "etc/vmbatch", PREFIX / "local/libexec", MOM_PRIV]:
        directory.mkdir(parents=True)
    for program in PROGRAMS.values():
        if program.parent == LIBEXEC or not as_installed:
            shutil.copy((BUILD if as_installed else BUILD / "matrix") / program.relative_to(PREFIX), program)
    for helper in ["libvirt-helper", "archive-helper"]:
        shutil.copy(BUILD / "libexec/vmbatch" / helper, LIBEXEC / helper)
    (PREFIX / "share").mkdir()
    (PREFIX / "share/vmbatch").symlink_to(BUILD / "share/vmbatch")
    (MOM_PRIV / "config").write_text(f"$job_starter {PROGRAMS['remoteshell']}\n")
    (MOM_PRIV / "script").write_text("#!/bin/sh\nexit 7\n")
    (PREFIX / "ssh").write_text(SSH)
    (PREFIX / "ssh").chmod(0o755)
    (PREFIX / "halt.xml").write_text(DOMAIN)
    # At the address of the first instruction: cli, hlt, and again.
    (PREFIX / "halt.rom").write_bytes(b"\xfa\xf4\xeb\xfd".rjust(0xfff4, b"\0").ljust(0x10000, b"\0"))
    # The guest's place for it, as this host plays the guest.
    shutil.copy(BUILD / "share/vmbatch/guest/job-shim", PREFIX / "local/libexec/vmbatch-job-shim")
    subprocess.run(["mount", "--bind", PREFIX / "local", "/usr/local"], check=True)
    configure()
    import_image()


def import_image():
    image = PREFIX / "empty.img"
    image.write_bytes(bytes(1 << 20))
    imported = vmbatch("image", "import", image, "--name", "empty")
    assert imported.returncode == 0, imported.stderr


def configure(changes=None):
    empty = {"image": "empty", "template": str(PREFIX / "halt.xml"), "memory": {"default": "64M", "max": "64M"}}
    ours = {"hypervisor": {"accel": "tcg"}, "torque": {"prologalarm": 310}, "jobs": {"default_profile": "empty"},
            "profile": {"empty": {**settings()["profile"]["mini"], **empty}}}
    whole = settings(ours)
    whole = merged(whole, changes or {})
    (PREFIX / "etc/vmbatch/vmbatch.toml").write_text(to_toml(whole))


class Guests(threading.Thread):
    """Says "ready" for every guest."""

    def __init__(self):
        super().__init__(daemon=True)
        self.enough = threading.Event()
        self.silent = False

    def run(self):
        while not self.enough.wait(0.005):
            for share in () if self.silent else SHARE.iterdir():
                try:
                    self.report(share)
                except OSError:
                    pass  # it has just been removed

    def report(self, share: Path):
        if (share / "ready").exists():
            return
        for entry in JOBS.glob("*/ledger/made/*-share.json"):
            if share.name in entry.read_text():
                nonce = (entry.parents[1] / "job.json").read_text().split('"nonce":"')[1].split('"')[0]
                (share / "new").write_text(f"nonce={nonce}\nstage=ready\naddress=127.0.0.1\nboot_id={uuid.uuid4()}\nhostname=guest\n")
                (share / "new").rename(share / "ready")


@dataclass
class Done:
    code: int
    out: str
    err: str


begun: list["Process"] = []  # in this test


class Process:
    """One of the programs, in a session of its own, as mom starts it."""

    def __init__(self, name: str, *words: str, job_id=ID, kill=None, stop=None, trace=None, preload=None):
        wishes = {"STEP_KILL": kill, "STEP_STOP": stop, "STEP_TRACE": trace, "LD_PRELOAD": preload}
        environment = {"PATH": "/bin:/usr/bin", **{key: str(value) for key, value in wishes.items() if value}}
        how = {"stdin": subprocess.DEVNULL}
        if name == "remoteshell":
            environment |= {"PBS_JOBID": job_id, "PBS_ENVIRONMENT": "PBS_BATCH", "PBS_TASKNUM": "1", "HOME": "/"}
            how = {"user": 5001, "group": 5001, "extra_groups": [6001], "stdin": subprocess.PIPE}
        self.process = subprocess.Popen([PROGRAMS[name], *words], cwd=MOM_PRIV, env=environment, start_new_session=True, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)

        begun.append(self)

    def kill(self):
        """What it has started goes with it."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()

    def end(self, seconds=90) -> Done:
        words = f"{MOM_PRIV}/script\n" if self.process.stdin else None
        out, err = self.process.communicate(words, timeout=seconds)
        return Done(self.process.returncode, out, err)

    def stopped(self) -> int:
        """The process of it that has stopped at its step, once it has."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.process.communicate()
            for pid in [self.process.pid, *children(self.process.pid)]:
                if state(pid) == "T":
                    return pid
            time.sleep(0.005)
        raise AssertionError("it does not come to this step")

    def go_on(self) -> Done:
        os.kill(self.stopped(), signal.SIGCONT)
        return self.end()


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def children(pid: int) -> list[int]:
    return [other for other, _ in running() if parent(other) == pid]


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def begin(name: str, job_id=ID, queue="batch", status="0", **how) -> Process:
    words = {"prologue": [job_id, "alice", "alice", "STDIN", "nodes=1", queue, "", f"{MOM_PRIV}/script"],
             "epilogue": [job_id, "alice", "alice", "STDIN", "0", "nodes=1", "", queue, "", status, f"{MOM_PRIV}/script"],
             "remoteshell": ["/bin/sh"], "gc": []}[name]
    return Process(name, *words, job_id=job_id, **how)


def run(name: str, seconds=90, **how) -> Done:
    return begin(name, **how).end(seconds)


def well(name: str, code=0, **how) -> Done:
    """It does what it should."""
    done = run(name, **how)
    assert (done.code, done.err) == (code, ""), (name, done)
    return done


def run_killed(name: str, step: str, **how):
    done = run(name, kill=step, **how)
    assert done.code == -signal.SIGKILL, (f"{name} was not killed at {step}", done)


def a_moment():
    """The kernel tells when a program was started in hundredths of a second: within one, which came first is not known."""
    time.sleep(0.05)


def reboot():
    """As far as a ledger can tell."""
    LEFT.write_text(LEFT.read_text().replace("-", "0"))


def tombstones() -> list[Path]:
    return sorted((STATE / "ended").glob("*"))
