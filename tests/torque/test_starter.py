"""remoteshell as mom's job starter: every way of calling it ends in the guest, and to the job it is like a host."""

import base64
import fcntl
import hashlib
import os
import signal
import struct
import termios
import time

import pytest
from in_guest import BOOT_ID, Guest, ended
from mom import Build, Job, Mom
from node import LIBEXEC, TORQUE
from waiting import read_terminal

WHERE = "cat /proc/sys/kernel/random/boot_id\n"
BUILDS = list(Build)


def somewhere_else(out: bytes) -> bool:
    return out.strip().count(b"-") == 4 and out.decode().strip() != BOOT_ID.read_text().strip()


@pytest.fixture
def privileged(guest):
    """$job_starter_run_privileged true"""
    file = TORQUE / "mom_priv/config"
    before = file.read_text()
    file.write_text(before + "$job_starter_run_privileged true\n")
    guest.mom.read_config()
    assert guest.mom.privileged
    yield
    file.write_text(before)
    guest.mom.read_config()


# ---- the ways of calling it ----

@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.name.lower())
def test_1_batch(in_guest, build):
    """Also with the two other builds of mom."""
    script = f"#!/bin/bash\n{WHERE}pwd; id -un; umask; echo $PBS_JOBID $PBS_TASKNUM $PBS_ENVIRONMENT; wc -c; echo err >&2; exit 7\n"
    done = in_guest.execute(script, build, umask=0o027)
    lines = done.out.decode().splitlines()
    assert done.status == 7, done.err
    assert somewhere_else(lines[0].encode())
    assert lines[1:] == ["/var/opt/vmbatch/home/alice", "alice", "0027", "7[1].server.example 1 PBS_BATCH", "0"]
    assert done.err == b"err\n"


def test_1_batch_with_arguments(in_guest):
    """`qsub -F`: the user's shell takes them apart, in the guest."""
    done = in_guest.execute("#!/bin/bash\nprintf '<%s>' \"$@\"\n", arguments="one 'two 2' \"it's\" $PBS_JOBID")
    assert (done.status, done.out) == (0, b"<one><two 2><it's><7[1].server.example>")


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_1_batch_with_the_users_shell(in_guest, shell):
    """`qsub -S`; a script without an interpreter line is for it."""
    done = in_guest.execute("readlink /proc/$$/exe | sed 's,.*/,,'\n", shell=shell)
    assert done.status == 0 and done.out.strip() in (b"bash", b"dash", b"busybox")


def test_a_shell_that_is_not_there(in_guest):
    """Whatever the user names is looked for in the guest only."""
    outside = LIBEXEC / "job-shell"
    outside.write_text("#!/bin/sh\ntouch /var/opt/vmbatch/home/alice/ran-on-the-host\n")
    outside.chmod(0o755)
    try:
        done = in_guest.execute(WHERE, shell=str(outside))
    finally:
        outside.unlink()
    assert (done.status, done.out) == (127, b"")
    assert not os.path.exists("/var/opt/vmbatch/home/alice/ran-on-the-host")


def test_2_interactive(in_guest):
    """A terminal with prompt, Ctrl-C, a size that changes, and the shell's exit code."""
    run = in_guest.prepare(interactive=True)
    session = run.start()
    terminal = session.terminal
    before = termios.tcgetattr(terminal)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))

    def say(line, until):
        os.write(terminal, line + b"\n")
        return read_terminal(terminal, until)

    # Quotes tell an answer from the echo of the question.
    assert somewhere_else(say(b"cat /proc/sys/kernel/random/boot_id; echo o''ne", b"one\r\n").split()[-2])
    assert b"PBS_INTERACTIVE pts" in say(b"echo $PBS_ENVIRONMENT $(tty | cut -d/ -f3); echo t''wo", b"two\r\n")
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 99, 0, 0))
    say(b"for i in 1 2 3 4 5 6 7 8 9; do [[ $(stty size) == 44*99 ]] && break; sleep 1; done; stty size", b"44 99\r\n")
    os.write(terminal, b"echo be''gun; sleep 1000\n")
    read_terminal(terminal, b"begun\r\n")
    time.sleep(1)  # until sleep is in the terminal's foreground
    os.write(terminal, b"\x03")
    say(b"echo thr''ee", b"three\r\n")
    os.write(terminal, b"exit 5\n")
    assert session.wait(30)
    assert session.exit_status == 5
    assert termios.tcgetattr(terminal) == before
    os.close(terminal)


def test_3_task(in_guest):
    """pbsdsh and mpirun: a command beside the job, in its guest."""
    run = in_guest.begin("#!/bin/sh\ncat /proc/sys/kernel/random/boot_id; sleep 1000\n")
    tasks = [run.start_task("/bin/sh", "-c", WHERE + "wc -c; printf '<%s>\\n' \"$@\"; exit $PBS_TASKNUM", "sh",
                            "a b", "$HOME", number=number) for number in (2, 3)]
    assert [task.wait(30) for task in tasks] == [True, True]
    assert [task.exit_status for task in tasks] == [2, 3]
    lines = run.written()[0].decode().split()
    assert len({line for line in lines if line.count("-") == 4}) == 1
    assert [lines.count(word) for word in ("0", "<a", "b>", "<$HOME>")] == [2, 2, 2, 2]
    in_guest.kill(run)


def test_3_task_killed_by_a_signal(in_guest):
    run = in_guest.prepare()
    task = run.start_task("/bin/sh", "-c", "kill -SEGV $$")
    assert ended(run, task).status == 256 + signal.SIGSEGV


@pytest.mark.usefixtures("privileged")
def test_run_privileged(in_guest):
    """Started as root, it is the job's user, on the host as in the guest."""
    done = in_guest.execute(f"#!/bin/sh\n{WHERE}id -u; id -G; exit 3\n")
    boot_id, uid, groups = done.out.decode().splitlines()
    assert (done.status, uid, groups) == (3, "5001", "5001 6001")
    assert somewhere_else(boot_id.encode())
    run = in_guest.prepare()
    assert ended(run, run.start_task("/usr/bin/id", "-u")).out == b"5001\n"


def test_a_starter_that_is_missing_would_run_jobs_on_the_host(in_guest):
    """Mom does. What is against it is the prologue: test_without_its_job_starter_mom_would_run_the_job_on_the_host."""
    in_guest.mom.starter = LIBEXEC / "no-such-program"
    done = in_guest.execute("#!/bin/sh\n" + WHERE)
    assert done.out.decode() == BOOT_ID.read_text()


# ---- like a local job ----

@pytest.mark.parametrize("build", [Build.DISABLE_SHELL_PIPE, Build.SHELL_USE_ARGV], ids=lambda build: build.name.lower())
@pytest.mark.parametrize("script", ["exit 0", "exit 255", "kill -SEGV $$", "kill -KILL $$", "kill -TERM $$", "kill -ABRT $$",
                                    "no-such-command", "echo a; echo b >&2; exit 121"])
def test_an_end_is_what_it_is_locally(in_guest, make_mom, script, build):
    """Exit codes, also those that are ours, and signals: the server sees what it sees of a job without a guest."""
    local = make_mom().run(Job(script=script + "\n", shell="/bin/bash"))
    local.start(build)
    expected = ended(local, local.session)
    done = in_guest.execute(script + "\n", build, shell="/bin/bash")
    assert (done.status, done.out) == (expected.status, expected.out)
    local.remove_files()


@pytest.mark.parametrize("script, status", [("exit 7", 7), ("exit 255", 255), ("kill -SEGV $$", 256 + signal.SIGSEGV),
                                            ("kill -KILL $$", 256 + signal.SIGKILL)])
def test_the_end_of_the_script_is_the_jobs(in_guest, script, status):
    """Where a shell reads the script's path, that shell's own end would hide a signal."""
    done = in_guest.execute(f"#!/bin/sh\n{script}\n")
    assert (done.status, done.out, done.err) == (status, b"", b"")


VALUES = {"NEWLINES": "first\nsecond\n", "QUOTES": "it's \"quoted\" \\ `id` $(id) $HOME !", "EMPTY": "", "UTF8": "Größe",
          "EQUALS": "a=b=c", "BASH_FUNC_f%%": "() {  echo f\n}", "PBS_O_SOMETHING": "x"}


def test_the_environment_is_carried_exactly(in_guest):
    run = in_guest.prepare("#!/bin/bash\nbase64 -w0 /proc/$$/environ\n", variables=VALUES)
    run.start()
    done = ended(run, run.session)
    seen = dict(entry.split("=", 1) for entry in base64.b64decode(done.out).decode().split("\0")[:-1])
    expected = run.job.environment(TORQUE, 1)
    assert {name: seen.get(name) for name in expected} == expected
    # What a shell adds before it becomes the script, and our one word.
    assert set(seen) - set(expected) <= {"PWD", "OLDPWD", "SHLVL", "_", "VMBATCH_JOB_ID"}


def test_much_output_and_standard_input(in_guest):
    """Byte for byte, stdout and stderr apart."""
    script = """head -c 5000000 /dev/urandom >/tmp/out; head -c 5000000 /dev/urandom >/tmp/err
cat /tmp/out & cat /tmp/err >&2; wait; sha256sum /tmp/out /tmp/err | cut -c1-64
"""
    done = in_guest.execute(script, Build.DISABLE_SHELL_PIPE, shell="/bin/bash")
    said = done.out[5_000_000:].decode().split()
    assert said == [hashlib.sha256(part).hexdigest() for part in (done.out[:5_000_000], done.err)]


# ---- whom it lets in ----

def test_without_a_guest_nothing_runs(mom):
    """No prologue has run; or the job was deleted meanwhile, and a restarted mom starts it all the same."""
    for job in [Job(id="99.server.example", script=WHERE), Job(id="../7[1].server.example", script=WHERE)]:
        run = mom.run(Job(script=WHERE))
        run.job = job
        run.start()
        done = ended(run, run.session)
        assert done.status in (121, 123)
        assert (done.out, done.err.count(b"\n")) == (b"", 1)
        run.remove_files()


def test_another_users_job(in_guest):
    """What he finds of it is nothing."""
    run = in_guest.prepare(WHERE, user="bob", variables={"USER": "alice", "LOGNAME": "alice"})
    run.start()
    done = ended(run, run.session)
    assert (done.status, done.out) == (123, b"")
    assert b"there is no guest for this job" in done.err


@pytest.mark.usefixtures("privileged")
def test_a_script_that_only_root_can_read(in_guest):
    """Mom says where it is, and it is read as the user."""
    run = in_guest.prepare(WHERE)
    os.chown(run.script, 0, 0)
    run.start()
    done = ended(run, run.session)
    assert (done.status, done.out) == (121, b"")
    assert b"the job's script cannot be read" in done.err
