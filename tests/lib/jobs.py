"""Calling vmbatch as an administrator would: jobs that run to their end, and jobs that are watched while they run."""

import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from world import to_toml, settings

CHECKOUT = Path(__file__).resolve().parents[2]
VMBATCH = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev")).resolve() / "bin/vmbatch"

PATH = "/usr/local/bin:/usr/bin:/bin"
# Two guests share two cores without hardware virtualization with whatever else the machine does.
DEADLINE = {"mini": 150, "debian": 420}


@dataclass
class Ended:
    code: int
    out: bytes
    err: bytes


def vmbatch(*words, env=None, timeout=60, **how) -> subprocess.CompletedProcess:
    how = {"capture_output": True, "stdin": subprocess.DEVNULL, **how}
    if "input" in how:
        del how["stdin"]
    return subprocess.run([VMBATCH, *map(str, words)], check=False, timeout=timeout, env=environment(env), **how)


def environment(more=None) -> dict:
    """A job's environment is its caller's: nothing of the tests' own may be in it."""
    return {"PATH": PATH, "VMBATCH_CONFIG": os.environ["VMBATCH_CONFIG"], **(more or {})}


class Caller:
    """Somebody with a working directory who calls `vmbatch run`."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.number = 0

    def words(self, profile, script, arguments=(), options=(), user="alice") -> list:
        """What follows `vmbatch run`. What options say is not said twice."""
        self.number += 1
        file = self.directory / f"script-{self.number}"
        file.write_text(script)
        usual = {"--profile": profile, "--user": user, "--result-file": self.result_file}
        chosen = [word for name, value in usual.items() if name not in options for word in (name, value)]
        return [*chosen, *options, file, *arguments]

    @property
    def result_file(self) -> Path:
        return self.directory / f"result-{self.number}.json"

    def result(self) -> dict:
        return json.loads(self.result_file.read_text())

    def config(self, changes: dict) -> Path:
        """A configuration file: the world's, changed."""
        file = self.directory / "vmbatch.toml"
        file.write_text(to_toml(settings(changes)))
        return file

    def run(self, profile, script, *arguments, options=(), user="alice", timeout=None, **how) -> Ended:
        words = self.words(profile, script, arguments, options, user)
        return self.call(words, timeout=timeout or DEADLINE.get(profile, 150), **how)

    def call(self, words, stdin=b"", **how) -> Ended:
        """`vmbatch run` with these words. With stdin None it is /dev/null."""
        if stdin is not None:
            how["input"] = stdin
        done = vmbatch("run", *words, **{"cwd": self.directory, **how})
        return Ended(done.returncode, done.stdout, done.stderr)

    def begin(self, profile, script, *arguments, options=(), user="alice", env=None, **how) -> "Begun":
        words = self.words(profile, script, arguments, ["--progress", "json", *options], user)
        process = subprocess.Popen([VMBATCH, "run", *map(str, words)], env=environment(env),
                                   **{"cwd": self.directory, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE,
                                      "stderr": subprocess.PIPE, **how})
        return Begun(process)


class Begun:
    """A job under way. What it says on stderr is read meanwhile: vmbatch's phases as JSON, the rest is the job's."""

    def __init__(self, process):
        self.process = process
        self.lines: list[bytes] = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line)

    def events(self) -> list[tuple[str, str]]:
        parsed = [json.loads(line) for line in list(self.lines) if line.startswith(b"{")]
        return [(event["event"], event["phase"]) for event in parsed]

    def err(self) -> bytes:
        self.reader.join(10)
        return b"".join(line for line in self.lines if not line.startswith(b"{"))

    def wait_for(self, phase, event="begun", timeout=150):
        deadline = time.monotonic() + timeout
        while (event, phase) not in self.events():
            assert time.monotonic() < deadline and self.reader.is_alive(), self.lines
            time.sleep(0.005)

    def wait_for_line(self) -> bytes:
        """The job's next line on stdout: it has come so far."""
        line = self.process.stdout.readline()
        assert line.endswith(b"\n"), (line, self.lines)
        return line

    def tell(self, data: bytes):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def end(self, timeout=60) -> int:
        """After its input has been closed."""
        if self.process.stdin:
            self.process.stdin.close()
        return self.process.wait(timeout)

    def kill(self):
        """With SIGKILL; a no-op for one that has ended."""
        self.process.kill()
        self.process.wait()


def collect_garbage(**how) -> subprocess.CompletedProcess:
    return vmbatch("job", "gc", **how)


def known_jobs() -> dict[str, str]:
    """Job ids and their states."""
    listed = vmbatch("job", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    return {job["id"]: job["state"] for job in json.loads(listed.stdout)["jobs"]}
