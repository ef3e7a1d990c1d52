"""What a host does to a job: its disk is full, an image goes, its clock jumps, ledgers are lost."""

import os
import shutil
import subprocess

import pytest
from jobs import vmbatch
from stage import ID, PREFIX, begin, import_image, run_killed, tombstones, well
from world import CACHE, JOBS, SHARE, guests

pytestmark = pytest.mark.usefixtures("played")

CLOCK = """#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
static int (*real)(clockid_t, struct timespec *);
int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, out);
    if (clock == CLOCK_REALTIME) out->tv_sec += OFFSET;
    return result;
}
time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(struct timeval *out, void *zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""
YEARS = 365 * 86400


@pytest.fixture(scope="module")
def clocks(node):
    """Libraries by which a program finds itself years away."""
    made = {}
    source = PREFIX / "clock.c"
    source.write_text(CLOCK)
    for name, offset in [("behind", -20 * YEARS), ("ahead", 10 * YEARS)]:
        made[name] = PREFIX / f"{name}.so"
        subprocess.run(["gcc", "-shared", "-fPIC", f"-DOFFSET={offset}L", "-o", made[name], source, "-ldl"], check=True)
    return made


@pytest.fixture
def small_disk():
    """Where job directories are."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k,mode=0711", "small", JOBS], check=True)
    yield JOBS
    subprocess.run(["umount", JOBS], check=True)


def fill(directory):
    with open(directory / "filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def test_disk_full_while_the_overlay_is_made(nothing_left, small_disk):
    """Said so; and removed though it stays full."""
    prologue = begin("prologue", stop="user_key_made")
    prologue.stopped()
    fill(small_disk)
    done = prologue.go_on()
    assert done.code == 2 and "No space left on device" in done.err, done
    assert sorted(path.name for path in small_disk.iterdir()) == [".setup.lock", "filler"]
    assert list(SHARE.iterdir()) == []
    assert guests() == set()


def test_disk_full_before_anything_is_made(nothing_left, small_disk):
    fill(small_disk)
    done = begin("prologue").end()
    assert done.code == 2 and "No space left on device" in done.err, done
    (small_disk / "filler").unlink()
    well("epilogue", status="-14")
    assert [path.name for path in small_disk.iterdir()] == [".setup.lock"]


def test_image_removed_between_lookup_and_use(nothing_left):
    prologue = begin("prologue", stop="host_checked")
    prologue.stopped()
    assert vmbatch("image", "rm", "empty").returncode == 0
    try:
        done = prologue.go_on()
    finally:
        import_image()
    assert done.code == 2 and done.err.count("\n") == 1, done
    well("prologue")
    well("epilogue")
    nothing_left()


def test_image_that_somebody_deletes_under_a_job(nothing_left):
    """Before the guest is started; libvirt is not asked."""
    prologue = begin("prologue", stop="disc_made")
    prologue.stopped()
    leased, = [path for path in (CACHE / "leases").glob("*/*") if path.name == ID]
    assert vmbatch("image", "rm", "empty").returncode == 1  # not in order
    image, = (CACHE / "images").glob(f"*{leased.parent.name}.raw")
    aside = image.rename(CACHE / "aside")
    try:
        done = prologue.go_on()
    finally:
        aside.rename(image)
    assert done.code == 2 and str(image) in done.err, done
    nothing_left()


@pytest.mark.parametrize("first, second", [("behind", "ahead"), ("ahead", "behind")])
def test_the_clock_jumps(nothing_left, clocks, first, second):
    """Between a job's programs, decades: none takes another for old, and none waits longer."""
    well("prologue", preload=clocks[first])
    assert well("gc", preload=clocks[second]).out == ""
    assert guests() == {f"vmbatch-{ID}"}
    well("remoteshell", code=7)
    well("epilogue", preload=clocks[second])
    nothing_left()
    # An epilogue that overtakes a prologue, each in a time of its own.
    prologue = begin("prologue", stop="host_checked", preload=clocks[second])
    prologue.stopped()
    well("epilogue", preload=clocks[first])
    well("gc", preload=clocks[second])
    assert [stone.name for stone in tombstones()] == [ID]
    assert prologue.go_on().code == 2
    nothing_left()


def test_what_no_ledger_names_is_found_where_it_is(nothing_left):
    """A job directory that is lost; but what is another host's stays."""
    others = SHARE / ("0" * 12 + "-" + "1" * 32)
    others.mkdir()
    run_killed("prologue", "domain_started")
    shutil.rmtree(JOBS / ID)
    mine, = [path for path in SHARE.iterdir() if path != others]
    assert sorted(well("gc").out.splitlines()) == [f"guest vmbatch-{ID}", f"lease {ID}", f"share {mine}"]
    assert os.listdir(SHARE) == [others.name]
    others.rmdir()
    nothing_left()
