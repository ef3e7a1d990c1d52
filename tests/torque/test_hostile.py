"""A user who chooses environment, files and words: nothing of it works on the host, as user or as root."""

import os
import pwd
import subprocess
from pathlib import Path

import pytest
from in_guest import BOOT_ID, Guest, ended
from mom import Job, Mom
from node import CONFIG, TORQUE
from world import JOBS, STATE

# Whatever runs on the host by a trick leaves its uid here.
CAUGHT = Path("/var/opt/vmbatch/caught")
TRAP = """#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void trap(void)
{
    char name[64];
    snprintf(name, sizeof name, "/var/opt/vmbatch/caught/preload-%d-%d", (int)getuid(), (int)getpid());
    FILE *file = fopen(name, "w");
    if (file) fclose(file);
}
"""


@pytest.fixture
def traps(tmp_path_factory):
    """A library, programs and configurations that tell when they are used. The environment that names them."""
    CAUGHT.mkdir()
    CAUGHT.chmod(0o1777)
    home = Path("/var/opt/vmbatch/traps")
    home.mkdir(mode=0o755)
    source = tmp_path_factory.mktemp("trap") / "trap.c"
    source.write_text(TRAP)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", home / "trap.so", source], check=True)
    for name in ["ssh", "sh", "bash", "sleep", "cat", "libvirt-helper"]:
        program = home / name
        program.write_text(f"#!/bin/bash\n: >/var/opt/vmbatch/caught/{name}-$UID\n")
        program.chmod(0o755)
    (home / ".ssh").mkdir()
    command = "ProxyCommand touch /var/opt/vmbatch/caught/proxy\nLocalCommand touch /var/opt/vmbatch/caught/local\n"
    (home / ".ssh/config").write_text(f"Host *\n{command}")
    own = Path(pwd.getpwnam("alice").pw_dir) / ".ssh"
    own.mkdir(exist_ok=True)
    (own / "config").write_text(f"Host *\n{command}")
    (home / "vmbatch.toml").write_text("schema = 1\n")
    yield {"LD_PRELOAD": str(home / "trap.so"), "LD_AUDIT": str(home / "trap.so"), "LD_LIBRARY_PATH": str(home),
           "PATH": str(home), "HOME": str(home), "XDG_CONFIG_HOME": str(home), "BASH_ENV": str(home / "sh"), "ENV": str(home / "sh"),
           "SSH_ASKPASS": str(home / "ssh"), "SSH_AUTH_SOCK": str(home / "agent"), "GCONV_PATH": str(home), "TMPDIR": str(home),
           "VMBATCH_CONFIG": str(home / "vmbatch.toml"), "VMBATCH_STATE_DIR": str(home), "VMBATCH_CACHE_DIR": str(home),
           "VMBATCH_JOB_ID": "1.other.example"}
    subprocess.run(["rm", "-r", home, CAUGHT, own], check=True)


def caught() -> list[str]:
    return sorted(path.name for path in CAUGHT.iterdir())


SEES = "echo $VMBATCH_JOB_ID; /bin/cat /proc/sys/kernel/random/boot_id; echo $LD_PRELOAD; exit 6\n"


@pytest.mark.parametrize("privileged", [False, True])
def test_a_hostile_environment_changes_nothing(in_guest, traps, privileged):
    """It is the job's, in the guest; of the programs on the host none obeys it."""
    in_guest.mom.privileged = privileged
    done = in_guest.execute("#!/bin/sh\n" + SEES, variables=traps)
    job_id, boot_id, preload = done.out.decode().splitlines()
    assert (done.status, job_id, preload) == (6, in_guest.job.id, traps["LD_PRELOAD"])
    assert boot_id != BOOT_ID.read_text().strip()
    run = in_guest.prepare(variables=traps)
    assert ended(run, run.start_task("/bin/sh", "-c", "exit 4")).status == 4
    assert caught() == []


def test_the_traps_work(in_guest, traps):
    """Without remoteshell they catch the job's shell."""
    in_guest.mom.starter = None
    in_guest.execute("#!/bin/bash\nsleep 0\n", variables=traps)
    found = {name.split("-")[0] for name in caught()}
    assert {"preload", "sh"} <= found, found


@pytest.mark.parametrize("hook", ["prologue", "epilogue"])
def test_hooks_take_nothing_from_their_environment(mom, traps, hook):
    """Root's programs. (A library to be preloaded root would obey: pbs_mom gives hooks no variables of users'.)"""
    environment = {name: value for name, value in traps.items() if not name.startswith("LD_")}
    done = subprocess.run([TORQUE / "mom_priv" / hook, "5.server.example", "nobody-there", "x"], check=False, capture_output=True,
                          cwd=TORQUE / "mom_priv", env=environment, timeout=60)
    assert done.returncode == {"prologue": 2, "epilogue": 0}[hook]
    assert b"toml" not in done.stderr
    assert caught() == []


def test_nothing_of_other_jobs_of_the_ledger_or_of_the_host_can_be_read(in_guest):
    """By the job's user on the host, and by the job in its guest."""
    other = Guest(Mom(TORQUE), Job(id="8.server.example", user="bob"))
    try:
        own, others = JOBS / in_guest.job.id, JOBS / other.job.id
        secrets = [own / "ledger/job.json", own / "ledger/made", own / "disk/context.iso", own / "disk/console.log",
                   others / "user/key", others / "user/access.json", others / "ledger/job.json", others / "disk/overlay.qcow2"]
        for secret in secrets:
            assert secret.exists(), secret
            read = subprocess.run(["setpriv", "--reuid=alice", "--regid=alice", "--init-groups", "cat", secret], check=False,
                                  capture_output=True)
            assert b"Permission denied" in read.stderr, secret
        names = " ".join(f"'{path}'" for path in [*secrets, CONFIG, STATE, others])
        done = in_guest.execute(f"#!/bin/sh\nfor f in {names}; do [ -e \"$f\" ] && echo \"$f\"; done; exit 0\n")
        assert (done.status, done.out) == (0, b"")
        # Nor is another's guest reached by its job's id, with or without root's rights for the starter.
        run = in_guest.prepare("#!/bin/sh\nhostname\n", variables={"PBS_JOBID": other.job.id})
        run.start()
        refused = ended(run, run.session)
        assert (refused.status, refused.out) == (123, b"")
    finally:
        other.end()
