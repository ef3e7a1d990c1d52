"""The stand-in keeps to Torque's rules: with small hooks, without guests."""

import os
import signal
import time
from pathlib import Path

import pytest
from mom import Build, Job
from mom.process import members

STARTER = "$job_starter STARTER\n"


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def wait_until(true, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# ---- hooks ----

@pytest.mark.parametrize("code, batch, interactive", [(0, "runs", "runs"), (1, "aborted", "aborted"), (2, "requeued", "aborted"),
                                                      (77, "requeued", "aborted")])
def test_prologue_result(make_mom, code, batch, interactive):
    mom = make_mom(prologue=f"exit {code}")
    for job, means in [(Job(), batch), (Job(interactive=True), interactive)]:
        run = mom.run(job)
        assert run.prologue().code == code
        assert run.verdict() == means


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_prologue_killed_by_a_signal_counts_as_success(make_mom, number):
    run = make_mom(prologue=f"kill -{number} $$").run(Job())
    assert run.prologue().signal == number
    assert run.verdict() == "runs"


def test_a_hook_that_is_missing_is_none(make_mom):
    mom = make_mom()
    outcome = mom.submit(Job(script="#!/bin/sh\necho ran\n"))
    assert (outcome.state, outcome.exit_status, outcome.out) == ("completed", 0, b"ran\n")


@pytest.mark.parametrize("mode, owner", [(0o644, 0), (0o775, 0), (0o757, 0), (0o755, 5001)])
def test_a_hook_with_a_wrong_mode_has_failed(make_mom, mode, owner):
    mom = make_mom(prologue="exit 0")
    file = mom.home / "mom_priv/prologue"
    file.chmod(mode)
    os.chown(file, owner, 0)
    assert mom.submit(Job(), most_runs=30).runs == 30


def test_a_hook_without_an_interpreter_has_failed(make_mom):
    mom = make_mom(prologue="#! removed")
    (mom.home / "mom_priv/prologue").write_text("exit 0\n")
    assert mom.submit(Job()).state == "requeued"


def test_timeout_is_ten_seconds_earlier_and_kills_the_session_only(make_mom):
    mom = make_mom(prologue="trap '' TERM; sleep 1000 & echo $! >in; setsid sleep 1000 & echo $! >out; wait",
                   config="$prologalarm 11")
    run = mom.run(Job())
    end = run.prologue()
    assert end.timed_out and 0.9 < end.seconds < 3
    assert run.verdict() == "requeued"
    within, outside = [int((mom.home / "mom_priv" / name).read_text()) for name in ("in", "out")]
    assert not Path(f"/proc/{within}").exists()
    assert Path(f"/proc/{outside}").exists()
    os.kill(outside, signal.SIGKILL)
    assert end.held, "the other session has mom's pipes"


def test_what_hooks_are_given(make_mom):
    say = """{ pwd; umask; id -u; ls /proc/$$/fd | tr '\\n' ' '; echo; readlink /proc/$$/fd/0; ps -o sid= -p $$ | tr -d ' '
echo $$; printf '<%s>' "$@"; echo; tr '\\0' '\\n' </proc/$$/environ | sort | cut -d= -f1 | tr '\\n' ' '; } >ATTEMPT; echo seen
"""
    mom = make_mom(prologue=say.replace("ATTEMPT", "p"), epilogue=say.replace("ATTEMPT", "e"))
    outcome = mom.submit(Job(id="69[2].host", script="#!/bin/sh\nexit 3\n"))
    assert outcome.out == b"seen\nseen\n"
    home, private = mom.home, mom.home / "mom_priv"
    for name, umask in [("p", "0077"), ("e", "0022")]:
        seen = lines(private / name)
        assert seen[:3] == [str(private), umask, "0"]
        assert {"0", "1", "2", "9", "11", "14"} <= set(seen[3].split())
        assert seen[4] == "/dev/null"
        assert seen[5] == seen[6], "leads its session"
        assert set(seen[8].split()) == {"LANG", "PATH", "PBS_MSHOST", "PBS_NODEFILE", "PBS_NODENUM", "PBS_NP", "PBS_NUM_NODES",
                                        "PBS_NUM_PPN", "PBS_O_WORKDIR", "PBS_RESOURCE_NODES"}
    script = f"{home}/mom_priv/jobs/69-2.host.SC"
    common = "<69[2].host><alice><alice><STDIN>"
    resources = "<walltime=01:00:00,nodes=1,neednodes=1>"
    assert lines(private / "p")[7] == f"{common}{resources}<batch><><{script}>"
    words = lines(private / "e")[7].strip("<>").split("><")
    assert words[:4] == ["69[2].host", "alice", "alice", "STDIN"]
    assert words[4].isdigit() and words[7:] == ["batch", "", "3", script]


def test_older_ones_do_not_tell_the_script(make_mom):
    mom = make_mom(prologue='echo $# >p', epilogue='echo $# >e', tells_script_path=False)
    mom.submit(Job(script="#!/bin/sh\n"))
    assert [lines(mom.home / "mom_priv" / name) for name in "pe"] == [["7"], ["10"]]


# ---- what the epilogue is told ----

SHELL_STATUS = 128 + signal.SIGSEGV  # of a shell that waits for its script
ENDS = [("exit 7", Build.USUAL, 7), ("exit 255", Build.USUAL, 255), ("kill -SEGV $$", Build.USUAL, SHELL_STATUS),
        ("kill -SEGV $PPID", Build.USUAL, 256 + signal.SIGSEGV), ("kill -SEGV $$", Build.DISABLE_SHELL_PIPE, 256 + signal.SIGSEGV),
        ("kill -SEGV $$", Build.SHELL_USE_ARGV, 256 + signal.SIGSEGV)]


@pytest.mark.parametrize("script, build, status", ENDS)
def test_exit_status(make_mom, script, build, status):
    mom = make_mom(epilogue='echo "${10}" >e')
    run = mom.run(Job(script=f"#!/bin/bash\n{script}\n"))
    run.start(build)
    assert run.finish().exit_status == status
    assert lines(mom.home / "mom_priv/e") == [str(status)]


@pytest.mark.parametrize("prologue, state, told", [("exit 1", "aborted", "-2"), ("exit 2", "requeued", "-14")])
def test_epilogue_after_a_prologue_that_said_no(make_mom, prologue, state, told):
    mom = make_mom(prologue=f"echo why; {prologue}", epilogue='echo "${10}" >e')
    outcome = mom.submit(Job())
    assert (outcome.state, outcome.out) == (state, None), "no output files"
    assert lines(mom.home / "mom_priv/e") == [told]


def test_no_automatic_requeue(make_mom):
    mom = make_mom(prologue="exit 2")
    mom.disable_automatic_requeue = True
    outcome = mom.submit(Job(), most_runs=5)
    assert (outcome.state, outcome.exit_status, outcome.runs) == ("completed", -14, 1)


def test_requeue_by_exit_code(make_mom):
    mom = make_mom(starter="[[ -e $HOME/second ]] || { touch $HOME/second; exit 120; }; rm $HOME/second; exit 5",
                   config=STARTER)
    mom.requeue_exit_code = 120
    outcome = mom.submit(Job(), most_runs=5)
    assert (outcome.state, outcome.exit_status, outcome.runs) == ("completed", 5, 2)


# ---- job starter ----

SAY = """id -u; ps -o sid= -p $$ | tr -d ' '; echo $$; pwd; printf '<%s>' "$@"; echo
echo $PBS_TASKNUM $PBS_ENVIRONMENT $PBS_JOBID; readlink /proc/$$/fd/0 | cut -d: -f1; umask"""


def test_starter_of_a_batch_job(make_mom):
    mom = make_mom(starter=SAY + "; cat", config=STARTER)
    outcome = mom.submit(Job(shell="/bin/ksh", arguments="one 'two 2'"))
    seen = outcome.out.decode().splitlines()
    assert seen[0] == "5001" and seen[1] == seen[2] and seen[3] == "/var/opt/vmbatch/home/alice"
    assert seen[4:8] == ["</bin/ksh>", "1 PBS_BATCH 1.server.example", "pipe", "0022"]
    assert seen[8] == f"{mom.home}/mom_priv/jobs/1.server.example.SC one 'two 2'"


@pytest.mark.parametrize("build, stdin, argument", [(Build.DISABLE_SHELL_PIPE, "the script", None),
                                                    (Build.SHELL_USE_ARGV, "", "jobs/1.server.example.SC>")])
def test_starter_of_other_builds(make_mom, build, stdin, argument):
    mom = make_mom(starter='printf "<%s>" "$@"; cat', config=STARTER)
    run = mom.run(Job(script="the script", shell="/bin/sh"))
    run.start(build)
    said = run.finish().out.decode()
    assert said.startswith("</bin/sh>") and said.endswith(stdin) and (argument or "") in said


def test_starter_of_an_interactive_job(make_mom):
    mom = make_mom(starter='tty -s && echo $PBS_ENVIRONMENT "$@" && stty -a <&1 >/dev/null && cat <>/dev/tty', config=STARTER)
    run = mom.run(Job(interactive=True))
    session = run.start()
    assert os.read(session.terminal, 1000) == b"PBS_INTERACTIVE /bin/bash\r\n"
    session.end()


def test_starter_of_a_task(make_mom):
    mom = make_mom(starter=SAY, config=STARTER)
    run = mom.run(Job())
    task = run.start_task("/bin/echo", "a b", number=3)
    assert task.wait(10)
    seen = run.written()[0].decode().splitlines()
    assert seen[0] == "5001" and seen[1] == seen[2] == str(task.child.pid)
    assert seen[4:7] == ["</bin/echo><a b>", "3 PBS_BATCH 1.server.example", "/dev/null"]


def test_starter_with_privileges(make_mom):
    mom = make_mom(starter="id -u; echo $USER", config=STARTER + "$job_starter_run_privileged true")
    assert mom.submit(Job()).out == b"0\nalice\n"


@pytest.mark.parametrize("there", [False, True])
def test_without_the_starter_the_job_runs_on_the_host(make_mom, there):
    mom = make_mom(config=STARTER, **({"starter": "echo starter"} if there else {}))
    if there:
        (mom.home / "mom_priv/starter").chmod(0o600)
    assert mom.submit(Job(script="#!/bin/sh\nid -u; pwd\n")).out == b"5001\n/var/opt/vmbatch/home/alice\n"


# ---- signals ----

def started(mom, **how):
    """A job whose starter has said that it is there."""
    run = mom.run(Job(**how))
    run.start()
    wait_until(lambda: run.written()[0])
    return run


def test_each_process_of_the_session_is_signalled(make_mom):
    mom = make_mom(starter="trap 'echo one' USR1; (trap 'echo two' USR1; echo; sleep 1; sleep 1) & sleep 1; wait; wait",
                   config=STARTER)
    run = started(mom)
    time.sleep(0.2)
    run.session.signal(signal.SIGUSR1)
    assert run.finish().out.split() in ([b"one", b"two"], [b"two", b"one"])


def test_qdel(make_mom):
    mom = make_mom(starter="trap 'echo term' TERM; echo; while :; do sleep 0.1; done", config=STARTER,
                   epilogue_precancel="id -u; sleep 0.5", epilogue='echo "${10}" >e', kill_delay=0.5)
    run = started(mom)
    begun = time.monotonic()
    precancel = mom.qdel(run)
    assert precancel.code == 0 and time.monotonic() - begun > 1
    outcome = run.finish()
    assert outcome.out.split() == [b"5001", b"term"]
    assert outcome.exit_status == 256 + 9
    assert lines(mom.home / "mom_priv/e") == ["265"]


def test_walltime(make_mom):
    mom = make_mom(starter="trap 'echo term; exit 3' TERM; echo; while :; do sleep 0.1; done", config=STARTER)
    run = started(mom)
    mom.walltime_is_over(run)
    outcome = run.finish()
    assert (outcome.exit_status, outcome.out) == (-11, b"\nterm\n")


def test_the_leaders_end_is_the_sessions(make_mom):
    mom = make_mom(starter="sleep 1000 & setsid sleep 999 & echo $!; sleep 0.3; exit 4", config=STARTER)
    run = mom.run(Job())
    session = run.start()
    outcome = run.finish()
    assert outcome.exit_status == 4
    assert members(session.child.pid) == []
    os.kill(int(outcome.out), signal.SIGKILL)  # another session


def test_qdel_while_the_prologue_runs(make_mom):
    mom = make_mom(prologue="echo begun >p; sleep 1; echo done >>p", epilogue="cp p e")
    run = mom.run(Job())
    hook = run.begin_prologue()
    wait_until(lambda: (mom.home / "mom_priv/p").exists())
    assert mom.qdel(run) is None
    assert lines(mom.home / "mom_priv/e") == ["begun"]
    assert hook.wait().code == 0
