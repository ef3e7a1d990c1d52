"""The cache on disks that are full, wherever that happens, and on read-only ones."""

import gzip
import os
import subprocess

import pytest
from image_cache import MIB, Cache, disk, noise, sha256

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")

DATA = disk(24)


@pytest.fixture
def small(tmp_path):
    """A file system of 16 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "test", place], check=True)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_no_room_for_the_download_is_seen_first(small, server):
    cache = Cache(small / "cache")
    error = cache.fail(server.serve("/x", noise(20 * MIB)), "--insecure", code=3)
    assert "not enough room" in error and str(20 * MIB) in error and "prune" in error
    assert server.sent("/x") < 12 * MIB, "more than the sockets hold"


def test_no_room_for_the_unpacked_disk_is_seen_first(small, server):
    cache = Cache(small / "cache")
    packed = subprocess.run(["zstd", "-q", "--stream-size", str(20 * MIB)], input=noise(MIB) * 20, capture_output=True,
                            check=True).stdout
    error = cache.fail(server.serve("/x", packed), "--insecure", code=3)
    assert "not enough room" in error and "unpacked" in error


@pytest.mark.parametrize("data", [noise(20 * MIB), gzip.compress(noise(MIB) * 20, 6)], ids=["download", "unpacking"])
def test_a_disk_that_fills_anyway(small, server, data):
    cache = Cache(small / "cache")
    error = cache.fail(server.serve("/x", data, chunked=True), "--insecure", code=3)
    assert "No space left on device" in error and "room" in error
    assert cache.parts() and not list(cache.directory.glob("images/.*"))


def test_a_part_is_gone_on_with_when_there_is_room_again(small, server):
    cache = Cache(small / "cache")
    filler = small / "filler"
    filler.write_bytes(bytes(8 * MIB))
    data = noise(12 * MIB)
    url = server.serve("/x", data, chunked=True)
    cache.fail(url, "--insecure", code=3)
    filler.unlink()
    pulled = cache.pull(url, "--insecure")
    assert cache.content(pulled) == data and pulled["pull"]["resumed"] >= 4 * MIB


def test_hits_on_a_read_only_file_system(tmp_path, server):
    place = tmp_path / "here"
    place.mkdir()
    cache = Cache(place / "cache")
    subprocess.run(["mount", "-t", "tmpfs", "test", place], check=True)
    try:
        url = server.serve("/x", DATA)
        cache.pull(url, "--checksum", sha256(DATA), "--name", "x")
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        assert cache.pull(url, "--checksum", sha256(DATA), "--name", "x")["result"] == "cached"
        assert cache.pull(url, "--insecure", "--cache-only", "always")["result"] == "cached"
        assert cache.run("pull", server.base + "/other", "--insecure").returncode == 3
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def remount(place, options):
    subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)


def test_a_disk_that_fills_while_a_disk_is_converted(small, server, tmp_path):
    """There is no telling before how large it becomes. What came is kept, and need not come again."""
    raw, made = tmp_path / "raw", tmp_path / "made.vmdk"
    raw.write_bytes(noise(2 * MIB) + b"x" * (20 * MIB))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", raw, made], check=True)
    cache = Cache(small / "cache")
    url = server.serve("/x", made.read_bytes())
    error = cache.fail(url, "--insecure", code=3)
    assert "cannot be made into qcow2" in error and "No space left on device" in error
    assert cache.parts() and not list(cache.directory.glob("images/.*"))
    remount(small, "size=64m")
    pulled = cache.pull(url, "--insecure")
    assert pulled["image"]["format"] == "qcow2" and not cache.leftovers()
    assert server.sent("/x") == made.stat().st_size


@pytest.mark.parametrize("packed", [False, True], ids=["disk", "packed"])
def test_no_room_for_an_import(small, tmp_path, packed):
    cache = Cache(small / "cache")
    source = tmp_path / "source"
    source.write_bytes(gzip.compress(noise(MIB) * 20) if packed else noise(20 * MIB))
    done = cache.run("import", source, "--name", "x")
    assert done.returncode == 3 and ("No space left on device" in done.stderr or "not enough room" in done.stderr)
    assert not cache.images() and not list(cache.directory.glob("images/.*"))
    remount(small, "size=64m")
    assert cache.run("import", source, "--name", "x").returncode == 0
    assert cache.run("verify", "x").returncode == 0 and not cache.leftovers()


LITTLE = noise(2 * MIB)
# Pages and files there are for all the cache. What is too few, and what just suffices, lies well within.
TIGHT = [f"size={(2 << 10) + 4 * pages}k" for pages in range(2, 14, 2)] + \
        [f"nr_inodes={count}" for count in range(7, 17)] + [f"size={(4 << 10) + 4 * pages}k" for pages in range(2, 14, 4)]


@pytest.mark.parametrize("packed", [False, True], ids=["disk", "packed"])
def test_wherever_the_disk_is_full_the_next_pull_goes_on(small, server, packed):
    """Folders, lock, part, its record, the disk, its metadata, its name: the last page or file is missing at each of them."""
    data = gzip.compress(LITTLE, 1) if packed else LITTLE
    url = server.serve("/x", data)
    codes = []
    for number, options in enumerate(TIGHT):
        place = small / str(number)
        place.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "test", place], check=True)
        try:
            cache = Cache(place / "cache")
            words = ["pull", url, "--checksum", sha256(data), "--name", "x"]
            first = cache.run(*words)
            assert first.returncode in (0, 3), (options, first.stderr)
            assert first.returncode == 0 or "room" in first.stderr or "No space left" in first.stderr, (options, first.stderr)
            remount(place, "size=64m,nr_inodes=1000")
            again = cache.run(*words)
            assert again.returncode == 0, (options, first.stderr, again.stderr)
            assert cache.run("verify", "x").returncode == 0 and cache.images()[0].read_bytes() == LITTLE, options
            assert not cache.leftovers(), (options, first.stderr)
            codes.append(first.returncode)
        finally:
            subprocess.run(["umount", "-l", place], check=True)
    assert set(codes) == {0, 3}
