"""tests/soak, inside its world: see there."""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jobs import CHECKOUT, collect_garbage, vmbatch
from node import follow_page, install
from soak_job import CHECKSUM, EVENTS
from traces import read, running
from world import STATE, Leftovers

LONGEST = {"prologue": 12.0, "run": 4.0, "epilogue": 0.3}  # within which something meets a job
PROGRAMS = ("prologue", "epilogue", "remoteshell", "libvirt-helper", "vmbatch", "ssh")


class NodeLeftovers(Leftovers):
    KEPT = Leftovers.KEPT | {STATE / "torque", STATE / "torque/requeues"}


def set_up():
    install()
    collected = collect_garbage()
    assert collected.returncode == 0, collected.stderr
    shutil.rmtree(STATE / "torque", ignore_errors=True)
    shutil.rmtree(STATE / "host/images", ignore_errors=True)
    built = subprocess.run([CHECKOUT / "tests/guests/build", "mini"], check=True, stdout=subprocess.PIPE, text=True)
    imported = vmbatch("image", "import", built.stdout.strip(), "--name", "mini", timeout=300)
    assert imported.returncode == 0, imported.stderr
    follow_page()


# ---- what programs take ----

def resident(process) -> int:
    """KiB."""
    for line in read(process, "status").replace(" kB", " kB\n").splitlines():
        if "VmRSS:" in line:
            return int(line.split("VmRSS:")[1].split()[0])
    return 0


def descriptors(process) -> int:
    try:
        return len(os.listdir(f"/proc/{process[0]}/fd"))
    except OSError:
        return 0


def sample(since) -> dict:
    libvirtd, ours = [], []
    for process in running():
        name = read(process, "comm").strip()
        if name == "libvirtd":
            libvirtd.append(process)
        elif name in PROGRAMS:
            ours.append(process)
    return {"seconds": round(time.monotonic() - since, 1),
            **{kind: {"processes": len(some), "memory_kib": sum(map(resident, some)), "descriptors": sum(map(descriptors, some))}
               for kind, some in (("libvirtd", libvirtd), ("ours", ours))}}


class Sampler(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.since, self.samples, self.enough = time.monotonic(), [], threading.Event()

    def run(self):
        while not self.enough.wait(2):
            self.samples.append(sample(self.since))


# ---- jobs ----

def plan(number: int, seed: int) -> list[tuple[str, str, float]]:
    """(id, what meets the job, when). Every third is of an array."""
    chance = random.Random(seed)
    met = set(chance.sample(range(number), max(1, number // 10)))
    jobs = []
    for at in range(number):
        event = chance.choice(sorted(EVENTS)) if at in met else "none"
        name = f"{at + 1}[{at}].soak.example" if at % 3 == 0 else f"{at + 1}.soak.example"
        jobs.append((name, event, round(chance.uniform(0, LONGEST[EVENTS[event]]), 2) if event != "none" else 0.0))
    return jobs


def live(job) -> dict:
    name, event, delay = job
    begun = time.monotonic()
    done = subprocess.run([sys.executable, CHECKOUT / "tests/lib/soak_job.py", name, event, str(delay)], check=False,
                          capture_output=True, text=True, timeout=1800)
    told = json.loads(done.stdout) if done.returncode == 0 else {"failed": done.stderr}
    lines = told.get("out", "").split()
    boot_id = next((word for word in lines if word.count("-") == 4), None)
    return {"id": name, "event": event, "delay": delay, **told, "boot_id": boot_id, "took": round(time.monotonic() - begun, 2)}


def fault(job) -> str | None:
    """What is not as it must be."""
    if "failed" in job:
        return f"{job['id']} ({job['event']}): {job['failed']}"
    if job["epilogue"] != 0:
        return f"{job['id']} ({job['event']}): its epilogue said {job['epilogue']}: {job['err']}"
    if job["event"] != "none":
        return None
    expected = f"job {job['id']}\n{job['boot_id']}\n{CHECKSUM}\n"
    if (job["exit_status"], job["out"], job["err"]) != (7, expected, "and errors\n"):
        return f"{job['id']}: {job['exit_status']}, {job['out']!r}, {job['err']!r}"
    return None


def run_all(jobs, running_at_once, queued) -> list[dict]:
    """At most `queued` wait for one to end; so the next is not submitted before."""
    waiting, done = deque(), []
    with ThreadPoolExecutor(running_at_once) as pool:
        for job in jobs:
            while len(waiting) >= running_at_once + queued:
                done.append(waiting.popleft().result())
            waiting.append(pool.submit(live, job))
        done.extend(one.result() for one in waiting)
    return done


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("jobs", "running", "queued", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--json", type=Path, required=True)
    words = parser.parse_args()
    set_up()
    before = NodeLeftovers()
    sampler = Sampler()
    sampler.start()
    begun = time.monotonic()
    done = run_all(plan(words.jobs, words.seed), words.running, words.queued)
    seconds = round(time.monotonic() - begun, 1)
    sampler.enough.set()
    sampler.join()
    failures = [text for text in map(fault, done) if text]
    boot_ids = [job["boot_id"] for job in done if job["boot_id"]]
    if len(set(boot_ids)) != len(boot_ids):
        failures.append("two jobs ran in one guest")
    for file in (STATE / "torque/requeues").glob("*"):
        file.unlink()  # of jobs that were not submitted again
    deadline = time.monotonic() + 20
    while (leaks := before.left()) and time.monotonic() < deadline:
        time.sleep(0.5)
    collected = collect_garbage().stdout.decode().splitlines()
    result = {"schema": 1, "method": "CDROM", "seed": words.seed, "running": words.running, "queued": words.queued, "seconds": seconds,
              "jobs": done, "samples": sampler.samples, "leaks": leaks, "collected": collected, "failures": failures}
    words.json.write_text(json.dumps(result, indent=1) + "\n")
    met = sum(job["event"] != "none" for job in done)
    print(f"{len(done)} jobs, {met} of them met something, in {seconds} s; {len(failures)} failures; leaks: {leaks or 'none'}")
    for text in failures:
        print("FAILED:", text)
    return 1 if failures or leaks else 0


if __name__ == "__main__":
    sys.exit(main())
