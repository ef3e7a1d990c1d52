"""Disks of other programs, pulled and imported: made into qcow2 once; and hostile ones of every kind."""

import bz2
import gzip
import io
import json
import lzma
import os
import struct
import subprocess
import tarfile
import zipfile

import pytest
from image_cache import MIB, disk, noise, sha256

DATA = disk(24)


def made(tmp_path, disk_format, *options):
    raw = tmp_path / "raw"
    raw.write_bytes(DATA)
    path = tmp_path / f"disk.{disk_format}"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", disk_format, *options, raw, path], check=True)
    return path.read_bytes()


def flat(tmp_path, pulled):
    """What a guest would see."""
    out = tmp_path / "flat"
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", pulled["image"]["path"], out], check=True)
    return out.read_bytes()


@pytest.mark.parametrize("disk_format, options", [
    ("vmdk", []), ("vmdk", ["-o", "subformat=streamOptimized"]), ("vdi", []), ("vpc", ["-o", "force_size=on"]), ("vhdx", [])])
def test_disks_of_other_programs_are_converted_once(cache, server, tmp_path, disk_format, options):
    data = made(tmp_path, disk_format, *options)
    url = server.serve("/x", data)
    pulled = cache.pull(url, "--checksum", sha256(data))
    assert pulled["image"]["format"] == "qcow2" and not cache.leftovers()
    seen = flat(tmp_path, pulled)
    assert seen[:len(DATA)] == DATA and not any(seen[len(DATA):])
    assert cache.pull("http://127.0.0.1:1/y", "--checksum", sha256(data))["result"] == "cached"
    assert len(server.seen) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to put another program in the place of qemu-img")
def test_a_conversion_has_a_limit_of_memory(cache, tmp_path):
    (tmp_path / "disk").write_bytes(made(tmp_path, "vdi"))
    stand_in, told = tmp_path / "qemu-img", tmp_path / "limits"
    stand_in.write_text(f"#!/bin/sh\nulimit -v >>{told}\nexit 1\n")
    stand_in.chmod(0o755)
    done = subprocess.run(["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /usr/bin/qemu-img && exec "$@"', stand_in,
                           *cache.command("import", tmp_path / "disk", "--name", "x")], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and "cannot be made into qcow2" in done.stderr, done.stderr
    assert {int(line) for line in told.read_text().split()} == {2 << 20}  # KiB


def test_an_ova_gives_its_disk(cache, server, tmp_path):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in {"vm.ovf": b"<Envelope/>", "vm.mf": b"SHA256(x)= 0",
                           "vm-disk1.vmdk": made(tmp_path, "vmdk", "-o", "subformat=streamOptimized")}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    pulled = cache.pull(server.serve("/x.ova", packed.getvalue()), "--insecure")
    assert flat(tmp_path, pulled)[:len(DATA)] == DATA


def bent_vmdk(tmp_path, old, new, capacity=None):
    data = bytearray(made(tmp_path, "vmdk"))
    assert old in data and len(new) <= len(old)
    data = data.replace(old, new.ljust(len(old), b"\n"))
    if capacity is not None:
        data[12:20] = struct.pack("<Q", capacity)
    return bytes(data)


def vmdk_with_extent(tmp_path, line):
    """With more text in the room behind the descriptor."""
    data = bytearray(made(tmp_path, "vmdk"))
    at = data.index(b"ddb.virtualHWVersion")
    data[at:at + len(line)] = line
    return bytes(data)


HOSTILE = {
    "a VMDK descriptor": lambda _: b'# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 1 FLAT "/etc/shadow" 0\n',
    "a VMDK of another type": lambda place: bent_vmdk(place, b"monolithicSparse", b"monolithicFlat\""),
    "a VMDK without size": lambda place: bent_vmdk(place, b"monolithicSparse", b"monolithicSparse", capacity=0),
    "a VMDK with a flat extent": lambda place: vmdk_with_extent(place, b'RW 1 FLAT "/etc/shadow" 0\n'),
    "a VMDK with a parent": lambda place: vmdk_with_extent(place, b'parentFileNameHint="/etc/shadow"\n'),
    "a VDI with a parent": lambda place: made(place, "vdi")[:76] + struct.pack("<I", 4) + made(place, "vdi")[80:],
    "a VHD with a parent": lambda place: made(place, "vpc")[:60] + struct.pack(">I", 4) + made(place, "vpc")[64:],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_disks_that_name_other_files_are_refused(cache, server, tmp_path, kind):
    error = cache.fail(server.serve("/x", HOSTILE[kind](tmp_path)), "--insecure", code=1)
    assert "refused" in error


def test_a_qcow2_with_a_backing_file_is_refused_packed_or_not(cache, server, tmp_path):
    path = tmp_path / "x.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", "/etc/shadow", "-F", "raw", path, "1M"], check=True)
    for data in [path.read_bytes(), gzip.compress(path.read_bytes())]:
        assert "backing file" in cache.fail(server.serve("/x", data), "--insecure", code=1)


def test_a_bomb(cache, server, tmp_path):
    config = tmp_path / "vmbatch.toml"
    config.write_text('schema = 1\n[share]\nsource = "a:/b"\n[profile.x]\n[images]\nmax_size = "40M"\n')
    packed = gzip.compress(gzip.compress(noise(1000) * 60000, 9), 9)
    error = cache.fail(server.serve("/x", packed), "--insecure", "--config", config)
    assert "larger than images may be" in error and "40M" in error
    many = gzip.compress(b"x" * (400 * MIB), 9)
    error = cache.fail(server.serve("/y", many), "--insecure")
    assert "bomb" in error


def test_a_window_larger_than_allowed(cache, server, tmp_path):
    config = tmp_path / "vmbatch.toml"
    config.write_text('schema = 1\n[share]\nsource = "a:/b"\n[profile.x]\n[images]\ndecoder_memory = "8M"\n')
    data = noise(MIB) * 40
    for tool in [["zstd", "-q", "--ultra", "-22", "--long=27"], ["xz", "-9"]]:
        packed = subprocess.run(tool, input=data, capture_output=True, check=True).stdout
        error = cache.fail(server.serve("/x", packed), "--insecure", "--config", config, code=3)
        assert "memory" in error and "images.decoder_memory" in error


def vhdx_with_parent(place):
    """The flag among its file parameters; which item they are, the metadata's table says."""
    data = bytearray(made(place, "vhdx"))
    table = data.index(b"metadata")
    item = data.index(bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b"), table)
    data[table + struct.unpack_from("<I", data, item + 16)[0] + 4] |= 2
    return bytes(data)


def test_a_vhdx_with_a_parent(cache, server, tmp_path):
    error = cache.fail(server.serve("/x", vhdx_with_parent(tmp_path)), "--insecure", code=1)
    assert "cannot be made into qcow2" in error


@pytest.mark.parametrize("disk_format", ["vmdk", "vdi", "vpc", "vhdx"])
def test_a_disk_that_is_cut_off_or_full_of_noise(cache, server, tmp_path, disk_format):
    """Its header is good; what the rest makes qemu-img do, it does to itself."""
    good = made(tmp_path, disk_format)
    for number, data in enumerate([good[:len(good) // 8], good[:1024] + noise(MIB)]):
        done = cache.run("pull", server.serve(f"/{number}", data), "--insecure")
        assert done.returncode in (0, 1), done.stderr
        assert not list(cache.directory.glob("images/.*"))


@pytest.mark.parametrize("disk_format", ["raw", "qcow2", "vmdk", "vdi", "vpc", "vhdx"])
def test_a_virtual_size_beyond_the_limit(cache, server, tmp_path, disk_format):
    config = tmp_path / "vmbatch.toml"
    config.write_text('schema = 1\n[share]\nsource = "a:/b"\n[profile.x]\n[images]\nmax_virtual_size = "24M"\n')
    error = cache.fail(server.serve("/x", made(tmp_path, disk_format)), "--insecure", "--config", config)
    assert "larger than disks may be" in error and "images.max_virtual_size" in error


def test_a_vmdk_that_says_it_is_enormous(cache, server, tmp_path):
    huge = bent_vmdk(tmp_path, b"monolithicSparse", b"monolithicSparse", capacity=1 << 52)
    assert cache.run("pull", server.serve("/x", huge), "--insecure").returncode in (1, 3, 4)
    assert not cache.images() and not list(cache.directory.glob("images/.*"))


# ---- imported ----

def zipped(data):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("disk.raw", data)
    return packed.getvalue()


PACKED = {"gzip": lambda data: gzip.compress(data, 1), "bzip2": lambda data: bz2.compress(data, 1),
          "xz": lambda data: lzma.compress(data, preset=0), "zip": zipped,
          "zstd": lambda data: subprocess.run(["zstd", "-q"], input=data, capture_output=True, check=True).stdout}


def imported(cache, *words):
    done = cache.run("import", *words, "--json", "--progress", "json")
    assert done.returncode == 0, done.stderr
    stages = {json.loads(line)["stage"] for line in done.stderr.splitlines()}
    return {**json.loads(done.stdout), "stages": stages}


def not_imported(cache, *words, code=1):
    done = cache.run("import", *words)
    assert done.returncode == code, (done.returncode, done.stderr)
    assert not cache.images()
    return done.stderr


@pytest.mark.parametrize("packing", PACKED)
def test_a_packed_file_is_unpacked_by_import(cache, tmp_path, packing):
    source = tmp_path / "100% of a disk, größer"
    data = disk()
    source.write_bytes(PACKED[packing](data))
    first = imported(cache, source, "--name", "x")
    assert cache.content(first) == data and not first["cached"] and first["image"]["aliases"] == ["x"]
    again = imported(cache, source, "--name", "x")
    assert again["cached"] and again["image"] == first["image"] and "fetch" not in again["stages"], "it is not even read"
    assert not cache.leftovers() and source.exists()
    assert cache.run("verify", "x").returncode == 0


@pytest.mark.parametrize("disk_format", ["vmdk", "vdi", "vpc", "vhdx"])
def test_a_disk_of_another_program_is_converted_once_by_import(cache, tmp_path, disk_format):
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(made(tmp_path, disk_format))
    copy.write_bytes(source.read_bytes())
    first = imported(cache, source, "--name", "x")
    assert first["image"]["format"] == "qcow2" and "convert" in first["stages"]
    assert flat(tmp_path, first)[:len(DATA)] == DATA
    again = imported(cache, copy, "--name", "y")
    assert again["cached"] and again["image"]["digest"] == first["image"]["digest"] and "convert" not in again["stages"]
    assert again["image"]["aliases"] == ["x", "y"] and not cache.leftovers()


def test_what_was_pulled_packed_is_not_converted_again_by_import(cache, server, tmp_path):
    packed = gzip.compress(made(tmp_path, "vdi"), 1)
    pulled = cache.pull(server.serve("/x", packed), "--insecure")
    (tmp_path / "copy").write_bytes(packed)
    again = imported(cache, tmp_path / "copy", "--name", "y")
    assert again["cached"] and again["image"]["digest"] == pulled["image"]["digest"] and "convert" not in again["stages"]


def test_an_import_that_says_raw_is_taken_as_it_is(cache, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(gzip.compress(DATA, 1))
    assert cache.content(imported(cache, source, "--format", "raw")) == source.read_bytes()


@pytest.mark.parametrize("kind", HOSTILE)
def test_nor_are_they_imported(cache, tmp_path, kind):
    source = tmp_path / "source"
    source.write_bytes(HOSTILE[kind](tmp_path))
    assert "refused" in not_imported(cache, source, "--name", "x")


def test_a_packed_import_and_its_checksum(cache, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(gzip.compress(DATA, 1))
    right, wrong = sha256(source.read_bytes()), sha256(DATA)
    error = not_imported(cache, source, "--checksum", wrong)
    assert right in error and wrong in error and "promises" in error
    assert not list(cache.directory.rglob("*.bad"))
    assert cache.content(imported(cache, source, "--checksum", right)) == DATA


def test_a_packed_import_that_is_damaged_is_the_users_to_mend(cache, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(gzip.compress(DATA, 1)[:MIB])
    assert "cannot be unpacked" in not_imported(cache, source)


def test_a_page_is_not_imported(cache, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"<!DOCTYPE html><title>Log in</title>")
    assert "an HTML page" in not_imported(cache, source)


def test_prune_keeps_a_packed_import_and_repair_reads_it_again(cache, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(gzip.compress(DATA, 1))
    image = imported(cache, source, "--name", "x")["image"]
    kept = json.loads(cache.run("prune", "--max-size", "1", "--json").stdout)
    assert not kept["removed"] and "imported" in kept["kept"][0]["why"]
    os.chmod(image["path"], 0o644)
    with open(image["path"], "r+b") as file:
        file.write(b"damage")
    done = cache.run("verify", "x", "--repair")
    assert done.returncode == 0, done.stderr
    assert cache.images()[0].read_bytes() == DATA
