"""Batch jobs as their users submit them, each in a guest of its own."""

import subprocess
import time
from pathlib import Path

from cluster import HOLD, HOMES, until
from world import JOBS, guests

BOOT_ID = Path("/proc/sys/kernel/random/boot_id").read_text().strip()

ORDINARY = """#!/bin/bash
#SBATCH --cpus-per-task=2
say() { printf '%s=%s\\n' "$1" "$2"; }
say boot_id "$(cat /proc/sys/kernel/random/boot_id)"
say host "$(hostname)"
say first_line "$(head -n 1 "$0")"
say arguments "$#:$1:$2"
say user "$(id -un):$(id -Gn | tr ' ' '\\n' | sort | paste -sd,)"
say directory "$(pwd)"
say umask "$(umask)"
say word "$WORD"
say job "$SLURM_JOB_ID/$SLURM_JOB_PARTITION"
say processors "$(nproc)"
say megabytes "$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)"
say input "$(wc -c)"
echo 'to stderr' >&2
exit 7
"""


def said(output):
    return dict(line.split("=", 1) for line in output.splitlines() if "=" in line)


def own_lines(output):
    """Without what slurmstepd writes into it, and bash of the sleep that was killed with it."""
    return [line for line in output.splitlines() if not line.startswith("slurmstepd") and "Terminated" not in line]


def test_an_ordinary_job(cluster):
    """An unprivileged user's, with arguments, a directive, an environment of its own."""
    job = cluster.submit(ORDINARY, "one", "two words", memory="512M", env={"WORD": "a'b\"c  d"})
    assert cluster.wait(job) == ("FAILED", "7:0"), cluster.output(job)
    seen = said(cluster.output(job))
    assert seen.pop("boot_id") not in ("", BOOT_ID)
    assert 400 < int(seen.pop("megabytes")) < 512
    assert seen == {"host": f"vm-{job}", "first_line": "#!/bin/bash", "arguments": "2:one:two words",
                    "user": "alice:alice,physics", "directory": str(HOMES / "alice"), "umask": "0022",
                    "word": "a'b\"c  d", "job": f"{job}/vm", "processors": "2", "input": "0"}
    assert cluster.output(job).endswith("to stderr\n")


def others_find_no_way_in(cluster, job):
    """Not with remoteshell, not by its files; nor does the job's user get at what is root's."""
    done = cluster.call("/usr/local/libexec/vmbatch/remoteshell", "id", user="bob", env={"SLURM_JOB_ID": job})
    assert (done.returncode, done.stdout) == (123, "") and "there is no guest for this job" in done.stderr
    for user, part in [("bob", "user/key"), ("bob", "ledger/job.json"), ("bob", "disk/overlay.qcow2"),
                       ("alice", "ledger/job.json"), ("alice", "disk/context.iso")]:
        assert "Permission denied" in cluster.call("cat", JOBS / job / part, user=user).stderr, (user, part)


def test_an_array_two_at_once(cluster):
    """Two tasks in two guests at the same time; one is killed by a signal, and Slurm sees which. Each is cancelled during its
    Epilog, which changes nothing."""
    script = "#!/bin/bash\ncat /proc/sys/kernel/random/boot_id\n" + HOLD + """
case $SLURM_ARRAY_TASK_ID in
    1) exit 3 ;;
    2) kill -SEGV $$ ;;
esac
"""
    array = cluster.submit(script, options=["--array=1-2"])
    tasks = [f"{array}_1", f"{array}_2"]
    for task in tasks:
        cluster.wait_for_output(task, "begun")
    assert guests() == {f"vmbatch-{cluster.show(task)['JobId']}" for task in tasks}
    boots = [cluster.output(task).splitlines()[0] for task in tasks]
    assert len({BOOT_ID, *boots}) == 3
    others_find_no_way_in(cluster, cluster.show(tasks[0])["JobId"])
    for task in tasks:
        cluster.release(task)
        cluster.wait_for(task, "COMPLETING")
        cluster.call("scancel", task)  # too late: the Epilog is at work
    assert [cluster.wait(task) for task in tasks] == [("FAILED", "3:0"), ("FAILED", "0:11")]


EVIL = """#include <fcntl.h>
__attribute__((constructor)) static void spring(void) { open("@/traces/preloaded", O_CREAT | O_WRONLY, 0644); }
"""


def test_a_hostile_environment_changes_nothing(cluster):
    """What would run on the node if remoteshell, or the ssh below it, heeded it. It is the job's, and arrives as it is."""
    home = HOMES / "alice"
    for folder in ["traces", "bin", "home/.ssh"]:
        (home / folder).mkdir(parents=True)
    (home / "evil.c").write_text(EVIL.replace("@", str(home)))
    subprocess.run(["cc", "-shared", "-fPIC", "-o", home / "evil.so", home / "evil.c"], check=True)
    for tool in ["ssh", "sh", "bash", "env"]:
        (home / "bin" / tool).write_text(f"#!/bin/sh\n: >{home}/traces/path-{tool}\nexec /usr/bin/{tool} \"$@\"\n")
        (home / "bin" / tool).chmod(0o755)
    proxy = f"Host *\n    ProxyCommand /usr/bin/touch {home}/traces/proxy\n    PermitLocalCommand yes\n" \
            f"    LocalCommand /usr/bin/touch {home}/traces/local\n"
    (home / "home/.ssh/config").write_text(proxy)
    (home / "vmbatch.toml").write_text(f"schema = 1\n[paths]\nstate_dir = \"{home}/state\"\n")
    subprocess.run(["chown", "-R", "alice:", home], check=True)
    hostile = {"LD_PRELOAD": f"{home}/evil.so", "LD_AUDIT": f"{home}/evil.so", "LD_LIBRARY_PATH": str(home),
               "PATH": f"{home}/bin", "HOME": f"{home}/home", "VMBATCH_CONFIG": f"{home}/vmbatch.toml",
               "VMBATCH_STATE_DIR": f"{home}/state", "VMBATCH_CACHE_DIR": f"{home}/cache", "BASH_ENV": f"{home}/bin/sh",
               "SSH_AUTH_SOCK": f"{home}/agent", "TMPDIR": f"{home}/no-such", "PBS_JOBID": "1"}
    script = "#!/bin/sh\nfor name in " + " ".join(hostile) + "; do eval \"echo $name=\\$$name\"; done\necho done >&2\n"
    try:
        job = cluster.submit(script, options=["--export=ALL," + ",".join(f"{k}={v}" for k, v in hostile.items())])
        assert cluster.wait(job) == ("COMPLETED", "0:0"), cluster.output(job)
        seen = said(cluster.output(job))
        for name, value in hostile.items():
            # Ours are not the job's to set.
            assert seen[name] == ("" if name.startswith("VMBATCH_") else value), name
        assert list((home / "traces").iterdir()) == []
    finally:
        subprocess.run(["rm", "-r", *(home / name for name in ["traces", "bin", "home", "evil.c", "evil.so", "vmbatch.toml"])],
                       check=True)


def test_cancelled_in_prolog_and_job(cluster):
    """Everything is removed each time. A job that runs is asked first; one whose guest is being made does not keep the
    node until that is done."""
    trapped = "#!/bin/bash\ntrap 'echo asked; sleep 1; echo tidied; exit' TERM\n" + HOLD
    running = cluster.submit(trapped, options=["-w", "n1"])
    cluster.wait_for_output(running, "begun")
    preparing = cluster.submit("#!/bin/sh\necho must not run\n", options=["-w", "n2"])
    cluster.wait_for_guest(preparing)
    assert cluster.call("scancel", running, preparing).returncode == 0
    assert cluster.wait(preparing, timeout=25) == ("CANCELLED", "0:0"), cluster.log(preparing)
    assert cluster.wait(running, timeout=30)[0] == "CANCELLED"
    assert own_lines(cluster.output(running)) == ["begun", "asked", "tidied"]
    assert cluster.output(preparing) == ""


def ticks(cluster, job):
    return cluster.output(job).count("tick")


def suspended_and_resumed(cluster, job):
    """Nothing of it goes on meanwhile."""
    subprocess.run(["scontrol", "suspend", job], check=True)
    time.sleep(3)
    before = ticks(cluster, job)
    time.sleep(2)
    assert before > 0 and ticks(cluster, job) == before
    subprocess.run(["scontrol", "resume", job], check=True)
    until(lambda: ticks(cluster, job) > before)


def test_queued_again_suspended_out_of_time(cluster):
    """A job that is queued again gets a new guest under the same number. One that is suspended stops in its guest. One whose
    time is up hears of it, and has a while to tidy up."""
    again = cluster.submit("#!/bin/bash\necho run $SLURM_RESTART_COUNT $(cat /proc/sys/kernel/random/boot_id)\n"
                           "[ -n \"$SLURM_RESTART_COUNT\" ] && exit 5\n" + HOLD, options=["--open-mode=append"])
    limited = cluster.submit("#!/bin/bash\ntrap 'echo time is up; sleep 2; echo tidied; exit 4' TERM\necho begun\n"
                             "while :; do echo tick; sleep 0.3; done\n")
    for job in [again, limited]:
        cluster.wait_for_output(job, "begun")
    assert cluster.call("scontrol", "requeue", again).returncode == 0
    suspended_and_resumed(cluster, limited)
    subprocess.run(["scontrol", "update", f"JobId={limited}", "EndTime=now+3"], check=True)
    assert cluster.wait(again) == ("FAILED", "5:0"), cluster.output(again)
    first, second = [line.split() for line in cluster.output(again).splitlines() if line.startswith("run")]
    assert (len(first), second[1]) == (2, "1")
    assert len({BOOT_ID, first[1], second[2]}) == 3
    assert cluster.wait(limited)[0] == "TIMEOUT"
    assert [line for line in own_lines(cluster.output(limited)) if line != "tick"] == ["begun", "time is up", "tidied"]
