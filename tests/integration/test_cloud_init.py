"""Discs of ours, read by cloud-init's own code from Debian's package: the data source, user data, metadata and network are
found, each cloud-config satisfies its schema. The package is unpacked, never installed: its services would configure this machine."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
VMBATCH = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev")).resolve() / "bin/vmbatch"
MAC = "52:54:00:12:34:56"
CONTEXT = """schema = 1
[guest]
hostname = "wn-7.site.example"
[[user]]
name = "alice"
uid = 5001
[[file]]
path = "/opt/Größe"
content = "Größe\\n"
[environment]
WORD = "a=b,c: 'Größe' ${job.id}"
[[command]]
when = "early"
run = "echo early: Größe"
"""
NETWORK = f"""[network]
mode = "static"
mac = "{MAC}"
address = "10.0.0.5/22"
gateway = "10.0.0.1"
dns = ["10.0.0.1", "10.0.0.2"]
"""
# What reads a disc of each dialect.
READERS = {"nocloud": "NoCloud", "universal": "NoCloud", "configdrive": "ConfigDrive", "cernvm": "OpenNebula"}


@pytest.fixture(scope="session")
def cloud_init(tmp_path_factory):
    """The package's tree."""
    folder = tmp_path_factory.mktemp("cloud-init")
    fetched = subprocess.run(["apt-get", "-q", "download", "cloud-init"], cwd=folder, capture_output=True, text=True, check=False)
    packages = list(folder.glob("cloud-init_*.deb"))
    if not packages:
        pytest.skip(f"Debian's package cloud-init cannot be fetched: {fetched.stderr.strip()[-200:]}")
    subprocess.run(["dpkg-deb", "-x", packages[0], folder / "tree"], check=True)
    return folder / "tree"


def python(cloud_init, *words):
    return subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, check=False, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(cloud_init / "usr/lib/python3/dist-packages"),
                               "PYTHONDONTWRITEBYTECODE": "1"})


@pytest.fixture
def disc(tmp_path):
    def build(dialect, text=CONTEXT):
        (tmp_path / "context.toml").write_text(text)
        done = subprocess.run([VMBATCH, "iso", "build", tmp_path / "context.toml", "-o", tmp_path / f"{dialect}.iso",
                               "--dialect", dialect, "--set", "job.id=7"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return tmp_path / f"{dialect}.iso"
    return build


def read(cloud_init, source, disc):
    done = python(cloud_init, HERE / "cloud_init_reader.py", source, disc, MAC)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("dialect", READERS)
def test_its_data_source_is_found_and_says_all(cloud_init, disc, dialect):
    said = read(cloud_init, READERS[dialect], disc(dialect))
    assert said["found"]
    assert said["user_data"].isascii() and not said["vendor_data"].strip(" {}\n")
    ((kind, text),) = [part for part in said["parts"] if part[1]]
    if dialect == "cernvm":
        assert kind == "text/x-shellscript" and text.startswith("#!/bin/sh\n")
        return
    assert re.fullmatch("vmbatch-[0-9a-f]{32}", said["instance_id"])
    assert said["hostname"] == "wn-7.site.example"
    assert kind == "text/cloud-config"
    assert "interfaces" not in said  # DHCP is what it does by itself


@pytest.mark.parametrize("dialect", READERS)
def test_no_other_data_source_takes_it_for_its_own(cloud_init, disc, dialect):
    made = disc(dialect)
    for source in {*READERS.values()} - {READERS[dialect]}:
        # A universal disc is an OpenNebula disc, too: which of the two comes first in the guest's list is all the same.
        expected = (dialect, source) == ("universal", "OpenNebula")
        said = read(cloud_init, source, made)
        assert said["found"] == expected, source
        if expected:
            assert said["user_data"].startswith("#!/bin/sh\n") and "vmbatch_bootstrap all\n" in said["user_data"]


@pytest.mark.parametrize("dialect", ["nocloud", "universal", "configdrive"])
def test_a_static_network_is_accepted(cloud_init, disc, dialect):
    lines = {line.strip() for line in read(cloud_init, READERS[dialect], disc(dialect, CONTEXT + NETWORK))["interfaces"].splitlines()}
    assert "iface eth0 inet static" in lines, lines
    assert lines & {"address 10.0.0.5/22"} or {"address 10.0.0.5", "netmask 255.255.252.0"} <= lines, lines
    assert "gateway 10.0.0.1" in lines, lines  # not by route(8), which stock Debian has not
    assert any(re.fullmatch("dns-nameservers 10.0.0.1 10.0.0.2", line) for line in lines), lines


@pytest.mark.parametrize("dialect", ["nocloud", "universal", "configdrive"])
def test_the_cloud_config_satisfies_the_schema(cloud_init, disc, tmp_path, dialect):
    (text,) = [text for kind, text in read(cloud_init, READERS[dialect], disc(dialect))["parts"] if kind == "text/cloud-config"]
    config = tmp_path / "config.yaml"
    config.write_text(text)
    done = python(cloud_init, "-m", "cloudinit.cmd.main", "schema", "--config-file", config)
    assert done.returncode == 0 and "Valid cloud-config" in done.stdout, done.stdout + done.stderr
    config.write_text(text.replace("bootcmd:", "bootcmd: 1\nx:"))
    assert python(cloud_init, "-m", "cloudinit.cmd.main", "schema", "--config-file", config).returncode != 0


def test_what_runs_at_boot_is_the_bootstrap(cloud_init, disc):
    """As cloud-init takes it out of the YAML: whole, and good shell."""
    ((_, text),) = read(cloud_init, "NoCloud", disc("nocloud"))["parts"]
    done = python(cloud_init, "-c", "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.argv[1])))", text)
    config = json.loads(done.stdout)
    assert config["cloud_init_modules"] == ["growpart", "resizefs", "bootcmd"]
    assert config["cloud_config_modules"] == config["cloud_final_modules"] == []
    (script,) = config["bootcmd"]
    assert script.endswith("\nvmbatch_bootstrap all\nexit $?\n")
    assert subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True, check=True).stderr == ""
