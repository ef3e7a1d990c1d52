"""From a guest's start until it is ready: what may fail for a while on the way, and guests that report without a share."""

import os
import signal
import subprocess
import time

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


WITHOUT_A_SHARE = {"ready": "channel", "network": {"type": "user", "bridge": None}}


def test_without_a_share(caller):
    """The guest reports over a port of virtio-serial. Its host has no NFS at all."""
    config = caller.config({"share": None, "profile": {"mini": WITHOUT_A_SHARE, "debian": WITHOUT_A_SHARE}})
    ended = caller.run("mini", "grep -c nfs4 /proc/mounts\n" + SCRIPT, stdin=b"in\n", options=["--config", config])
    assert (ended.code, ended.out) == (7, b"0\nalice\nin\n"), ended.err
    assert caller.result()["address"] == "10.0.2.15"


def test_how_far_a_guest_came(caller):
    """One that ends before it is ready has told what it had begun."""
    file = context(caller, "[[command]]\nwhen = \"late\"\nrun = 'echo o >/proc/sysrq-trigger; sleep 600'\n")
    config = caller.config({"profile": {"mini": {**WITHOUT_A_SHARE, "context": file}}})
    ended = caller.run("mini", SCRIPT, options=["--config", config])
    assert ended.code == 123
    assert b"the guest ended before it was ready: its set-up came as far as: begun, accounts, files, commands" in ended.err
