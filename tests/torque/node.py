"""A node as howto/torque.md sets it up: the page itself is followed, in the world's own /usr/local, /etc and /var/spool."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from jobs import CHECKOUT
from mom import Job
from world import settings, to_toml

PAGE = CHECKOUT / "howto/torque.md"
BUILD = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev")).resolve()
INSTALLED = Path("/var/opt/vmbatch/installed")
LIBEXEC = Path("/usr/local/libexec/vmbatch")
CONFIG = Path("/etc/vmbatch/vmbatch.toml")
TORQUE = Path("/var/spool/torque")
# Torque's own programs: the stand-in is asked instead.
OF_TORQUE = ("qsub ", "qmgr ")


def install():
    """`cmake --install` for a /usr/local that only this world sees; the machine's other files there stay hidden."""
    if INSTALLED.exists():
        return
    subprocess.run(["cmake", "--install", BUILD], check=True, stdout=subprocess.DEVNULL, env={**os.environ, "DESTDIR": str(INSTALLED)})
    subprocess.run(["mount", "--bind", INSTALLED / "usr/local", "/usr/local"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "test", "/var/spool"], check=True)


def shown_commands() -> list[str]:
    """The page's sh blocks."""
    return re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def follow_page():
    """From nothing but an installed package and a configuration without Torque; the guest is the one that starts fastest."""
    CONFIG.parent.mkdir(exist_ok=True)
    CONFIG.write_text(to_toml(settings()) + "\n")
    shutil.rmtree(TORQUE, ignore_errors=True)
    (TORQUE / "mom_priv").mkdir(parents=True)
    script = "\n".join(block for block in shown_commands() if not block.startswith(OF_TORQUE))
    script = script.replace("sudo ", "").replace('"debian"', '"mini"')
    subprocess.run(["bash", "-euc", script], check=True, capture_output=True, text=True,
                   env={"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"})


def page_lines(program: str) -> list[list[str]]:
    """The words of each line of the page that calls a program of Torque's."""
    lines = [line for block in shown_commands() for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith(program + " ")]


def job_of_qsub(words: list[str], **more) -> Job:
    """What `qsub WORDS` would send."""
    job = Job(**more)
    words = list(words)
    while words:
        word = words.pop(0)
        if word == "-q":
            job.queue = words.pop(0)
        elif word == "-l":
            job.resources = words.pop(0)
        elif word == "-I":
            job.interactive = True
        else:
            job.script = Path(word).read_text()
            job.name = Path(word).name
    return job
