"""disk-helper: what disks hold, found out without privileges."""

import hashlib
import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
from disks import MIB, ext4, partitioned, physical_volume, run, system

CHECKOUT = Path(__file__).resolve().parents[2]
HELPER = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev")).resolve() / "libexec/vmbatch/disk-helper"
ROOT_UUID = "01234567-89ab-cdef-0123-456789abcdef"
HOME_UUID = "11234567-89ab-cdef-0123-456789abcdef"


def helper(*words, stdin):
    return subprocess.run([HELPER, *words], stdin=stdin, capture_output=True, check=False, text=True, timeout=120)


def inspect(image):
    with open(image, "rb") as file:
        return helper("raw", stdin=file)


def found(image):
    done = inspect(image)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def served(image, place):
    """What is found on a qcow2 behind qemu-storage-daemon."""
    listening, connection = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    listening.bind(str(place))
    listening.listen(1)
    connection.connect(str(place))
    drive = {"driver": "qcow2", "node-name": "drive", "read-only": True, "backing": None,
             "file": {"driver": "file", "filename": str(image), "read-only": True}}
    with subprocess.Popen(["/usr/bin/qemu-storage-daemon", "--nbd-server", "addr.type=fd,addr.str=0", "--blockdev",
                           json.dumps(drive), "--export", "type=nbd,id=export,node-name=drive,name="],
                          stdin=listening) as daemon:
        try:
            done = helper("nbd", stdin=connection)
        finally:
            daemon.terminate()
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def check_guest(disk, engine="ext"):
    assert disk["schema"] == 1
    guest = disk["guest"]
    assert (guest["distribution"], guest["version"]) == ("debian", "12")
    assert guest["kernels"] == ["6.1.0-test"]
    assert disk["engine"]["name"] == engine, disk["engine"]


@pytest.fixture(name="root", scope="module")
def fixture_root(tmp_path_factory):
    """A root on ext4, with /home on another file system: (image of it, image of /home)."""
    folder = tmp_path_factory.mktemp("disks")
    tree = system(folder / "tree", f"UUID={ROOT_UUID} / ext4 defaults 0 1\nUUID={HOME_UUID} /home ext4 defaults 0 2\n"
                                   "tmpfs /tmp tmpfs defaults 0 0\nserver:/x /opt nfs defaults 0 0\n")
    root = ext4(folder / "root", 24 * MIB, tree, "-U", ROOT_UUID, "-L", "root")
    return root, ext4(folder / "home", 8 * MIB, None, "-U", HOME_UUID)


def gpt(tmp_path, root):
    return partitioned(tmp_path / "disk.raw", 40 * MIB,
                       "label: gpt\nstart=1MiB, size=24MiB, name=root\nstart=26MiB, size=8MiB\n",
                       {1: root[0], 26: root[1]})


def test_a_raw_image_with_two_partitions(tmp_path, root):
    image = gpt(tmp_path, root)
    before = hashlib.sha256(image.read_bytes()).hexdigest()
    disk = found(image)
    check_guest(disk)
    assert disk["partition_table"] == "gpt"
    assert [(row["name"], row["type"], row["label"]) for row in disk["volumes"]] == [
        ("partition 1", "ext4", "root"), ("partition 2", "ext4", "")]
    assert disk["mounts"] == [{"target": "/", "source": "", "volume": "partition 1"},
                              {"target": "/home", "source": f"UUID={HOME_UUID}", "volume": "partition 2"}]
    assert hashlib.sha256(image.read_bytes()).hexdigest() == before


def test_a_qcow2_through_the_storage_daemon(tmp_path, root):
    raw, qcow2 = gpt(tmp_path, root), tmp_path / "disk.qcow2"
    run("qemu-img", "convert", "-c", "-O", "qcow2", raw, qcow2)
    assert served(qcow2, tmp_path / "socket") == found(raw)


def test_root_on_lvm_and_boot_beside_it(tmp_path):
    tree = system(tmp_path / "tree", "/dev/mapper/vg-lv_root / ext4 defaults 1 1\nLABEL=boot /boot ext4 defaults 1 2\n")
    root = ext4(tmp_path / "root", 24 * MIB, tree).read_bytes()
    boot = tmp_path / "boot-tree"
    boot.mkdir()
    (boot / "vmlinuz-2.6.32-test").write_text("kernel")
    volume = physical_volume(40 * MIB, "vg", {"lv_root": (2, root)})
    image = partitioned(tmp_path / "disk", 60 * MIB,
                        "label: dos\nstart=1MiB, size=8MiB, type=83, bootable\nstart=10MiB, size=40MiB, type=8e\n",
                        {1: ext4(tmp_path / "boot", 8 * MIB, boot, "-L", "boot"), 10: volume})
    disk = found(image)
    assert disk["partition_table"] == "mbr"
    assert [row["name"] for row in disk["volumes"]] == ["partition 1", "partition 2", "vg/lv_root"]
    assert disk["volumes"][2]["offset"] == (10 + 1 + 8) * MIB
    assert disk["guest"]["kernels"] == ["2.6.32-test"] # that of the mounted /boot, which hides the root's own
    assert disk["engine"]["name"] == "ext"


def test_what_ext_cannot_serve_says_so(tmp_path, root):
    image = ext4(tmp_path / "whole", 24 * MIB, system(tmp_path / "tree"))
    disk = found(image)
    check_guest(disk)
    assert disk["partition_table"] == "none"
    run("/sbin/debugfs", "-w", "-R", "feature needs_recovery", image)
    disk = found(image)
    check_guest(disk, "guestfs")
    assert "journal" in disk["engine"]["why"]
    empty = tmp_path / "empty"
    empty.write_bytes(bytes(MIB))
    disk = found(empty)
    assert disk["guest"] is None and disk["engine"]["name"] == "guestfs"
    only_root = partitioned(tmp_path / "half", 40 * MIB, "label: gpt\nstart=1MiB, size=24MiB\n", {1: root[0]})
    disk = found(only_root)
    assert disk["engine"]["name"] == "guestfs" and "/home" in disk["engine"]["why"]


def test_damaged_disks_are_errors_or_described_and_never_a_hang(tmp_path, root):
    image = gpt(tmp_path, root)
    whole = image.read_bytes()
    for step in range(12):
        broken = bytearray(whole)
        # Around the superblock, the group descriptors and the inodes of the first partition.
        for at in range(MIB + 1024 + step * 37, MIB + 512 * 1024, 4099):
            broken[at] ^= 0x5a + step
        image.write_bytes(broken)
        done = inspect(image)
        assert done.returncode in (0, 1), done.stderr
        said = json.loads(done.stdout)
        assert "error" in said if done.returncode else said["engine"]["name"] in ("ext", "guestfs")
