"""Discs as vfat disks: by vmbatch, looked at by dosfstools and mtools, and by these, looked at by vmbatch. And large payloads,
in either format."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
VMBATCH = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev")).resolve() / "bin/vmbatch"
DIALECTS = {"cernvm": "CONTEXT", "configdrive": "config-2", "nocloud": "cidata", "universal": "cidata"}
CONTEXT = """schema = 1
[guest]
hostname = "wn-1"
[[user]]
name = "alice"
uid = 5001
ssh_keys = ["ssh-ed25519 AAAA alice"]
[[file]]
path = "/opt/payload"
source = "payload"
"""


def run(*words, **how):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=120,
                          env={**os.environ, "PATH": "/usr/bin:/usr/sbin:/bin:/sbin", "MTOOLS_SKIP_CHECK": "1"}, **how)


def good(*words, **how):
    done = run(*words, **how)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture
def context(tmp_path):
    (tmp_path / "payload").write_bytes(os.urandom(700_001))
    (tmp_path / "context.toml").write_text(CONTEXT)
    return tmp_path / "context.toml"


@pytest.fixture
def disk(context, tmp_path):
    def build(dialect, *words):
        assert good(VMBATCH, "iso", "build", context, "-o", tmp_path / "disk.img", "--format", "vfat", "--dialect", dialect, *words) == ""
        return tmp_path / "disk.img"
    return build


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_vfat_disk_is_one_to_other_tools(disk, tmp_path, dialect):
    made = disk(dialect)
    assert made.stat().st_mode & 0o777 == 0o600
    good("fsck.fat", "-n", made)
    probed = good("blkid", "-p", "-o", "export", made).splitlines()
    # In the letters that old cloud-init looks for.
    assert {f"LABEL={DIALECTS[dialect]}", "TYPE=vfat", "VERSION=FAT32"} <= set(probed) and any(line.startswith("UUID=") for line in probed)
    good("mcopy", "-s", "-n", "-i", made, "::", tmp_path / "tree")
    said = json.loads(good(VMBATCH, "iso", "show", made, "--json"))
    assert (said["format"], said["label"], said["rock_ridge"], said["joliet"]) == ("vfat", DIALECTS[dialect], False, False)
    files = {entry["path"] for entry in said["entries"] if entry["kind"] == "file"}
    assert files == {str(path.relative_to(tmp_path / "tree")) for path in (tmp_path / "tree").rglob("*") if path.is_file()}
    # What is on the ISO, byte for byte.
    good(VMBATCH, "iso", "build", tmp_path / "context.toml", "-o", tmp_path / "disc.iso", "--dialect", dialect)
    good(VMBATCH, "iso", "show", tmp_path / "disc.iso", "--extract", tmp_path / "of-iso")
    good("diff", "-r", tmp_path / "of-iso", tmp_path / "tree")
    good(VMBATCH, "iso", "show", made, "--extract", tmp_path / "of-vfat")
    good("diff", "-r", tmp_path / "of-iso", tmp_path / "of-vfat")


def test_the_same_context_gives_the_same_disk(disk, monkeypatch):
    first = disk("universal").read_bytes()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert disk("universal").read_bytes() == first
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    dated = disk("universal")
    assert dated.read_bytes() != first
    assert {entry["time"] for entry in json.loads(good(VMBATCH, "iso", "show", dated, "--json"))["entries"]} == {1700000000}


@pytest.mark.parametrize("size, kind, words", [("1M", "FAT12", []), ("40M", "FAT16", []), ("40M", "FAT32", ["-F", "32"]),
                                               ("40M", "FAT16", ["-S", "4096", "-s", "1", "-f", "1"])])
def test_disks_of_other_tools(tmp_path, size, kind, words):
    tree = tmp_path / "tree"
    (tree / "sub/deep").mkdir(parents=True)
    (tree / "user-data").write_text("#cloud-config\n")
    (tree / "SHORT.TXT").write_text("short")
    (tree / "sub/Größe with a long name, 日本").write_bytes(os.urandom(50_000))
    for number in range(60):
        (tree / f"sub/deep/file number {number}").write_text(str(number))
    disk = tmp_path / "disk.img"
    good("truncate", "-s", size, disk)
    good("mkfs.fat", "-n", "CIDATA", *words, disk)
    assert f"VERSION={kind}" in good("blkid", "-p", "-o", "export", disk).splitlines()
    environment = {"LC_ALL": "C.UTF-8"}
    for path in tree.iterdir():
        subprocess.run(["mcopy", "-s", "-i", disk, path, "::"], check=True, timeout=60, env={**os.environ, **environment})
    # Gone again: its entries are still there.
    good("mcopy", "-i", disk, tree / "user-data", "::a deleted file")
    good("mdel", "-i", disk, "::a deleted file")
    said = json.loads(good(VMBATCH, "iso", "show", disk, "--json"))
    assert (said["format"], said["label"]) == ("vfat", "CIDATA")
    good(VMBATCH, "iso", "show", disk, "--extract", tmp_path / "out")
    good("diff", "-r", tree, tmp_path / "out")


def test_what_is_no_format_is_refused(context, tmp_path):
    for word, said in [("vfatt", "did you mean 'vfat'?"), ("", "choose one of iso, vfat")]:
        done = run(VMBATCH, "iso", "build", context, "-o", tmp_path / "disk.img", "--format", word)
        assert done.returncode == 1 and said in done.stderr, done.stderr
        assert not (tmp_path / "disk.img").exists()


@pytest.mark.parametrize("kind", ["iso", "vfat"])
def test_a_disc_that_lasts_is_on_disk_before_it_appears(context, tmp_path, kind):
    """Its bytes before its name, its name before vmbatch ends. A job's disc waits for neither: see the system tests."""
    out = tmp_path / "out"
    out.mkdir()
    good("strace", "-f", "-qq", "-y", "-e", "trace=fsync,rename,renameat,renameat2", "-o", tmp_path / "calls",
         VMBATCH, "iso", "build", context, "-o", out / "disc", "--format", kind)
    calls = re.findall(r"(fsync|rename)\w*\((?:\d+<([^>]*)>|.*\"(.*?)\"\) )", (tmp_path / "calls").read_text())
    (first, file, _), (second, _, name), (third, folder, _) = calls
    assert (first, second, third) == ("fsync", "rename", "fsync"), calls
    assert (os.path.dirname(file), name, folder) == (str(out), str(out / "disc"), str(out)) and file != name


MEASURED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, timeout=300)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""


@pytest.mark.parametrize("kind", ["iso", "vfat"])
def test_hundreds_of_megabytes_pass_through_a_few(context, tmp_path, kind):
    """A payload of 300 MB, most of it a hole; the memory that writing and reading take is not a matter of its size."""
    with open(tmp_path / "payload", "r+b") as payload:
        payload.truncate(300 << 20)
        payload.seek(299 << 20)
        payload.write(b"the end")
    disc = tmp_path / "disc"
    for words in [["build", context, "-o", disc, "--format", kind, "--dialect", "nocloud"], ["show", disc, "--extract", tmp_path / "out"]]:
        kilobytes = int(good(sys.executable, "-c", MEASURED, VMBATCH, "iso", *words))
        assert kilobytes < 100_000, words
    with open(tmp_path / "out/vmbatch/files/0001", "rb") as read, open(tmp_path / "payload", "rb") as wanted:
        assert hashlib.file_digest(read, "sha256").digest() == hashlib.file_digest(wanted, "sha256").digest()
