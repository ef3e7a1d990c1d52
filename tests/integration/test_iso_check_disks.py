"""vmbatch iso check --disk: which disk µCernVM takes, by images as real tools make them; each row of the table in
howto/discs.md."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
VMBATCH = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev")).resolve() / "bin/vmbatch"
MIB = 1 << 20
CONTEXT_SH = "EC2_USER_DATA=" + base64.b64encode(b"#!/bin/sh\ntrue\nexit 0\n").decode() + "\n"


def run(*words, **how):
    done = subprocess.run(list(map(str, words)), capture_output=True, check=False, text=True, timeout=60, **how)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def disc(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "context.sh").write_text(CONTEXT_SH)
    run("genisoimage", "-quiet", "-R", "-J", "-V", "CONTEXT", "-o", tmp_path / "context.iso", tree)
    return tmp_path / "context.iso"


def check(disc, *disks, guest="cernvm4", strict=False):
    """Exit code, verdict, ids, what becomes of the scratch disk."""
    words = [word for disk in disks for word in ("--disk", disk)]
    discs = [disc] if disc else []
    done = subprocess.run([VMBATCH, "iso", "check", *discs, *words, "--guest", guest, "--json", *(["--strict"] if strict else [])],
                          capture_output=True, check=False, text=True, timeout=60)
    assert done.stderr == "", done.stderr
    said = json.loads(done.stdout)["guests"][0]
    scratch = [step["action"] for step in said["steps"] if step["stage"] == "scratch disk"]
    return done.returncode, said["verdict"], {finding["id"] for finding in said["findings"]}, "".join(scratch)


def blank(path, size=64 * MIB):
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def partitioned(path, content=None):
    """One partition from 1 MiB on, with this file's bytes in it."""
    blank(path)
    run("/sbin/sfdisk", "-q", path, input="start=2048, type=83\n")
    if content:
        with open(path, "r+b") as disk:
            disk.seek(MIB)
            disk.write(content.read_bytes())
    return path


def ext(path, kind, label, file=None):
    blank(path, 32 * MIB)
    run("/sbin/mke2fs", "-q", "-F", "-t", kind, "-L", label, path)
    if file:
        run("/sbin/debugfs", "-w", "-R", f"write {file} file", path)
    return path


def vfat(path, files):
    blank(path, 16 * MIB)
    run("/sbin/mkfs.vfat", "-n", "CONTEXT", path)
    parents = {str(parent) for name in files for parent in Path(name).parents} - {"."}
    for parent in sorted(parents):
        run("mmd", "-i", path, "::" + parent)
    for name, text in files.items():
        (path.parent / "text").write_text(text)
        run("mcopy", "-i", path, path.parent / "text", "::" + name)
    return path


def test_blank_disks_are_scratch_disks(tmp_path, disc):
    run(VMBATCH, "cache-disk", "create", tmp_path / "raw", "--size", "20G")
    run(VMBATCH, "cache-disk", "create", tmp_path / "qcow2", "--size", "20G", "--format", "qcow2")
    for name in ("raw", "qcow2"):
        code, verdict, _, scratch = check(disc, tmp_path / name, strict=True)
        assert (code, verdict, scratch) == (0, "applied", "partitions vdb, formats vdb1 as ext4 UROOT; CernVM-FS keeps 2000 MB there")


@pytest.mark.parametrize("label", ["", "UROOT", "CVMFSCACHE"])
def test_ext4_without_a_partition_is_lost(tmp_path, disc, label):
    code, verdict, ids, _ = check(disc, ext(tmp_path / "disk", "ext4", label))
    assert (code, verdict) == (1, "applied") and "data-lost" in ids
    assert "data-lost" not in check(disc, f"{tmp_path / 'disk'}:ro")[2]


def test_a_cvmfs_disk_is_not_for_cernvm_4(tmp_path, disc):
    run(VMBATCH, "cache-disk", "create", tmp_path / "disk", "--size", "1G", "--for", "cvmfs")
    assert "data-lost" in check(disc, tmp_path / "disk")[2]
    assert "data-lost" not in check(disc, tmp_path / "disk", guest="cernvm5")[2]


def test_a_context_on_writable_vfat_is_read_then_eaten(tmp_path, disc):
    context = vfat(tmp_path / "context", {"context.sh": CONTEXT_SH})
    scratch = blank(tmp_path / "scratch")
    code, verdict, ids, what = check(None, context, scratch)
    assert (code, verdict) == (1, "applied") and {"data-lost", "medium-eaten"} <= ids and "vdb1" in what
    assert check(None, f"{context}:ro", scratch)[0] == 0
    assert check(None, f"{context}@vdc", f"{scratch}@vdb")[0] == 0


def test_files_of_vfat_are_found(tmp_path):
    disk = vfat(tmp_path / "disk", {"openstack/latest/user_data": "#!/bin/sh\nexit 0\n",
                                    "openstack/latest/meta_data.json": '{"uuid": "7"}'})
    code, verdict, _, _ = check(None, f"{disk}:ro", blank(tmp_path / "scratch"))
    assert (code, verdict) == (0, "applied")


def test_partition_1_is_uroot(tmp_path, disc):
    warm = partitioned(tmp_path / "warm", ext(tmp_path / "fs", "ext4", "UROOT"))
    code, verdict, ids, scratch = check(disc, warm)
    assert (code, verdict) == (1, "not applied") and "old-context" in ids and "vdb1, labelled UROOT" in scratch


def test_partition_1_is_ext3(tmp_path, disc):
    code, verdict, ids, scratch = check(disc, partitioned(tmp_path / "disk", ext(tmp_path / "fs", "ext3", "")))
    assert (code, verdict) == (0, "applied") and "wiped" in ids and "formats vdb1" in scratch
    full = ext(tmp_path / "full", "ext3", "", disc)
    assert check(disc, partitioned(tmp_path / "disk", full))[1] == "hangs"


def test_partition_1_is_ext4_of_another_label(tmp_path, disc):
    code, verdict, ids, _ = check(disc, partitioned(tmp_path / "disk", ext(tmp_path / "fs", "ext4", "data")))
    assert (code, verdict) == (1, "hangs") and "panic" in ids


def test_partition_1_has_nothing_or_swap(tmp_path, disc):
    assert check(disc, partitioned(tmp_path / "disk"))[:2] == (0, "applied")
    run("/sbin/mkswap", blank(tmp_path / "swap", 32 * MIB))
    assert check(disc, partitioned(tmp_path / "disk2", tmp_path / "swap"))[:2] == (0, "applied")


def test_a_qcow2_is_looked_into(tmp_path, disc):
    warm = partitioned(tmp_path / "warm", ext(tmp_path / "fs", "ext4", "UROOT"))
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", warm, tmp_path / "warm.qcow2")
    assert "old-context" in check(disc, tmp_path / "warm.qcow2")[2]
    run("qemu-img", "create", "-q", "-f", "qcow2", "-b", tmp_path / "warm.qcow2", "-F", "qcow2", tmp_path / "over")
    done = subprocess.run([VMBATCH, "iso", "check", disc, "--disk", tmp_path / "over"], capture_output=True, check=False, text=True)
    assert done.returncode == 1 and "it has a backing file" in done.stderr


def test_a_disk_that_cannot_be_read(tmp_path, disc):
    damaged = vfat(tmp_path / "disk", {"context.sh": CONTEXT_SH})
    shutil.copy(damaged, tmp_path / "short")
    os.truncate(tmp_path / "short", 4096)
    for name, said in [("none", "No such file"), ("short", "it is cut off")]:
        done = subprocess.run([VMBATCH, "iso", "check", disc, "--disk", tmp_path / name], capture_output=True, check=False, text=True)
        assert done.returncode == 1 and said in done.stderr and str(tmp_path / name) in done.stderr, done.stderr
