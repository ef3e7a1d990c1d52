"""One image cache on NFS, used from two guests: two clients of the server, each with its own kernel and clock."""

import json
import os
import re
import shutil
import subprocess
import time

from hostile_http import HostileServer
from image_cache import MIB, disk, sha256
from jobs import VMBATCH
from world import ALICE, SHARE, share_source

DATA = disk(24)
PLACE = "/work/of-alice"

# What it is told, a line at a time. The guest has neither vmbatch nor its libraries: both are on the mount.
SCRIPT = """#!/bin/bash
cd /work/of-alice || exit
pull() { LD_LIBRARY_PATH=./libraries exec ./bin/vmbatch --cache-dir ./cache image pull "$@" --json --progress none; }
while read -r what url checksum; do
    case $what in
        pull) (pull "$url" --checksum "$checksum") 2>&1 | tr -d '\\n'; echo ;;
        begin) (pull "$url" --checksum "$checksum") >/dev/null 2>&1 & echo "$!" ;;
        kill) kill -9 $!; wait; echo killed ;;
    esac
done
"""


def place_vmbatch(folder):
    """The program as if installed there, with the libraries it loads; the C library is the guest's own, which is the same."""
    for name in ["bin", "libexec/vmbatch", "libraries"]:
        (folder / name).mkdir(parents=True)
    (folder / "libexec/vmbatch/libvirt-helper").touch()  # how it finds where it is installed
    subprocess.run(["strip", "-o", folder / "bin/vmbatch", VMBATCH], check=True)
    known = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    curl = re.search(r"libcurl\.so\.4 .*=> (\S+)", known).group(1)
    listed = "".join(subprocess.run(["ldd", file], capture_output=True, text=True, check=True).stdout for file in [VMBATCH, curl])
    for library in {curl, *re.findall(r"=> (/\S+)", listed)}:
        if not re.match(r"lib(c|m|dl|rt|pthread|resolv)\.so", os.path.basename(library)):
            shutil.copy(library, folder / "libraries")
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, ALICE, ALICE)


def answer(job):
    line = job.wait_for_line()
    assert line.startswith(b"{"), line
    return json.loads(line)


def wait_for_checkpoint(folder, offset):
    """What the one that fetches has said of its part, so that another can go on from there."""
    deadline = time.monotonic() + 120
    while True:
        records = [json.loads(record.read_text()) for record in folder.glob("cache/downloads/*.json")]
        if any(checkpoint["offset"] >= offset for record in records for checkpoint in record["checkpoints"]):
            return
        assert time.monotonic() < deadline, records
        time.sleep(0.1)


def test_two_clients_fetch_once_and_the_lock_of_a_killed_one_is_free(caller):
    folder = SHARE / "of-alice"
    folder.mkdir(mode=0o700)
    try:
        place_vmbatch(folder)
        mount = {"source": f"{share_source()}/of-alice", "target": PLACE, "options": "vers=4.1,port=2049"}
        config = caller.config({"profile": {"mini": {"create_workdir": False, "mount": [mount]}}})
        with HostileServer(address=share_source().split(":")[0]) as server:
            one, two = [caller.begin("mini", SCRIPT, options=["--config", config, "--workdir", PLACE]) for _ in range(2)]
            for job in [one, two]:
                job.wait_for("run", timeout=300)

            # Both at once: one of them fetches, and the server sends its bytes once.
            url = server.serve("/both", DATA, rate=3 * MIB)
            for job in [one, two]:
                job.tell(f"pull {url} {sha256(DATA)}\n".encode())
            said = [answer(job) for job in [one, two]]
            assert sorted(end["result"] for end in said) == ["cached", "pulled"]
            assert len({end["image"]["path"] for end in said}) == 1
            assert server.sent("/both") == len(DATA)
            assert (folder / "cache/images" / os.path.basename(said[0]["image"]["path"])).read_bytes() == DATA

            # The one that fetches is killed: the other has the lock, and goes on where it was.
            other = disk(24, seed=5)
            url = server.serve("/killed", other, stall_after=[14 * MIB])
            one.tell(f"begin {url} {sha256(other)}\n".encode())
            one.wait_for_line()
            wait_for_checkpoint(folder, 4 * MIB)
            two.tell(f"pull {url} {sha256(other)}\n".encode())
            one.tell(b"kill\n")
            assert one.wait_for_line() == b"killed\n"
            last = answer(two)
            assert last["result"] == "pulled" and last["pull"]["resumed"] >= 4 * MIB
            assert (folder / "cache/images" / os.path.basename(last["image"]["path"])).read_bytes() == other
            assert [one.end(), two.end()] == [0, 0]
    finally:
        shutil.rmtree(folder)
