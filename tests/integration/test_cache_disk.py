"""vmbatch cache-disk create: what a guest takes, small, the same bytes twice, clean to e2fsck."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
VMBATCH = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev")).resolve() / "bin/vmbatch"
GIB = 1 << 30


def run(*words):
    return subprocess.run(list(map(str, words)), capture_output=True, check=False, text=True, timeout=60)


def create(disk, *words):
    done = run(VMBATCH, "cache-disk", "create", disk, *words)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def on_disk(file):
    return file.stat().st_blocks * 512


def data_of(file):
    """(offset, bytes) of what is no hole."""
    with open(file, "rb") as stream:
        end, at, pieces = os.fstat(stream.fileno()).st_size, 0, []
        while at < end:
            try:
                start = os.lseek(stream.fileno(), at, os.SEEK_DATA)
            except OSError:
                return pieces
            at = os.lseek(stream.fileno(), start, os.SEEK_HOLE)
            pieces.append((start, os.pread(stream.fileno(), at - start, start)))
        return pieces


def test_for_cernvm_it_is_blank(tmp_path):
    disk = tmp_path / "scratch.img"
    assert create(disk, "--size", "20G") == ""
    assert (disk.stat().st_size, on_disk(disk), stat.S_IMODE(disk.stat().st_mode)) == (20 * GIB, 0, 0o600)
    qcow2 = tmp_path / "scratch.qcow2"
    create(qcow2, "--size", "20G", "--format", "qcow2")
    info = json.loads(run("qemu-img", "info", "--output=json", qcow2).stdout)
    assert (info["format"], info["virtual-size"], "backing-filename" in info) == ("qcow2", 20 * GIB, False)
    assert not any(piece["data"] for piece in json.loads(run("qemu-img", "map", "--output=json", qcow2).stdout))
    assert on_disk(qcow2) < 1 << 20
    assert {file.name for file in tmp_path.iterdir()} == {"scratch.img", "scratch.qcow2"}


@pytest.mark.parametrize("size", ["64M", "300M", "20G"])
def test_for_cvmfs_it_is_ext4(tmp_path, size):
    first, second = tmp_path / "1.img", tmp_path / "2.img"
    create(first, "--size", size, "--for", "cvmfs")
    create(second, "--size", size, "--for", "cvmfs")
    assert data_of(first) == data_of(second)
    assert on_disk(first) <= 5 << 20
    checked = run("/sbin/e2fsck", "-fn", first)
    assert checked.returncode == 0 and "CVMFSCACHE: 11/" in checked.stdout, checked.stdout + checked.stderr
    assert run("/sbin/blkid", "-p", "-o", "value", "-s", "LABEL", first).stdout == "CVMFSCACHE\n"
    assert "lost+found" in run("/sbin/debugfs", "-R", "ls -l /", first).stdout


def test_it_can_be_filled(tmp_path):
    """By another writer of the same file system."""
    disk, file = tmp_path / "cache.img", tmp_path / "file"
    create(disk, "--size", "1G", "--for", "cvmfs")
    file.write_bytes(os.urandom(5 << 20))
    assert run("/sbin/debugfs", "-w", "-R", f"write {file} file", disk).returncode == 0
    assert run("/sbin/debugfs", "-R", f"dump file {tmp_path}/back", disk).returncode == 0
    assert (tmp_path / "back").read_bytes() == file.read_bytes()
    assert run("/sbin/e2fsck", "-fn", disk).returncode == 0


def test_ext4_in_qcow2_is_the_same(tmp_path):
    create(tmp_path / "cache.img", "--size", "300M", "--for", "cvmfs")
    said = json.loads(create(tmp_path / "cache.qcow2", "--size", "300M", "--for", "cvmfs", "--format", "qcow2", "--json"))
    assert (said["schema"], said["label"], said["cvmfs_quota_limit"]) == (1, "CVMFSCACHE", 246)
    compared = run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", tmp_path / "cache.img", tmp_path / "cache.qcow2")
    assert compared.returncode == 0, compared.stdout
    assert {file.name for file in tmp_path.iterdir()} == {"cache.img", "cache.qcow2"}


def test_what_is_there_is_left_alone(tmp_path):
    disk = tmp_path / "cache.img"
    disk.write_text("full of files")
    done = run(VMBATCH, "cache-disk", "create", disk, "--size", "1G")
    assert done.returncode == 1 and "is there already" in done.stderr
    assert disk.read_text() == "full of files"


@pytest.mark.parametrize("size, said", [("1M", "cannot have this size"), ("much", "not a size"), ("20000000", "cannot have"),
                                        ("17000G", "cannot have this size")])
def test_sizes_that_cannot_be(tmp_path, size, said):
    done = run(VMBATCH, "cache-disk", "create", tmp_path / "cache.img", "--size", size)
    assert done.returncode == 1 and said in done.stderr
    assert list(tmp_path.iterdir()) == []
