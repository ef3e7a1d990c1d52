"""Guests beside each other, and guests on either kind of network."""

import base64
import re

import pytest
from world import ALICE, BOB, SHARE, share_source

# Tells what it can see of the share, having waited until the other is there too.
SCRIPT = """#!/bin/bash
say() { printf '%s=%s\\n' "$1" "$2"; }
say boot_id "$(cat /proc/sys/kernel/random/boot_id)"
say hostname "$(hostname)"
say user "$(id -un)"
say address "$(ip -4 -o address show scope global | sed 's,.* inet \\([0-9.]*\\).*,\\1,')"
echo "$USER was here" >/vmbatch/mine
say begun so-far
read -r other
say shared "$(ls -A /vmbatch | tr '\\n' ' ')"
say source "$(awk '$2 == "/vmbatch" { print $1 }' /proc/mounts)"
say listed "$(ls "/vmbatch/../$other" "/vmbatch/$other" 2>&1 | grep -vc 'No such file')"
say parent "$(ls -A / | grep -c "$other")"
say mounted "$(mount -t nfs4 -o vers=4.1,port=2049 "$2" /mnt 2>/dev/null && ls /mnt; grep -c ' /mnt ' /proc/mounts)"
say root "$(su -c id 2>&1 </dev/null | grep -c uid=0)"
say others "$(grep -c -E 'alice|bob' /etc/passwd)"
head -c 1000000 /dev/zero | tr '\\0' "${USER:0:1}" | base64 -w0
echo
exit "$1"
"""


def lines_until(job, last):
    said = {}
    while last not in said:
        name, value = job.wait_for_line().decode().rstrip("\n").split("=", 1)
        said[name] = value
    return said


def test_two_at_once(caller):
    """Each has a guest, an address and a part of the share of its own; what one is told of the other leads nowhere."""
    jobs = {user: caller.begin("mini", SCRIPT, code, share_source(), user=user) for user, code in [("alice", "11"), ("bob", "12")]}
    first = {user: lines_until(job, "begun") for user, job in jobs.items()}
    for name in ["boot_id", "hostname", "address"]:
        assert first["alice"][name] != first["bob"][name]
    assert [first[user]["user"] for user in jobs] == ["alice", "bob"]

    shares = {share.stat().st_uid: share for share in SHARE.iterdir()}
    assert set(shares) == {ALICE, BOB}
    other = {"alice": shares[BOB].name, "bob": shares[ALICE].name}
    own = {"alice": shares[ALICE], "bob": shares[BOB]}
    for user, code in [("alice", 11), ("bob", 12)]:
        assert (own[user] / "mine").read_text() == f"{user} was here\n"
        # Even its name, which is a secret, would not help.
        jobs[user].tell(other[user].encode() + b"\n")
        said = lines_until(jobs[user], "others")
        assert set(said["shared"].split()) == {"ready", "mine"}
        assert said["source"] == f"{share_source()}/{own[user].name}"
        assert (said["listed"], said["parent"], said["mounted"], said["root"], said["others"]) == ("0", "0", "0", "0", "1")
        assert base64.b64decode(jobs[user].process.stdout.read()) == user[0].encode() * 1_000_000
        assert jobs[user].end() == code
        assert jobs[user].err() == b""


@pytest.mark.parametrize("profile", ["mini", "debian"])
def test_on_the_user_network(caller, profile):
    """QEMU's own network, for hosts where there is no bridge: the guest reaches the share through it, and nothing but a port
    on loopback leads into the guest."""
    network = {"network": {"type": "user", "bridge": None}, "share_source": "10.0.2.2:/vmbatch"}
    config = caller.config({"profile": {profile: network}})
    ended = caller.run(profile, "id -un; awk '$2 == \"/vmbatch\" { print $1 }' /proc/mounts; cat; exit 7\n", stdin=b"in\n",
                       options=["--config", config])
    assert ended.code == 7, ended.err
    user, source, given = ended.out.decode().splitlines()
    assert (user, given) == ("alice", "in")
    assert re.fullmatch("10.0.2.2:/vmbatch/[0-9a-f]{12}-[0-9a-f]{32}", source)
    assert caller.result()["address"] == "10.0.2.15"
