"""tools/quickstart as a user calls it: a job in a throwaway guest, and nothing left behind."""

import os
import pty
import re
import secrets
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from traces import Traces

CHECKOUT = Path(__file__).resolve().parents[2]
QUICKSTART = str(CHECKOUT / "tools/quickstart")
OWN = CHECKOUT / "build/quickstart"

# The first job may have to build VmBatch and the guest.
DEADLINE = 900

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for namespaces and a bridge")


@pytest.fixture
def traces(tmp_path):
    taken = Traces(tmp_path / "tmp")
    yield taken
    taken.assert_none()


def quickstart(*words, traces=None, timeout=DEADLINE, **how):
    environment = how.pop("env", None) or (traces.environment() if traces else None)
    return subprocess.run([QUICKSTART, *map(str, words)], capture_output=True, check=False, timeout=timeout,
                          env=environment, **how)


def job(tmp_path, text):
    script = tmp_path / "job.sh"
    script.write_text(text)
    return script


def test_help_reads_as_documentation():
    result = quickstart("--help", timeout=10)
    assert result.returncode == 0
    for word in [b"SCRIPT", b"--deps-only", b"--guest", b"job finished in guest", b"exit status"]:
        assert word in result.stdout


@pytest.mark.parametrize("words, status, message", [
    (["/no/such/script"], 121, "/no/such/script"),
    (["/etc"], 121, "/etc"),
    (["--guest", "windows"], 122, "windows"),
    (["--guest"], 122, "--guest"),
    (["--nonsense"], 122, "--nonsense"),
])
def test_a_wrong_request_is_refused_at_once(words, status, message):
    result = quickstart(*words, timeout=10)
    assert result.returncode == status
    assert message in result.stderr.decode()
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == b""


@needs_root
def test_without_root_one_clear_message():
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*nobody, "test", "-x", QUICKSTART], check=False).returncode:
        pytest.skip("the checkout lies below a directory that ordinary users cannot pass")
    result = subprocess.run([*nobody, QUICKSTART], capture_output=True, check=False, timeout=10)
    assert result.returncode == 123
    assert b"sudo" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@needs_root
def test_deps_only_is_done_at_once_where_all_is_installed(traces):
    begun = time.monotonic()
    result = quickstart("--deps-only", traces=traces)
    assert (result.returncode, result.stdout) == (0, b"")
    again = time.monotonic()
    quickstart("--deps-only", traces=traces)
    assert time.monotonic() - again < 5, (again - begun)


SCRIPT = """#!/bin/sh
cat /proc/sys/kernel/random/boot_id
uname -r
id -u
hostname
echo "$WORD_OF_THE_CALLER"
echo "$1"
cat
echo "to stderr" >&2
exit 7
"""


@needs_root
@pytest.mark.parametrize("guest", ["mini", "debian"])
def test_a_job_runs_in_a_machine_of_its_own(tmp_path, traces, guest):
    word = secrets.token_hex(16)
    result = quickstart("--guest", guest, job(tmp_path, SCRIPT), "an argument; with $signs", traces=traces,
                        env=traces.environment(WORD_OF_THE_CALLER=word), input=b"standard input\n")
    assert result.returncode == 7, result.stderr.decode()
    boot_id, kernel, uid, hostname, said, argument, stdin, last = result.stdout.decode().splitlines()
    assert re.fullmatch(r"[0-9a-f-]{36}", boot_id)
    assert boot_id != Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert kernel != os.uname().release
    assert uid == os.environ.get("SUDO_UID", "0")
    assert hostname != os.uname().nodename
    assert (said, argument, stdin) == (word, "an argument; with $signs", "standard input")
    assert last == f"job finished in guest {hostname}: exit 7"
    assert b"to stderr\n" in result.stderr


@needs_root
def test_the_demonstration_and_a_second_call(traces):
    """What is built and cached is used again; each call has a machine of its own."""
    first = quickstart("--guest", "mini", traces=traces)
    image = (OWN / "guest").read_text()
    second = quickstart("--guest", "mini", traces=traces)
    boots = [re.search(rb"boot id +(\S+)", result.stdout) for result in (first, second)]
    assert first.returncode == second.returncode == 0, second.stderr.decode()
    assert boots[0].group(1) != boots[1].group(1)
    assert (OWN / "guest").read_text() == image
    phases = dict(reversed(line.split(" s  ", 1)) for line in second.stderr.decode().splitlines() if " s  " in line)
    assert int(next(seconds for name, seconds in phases.items() if name.startswith("job"))) < 30, phases


class Terminal:
    """quickstart on a terminal; what it shows is collected."""

    def __init__(self, *words, environment):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execve(QUICKSTART, [QUICKSTART, *map(str, words)], environment)
        self.shown = b""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            while data := os.read(self.terminal, 4096):
                self.shown += data
        except OSError:
            pass  # the other end is closed

    def wait_for(self, text: bytes, deadline=DEADLINE):
        end = time.monotonic() + deadline
        while text not in self.shown:
            assert time.monotonic() < end and self.reader.is_alive(), self.shown.decode()
            time.sleep(0.01)

    def ctrl_c(self):
        os.write(self.terminal, b"\x03")

    def status(self, deadline=60):
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.terminal)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        pytest.fail(f"did not end within {deadline} s of Ctrl-C: {self.shown.decode()}")


@needs_root
@pytest.mark.parametrize("phase, moment", [
    (b"packages", 0), (b"build", 0), (b"build", 0.1), (b"guest", 0), (b"image", 0), (b"image", 0.3),
    (b"job", 0), (b"job", 0.2), (b"job", 0.6), (b"job", 1.5), (b"job", 4), (b"job", 8),
])
def test_ctrl_c_leaves_nothing(tmp_path, traces, phase, moment):
    terminal = Terminal("--guest", "mini", job(tmp_path, "sleep 300"), environment=traces.environment())
    terminal.wait_for(b" s  " + phase)
    time.sleep(moment)
    terminal.ctrl_c()
    assert terminal.status() == 130, terminal.shown.decode()


@needs_root
@pytest.mark.parametrize("moment", [0.5, 5, 15])
def test_ctrl_c_while_a_guest_image_is_built(tmp_path, traces, moment):
    """With an empty store of images, and none of our own: it has to be built."""
    for image in (OWN / "guests").glob("mini-*.qcow2"):
        image.unlink()
    empty = tmp_path / "no-guests"
    empty.mkdir()
    terminal = Terminal("--guest", "mini", environment=traces.environment(VMBATCH_GUESTS=str(empty)))
    terminal.wait_for(b" s  guest")
    time.sleep(moment)
    terminal.ctrl_c()
    assert terminal.status() == 130, terminal.shown.decode()
    assert not list((OWN / "guests").glob(".build-*"))


@needs_root
def test_ctrl_c_while_it_is_built(tmp_path, traces):
    """In a fresh clone, so that there is something to build."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", CHECKOUT, clone], check=True)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(clone / "tools/quickstart", ["quickstart"], traces.environment())
    time.sleep(6)
    os.write(terminal, b"\x03")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    os.close(terminal)
    assert not (clone / "build/release/bin/vmbatch").exists()


@needs_root
def test_term_to_it_alone_leaves_nothing(tmp_path, traces):
    process = subprocess.Popen([QUICKSTART, "--guest", "mini", job(tmp_path, "sleep 300")], stderr=subprocess.PIPE,
                               env=traces.environment())
    while b" s  job" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(2)
    process.terminate()
    assert process.wait(60) == 143
