"""From a guest's start until it is ready: what may fail for a while on the way, and guests that report without a share."""

import os
import shutil
import signal
import subprocess
import time

import pytest
from jobs import VMBATCH
from world import ALICE, SHARE, settings, share_source

SCRIPT = "id -un; cat; exit 7\n"

# Stands before mount(8) in the set-up's PATH: refuses the first two mounts of NFS.
REFUSING_MOUNT = """#!/bin/sh
case " $* " in
    *" nfs4 "*)
        echo x >>/run/refused
        if [ "$(wc -l </run/refused)" -le 2 ]; then echo 'refused, for a test' >&2; exit 32; fi
        ;;
esac
PATH=/usr/bin:/bin:/usr/sbin:/sbin exec mount "$@"
"""


def context(caller, text) -> str:
    file = caller.directory / "context.toml"
    file.write_text("schema = 1\n" + text)
    return str(file)


def runs(caller, profile, changes):
    ended = caller.run(profile, SCRIPT, stdin=b"in\n", timeout=300,
                       options=["--config", caller.config({"profile": {profile: changes}})])
    assert (ended.code, ended.out) == (7, b"alice\nin\n"), ended.err


def test_the_first_two_mounts_fail(caller):
    install = f"mkdir -p /usr/local/sbin && cat >/usr/local/sbin/mount <<'END' && chmod 755 /usr/local/sbin/mount\n{REFUSING_MOUNT}END\n"
    file = context(caller, f"[[command]]\nwhen = \"early\"\nrun = '''\n{install}'''\n"
                           "[[command]]\nwhen = \"late\"\nrun = '[ \"$(wc -l </run/refused)\" -ge 3 ]'\n")
    runs(caller, "mini", {"context": file})


def test_the_nfs_server_stops_for_a_while(caller):
    """While the guest mounts and reports. The host does not look at it through the server, so only the guest waits."""
    (ganesha,) = subprocess.run(["pidof", "ganesha.nfsd"], check=True, capture_output=True, text=True).stdout.split()
    job = caller.begin("mini", SCRIPT)
    job.wait_for("ready")
    os.kill(int(ganesha), signal.SIGSTOP)
    try:
        time.sleep(15)
        assert job.process.poll() is None, job.lines
    finally:
        os.kill(int(ganesha), signal.SIGCONT)
    assert job.end(timeout=300) == 7


def test_how_far_a_guest_came(caller):
    """One that ends before it is ready has told what it had begun."""
    file = context(caller, "[[command]]\nwhen = \"late\"\nrun = 'echo o >/proc/sysrq-trigger; sleep 600'\n")
    ended = caller.run("mini", SCRIPT, options=["--config", caller.config({"profile": {"mini": {"context": file}}})])
    assert ended.code == 123
    assert b"the guest ended before it was ready: its set-up came as far as: share, accounts, files, commands" in ended.err


@pytest.mark.parametrize("profile", ["mini", "debian"])
def test_without_a_share(caller, profile):
    """The guest reports over a port of virtio-serial. Its host has no NFS at all."""
    config = caller.config({"share": None, "profile": {
        name: {"ready": "channel", "network": {"type": "user", "bridge": None}} for name in ["mini", "debian"]}})
    ended = caller.run(profile, "grep -c nfs4 /proc/mounts\n" + SCRIPT, stdin=b"in\n", options=["--config", config])
    assert (ended.code, ended.out) == (7, b"0\nalice\nin\n"), ended.err
    assert caller.result()["address"] == "10.0.2.15"


def test_a_failure_without_a_share(caller):
    file = context(caller, "[[command]]\nwhen = \"late\"\nrun = 'exit 3'\n")
    config = caller.config({"profile": {"mini": {"ready": "channel", "context": file}}})
    ended = caller.run("mini", SCRIPT, options=["--config", config])
    assert ended.code == 123
    assert b"the guest could not be contextualized: late command 1 returned 3" in ended.err


def report(directory, nonce, stage, boot_id="7a4b1c0e-5a0a-4b47-9b5e-0123456789ab"):
    """As a guest does: by rename."""
    text = f"nonce={nonce}\nboot_id={boot_id}\naddress=10.0.0.1\nhostname=vm\nstages=share\nstage={stage}\n\n"
    new = directory / "ready.tmp"
    new.write_text(text)
    new.rename(directory / "ready")


def test_reports_are_seen_past_the_caches_of_an_nfs_client(caller):
    """A host whose side of the share is mounted by NFS: here a guest, which looks at a directory of the share. What it has
    cached (there is no such file; this is the file) counts for a minute at least."""
    nonce = "0123456789abcdef" * 2
    directory = SHARE / ("f" * 32)
    directory.mkdir(mode=0o700)
    try:
        os.chown(directory, ALICE, ALICE)
        reader = VMBATCH.parent / "ready-reader"
        file = context(caller, f"[[file]]\npath = \"/opt/ready-reader\"\nsource = \"{reader}\"\nmode = \"0755\"\n"
                               f"[[mount]]\nsource = \"{share_source()}\"\ntarget = \"/all\"\n"
                               f"options = \"{settings()['share']['options']},acdirmin=60,acdirmax=120,acregmin=60,acregmax=120\"\n")
        job = caller.begin("mini", f"echo looking; exec /opt/ready-reader /all/{directory.name} {nonce}\n",
                           options=["--config", caller.config({"profile": {"mini": {"context": file}}})])
        assert job.wait_for_line() == b"looking\n"
        time.sleep(5)  # it has found nothing, and believes so
        for stage in ["accounts", "files", "ready"]:
            begun = time.monotonic()
            report(directory, nonce, stage)
            assert job.wait_for_line().decode().split()[0] == stage
            assert time.monotonic() - begun < 40  # the caches would be good for 60 s at least
            time.sleep(2)
        assert job.end() == 0
    finally:
        shutil.rmtree(directory)
