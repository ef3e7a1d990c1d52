"""vmbatch context check and example: what is good, what is refused and how that is said."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
VMBATCH = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev")).resolve() / "bin/vmbatch"
DIALECTS = re.findall(r"\w+", re.search(r"one of ([\w, ]+)", subprocess.run(
    [VMBATCH, "context", "example", "--help"], capture_output=True, check=True, text=True).stdout).group(1))


def vmbatch(*words, **how):
    return subprocess.run([VMBATCH, *map(str, words)], capture_output=True, check=False, text=True, timeout=60, **how)


@pytest.fixture
def context(tmp_path):
    def write(text):
        file = tmp_path / "context.toml"
        file.write_text("schema = 1\n" + text)
        return file
    return write


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_example_is_a_good_context_of_its_dialect(tmp_path, dialect):
    shown = vmbatch("context", "example", dialect)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f'"{dialect}"' in shown.stdout.partition("schema = 1")[0]
    file = tmp_path / "context.toml"
    file.write_text(shown.stdout)
    checked = vmbatch("context", "check", file, "--dialect", dialect)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.startswith(f"{file}: good\n")


def test_a_mistyped_dialect():
    for words in [["context", "example", "noclod"], ["context", "check", "/dev/null", "--dialect", "noclod"]]:
        done = vmbatch(*words)
        assert (done.returncode, done.stdout) == (1, "")
    assert "did you mean 'nocloud'?" in vmbatch("context", "example", "noclod").stderr


def test_check_for_programs(context):
    shown = vmbatch("context", "check", "--json", context('[guest]\nhostname = "wn-${job.id}"\n'))
    assert shown.returncode == 0, shown.stderr
    said = json.loads(shown.stdout)
    assert (said["schema"], said["refused_by"]) == (1, dict.fromkeys(DIALECTS))


@pytest.mark.parametrize("text, line, said", [
    ("[guest]\nhost_name = 'x'\n", 3, ["guest.host_name", "did you mean 'hostname'", "known here: hostname"]),
    ("[guest]\nhostname = 'two words'\n", 3, ["guest.hostname", "is no host name"]),
    ("[guest]\nhostname = '${job.ld}'\n", 3, ["${job.ld} stands for nothing here", "did you mean ${job.id}?"]),
    ("[[file]]\npath = '../x'\ncontent = ''\n", 3, ["file.path", "not an absolute path"]),
    ("[[file]]\npath = '/x'\nsource = 'nowhere'\n", 4, ["file.source", "nowhere", "No such file"]),
    ("[network]\nmode = 'statick'\n", 3, ["dhcp, static", "did you mean 'static'?"]),
    ("[[command]]\nrun = 'echo ${job.user}'\n", 3, ["${job.user}", "root's shell", "[[file]]"]),
    ("[cernvm.ucernvm]\na = '$(reboot)'\n", 3, ["cernvm.ucernvm.a", "boot loader"]),
    ("[cernvm.ucernvm]\na = '${job.user}'\n", 3, ["cernvm.ucernvm.a", "nothing of a job"]),
    ("[cernvm.amiconfig.cernvm]\nusers = 'a:b:c'\n", 3, ["cernvm.amiconfig.cernvm.users", "write a [[user]]"]),
    ("[cernvm.amiconfig.cernvm]\nenvironment = 'A=b'\n", 3, ["ends at an '=' or ','", "write [environment]"]),
    ("[cernvm.amiconfig.cernvm]\nswap_size = \"1\\n[x]\"\n", 3, ["cannot be told to amiconfig", "one line"]),
    ("[cernvm.amiconfig.cernvm]\nshell = 'a ;b'\n", 3, ["begins a comment"]),
    ("[cernvm.amiconfig.'a]b']\nx = 'y'\n", 2, ["cannot be told to amiconfig"]),
    ("[[user]]\nname = 'a'\nuid = 1\n[[user]]\nname = 'b'\nuid = 1\n", None, ["'a' and 'b' have the same user number 1"]),
])
def test_what_is_wrong_is_said_with_its_place(context, text, line, said):
    file = context(text)
    done = vmbatch("context", "check", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert (f"{file}:{line}" if line else str(file)) in done.stderr
    for word in [*said, "whoever asked for this"]:
        assert word in done.stderr, done.stderr


def test_values_from_the_command_line(context):
    file = context('[guest]\nhostname = "${name}-${job.id}"\n')
    assert "${name} stands for nothing here" in vmbatch("context", "check", file).stderr
    assert vmbatch("context", "check", file, "--set", "name=wn").returncode == 0
    for setting, said in [("name", "write KEY=VALUE"), ("=x", "write KEY=VALUE"), ("name=a b", "is no host name"),
                          ("guest.hostnam=x", "did you mean 'guest.hostname'?"), ("user=x", "cannot be set")]:
        done = vmbatch("context", "check", file, "--set", "name=wn", "--set", setting)
        assert done.returncode == 1 and said in done.stderr, (setting, done.stderr)


def test_a_value_is_never_read_again(context):
    """Neither what a name stands for, nor what was set."""
    file = context('[environment]\nWORD = "${a}"\n')
    assert vmbatch("context", "check", file, "--set", "a=${b}").returncode == 0


@pytest.mark.parametrize("words, said", [
    (["/etc/hostname"], "the member '/etc/hostname' is absolute"),
    (["--transform=s,^,../,", "-C", "/etc", "hostname"], "the member '../hostname' climbs out with '..'"),
])
def test_an_archive_that_would_climb_out(tmp_path, context, words, said):
    subprocess.run(["tar", "-czPf", tmp_path / "x.tar.gz", *words], check=True)
    done = vmbatch("context", "check", context("[[archive]]\nsource = 'x.tar.gz'\nto = '/opt/x'\n"))
    assert (done.returncode, done.stdout) == (1, "")
    for word in [said, f"archive '{tmp_path}/x.tar.gz'", "whoever asked for this: make it anew"]:
        assert word in done.stderr
