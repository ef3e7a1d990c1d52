"""What servers, proxies and networks do to a pull at their worst: each ends in the right image, or in none and an error that
helps."""

import contextlib
import gzip
import json
import os
import re
import subprocess
import time

import pytest
from image_cache import MIB, disk, noise, sha256


DATA = disk(24)
PACKED = gzip.compress(DATA, 1)


def ranges(server, path="/x"):
    return [seen.headers.get("Range") for seen in server.requests(path)]


# ---- going on ----

@pytest.mark.parametrize("data", [DATA, PACKED], ids=["raw", "packed"])
def test_a_broken_connection_goes_on_where_it_ended(cache, server, data):
    url = server.serve("/x", data, drop_after=[5 * MIB, 3 * MIB])
    pulled = cache.pull(url, "--checksum", sha256(data))
    assert cache.content(pulled) == DATA
    assert ranges(server) == [None, f"bytes={5 * MIB}-", f"bytes={8 * MIB}-"]
    assert server.sent("/x") == len(data)


@pytest.mark.parametrize("data", [DATA, PACKED], ids=["raw", "packed"])
def test_the_next_process_goes_on_where_the_last_was_killed(cache, server, data):
    url = server.serve("/x", data, stall_after=[10 * MIB])
    process = cache.start("pull", url, "--checksum", sha256(data))
    deadline = time.monotonic() + 20
    while not any(f'"offset": {8 * MIB}' in record.read_text() for record in cache.directory.glob("downloads/*.json")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.communicate()
    pulled = cache.pull(url, "--checksum", sha256(data))
    assert cache.content(pulled) == DATA
    assert ranges(server) == [None, f"bytes={8 * MIB}-"], "the last checkpoint"
    assert pulled["pull"]["resumed"] == 8 * MIB
    assert not cache.leftovers()


def interrupted(cache, server, data=DATA, **how):
    """A pull that failed after 10 MiB; what it left."""
    url = server.serve("/x", data, drop_after=[10 * MIB], **how)
    cache.fail(url, "--insecure", "--tries", 1)
    assert len(cache.parts()) == 1
    server.seen.clear()
    return url


def test_a_failed_pull_keeps_every_byte(cache, server):
    url = interrupted(cache, server)
    assert cache.content(cache.pull(url, "--insecure")) == DATA
    assert ranges(server) == [f"bytes={10 * MIB}-"]
    assert server.requests("/x")[0].headers["If-Range"]


def test_a_server_without_ranges_gives_all_of_it_again(cache, server):
    url = interrupted(cache, server)
    server.resources["/x"].ranges = False
    assert cache.content(cache.pull(url, "--insecure")) == DATA
    assert [seen.status for seen in server.requests("/x")] == [200]


def test_a_changed_file_is_not_mixed_with_the_old_one(cache, server):
    url = interrupted(cache, server)
    other = disk(24, seed=9)
    server.serve("/x", other)
    assert cache.content(cache.pull(url, "--insecure")) == other
    assert [seen.status for seen in server.requests("/x")] == [200]


def test_nor_where_the_server_ignores_if_range(cache, server):
    url = interrupted(cache, server)
    other = disk(24, seed=9)
    server.serve("/x", other, honest_if_range=False)
    assert cache.content(cache.pull(url, "--insecure")) == other
    assert [seen.status for seen in server.requests("/x")] == [206, 200]


def test_a_file_that_changes_between_two_ranges_of_one_pull(cache, server):
    other = disk(24, seed=9)
    url = server.serve("/x", DATA, drop_after=[10 * MIB])
    process = cache.start("pull", url, "--insecure", "--json")
    while not any(seen.sent >= 10 * MIB for seen in server.requests("/x")):
        time.sleep(0.01)
    server.serve("/x", other)
    assert cache.content(json.loads(process.communicate(timeout=30)[0])) == other


def test_a_shorter_file_than_the_part(cache, server):
    url = interrupted(cache, server)
    server.serve("/x", DATA[:6 * MIB], etag="same", honest_if_range=False)
    assert cache.content(cache.pull(url, "--insecure")) == DATA[:6 * MIB]
    assert [seen.status for seen in server.requests("/x")] == [416, 200]


def test_a_part_that_is_complete_already(cache, server):
    url = server.serve("/x", DATA, lie_length=1, etag="e")
    cache.fail(url, "--insecure", "--tries", 1)
    server.seen.clear()
    server.serve("/x", DATA, etag="e")
    part = cache.directory / "downloads" / (cache.parts()[0].name.split(".")[0] + ".json")
    part.write_text(part.read_text().replace(f'"total": {len(DATA) + 1}', f'"total": {len(DATA)}'))
    assert cache.content(cache.pull(url, "--insecure")) == DATA
    assert [(seen.status, seen.sent) for seen in server.requests("/x")] == [(416, 0)]


def test_a_beginning_that_no_longer_hashes_right(cache, server):
    url = interrupted(cache, server)
    with cache.parts()[0].open("r+b") as part:
        part.seek(MIB)
        part.write(b"damaged")
    assert cache.content(cache.pull(url, "--insecure")) == DATA
    assert ranges(server) == [None]


def test_a_part_that_a_power_cut_shortened(cache, server):
    url = interrupted(cache, server)
    with cache.parts()[0].open("r+b") as part:
        part.truncate(9 * MIB)
    assert cache.content(cache.pull(url, "--insecure")) == DATA
    assert ranges(server) == [f"bytes={8 * MIB}-"]


@pytest.mark.parametrize("damage", ["{", "{}", "[]", '{"schema": 1, "part": "../../x", "url": "", "validator": "x"}'])
def test_a_damaged_record_of_a_part(cache, server, damage):
    url = interrupted(cache, server)
    for record in cache.directory.glob("downloads/*.json"):
        record.write_text(damage)
    assert cache.content(cache.pull(url, "--insecure")) == DATA
    assert not cache.leftovers()


def test_a_wrong_range_is_noticed(cache, server):
    url = server.serve("/x", DATA, drop_after=[10 * MIB], range_shift=512)
    assert cache.content(cache.pull(url, "--insecure")) == DATA
    assert [seen.status for seen in server.requests("/x")] == [200, 206, 200]


def test_without_a_validator_all_is_fetched_again(cache, server):
    url = server.serve("/x", DATA, drop_after=[10 * MIB], no_etag=True)
    assert cache.content(cache.pull(url, "--insecure")) == DATA
    assert ranges(server) == [None, None]


def test_unless_the_digest_will_prove_it(cache, server):
    url = server.serve("/x", DATA, drop_after=[10 * MIB], no_etag=True)
    assert cache.content(cache.pull(url, "--checksum", sha256(DATA))) == DATA
    assert ranges(server) == [None, f"bytes={10 * MIB}-"]


# ---- how servers fail ----

def test_chunked_without_length(cache, server):
    pulled = cache.pull(server.serve("/x", PACKED, chunked=True), "--checksum", sha256(PACKED))
    assert cache.content(pulled) == DATA


def test_a_length_that_is_a_lie(cache, server):
    error = cache.fail(server.serve("/x", DATA, lie_length=100), "--insecure", "--tries", 2)
    assert server.base in error and "length" in error


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_an_error_that_may_pass(cache, server, status):
    url = server.serve("/x", DATA, status=[(status, {}, b"busy")])
    assert cache.content(cache.pull(url, "--insecure")) == DATA


def test_retry_after_is_waited_for(cache, server):
    url = server.serve("/x", DATA, status=[(503, {"Retry-After": "2"}, b"")])
    begun = time.monotonic()
    cache.pull(url, "--insecure")
    assert 2 <= time.monotonic() - begun < 6


def test_but_not_for_ever(cache, server):
    url = server.serve("/x", DATA, status=[(429, {"Retry-After": "100000"}, b"")])
    error = cache.fail(url, "--insecure")
    assert "429" in error and len(server.seen) == 1


def test_tries_end(cache, server):
    url = server.serve("/x", DATA, status=[(503, {}, b"")] * 9)
    assert "HTTP status 503" in cache.fail(url, "--insecure", "--tries", 3)
    assert len(server.seen) == 3


@pytest.mark.parametrize("status", [403, 404, 410])
def test_an_error_that_stays(cache, server, status):
    url = server.serve("/x", DATA, status=[(status, {}, b"<!DOCTYPE html>")])
    error = cache.fail(url, "--insecure", code=1)
    assert f"HTTP status {status}" in error and "HTML page" in error and url in error
    assert len(server.seen) == 1


def test_redirects_are_followed_and_told(cache, server):
    server.serve("/b", b"<html>", status=[(404, {}, b"")])
    url = server.serve("/a", redirect="/b")
    error = cache.fail(url, "--insecure", code=1)
    assert f"{url} (redirected to {server.base}/b)" in error


def test_redirects_in_a_circle(cache, server):
    server.serve("/b", redirect="/a")
    assert "redirects" in cache.fail(server.serve("/a", redirect="/b"), "--insecure")
    assert len(server.seen) < 12


def test_no_server_leads_to_a_file_of_this_host(cache, server):
    error = cache.fail(server.serve("/x", redirect="file:///etc/passwd"), "--insecure")
    assert "rotocol" in error


def test_nobody_there(cache):
    error = cache.fail("http://127.0.0.1:1/x", "--checksum", "sha256:" + "0" * 64, "--tries", 1)
    assert "127.0.0.1" in error and "proxy" in error


def test_an_unfinished_download_at_its_deadline(cache, server):
    url = server.serve("/x", DATA, rate=2 * MIB)
    error = cache.fail(url, "--insecure", "--timeout", 3, code=5)
    assert "deadline" in error and cache.parts()
    server.resources["/x"].rate = 0
    assert cache.content(cache.pull(url, "--insecure")) == DATA
    assert ranges(server)[1].startswith("bytes=")


def slow(tmp_path):
    """A second below a MiB is too slow."""
    config = tmp_path / "vmbatch.toml"
    config.write_text('schema = 1\n[share]\nsource = "a:/b"\n[profile.x]\n[images]\nlow_speed = "1M"\nlow_speed_time = 1\n')
    return "--config", config


def test_too_slow_is_given_up_and_gone_on_with_elsewhere(cache, server, tmp_path):
    url = server.serve("/x", DATA, stall_after=[10 * MIB] * 9)
    error = cache.fail(url, "--checksum", sha256(DATA), "--tries", 1, *slow(tmp_path), code=5)
    assert "too slow" in error and "images.low_speed" in error and cache.parts()
    mirror = server.serve("/y", DATA)
    pulled = cache.pull(url, "--mirror", mirror, "--checksum", sha256(DATA), "--tries", 1, *slow(tmp_path))
    assert cache.content(pulled) == DATA and "too slow" in pulled["pull"]["failures"][0]
    assert ranges(server, "/y")[0].startswith("bytes=")


def test_long_is_not_too_slow(cache, server, tmp_path):
    """All together may take as long as it takes."""
    url = server.serve("/x", DATA, rate=8 * MIB)
    begun = time.monotonic()
    assert cache.content(cache.pull(url, "--insecure", *slow(tmp_path))) == DATA
    assert time.monotonic() - begun > 2


# ---- checksums ----

def test_wrong_bytes_are_fetched_once_more_past_caches(cache, server):
    url = server.serve("/x", DATA)
    wrong = sha256(noise(5))
    error = cache.fail(url, "--checksum", wrong)
    assert [seen.headers.get("Cache-Control") for seen in server.seen] == [None, "no-cache"]
    for word in [url, wrong, sha256(DATA), str(len(DATA))]:
        assert word in error, word
    assert not cache.parts() and list(cache.directory.glob("downloads/*.bad"))


def test_a_poisoned_proxy_is_passed(cache, server):
    url = server.serve("/x", DATA, status=[(200, {}, noise(1000))])
    assert cache.content(cache.pull(url, "--checksum", sha256(DATA))) == DATA


def test_a_page_in_the_place_of_the_image(cache, server):
    url = server.serve("/x", b"<!DOCTYPE html><title>Please log in</title>")
    assert "an HTML page" in cache.fail(url, "--checksum", sha256(DATA))


def test_plain_http_wants_a_proof(cache, server):
    error = cache.fail(server.serve("/x", DATA), code=1)
    assert "--checksum" in error and "--insecure" in error and not server.seen


# ---- mirrors ----

def test_mirrors_in_order_with_their_reasons(cache, server):
    missing = server.base + "/missing"
    broken = server.serve("/broken", DATA, status=[(500, {}, b"")] * 9)
    wrong = server.serve("/wrong", noise(MIB))
    good = server.serve("/good", PACKED)
    pulled = cache.pull(missing, "--mirror", broken, "--mirror", wrong, "--mirror", good, "--checksum", sha256(PACKED), "--tries", 1)
    assert cache.content(pulled) == DATA and pulled["pull"]["url"] == good
    assert [word in failure for word, failure in zip(["404", "500", "promises"], pulled["pull"]["failures"])] == [True] * 3


def test_a_mirror_goes_on_with_what_another_began(cache, server):
    one = server.serve("/one", DATA, drop_after=[10 * MIB])
    two = server.serve("/two", DATA, etag="another")
    pulled = cache.pull(one, "--mirror", two, "--checksum", sha256(DATA), "--tries", 1)
    assert cache.content(pulled) == DATA
    assert ranges(server, "/two") == [f"bytes={10 * MIB}-"]


def test_what_one_mirror_gave_and_is_no_image_does_not_spoil_the_next(cache, server):
    page = server.serve("/page", b"<!DOCTYPE html><title>Please log in</title>" + b" " * 2 * MIB)
    good = server.serve("/good", DATA)
    pulled = cache.pull(page, "--mirror", good, "--insecure")
    assert cache.content(pulled) == DATA and "HTML page" in pulled["pull"]["failures"][0]
    assert not cache.leftovers()


def test_all_mirrors_failed(cache, server):
    error = cache.fail(server.base + "/a", "--mirror", server.base + "/b", "--insecure", code=1)
    assert "/a" in error and "/b" in error


# ---- offline and stale ----

def test_nothing_is_fetched_where_nothing_may_be(cache, server):
    url = server.serve("/x", DATA)
    assert "not in the cache" in cache.fail(url, "--insecure", "--cache-only", "always", code=3)
    assert not server.seen
    cache.pull(url, "--insecure")
    assert cache.pull(url, "--insecure", "--cache-only", "always")["result"] == "cached"
    assert len(server.seen) == 1


def test_metadata_that_are_known_are_not_asked_for_again(cache, server):
    url = server.serve("/x", DATA)
    assert cache.pull(url, "--insecure", "--cache-only", "metadata")["result"] == "pulled"
    server.serve("/x", disk(seed=7))
    assert cache.pull(url, "--insecure", "--cache-only", "metadata")["result"] == "cached"
    assert len(server.seen) == 1


def test_everything_anew(cache, server):
    url = server.serve("/x", DATA)
    cache.pull(url, "--checksum", sha256(DATA))
    assert cache.pull(url, "--checksum", sha256(DATA), "--cache-only", "never")["result"] == "pulled"
    assert [seen.headers.get("Cache-Control") for seen in server.seen] == [None, "no-cache"]


def test_what_is_cached_is_used_where_no_server_answers(cache, server):
    url = server.serve("/x", DATA)
    cache.pull(url, "--insecure")
    server.resources["/x"].status = [(503, {}, b"")] * 99
    done = cache.run("pull", url, "--insecure", "--tries", 1, "--json")
    assert done.returncode == 0 and "503" in done.stderr
    assert json.loads(done.stdout)["result"] == "stale"
    assert cache.run("pull", url, "--insecure", "--no-stale", "--tries", 1).returncode == 4


def test_a_wrong_file_is_no_reason_to_use_an_old_one_silently(cache, server):
    url = server.serve("/x", DATA)
    cache.pull(url, "--insecure")
    del server.resources["/x"]
    assert cache.run("pull", url, "--insecure").returncode == 1


# ---- progress ----

def test_progress_for_programs(cache, server):
    done = cache.run("pull", server.serve("/x", DATA, rate=40 * MIB), "--insecure", "--progress", "json")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    fetched = [event["done"] for event in events if event["stage"] == "fetch"]
    assert len(fetched) > 3 and fetched == sorted(fetched) and fetched[-1] == len(DATA)
    assert {event["total"] for event in events if event["stage"] == "fetch"} == {len(DATA)}


def test_progress_on_a_terminal(cache, server):
    ours, its = os.openpty()
    url = server.serve("/x", DATA, rate=16 * MIB)
    process = subprocess.Popen(cache.command("pull", url, "--insecure"), stdout=subprocess.PIPE, stderr=its, env=cache.environment())
    os.close(its)
    seen = b""
    with contextlib.suppress(OSError):  # how a terminal says that nobody has its other end any more
        while piece := os.read(ours, 65536):
            seen += piece
    os.close(ours)
    assert process.communicate(timeout=30) and process.returncode == 0
    drawn = seen.decode().split("\r")
    assert any(re.search(r"fetch .* \[#+ *\] +[0-9]+% .* MiB of 26\.0 MiB .*MiB/s +0:0[0-9] left", line) for line in drawn), drawn
    assert drawn[-1].startswith("\x1b[K"), "it is gone when all is done"


def test_progress_in_a_log(cache, server):
    """A line every ten seconds; nothing where all is done sooner."""
    assert cache.run("pull", server.serve("/y", disk(2)), "--insecure").stderr == ""
    done = cache.run("pull", server.serve("/x", DATA, rate=2 * MIB), "--insecure")
    assert 1 <= len(done.stderr.splitlines()) <= 3
    assert all(" fetch " in line and "MiB/s" in line and line[:2] == "20" for line in done.stderr.splitlines())
