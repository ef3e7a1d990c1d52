"""What was counted on a host, and the log, without any guest."""

import json
import os
import subprocess
from pathlib import Path

import pytest

VMBATCH = Path(os.environ.get("VMBATCH_BUILD", Path(__file__).resolve().parents[2] / "build/dev")) / "bin/vmbatch"


@pytest.fixture
def configuration(tmp_path):
    """Of a host whose libvirtd is not there."""
    file = tmp_path / "vmbatch.toml"
    file.write_text(f"""schema = 1
[paths]
state_dir = "{tmp_path}/state"
cache_dir = "{tmp_path}/cache"
[hypervisor]
uri = "qemu+unix:///system?socket={tmp_path}/nobody"
[log]
file = "{tmp_path}/log"
[profile.x]
ready = "channel"
""")
    return file


def vmbatch(configuration, *words):
    return subprocess.run([VMBATCH, "--config", configuration, *map(str, words)], capture_output=True, text=True, check=False,
                          timeout=60, stdin=subprocess.DEVNULL)


def test_nothing_yet(configuration):
    shown = vmbatch(configuration, "job", "metrics")
    assert (shown.returncode, shown.stderr) == (0, "")
    data = json.loads(shown.stdout)
    assert data["schema"] == 1
    assert {metric["name"]: metric["value"] for metric in data["metrics"]} == {"jobs": 0, "hypervisor_restarts_total": 0}


def test_for_prometheus(configuration, tmp_path):
    """After something has happened: libvirt cannot be asked for guests without a job."""
    assert vmbatch(configuration, "job", "gc").returncode == 3
    shown = vmbatch(configuration, "job", "metrics", "--format", "prometheus")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert 'vmbatch_jobs{state="running"} 0\n' in shown.stdout
    assert '# TYPE vmbatch_gc_failures_total counter\nvmbatch_gc_failures_total{kind="message"} 1\n' in shown.stdout

    file = tmp_path / "vmbatch.prom"
    written = vmbatch(configuration, "job", "metrics", "--format", "prometheus", "--output", file)
    assert (written.returncode, written.stdout, file.read_text()) == (0, "", shown.stdout)
    assert sorted(path.name for path in tmp_path.iterdir() if "prom" in path.name) == ["vmbatch.prom"]

    (line,) = (tmp_path / "log").read_text().splitlines()
    event = json.loads(line)
    assert (event["event"], event["work"], event["job"]) == ("failed", "gc", "")
    assert "libvirt cannot be reached" in event["message"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: jobs are made by it")
def test_a_job_that_fails(configuration, tmp_path):
    script = tmp_path / "script"
    script.write_text("true\n")
    ended = vmbatch(configuration, "run", "--job-id", "7[1].server", "--user", "root", script)
    assert ended.returncode in (121, 123)
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [event["event"] for event in events][0] == "begun"
    assert events[1]["event"].startswith("failed_")
    assert {event["job"] for event in events} == {"7[1].server"}
    assert events[1]["message"] in ended.stderr
