"""vmbatch image pull against a server that behaves: the whole way, formats, what is left behind."""

import bz2
import gzip
import io
import json
import lzma
import os
import re
import subprocess
import tarfile
import zipfile

import pytest
from image_cache import MIB, disk, noise, sha256, sha512


def zstd(data, *options):
    return subprocess.run(["zstd", "-q", "-3", *options], input=data, capture_output=True, check=True).stdout


def xz_in_blocks(data):
    return subprocess.run(["xz", "-0", "--block-size=1MiB", "-T2"], input=data, capture_output=True, check=True).stdout


def zip_of(data, name="disk.raw"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return packed.getvalue()


def tar_of(files, mode="w"):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


PACKED = {
    "as it is": lambda data: data,
    "gzip": lambda data: gzip.compress(data, 1),
    "gzip of several members": lambda data: gzip.compress(data[:MIB + 5], 1) + gzip.compress(data[MIB + 5:], 1),
    "gzip with padding": lambda data: gzip.compress(data, 1) + bytes(1024),
    "bzip2": lambda data: bz2.compress(data, 1),
    "bzip2 of several streams": lambda data: bz2.compress(data[:99999], 1) + bz2.compress(data[99999:], 1),
    "xz": lambda data: lzma.compress(data, preset=0),
    "xz in blocks": xz_in_blocks,
    "zstd": zstd,
    "zstd of several frames": lambda data: zstd(data[:MIB]) + zstd(data[MIB:]),
    "zip": zip_of,
    "tar": lambda data: tar_of({"disk.raw": data}),
    "tar.xz": lambda data: lzma.compress(tar_of({"a/disk.raw": data}), preset=0),
    "tar.gz": lambda data: tar_of({"disk.raw": data}, "w:gz"),
    "zip of gzip": lambda data: zip_of(gzip.compress(data, 1), "disk.raw.gz"),
}


@pytest.mark.parametrize("packing", PACKED)
def test_a_disk_comes_out_as_it_was_packed(cache, server, packing):
    data = disk()
    packed = PACKED[packing](data)
    url = server.serve("/name.says.nothing", packed)
    pulled = cache.pull(url, "--name", "it", "--checksum", sha256(packed))
    assert cache.content(pulled) == data
    assert pulled["image"]["digest"] == sha256(data)
    assert pulled["result"] == "pulled" and pulled["pull"]["verified"] == sha256(packed)
    assert pulled["pull"]["bytes"] == len(packed) == server.sent("/name.says.nothing")
    assert pulled["image"]["disk_usage"] <= len(data) - 2 * MIB + 256 * 1024, "the hole is gone"
    assert os.stat(pulled["image"]["path"]).st_mode & 0o777 == 0o444
    assert not cache.leftovers()
    assert cache.run("verify", "it").returncode == 0


@pytest.mark.parametrize("packing", ["as it is", "gzip"])
def test_what_is_published_is_on_disk_before_it_has_its_name(cache, server, tmp_path, packing):
    """Image, metadata, name, source: the bytes, then the name, then the folder."""
    url = server.serve("/x", PACKED[packing](disk()))
    trace = ["strace", "-f", "-qq", "-y", "--seccomp-bpf", "-e", "trace=fsync,rename,renameat,renameat2", "-o", tmp_path / "calls"]
    subprocess.run([*trace, *cache.command("pull", url, "--insecure", "--name", "it")], env=cache.environment(), check=True,
                   capture_output=True, timeout=60)
    synced, unnamed, published = set(), set(), []
    for line in (tmp_path / "calls").read_text().splitlines():
        if found := re.search(r"fsync\(\d+<([^>]*)>", line):
            synced.add(found[1])
            unnamed.discard(found[1])
            continue
        before, after = re.findall('"([^"]*)"', line)
        folder = os.path.dirname(after)
        if os.path.basename(folder) != "downloads":
            assert before in synced, (before, after)
            unnamed.add(folder)
            published.append(os.path.basename(folder))
    assert {*published} == {"images", "aliases", "sources"} and published.count("images") == 2
    assert not unnamed


@pytest.mark.parametrize("size", [1, 511, 512, MIB - 1, MIB, MIB + 1, 3 * MIB])
def test_sizes_around_the_ends_of_chunks(cache, server, size):
    data = noise(size)
    assert cache.content(cache.pull(server.serve("/x", data), "--insecure")) == data


def test_zeros_at_the_end_and_nothing_else(cache, server):
    data = bytes(5 * MIB)
    pulled = cache.pull(server.serve("/x", data), "--insecure")
    assert cache.content(pulled) == data and pulled["image"]["disk_usage"] == 0


def test_of_a_file(cache, tmp_path):
    data = disk()
    (tmp_path / "a disk.gz").write_bytes(gzip.compress(data))
    url = f"file://{tmp_path}/a%20disk.gz"
    assert cache.content(cache.pull(url, "--name", "x")) == data
    assert cache.pull(url)["result"] == "cached"


def test_a_qcow2_is_kept_as_it_is(cache, server, tmp_path):
    made = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", made, "64M"], check=True)
    pulled = cache.pull(server.serve("/x", gzip.compress(made.read_bytes())), "--insecure")
    assert pulled["image"]["format"] == "qcow2" and pulled["image"]["virtual_size"] == 64 * MIB
    assert cache.content(pulled) == made.read_bytes()


def test_a_second_pull_asks_and_is_told_that_nothing_changed(cache, server):
    url = server.serve("/x", disk())
    first = cache.pull(url, "--insecure")
    second = cache.pull(url, "--insecure", "--name", "also")
    assert (second["result"], second["image"]["digest"]) == ("cached", first["image"]["digest"])
    assert [seen.status for seen in server.requests("/x")] == [200, 304]
    assert second["image"]["aliases"] == ["also"]


def test_a_changed_file_is_another_image(cache, server):
    url = server.serve("/x", disk())
    first = cache.pull(url, "--insecure", "--name", "x")
    server.serve("/x", disk(seed=5))
    second = cache.pull(url, "--insecure", "--name", "x")
    assert second["result"] == "pulled" and second["image"]["digest"] != first["image"]["digest"]
    history = json.loads(cache.run("show", "x", "--json").stdout)["names"][0]["history"]
    assert [step["digest"] for step in history] == [second["image"]["digest"], first["image"]["digest"]]


def test_a_known_checksum_asks_nobody(cache, server):
    data = gzip.compress(disk())
    url = server.serve("/x", data)
    cache.pull(url, "--checksum", sha256(data))
    for checksum in [sha256(data)]:
        again = cache.pull("http://127.0.0.1:1/elsewhere", "--checksum", checksum, "--name", "there")
        assert again["result"] == "cached" and again["image"]["aliases"] == ["there"]
    assert len(server.seen) == 1


def test_sha512(cache, server):
    data = gzip.compress(disk())
    url = server.serve("/x", data)
    assert cache.pull(url, "--checksum", sha512(data).upper().replace("SHA512", "sha512"))["result"] == "pulled"
    assert cache.pull(url, "--checksum", sha512(data))["result"] == "cached"
    assert len(server.seen) == 1


def test_what_is_known_of_a_pull_is_kept(cache, server):
    data = gzip.compress(disk())
    server.serve("/real", data)
    url = server.serve("/x", redirect="/real")
    cache.pull(url, "--insecure", "--name", "x")
    pull = json.loads(cache.run("show", "x", "--json").stdout)["pull"]
    assert (pull["url"], pull["final_url"], pull["bytes"], pull["packed_as"]) == (url, server.base + "/real", len(data), "gzip")
    shown = cache.run("show", "x").stdout
    assert "/real" in shown and "gzip" in shown


@pytest.mark.parametrize("packing", ["gzip", "bzip2", "xz", "xz in blocks", "zstd", "zip", "tar.xz"])
def test_a_packed_file_that_is_cut_off(cache, server, packing):
    packed = PACKED[packing](noise(3 * MIB))
    error = cache.fail(server.serve("/x", packed[:len(packed) // 2]), "--insecure")
    assert "cannot be unpacked" in error and not list(cache.directory.glob("images/.*"))


@pytest.mark.parametrize("packing", ["gzip", "bzip2", "xz", "zstd"])
def test_a_packed_file_with_a_wrong_byte(cache, server, packing):
    packed = bytearray(PACKED[packing](noise(3 * MIB)) if packing != "zstd" else zstd(noise(3 * MIB), "--check"))
    packed[len(packed) // 2] ^= 0x10
    assert "cannot be unpacked" in cache.fail(server.serve("/x", bytes(packed)), "--insecure")


def test_an_archive_of_two_files_is_no_image(cache, server):
    url = server.serve("/x", tar_of({"a": b"1" * 600, "b": b"2" * 600}))
    assert "more than one file" in cache.fail(url, "--insecure", code=1)


def test_an_archive_with_a_link_is_no_image(cache, server):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("disk.raw")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/shadow"
        archive.addfile(member)
    assert "no file" in cache.fail(server.serve("/x", packed.getvalue()), "--insecure", code=1)


def test_a_page_is_no_image(cache, server):
    error = cache.fail(server.serve("/x", b"<!DOCTYPE html><title>Log in</title>" + b" " * 900), "--insecure", code=1)
    assert "an HTML page" in error
