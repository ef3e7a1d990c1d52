"""One job in one guest, looked at from inside and from outside."""

import base64
import hashlib
import os
import pwd
import re
import secrets
import socket
import stat
import subprocess
from pathlib import Path

import pytest
from jobs import PATH, environment, vmbatch
from traces import read, running
from world import ALICE, JOBS, PHYSICS, SHARE, guests, share_source, virsh

# What a job sees. Its environment is what it was started with: a shell adds to its own.
SCRIPT = """#!/bin/bash
say() { printf '%s=%s\\n' "$1" "$2"; }
say boot_id "$(cat /proc/sys/kernel/random/boot_id)"
say kernel "$(uname -r)"
say hostname "$(hostname)"
say id "$(id)"
say umask "$(umask)"
say cpus "$(nproc)"
say directory "$(pwd | base64 -w0)"
say directory_mode "$(stat -c '%U:%G %a' .)"
say environment "$(base64 -w0 /proc/$$/environ)"
say arguments "$(printf '%s\\0' "$@" | base64 -w0)"
say home "$(stat -c '%U:%G' "$HOME")"
say share "$(ls /vmbatch | tr '\\n' ' ')"
echo 'these are the only words on stderr' >&2
echo come=so-far
read -r word
say stdin "$word"
exit 7
"""

ARGUMENTS = ["plain", "", "two  words", "it's", '"', "$HOME `id` $(id)", "line\nbreak", "*", "--", "-x", "ümlaut", "\\"]
VALUES = {
    "WITH_NEWLINE": "first\nsecond\n",
    "WITH_QUOTES": "it's \"quoted\" \\ `id` $(id) $HOME !",
    "EMPTY": "",
    "TABS": "\ta\tb ",
    "UTF8": "Größe",
    "EQUALS": "a=b=c",
    "lower": "x",
    "BASH_FUNC_f%%": "() {  echo f\n}",
}


def bytes_of(said: str) -> bytes:
    return base64.b64decode(said)


def words_of(said: str) -> list[str]:
    return bytes_of(said).decode().split("\0")[:-1]


def mode_and_owner(path: Path) -> tuple[str, int, int]:
    info = path.lstat()
    return f"{stat.S_IMODE(info.st_mode):04o}", info.st_uid, info.st_gid


def fingerprint(path: Path):
    info = path.stat()
    digest = hashlib.file_digest(path.open("rb"), "sha256").hexdigest()
    return digest, info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode), info.st_size, info.st_mtime_ns, info.st_nlink


def image_of(name) -> Path:
    return Path(vmbatch("image", "path", name).stdout.decode().strip())


@pytest.mark.parametrize("profile, cpus", [("mini", 1), ("debian", 2)])
def test_the_job(caller, profile, cpus):
    word = secrets.token_hex(16)
    directory = caller.directory / "a work $dir; it's"
    directory.mkdir()
    image = image_of(profile)
    before = fingerprint(image)

    job = caller.begin(profile, SCRIPT, *ARGUMENTS, env={**VALUES, "WORD": word}, cwd=directory, umask=0o027,
                       options=["--job-id", "main.1[0]@host"])
    said = {}
    while "come" not in said:
        name, value = job.wait_for_line().decode().rstrip("\n").split("=", 1)
        said[name] = value
    look_from_outside(job, "main.1[0]@host", secret_word=word)
    job.tell(b"standard input\n")
    assert job.process.stdout.readline() == b"stdin=standard input\n"
    assert job.end() == 7, job.err()

    look_from_inside(said, directory, {**VALUES, "WORD": word}, cpus)
    assert job.process.stdout.read() == b""
    assert job.err() == b"these are the only words on stderr\n"
    assert fingerprint(image) == before
    assert before[0] in image.name
    assert list(directory.iterdir()) == []

    phases = ["check", "prepare", "start", "ready", "connect", "run", "remove"]
    assert job.events() == [(event, phase) for phase in phases for event in ("begun", "ended")]
    result = caller.result()
    assert (result["schema"], result["job"], result["exit"]) == (1, "main.1[0]@host", 7)
    assert (result["hostname"], result["boot_id"]) == (said["hostname"], said["boot_id"])
    assert list(result["phases_ms"]) == sorted(phases)


def look_from_inside(said, directory, given, cpus):
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", said["boot_id"])
    assert said["boot_id"] != Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert said["kernel"] != os.uname().release
    assert said["hostname"] == "vm-main-1-0-host" != socket.gethostname()
    assert said["id"] == f"uid={ALICE}(alice) gid={ALICE}(alice) groups={ALICE}(alice),{PHYSICS}(physics)"
    assert said["umask"] == "0027"
    assert said["cpus"] == str(cpus)
    assert bytes_of(said["directory"]) == f"{directory}\n".encode()
    assert said["directory_mode"] == "alice:alice 755"
    assert said["home"] == "alice:alice"
    assert said["share"] == "ready "
    assert words_of(said["arguments"]) == ARGUMENTS
    account = pwd.getpwnam("alice")
    assert dict(entry.split("=", 1) for entry in words_of(said["environment"])) == {
        **given, "PATH": PATH, "HOME": account.pw_dir, "SHELL": account.pw_shell, "USER": "alice", "LOGNAME": "alice",
        "VMBATCH_JOB_ID": "main.1[0]@host"}


def look_from_outside(job, job_id, secret_word):
    """While it runs: who may read what, and that nothing secret is where everybody can see it."""
    qemu = pwd.getpwnam("libvirt-qemu")
    directory = JOBS / job_id
    assert mode_and_owner(directory) == ("0711", 0, 0)
    assert mode_and_owner(directory / "ledger") == ("0700", 0, 0)
    assert mode_and_owner(directory / "user") == ("0700", ALICE, ALICE)
    assert mode_and_owner(directory / "disk") == ("0710", 0, qemu.pw_gid)
    disk = directory / "disk"
    assert {path.name for path in disk.iterdir()} == {"overlay.qcow2", "context.iso", "console.log"}
    for file in [disk / "overlay.qcow2", disk / "context.iso"]:
        assert mode_and_owner(file) == ("0600", qemu.pw_uid, qemu.pw_gid), file
    assert mode_and_owner(disk / "console.log") == ("0600", 0, 0)  # libvirt opens it for QEMU
    for file in (directory / "ledger").rglob("*"):
        assert mode_and_owner(file) == ("0700" if file.is_dir() else "0600", 0, 0), file
    for file in (directory / "user").iterdir():
        roots_own = file.name == "access.json"
        assert mode_and_owner(file) == (("0644", 0, 0) if roots_own else ("0600", ALICE, ALICE)), file

    (share,) = SHARE.iterdir()
    assert mode_and_owner(SHARE) == ("0711", 0, 0)
    assert mode_and_owner(share) == ("0700", ALICE, ALICE)
    assert re.fullmatch("[0-9a-f]{12}-[0-9a-f]{32}", share.name)
    assert {path.name for path in share.iterdir()} == {"ready"}
    for secret in [directory / "user/key", directory / "ledger/job.json", disk / "context.iso", share / "ready"]:
        bob = subprocess.run(["setpriv", "--reuid=bob", "--regid=bob", "--clear-groups", "cat", secret],
                             capture_output=True, check=False)
        assert b"Permission denied" in bob.stderr, secret

    (guest,) = guests()
    assert guest == f"vmbatch-{job_id}"
    (machine,) = [process for process in running() if read(process, "comm").startswith("qemu-system")]
    status = dict(line.split(":\t", 1) for line in read(machine, "status").splitlines() if ":\t" in line)
    assert set(status["Uid"].split()) == {str(qemu.pw_uid)}
    assert set(status["Gid"].split()) == {str(qemu.pw_gid)}
    assert "0" not in status["Groups"].split()
    assert int(status["CapEff"], 16) == 0

    key = "".join((directory / "user/key").read_text().splitlines()[1:-1])
    assert len(key) > 100
    for what, secret in [("share", share.name), ("word", secret_word), ("key", key[:60])]:
        shown = [process for process in running() if secret in read(process, "cmdline")]
        assert not shown, what
        assert secret not in virsh("dumpxml", guest), what
    # Only vmbatch itself, whose environment it is, root's eyes needed.
    assert [process[0] for process in running() if secret_word in read(process, "environ")] == [job.process.pid]


def test_the_first_line_names_the_interpreter(caller):
    """Any program of the guest."""
    ended = caller.run("mini", "#!/usr/bin/awk -f\nBEGIN { print ARGV[1], ENVIRON[\"WORD\"]; exit 3 }\n", "one",
                       env=environment({"WORD": "two"}))
    assert (ended.code, ended.out, ended.err) == (3, b"one two\n", b"")


def test_more_processors_and_memory_and_a_mounted_working_directory(caller):
    """What the job asks for, and a directory that the profile says is mounted: the job's files come back there."""
    outside = SHARE / "of-alice"
    outside.mkdir(mode=0o700)
    os.chown(outside, ALICE, ALICE)
    mount = {"source": f"{share_source()}/of-alice", "target": "/work/of-alice",
             "options": "vers=4.1,port=2049"}
    config = caller.config({"profile": {"mini": {"create_workdir": False, "mount": [mount]}}})
    try:
        ended = caller.run("mini", "nproc; awk '/MemTotal/ { print $2 }' /proc/meminfo; pwd; echo made >file\n",
                           options=["--config", config, "--cpus", "2", "--memory", "512M", "--workdir", "/work/of-alice"])
        assert ended.code == 0, ended.err
        cpus, memory, directory = ended.out.decode().splitlines()
        assert (cpus, directory) == ("2", "/work/of-alice")
        assert 400 << 10 < int(memory) < 512 << 10
        assert (outside / "file").read_text() == "made\n"
        assert (outside / "file").stat().st_uid == ALICE
    finally:
        for file in outside.iterdir():
            file.unlink()
        outside.rmdir()


def test_root_may_have_a_job_too(caller):
    """Root of the guest, nobody on the share. Its script has no interpreter line: sh runs it. Even root, and whomever it
    pretends to be, cannot find the other jobs' directories on the share."""
    ended = caller.run("mini", """id -u; cat /proc/$$/comm
touch /root/here && echo written; cat /vmbatch/ready >/dev/null && echo read
mount -t nfs4 -o vers=4.1,port=2049 "$1" /mnt && echo mounted
for uid in 0 65534 5001; do
    setpriv --reuid $uid --clear-groups sh -c 'ls /mnt; touch /mnt/mine' 2>&1 | grep -c 'Permission denied'
done
""", share_source(), user="root")
    assert (ended.code, ended.err) == (0, b"")
    assert ended.out.decode().split() == ["0", "sh", "written", "read", "mounted", "2", "2", "2"]
