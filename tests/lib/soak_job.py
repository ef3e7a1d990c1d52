"""One job's life under the stand-in for pbs_mom, and what may meet it. A process of its own for each: it prints what became of
the job as JSON.

    soak_job.py ID EVENT DELAY      EVENT "none" or one of EVENTS, DELAY seconds after the hook or the job was started
"""

import json
import os
import signal
import sys
import threading
import time

from mom import Job, Mom
from mom.process import kill_all_of
from node import TORQUE
from world import virsh

SCRIPT = """#!/bin/sh
echo "job $PBS_JOBID"
cat /proc/sys/kernel/random/boot_id
sleep 3
head -c 100000 /dev/zero | cksum
echo 'and errors' >&2
exit 7
"""
CHECKSUM = "1260869142 100000"

# What meets a job, and the phase it is in then.
EVENTS = {"prologue killed": "prologue", "deleted while the prologue runs": "prologue", "guest ends before it is ready": "prologue",
          "starter killed": "run", "deleted": "run", "guest ends": "run", "epilogue killed": "epilogue"}


def later(seconds, do):
    timer = threading.Timer(seconds, lambda: quietly(do))
    timer.daemon = True
    timer.start()
    return timer


def quietly(do):
    """It may be over by then."""
    try:
        do()
    except Exception as error:  # pylint: disable=broad-except
        print(f"{type(error).__name__}: {error}", file=sys.stderr)


class Life:
    def __init__(self, job_id: str, event: str, delay: float):
        self.event, self.delay = event, delay
        self.mom = Mom(TORQUE)
        self.run = self.mom.run(Job(id=job_id, script=SCRIPT))
        self.seconds: dict[str, float] = {}
        self.end_guest = lambda: virsh("destroy", f"vmbatch-{job_id}")

    def timed(self, phase, work):
        begun = time.monotonic()
        try:
            return work()
        finally:
            self.seconds[phase] = round(time.monotonic() - begun, 2)

    def prologue(self):
        hook = self.run.begin_prologue()
        met = {"prologue killed": lambda: kill_all_of(hook.child.pid), "guest ends before it is ready": self.end_guest,
               "deleted while the prologue runs": lambda: self.run.epilogue(-1)}.get(self.event)
        if met:
            later(self.delay, met)
        return hook.wait()

    def job(self):
        session = self.run.start()
        met = {"starter killed": session.end, "deleted": lambda: self.mom.qdel(self.run), "guest ends": self.end_guest}.get(self.event)
        if met:
            later(self.delay, met)
        assert session.wait(300), "the job does not end"
        return session.exit_status

    def epilogue(self, status):
        if self.event == "epilogue killed":
            words = self.run.job.epilogue_words(0, status, self.run.script)
            hook = self.run.run_hook("epilogue", words)
            time.sleep(self.delay)
            if hook.running():
                kill_all_of(hook.child.pid)
            hook.wait()
        return self.run.epilogue(status)

    def whole(self) -> dict:
        end = self.timed("prologue", self.prologue)
        verdict = self.run.verdict()
        status = self.timed("run", self.job) if verdict == "runs" else None
        last = self.timed("epilogue", lambda: self.epilogue(-14 if status is None else status))
        out, err = self.run.written()
        self.run.remove_files()
        return {"prologue": end.code if end.signal is None else -end.signal, "verdict": verdict, "exit_status": status,
                "epilogue": last.code, "seconds": self.seconds, "out": out.decode(errors="replace"), "err": err.decode(errors="replace")}


def main():
    job_id, event, delay = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
    print(json.dumps(Life(job_id, event, float(delay)).whole()))


if __name__ == "__main__":
    main()
