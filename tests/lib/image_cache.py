"""vmbatch image …, as the tests of the image cache call it."""

import hashlib
import json
import os
import random
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
VMBATCH = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev")).resolve() / "bin/vmbatch"
MIB = 1 << 20


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def disk(mebibytes=6, seed=1):
    """Data, a hole, data; no length that fits anything."""
    return noise(mebibytes * MIB // 2, seed) + bytes(2 * MIB) + noise(mebibytes * MIB // 2 + 1234, seed + 1)


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def sha512(data):
    return "sha512:" + hashlib.sha512(data).hexdigest()


class Cache:
    def __init__(self, directory):
        self.directory = Path(directory)

    def command(self, *words):
        return [str(VMBATCH), "--cache-dir", str(self.directory), "image", *map(str, words)]

    def environment(self, **more):
        plain = {name: value for name, value in os.environ.items() if not name.startswith("VMBATCH_")}
        return {**plain, **more}

    def run(self, *words, timeout=60, **how):
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=False, timeout=timeout,
                              env=self.environment(), **how)

    def start(self, *words, **how):
        return subprocess.Popen(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environment(), **how)

    def pull(self, *words, **how):
        """A pull that has to work: what it says."""
        done = self.run("pull", *words, "--json", **how)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def fail(self, *words, code=4, **how):
        """A pull that must not work: its error."""
        done = self.run("pull", *words, **how)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert not self.images(), "something was published"
        return done.stderr

    def fail_of(self, *words, code=1):
        """A pull that must not work, where there are other images."""
        done = self.run("pull", *words)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stderr

    def images(self):
        return sorted(self.directory.glob("images/sha256-*.raw")) + sorted(self.directory.glob("images/sha256-*.qcow2"))

    def content(self, pulled):
        return Path(pulled["image"]["path"]).read_bytes()

    def parts(self):
        return sorted(self.directory.glob("downloads/*.part"))

    def leftovers(self):
        """What nobody will ever use."""
        return [path for path in self.directory.rglob("*") if path.name.startswith(".") or path.suffix == ".part"]
