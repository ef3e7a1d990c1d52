"""Looking at a job, and into its guest, while it runs."""

import json
import os
import pty
import re
import subprocess

from jobs import DEADLINE, VMBATCH, environment, vmbatch
from world import ALICE, JOBS

SCRIPT = "echo begun; cat >/dev/null\n"


def test_a_job_and_its_guest_are_looked_at(caller):
    job = caller.begin("mini", SCRIPT, options=["--job-id", "look"])
    assert job.wait_for_line() == b"begun\n"

    shown = json.loads(vmbatch("job", "show", "look", "--json").stdout)
    assert (shown["schema"], shown["id"], shown["state"], shown["user"]) == (1, "look", "running", "alice")
    assert [entry["kind"] for entry in shown["made"]] == ["domain", "share", "lease"]
    assert shown["guest"]["address"].startswith("10.79.0.")
    text = vmbatch("job", "show", "look").stdout.decode()
    assert f"directory      {JOBS}/look\n" in text and "state          running\n" in text

    inside = vmbatch("guest", "shell", "look", "sh", "-c", "id -u; echo \"$0 $1\" >&2; cat; exit 9", "a b", "--help",
                     input=b"typed\n")
    assert (inside.returncode, inside.stdout, inside.stderr) == (9, f"{ALICE}\ntyped\n".encode(), b"a b --help\n")
    assert vmbatch("guest", "shell", "look", "sh", "-c", "kill -KILL $$").returncode == -9

    ours, theirs = pty.openpty()
    shell = subprocess.Popen([VMBATCH, "guest", "shell", "look"], stdin=theirs, stdout=theirs, stderr=theirs,
                             env=environment())
    os.close(theirs)
    os.write(ours, b"tty; hostname; exit 3\n")
    said = b""
    while b"/dev/pts/" not in said or b"\nvm-look\r" not in said:
        said += os.read(ours, 4096)
    assert shell.wait(30) == 3
    os.close(ours)

    log = vmbatch("guest", "log", "look").stdout
    assert b"vmbatch: ready" in log
    assert not set(log) & (set(range(32)) - {9, 10})
    assert job.end() == 0


def test_the_ledger_is_on_disk_and_nothing_waits_for_what_ends_with_the_job(caller, tmp_path):
    """Of the overlay it is qemu-img that thinks otherwise, and cannot be told."""
    words = [str(word) for word in caller.words("mini", "true\n")]
    traced = subprocess.run(["strace", "-f", "-qq", "-y", "--seccomp-bpf", "-e", "trace=fsync,fdatasync,syncfs,sync", "-o",
                             tmp_path / "syncs", VMBATCH, "run", *words], check=False, capture_output=True, timeout=DEADLINE["mini"],
                            stdin=subprocess.DEVNULL, env=environment(), cwd=tmp_path)
    assert traced.returncode == 0, traced.stderr
    synced = re.findall(r"(\w*sync\w*)\((?:\d+<([^>]*)>)?", (tmp_path / "syncs").read_text())
    assert [path for _, path in synced if "/ledger/" in path], synced
    ours = [path for _, path in synced if not path.endswith("/overlay.qcow2")]
    assert not [path for path in ours if "/disk/" in path], synced


def test_there_is_no_such_job():
    for words in [("job", "show"), ("guest", "log")]:
        said = vmbatch(*words, "nothing")
        assert said.returncode == 1
        assert b"there is no such job on this host: 'nothing'" in said.stderr
    assert vmbatch("guest", "shell", "nothing").returncode == 121
    assert vmbatch("guest", "shell").returncode == 122
    assert vmbatch("job", "show", "../etc").returncode == 1
