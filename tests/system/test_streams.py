"""A job's input, output and exit code are the caller's, byte for byte."""

import hashlib
import os
import subprocess
import time

import pytest
from jobs import VMBATCH, environment
from world import guests

MUCH = 50_000_000


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_fifty_megabytes_each_way(caller):
    """Input arrives; output and error output, written at the same time, come back. The guest says what it read and wrote."""
    given = os.urandom(MUCH)
    ended = caller.run("mini", f"""#!/bin/bash
sha256sum
head -c {MUCH} /dev/urandom >/tmp/out
head -c {MUCH} /dev/urandom >/tmp/err
cat /tmp/out & cat /tmp/err >&2
wait
sha256sum </tmp/out
sha256sum </tmp/err
""", stdin=given, options=["--memory", "512M"], timeout=300)
    assert ended.code == 0
    line = 64 + len("  -\n")
    assert (len(ended.out), len(ended.err)) == (MUCH + 3 * line, MUCH)
    read, out, wrote, wrote_err = ended.out[:line], ended.out[line:-2 * line], ended.out[-2 * line:-line], ended.out[-line:]
    assert [text.decode()[:64] for text in (read, wrote, wrote_err)] == [sha256(given), sha256(out), sha256(ended.err)]


def test_every_byte_comes_back_through_a_filter(caller):
    """In both directions at once: `cat` fills one while the other waits."""
    given = bytes(range(256)) * 20_000 + b"~.\n\r~.\n\0\xff no newline at the end"
    ended = caller.run("mini", "exec cat", stdin=given)
    assert (ended.code, sha256(ended.out), len(ended.out), ended.err) == (0, sha256(given), len(given), b"")


ENDS = [("exit 0", 0), ("exit 255", 255), ("kill -SEGV $$", 139), ("kill -KILL $$", 137)]


@pytest.mark.parametrize("end, code", ENDS)
def test_the_exit_code_is_the_jobs(caller, end, code):
    """Also 255, by which ssh says that the connection was lost. Nothing can be read from /dev/null."""
    ended = caller.run("mini", f"wc -c; echo err >&2; {end}\n", stdin=None)
    assert (ended.code, ended.out, ended.err) == (code, b"0\n", b"err\n")
    assert caller.result()["exit"] == code


@pytest.mark.parametrize("closed", ["0", "0 1 2"])
def test_closed_descriptors(caller, closed):
    """A batch system may start us with none: nothing of ours may take their numbers and reach the job, or be written to."""
    redirections = " ".join(f"{number}>&-" for number in closed.split())
    words = caller.words("mini", "wc -c; echo err >&2; exit 5\n")
    done = subprocess.run(["bash", "-c", f"exec \"$@\" {redirections}", "bash", VMBATCH, "run", *map(str, words)],
                          capture_output=True, check=False, timeout=150, env=environment(), cwd=caller.directory)
    seen = (b"0\n", b"err\n") if closed == "0" else (b"", b"")
    assert (done.returncode, done.stdout, done.stderr) == (5, *seen)


def test_a_reader_that_goes_away_ends_the_job(caller):
    """As in `yes | head -1`: the job is not left writing to nobody."""
    job = caller.begin("mini", "echo $$; exec yes\n")
    job.wait_for_line()
    job.process.stdout.close()
    begun = time.monotonic()
    code = job.end(timeout=60)
    assert code == 141, job.err()
    assert time.monotonic() - begun < 30
    assert not guests()


def test_what_a_job_leaves_in_the_background(caller):
    """The end of a job is the end of all of it, as under a batch system: nobody waits for what it left, in a session of its
    own, too."""
    job = caller.begin("mini", """#!/bin/bash
sleep 1000 </dev/null >/dev/null 2>&1 &
(sleep 1000; echo late) &
setsid sh -c 'sleep 1000; echo later' &
echo early
exit 6
""")
    assert job.wait_for_line() == b"early\n"
    begun = time.monotonic()
    assert job.process.stdout.read() == b""
    assert job.end() == 6
    assert time.monotonic() - begun < 60
