"""What goes wrong gives one line (what, why, who can mend it, how) and the documented exit code, and leaves nothing."""

import os
import re
import shutil
import socket
import struct
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from jobs import VMBATCH, Ended, collect_garbage, environment, vmbatch
from world import settings, share_source

USER, USAGE, NODE, TIMED_OUT = 121, 122, 123, 125
WHO = {USER: "whoever asked for this", NODE: "the administrator of this host", TIMED_OUT: "the administrator of this host"}

# Such jobs never get as far as their script.
NEVER = "echo this must not run\n"


def refused(ended, code, *words, how=": .+"):
    """It ended with this code and one line, which has these words."""
    err = ended.err.decode()
    assert ended.code == code, err
    assert ended.out == b""
    assert err.endswith("\n") and err.count("\n") == 1, err
    assert re.fullmatch(rf"vmbatch: .+; can be mended by {WHO[code]}{how}\n", err), err
    for word in words:
        assert word in err, (word, err)


@contextmanager
def at_most(seconds):
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


# ---- the request ----

@pytest.mark.parametrize("script, why", [
    ("/no/such/script", "No such file or directory"),
    ("/etc", "not a regular file"),
    ("/etc/passwd/x", "Not a directory"),
    ("/dev/zero", "not a regular file"),
])
def test_a_script_that_cannot_be_read(caller, script, why):
    with at_most(5):
        refused(caller.call(["--profile", "mini", "--user", "alice", script]), USER, script, why)


BAD_NAMES = ["a/b", "../a", ".", "..", "a\nb", "a b", "a;b", "$(id)", "`id`", "a'b", 'a"b', "a\\b", "a\tb", "-x", ".new-a",
             "ö", "\x1b[2J", "a" * 129]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_user_name_that_is_none(caller, name):
    ended = caller.call(["--profile", "mini", f"--user={name}", "/bin/true"])
    refused(ended, USER, "not a user name")
    assert "\x1b" not in ended.err.decode()


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_job_id_that_is_none(caller, name):
    ended = caller.run("mini", NEVER, options=[f"--job-id={name}"])
    refused(ended, USER, "not a job id")
    assert "\x1b" not in ended.err.decode()


@pytest.mark.parametrize("options, words", [
    (["--user", "nosuchuser"], ["no such account", "'nosuchuser'"]),
    (["--cpus", "0"], ["0 vCPUs", "profile 'mini' gives 1 to 2"]),
    (["--cpus", "3"], ["3 vCPUs", "profile 'mini' gives 1 to 2"]),
    (["--cpus", "4294967295"], ["4294967295 vCPUs", "gives 1 to 2"]),
    (["--memory", "2G"], ["2G of memory", "64M to 1G"]),
    (["--memory", "1M"], ["1M of memory", "64M to 1G"]),
    (["--memory", "99999999999999999999G"], ["--memory", "not a size"]),
    (["--memory", "much"], ["--memory", "not a size", "512M"]),
    (["--workdir", "not/absolute"], ["not an absolute path", "not/absolute"]),
    (["--workdir", "/work\ndir"], ["working directory", "/work\\x0adir"]),
    (["--workdir", "/a/../b"], ["working directory", "/a/../b"]),
    (["--result-file", "/no/such/file"], ["result file", "/no/such/file"]),
    (["--profile", "minni"], ["no such profile", "did you mean 'mini'"]),
])
def test_a_request_that_cannot_be_met(caller, options, words):
    with at_most(5):
        refused(caller.run("mini", NEVER, options=options), USER, *words)


def test_a_working_directory_that_is_gone(caller):
    gone = caller.directory / "gone"
    gone.mkdir()
    ended = subprocess.run(["bash", "-c", "cd \"$1\"; rmdir \"$1\"; shift; exec \"$@\"", "bash", gone, VMBATCH, "run", "/bin/true"],
                           capture_output=True, check=False, timeout=20, env=environment())
    refused(Ended(ended.returncode, ended.stdout, ended.stderr), USER, "working directory is gone")


@pytest.mark.parametrize("options", [["--nonsense"], ["--cpus", "x"], ["--cpus", "-1"], ["--progress", "loud"]])
def test_usage(caller, options):
    ended = caller.run("mini", NEVER, options=options)
    assert (ended.code, ended.out) == (USAGE, b"")
    assert options[0] in ended.err.decode()
    assert ended.err.count(b"\n") == 1


def test_no_script_at_all():
    done = vmbatch("run", "--profile", "mini")
    assert done.returncode == USAGE
    assert b"SCRIPT" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_not_root(caller):
    """The program is copied to where everybody may go: the checkout may lie in somebody's home."""
    program = Path("/run/vmbatch-of-everybody")
    shutil.copy(VMBATCH, program)
    try:
        done = subprocess.run(["setpriv", "--reuid=alice", "--regid=alice", "--clear-groups", program, "run", "/bin/true"],
                              capture_output=True, check=False, cwd="/", timeout=20)
    finally:
        program.unlink()
    assert (done.returncode, done.stdout) == (USER, b"")
    assert done.stderr == (b"vmbatch: 'vmbatch run' must be called by root; can be mended by whoever asked for this: "
                           b"call it through sudo\n")


# ---- the configuration ----

@pytest.mark.parametrize("line, said", [
    ('hypervisor = "qemuu"', ["hypervisor", "'qemuu'", "qemu", "did you mean"]),
    ('hipervisor = "qemu"', ["hipervisor", "did you mean 'hypervisor'"]),
    ("create_workdir = 1", ["create_workdir", "true or false"]),
    ('dialect = "cern"', ["dialect", "cernvm"]),
    ("image = ", ["expected value"]),
])
def test_a_configuration_that_is_wrong(caller, line, said):
    """File and line, the key, what is allowed, the nearest known; from `run` and from `config check` alike."""
    config = caller.directory / "vmbatch.toml"
    config.write_text(f"schema = 1\n[share]\nsource = \"10.0.0.1:/vmbatch\"\n[profile.mini]\nnetwork = {{}}\n{line}\n")
    refused(caller.run("mini", NEVER, options=["--config", config]), NODE, f"{config}:6", *said, how=".*")
    checked = vmbatch("config", "check", "--config", config)
    assert checked.returncode == 3
    for word in [f"{config}:6", *said]:
        assert word in checked.stderr.decode()


def test_a_configuration_that_is_missing(caller):
    refused(caller.run("mini", NEVER, options=["--config", "/no/such.toml"]), NODE, "/no/such.toml", "No such file")


def run_with(caller, changes, **how):
    return caller.run("mini", NEVER, options=["--config", caller.config(changes)], **how)


def test_an_image_that_is_not_in_the_cache(caller):
    with at_most(5):
        refused(run_with(caller, {"profile": {"mini": {"image": "minni"}}}), NODE, "minni", "image", "did you mean `mini`")


def test_a_domain_template_that_is_missing(caller):
    refused(run_with(caller, {"profile": {"mini": {"template": "/no/such.xml"}}}), NODE, "/no/such.xml")


def test_a_domain_template_that_libvirt_refuses(caller):
    template = caller.directory / "template.xml"
    template.write_text("<domain><os><type>no such thing</type></os></domain>")
    refused(run_with(caller, {"profile": {"mini": {"template": str(template)}}}), NODE, "libvirt refused 'start'",
            "no such thing")


def test_a_share_that_others_can_list(caller):
    open_share = caller.directory / "share"
    open_share.mkdir(mode=0o755)
    refused(run_with(caller, {"share": {"directory": str(open_share)}}), NODE, str(open_share))


# ---- the servers ----

def libvirt_at(path) -> dict:
    return {"hypervisor": {"uri": f"qemu+unix:///system?socket={path}"}, "deadlines": {"prepare": 2}}


def test_libvirtd_is_not_running(caller):
    with at_most(5):
        refused(run_with(caller, libvirt_at("/nonexistent")), NODE, "libvirt cannot be reached", "/nonexistent",
                "No such file or directory", "start libvirtd")


def test_libvirtd_does_not_answer(caller):
    """It takes the connection and says nothing."""
    with socket.socket(socket.AF_UNIX) as server:
        path = "/run/vmbatch-mute"
        server.bind(path)
        server.listen()
        try:
            with at_most(8):
                refused(run_with(caller, libvirt_at(path)), TIMED_OUT, "libvirt does not answer", path, "restart libvirtd")
        finally:
            os.unlink(path)


def test_libvirtd_stops_answering(caller, leftovers):
    """In the middle of a job. What cannot be removed then is named, and gone when libvirtd is back."""
    (libvirtd,) = subprocess.run(["pidof", "libvirtd"], check=True, capture_output=True, text=True).stdout.split()
    config = caller.config({"deadlines": {"start": 2, "remove": 2}})
    job = caller.begin("mini", NEVER, options=["--config", config])
    job.wait_for("start")
    subprocess.run(["kill", "-STOP", libvirtd], check=True)
    try:
        assert job.process.wait(15) == TIMED_OUT
    finally:
        subprocess.run(["kill", "-CONT", libvirtd], check=True)
    assert job.err().count(b"\n") == 1
    assert b"libvirt does not answer" in job.err()
    assert b"'vmbatch job gc' will try again" in job.err()
    collected = collect_garbage()
    assert (collected.returncode, collected.stderr) == (0, b"")


def test_the_nfs_server_is_down(caller):
    """Seen before anything is made, if the configuration says where it listens."""
    with at_most(5):
        refused(run_with(caller, {"share": {"probe": "127.0.0.1:1"}}), NODE, "the share's server does not answer",
                "127.0.0.1:1", "Connection refused", "start the NFS server")


def test_the_nfs_server_does_not_answer_the_guest(caller):
    """The guest has no share to say so on: its console is believed, and nobody waits for the deadline."""
    begun = time.monotonic()
    refused(run_with(caller, {"share": {"options": "vers=4.1,port=1"}}), NODE, "the guest could not be contextualized",
            f"{share_source()}/", "cannot be mounted on /vmbatch")
    assert time.monotonic() - begun < settings()["deadlines"]["ready"] / 2


def test_a_guest_that_never_gets_ready(caller):
    with at_most(30):
        refused(run_with(caller, {"deadlines": {"ready": 1}}), TIMED_OUT, "the guest did not become ready in time",
                "deadlines.ready")


# A boot sector that writes "dying" to the serial console and resets the machine, which ends a guest of ours.
DYING = b"".join(b"\xb0" + bytes([letter]) + b"\xba\xf8\x03\xee" for letter in b"\ndying\n") + b"\xb0\x06\xba\xf9\x0c\xee\xeb\xfe"


@pytest.fixture
def dying_image(caller):
    file = caller.directory / "dying.raw"
    file.write_bytes(DYING.ljust(510, b"\0") + struct.pack("<H", 0xAA55) + bytes(1 << 20))
    assert vmbatch("image", "import", file, "--name", "dying", "--format", "raw").returncode == 0
    yield
    assert vmbatch("image", "rm", "dying").returncode == 0


def test_a_guest_that_dies(caller, dying_image):
    """Known at once: nobody waits for the deadline."""
    with at_most(60):
        refused(run_with(caller, {"profile": {"mini": {"image": "dying"}}}), NODE, "the guest ended before it was ready",
                "its console ends with: dying")


def test_a_working_directory_that_the_guest_does_not_have(caller):
    changes = {"profile": {"mini": {"create_workdir": False}}}
    ended = caller.run("mini", NEVER, options=["--config", caller.config(changes), "--workdir", "/work/here"])
    refused(ended, USER, "the working directory cannot be entered in the guest", "/work/here", "choose another",
            "create_workdir = true")
