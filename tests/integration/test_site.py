"""tools/site/enter: a world with all that a job needs, of which nothing is left whatever ends it."""

import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest
from traces import Traces

CHECKOUT = Path(__file__).resolve().parents[2]
ENTER = str(CHECKOUT / "tools/site/enter")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for namespaces and a bridge")


@pytest.fixture
def traces(tmp_path):
    taken = Traces(tmp_path / "tmp")
    yield taken
    taken.assert_none()


@pytest.fixture
def site(tmp_path):
    return tmp_path / "site"


def enter(site, *words, options=(), **how):
    how = {"capture_output": True, "timeout": 60, **how}
    return subprocess.run([ENTER, str(site), *options, "--", *words], check=False, **how)


def shell(site, script, options=(), **how):
    return enter(site, "bash", "-euc", script, options=options, text=True, **how)


def begin(site, *words, traces, **more):
    """Started, and COMMAND runs: it wrote a line."""
    process = subprocess.Popen([ENTER, str(site), "--", "sh", "-c", "echo begun; exec \"$@\"", "sh", *words],
                               stdout=subprocess.PIPE, env=traces.environment(**more))
    assert process.stdout.readline() == b"begun\n"
    return process


@pytest.mark.parametrize("script, status", [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)])
def test_exit_status_is_the_commands(site, traces, script, status):
    result = shell(site, script, env=traces.environment())
    assert (result.returncode, result.stdout, result.stderr) == (status, "", "")


def test_command_that_does_not_exist(site, traces):
    assert enter(site, "no-such-command", env=traces.environment()).returncode == 127


def test_streams_and_environment_are_untouched(site, traces):
    noise = os.urandom(1 << 20)
    result = enter(site, "sh", "-c", "cat; printf '%s' \"$WORD $VMBATCH_SITE\" >&2", input=noise,
                   env=traces.environment(WORD="a  b"))
    assert result.stdout == noise
    assert result.stderr == b"a  b 1"


def test_begins_within_two_seconds(site):
    times = []
    for _ in range(3):
        begun = time.monotonic()
        enter(site, "true")
        times.append(time.monotonic() - begun)
    assert min(times) < 2, times


def test_network_has_the_bridge_and_nothing_of_the_machine(site):
    result = shell(site, "ls /sys/class/net; ip -4 -brief address; ip route")
    assert result.stdout.split("\n", 2)[:2] == ["lo", "vmbr0"]
    assert "10.79.0.1/24" in result.stdout
    assert "default" not in result.stdout


def test_network_can_be_another(site):
    result = shell(site, "ip -4 -brief address; tools/site/config", cwd=CHECKOUT,
                   env={**os.environ, "VMBATCH_SITE_NET": "10.80.1.0/24"})
    assert "10.80.1.1/24" in result.stdout
    assert 'source = "10.80.1.1:/vmbatch"' in result.stdout


@pytest.mark.parametrize("address", ["127.0.0.1", "10.79.0.1"])
def test_nfs_answers_on_loopback_and_bridge(site, address):
    assert shell(site, f"exec 3<>/dev/tcp/{address}/2049").returncode == 0


def test_share_cannot_be_listed_nor_run_from(site):
    result = shell(site, "stat -c '%a %u' /var/opt/vmbatch/share; "
                         "findmnt -no OPTIONS /var/opt/vmbatch/share")
    mode, options = result.stdout.splitlines()
    assert mode == "711 0"
    assert {"nosuid", "nodev", "noexec"} <= set(options.split(","))


def test_cache_and_state_stay_and_the_share_does_not(site):
    shell(site, "cd /var/opt/vmbatch; touch cache/x state/x share/x")
    assert shell(site, "cd /var/opt/vmbatch; echo */x").stdout == "cache/x state/x\n"
    assert (site / "cache/x").exists()


DOMAIN = """<domain type='qemu'><name>empty</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<interface type='bridge'><source bridge='vmbr0'/><model type='virtio'/></interface></devices></domain>"""


def test_a_guest_on_the_bridge_runs_as_qemus_user(site, traces):
    result = shell(site, "virsh -q -c qemu:///system create --paused /dev/stdin; virsh -q -c qemu:///system list;"
                         "ps -C qemu-system-x86_64 -o user:20=; ls /sys/class/net/vmbr0/brif",
                   input=DOMAIN, env=traces.environment())
    assert result.returncode == 0, result.stderr
    words = result.stdout.split()
    assert {"empty", "paused", "libvirt-qemu", "vnet0"} <= set(words)


def test_accounts_exist_in_the_world_only(site):
    options = ("--account", "alice:5001:5001:physics=6001,chemistry=6002", "--account", "bob:5002:5002")
    result = shell(site, "id alice; id bob; su alice -c 'cd; pwd; touch mine; stat -c %U mine'", options=options)
    assert result.stdout.splitlines() == [
        "uid=5001(alice) gid=5001(alice) groups=5001(alice),6001(physics),6002(chemistry)",
        "uid=5002(bob) gid=5002(bob) groups=5002(bob)",
        "/var/opt/vmbatch/home/alice", "alice"]
    assert "alice" not in Path("/etc/passwd").read_text()


def test_what_is_written_to_the_system_stays_in_the_world(site, traces):
    paths = " ".join(f"{directory}/vmbatch-was-here" for directory in
                     ["/etc", "/var/lib", "/var/cache", "/var/log", "/run", "/var/opt"])
    assert shell(site, f"touch {paths}; ls {paths}", env=traces.environment()).returncode == 0
    assert not any(os.path.exists(path) for path in paths.split())


def test_state_and_working_directory_may_lie_below_a_private_one(traces):
    import tempfile
    with tempfile.TemporaryDirectory(dir="/var/cache", prefix="vmbatch-test-") as place:
        os.mkdir(f"{place}/work")
        result = shell(f"{place}/site", "touch here /var/opt/vmbatch/state/x; pwd", cwd=f"{place}/work")
        assert (result.stdout, result.stderr) == (f"{place}/work\n", "")
        assert os.path.exists(f"{place}/work/here")
        assert os.path.exists(f"{place}/site/state/x")


def test_two_worlds_at_a_time(tmp_path, traces):
    one = begin(tmp_path / "one", "sleep", "60", traces=traces)
    other = shell(tmp_path / "other", "ip -4 -brief address show vmbr0; virsh -q -c qemu:///system uri")
    assert other.returncode == 0, other.stderr
    one.terminate()
    assert one.wait(20) == 143


def test_one_world_for_one_directory(site, traces):
    first = begin(site, "sleep", "60", traces=traces)
    second = enter(site, "true")
    assert second.returncode == 125
    assert "in use" in second.stderr.decode()
    first.kill()
    first.wait()
    deadline = time.monotonic() + 10
    while enter(site, "true").returncode == 125 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert enter(site, "true").returncode == 0


@pytest.mark.parametrize("words", [[], ["DIR"], ["DIR", "--account", "a:b", "--", "true"], ["DIR", "--nonsense", "--", "true"]])
def test_usage_errors_make_nothing(tmp_path, words):
    result = subprocess.run([ENTER, *words], capture_output=True, cwd=tmp_path, check=False)
    assert result.returncode == 2
    assert b"--help" in result.stderr
    assert not (tmp_path / "DIR").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("moment", [0, 0.01, 0.03, 0.1, 0.2, 0.4])
def test_a_signal_at_any_moment_leaves_nothing(site, traces, number, moment):
    process = subprocess.Popen([ENTER, str(site), "--", "sleep", "300"], env=traces.environment())
    time.sleep(moment)
    process.send_signal(number)
    assert process.wait(15) != 0
    traces.assert_none()


def test_kill_takes_guests_too(site, traces):
    (site.parent / "empty.xml").write_text(DOMAIN)
    process = begin(site, "sh", "-c", "virsh -q -c qemu:///system create --paused \"$0\" >&2; echo made; sleep 300",
                    str(site.parent / "empty.xml"), traces=traces)
    assert process.stdout.readline() == b"made\n"
    process.kill()
    process.wait()


def test_ctrl_c_lets_the_command_clean_up_first(site, traces, tmp_path):
    """On a terminal: the command is told, its servers are still there while it cleans up, its status counts."""
    script = tmp_path / "job"
    script.write_text("trap 'sleep 0.5; virsh -q -c qemu:///system list && touch \"$0.cleaned\"; exit 3' INT\n"
                      "echo begun\nwhile :; do sleep 0.1; done\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(ENTER, [ENTER, str(site), "--", "bash", str(script)], traces.environment())
    output = b""
    while b"begun" not in output:
        output += os.read(terminal, 4096)
    os.write(terminal, b"\x03")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    assert (tmp_path / "job.cleaned").exists()
    os.close(terminal)


def test_a_command_that_will_not_end_is_ended(site, traces):
    process = begin(site, "bash", "-c", "trap '' TERM INT; echo deaf; while :; do sleep 0.1; done", traces=traces,
                    VMBATCH_SITE_GRACE="1")
    assert process.stdout.readline() == b"deaf\n"
    process.terminate()
    begun = time.monotonic()
    assert process.wait(30) == 137
    assert time.monotonic() - begun < 10


def test_a_server_that_fails_is_named_with_its_last_words(site, traces, tmp_path):
    broken = tmp_path / "ganesha"
    broken.write_text("#!/bin/sh\necho no luck today\nexit 1\n")
    broken.chmod(0o755)
    result = subprocess.run(["unshare", "-m", "sh", "-c", "mount --bind $0 /usr/bin/ganesha.nfsd && exec \"$@\"",
                             str(broken), ENTER, str(site), "--", "true"],
                            capture_output=True, text=True, check=False, env=traces.environment())
    assert result.returncode == 125
    assert "ganesha: no luck today" in result.stderr
    assert "ganesha ended before" in result.stderr


@pytest.mark.parametrize("options, network, word",
                         [(("--export", "/no/such=/x"), "10.79.0.0/24", "/no/such"), ((), "999.1.1.0/24", "999.1.1.1")])
def test_a_world_that_cannot_be_made(site, traces, options, network, word):
    result = enter(site, "true", options=options, env=traces.environment(VMBATCH_SITE_NET=network))
    assert result.returncode == 125
    assert word in result.stderr.decode()
