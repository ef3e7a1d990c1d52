"""vmbatch as a command line: help, usage, options, where settings come from, how fast it starts. No guests, no servers."""

import json
import os
import re
import statistics
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
VMBATCH = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev")).resolve() / "bin/vmbatch"

CONFIG = """schema = 1
[paths]
cache_dir = "/of/file/cache"
[share]
source = "10.0.0.1:/vmbatch"
[profile.small]
vcpus = { default = 1, max = 4 }
"""


def vmbatch(*words, **environment):
    """With nothing of the caller's settings."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("VMBATCH_")}
    return subprocess.run([VMBATCH, *map(str, words)], capture_output=True, check=False, text=True, timeout=20,
                          env={**plain, **{name: str(value) for name, value in environment.items()}})


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "vmbatch.toml"
    file.write_text(CONFIG)
    return file


# ---- help and usage ----

def commands(words=()):
    """Every command there is, by what help says: (), ("image",), ("image", "import") …"""
    yield words
    said = vmbatch(*words, "--help").stdout
    section = re.search(r"^Subcommands:\n((?:  .*\n)+)", said, re.MULTILINE)
    for name in re.findall(r"^  (\w\S*)", section.group(1), re.MULTILINE) if section else []:
        yield from commands((*words, name))


ALL = list(commands())


def test_the_commands_are_these():
    """The next tests run over what help says; that it says all is seen here."""
    assert {" ".join(words) for words in ALL} >= {
        "image import", "image list", "image show", "image path", "image verify", "image rm", "run", "job list", "job gc",
        "config check", "config show", "context check", "context example", "iso build", "iso show"}


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_reads_as_documentation(words):
    done = vmbatch(*words, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == vmbatch(*words, "-h").stdout
    said = done.stdout
    assert re.match(r"[A-Z].*[^ ]\n", said), said
    assert f"Usage: {' '.join(['vmbatch', *words])} " in said
    assert "Exit codes" in said or "Example:" in said
    for option, explanation in re.findall(r"^  (-\S.*?)(?:  +|\n  +)(\S.*)$", said, re.MULTILINE):
        assert len(explanation) > 3, option
    assert max(map(len, said.splitlines())) <= 125


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_an_unknown_option_is_a_usage_error(words):
    done = vmbatch(*words, "--nonsense")
    assert (done.returncode, done.stdout) == (122 if words in {("run",), ("guest", "shell")} else 2, "")
    assert done.stderr.startswith("vmbatch: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["nonsense"], ["image"], ["image", "nonsense"], ["image", "import"],
                                   ["image", "list", "surplus"], ["config", "show", "--config"],
                                   ["--log-level", "loud", "config", "show"], ["image", "verify"]])
def test_other_usage_errors(words):
    done = vmbatch(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("vmbatch: ") and "--help" in done.stderr and done.stderr.count("\n") == 1


def test_version():
    done = vmbatch("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"vmbatch \d+\.\d+\.\d+\n", done.stdout)


# ---- where settings come from ----

def settings(done):
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    shown = json.loads(done.stdout)
    assert shown["schema"] == 1
    return {row["key"]: (row["value"], row["origin"]) for row in shown["settings"]}


def test_each_value_says_where_it_came_from(config):
    shown = settings(vmbatch("config", "show", "--json", "--config", config))
    assert shown["paths.cache_dir"] == ("/of/file/cache", f"{config}:3")
    assert shown["profile.small.vcpus.max"] == ("4", f"{config}:7")
    assert shown["paths.state_dir"] == ("/var/lib/vmbatch", "default")
    assert shown["hypervisor.accel"] == ("auto", "default")


def test_for_people_the_same(config):
    shown = settings(vmbatch("config", "show", "--json", "--config", config))
    lines = vmbatch("config", "show", "--config", config).stdout.splitlines()
    assert lines == [f"{key} = {value}  # {origin}" for key, (value, origin) in shown.items()]


def test_an_option_before_a_variable_before_the_file(config):
    def cache_dir(*words, **environment):
        return settings(vmbatch("config", "show", "--json", "--config", config, *words, **environment))["paths.cache_dir"]

    assert cache_dir() == ("/of/file/cache", f"{config}:3")
    assert cache_dir(VMBATCH_CACHE_DIR="/of/variable") == ("/of/variable", "VMBATCH_CACHE_DIR")
    assert cache_dir(VMBATCH_CACHE_DIR="") == ("/of/file/cache", f"{config}:3")
    assert cache_dir("--cache-dir", "/of/option", VMBATCH_CACHE_DIR="/of/variable") == ("/of/option", "--cache-dir")


def test_the_state_directory_likewise(config):
    def state_dir(*words, **environment):
        return settings(vmbatch("config", "show", "--json", "--config", config, *words, **environment))["paths.state_dir"]

    assert state_dir(VMBATCH_STATE_DIR="/of/variable") == ("/of/variable", "VMBATCH_STATE_DIR")
    assert state_dir("--state-dir", "/of/option", VMBATCH_STATE_DIR="/of/variable") == ("/of/option", "--state-dir")


def test_the_configuration_file_itself(tmp_path, config):
    other = tmp_path / "other.toml"
    other.write_text(CONFIG.replace("/of/file/cache", "/of/other"))
    assert settings(vmbatch("config", "show", "--json", VMBATCH_CONFIG=other))["paths.cache_dir"][0] == "/of/other"
    shown = settings(vmbatch("config", "show", "--json", "--config", config, VMBATCH_CONFIG=other))
    assert shown["paths.cache_dir"][0] == "/of/file/cache"


@pytest.mark.parametrize("place", range(3))
def test_options_may_stand_before_and_after_the_noun(config, place):
    words = ["config", "show"]
    words[place:place] = ["--config", config]
    assert settings(vmbatch(*words, "--json"))["paths.cache_dir"][0] == "/of/file/cache"


@pytest.mark.parametrize("before, after", [(["--config", "/no/such.toml"], []), ([], ["--config", "/no/such.toml"])])
def test_also_of_run_up_to_the_script(before, after):
    """From SCRIPT on everything is the job's; nothing is looked for there."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to get as far as the configuration")
    done = vmbatch(*before, "run", *after, "/bin/true", "--config", "/another.toml", "--nonsense")
    assert done.returncode == 123
    assert "/no/such.toml" in done.stderr and "/another.toml" not in done.stderr


@pytest.mark.parametrize("text, line, said", [
    ("schema = 1\n[paths]\ncache_dri = \"/x\"\n", 3, ["paths.cache_dri", "did you mean 'cache_dir'"]),
    ("schema = 1\n[paths]\ncache_dir = 1\n", 3, ["paths.cache_dir", "string"]),
    ("schema = 1\n[hypervisor]\naccel = \"fast\"\n", 3, ["hypervisor.accel", "auto", "kvm", "tcg"]),
    ("schema = 2\n", 1, ["schema", "1"]),
    ("schema = 1\n[paths\n", 2, []),
])
def test_a_configuration_that_is_wrong(tmp_path, text, line, said):
    """File and line, the key, what is allowed, the nearest key that is known."""
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    done = vmbatch("config", "check", "--config", file)
    assert (done.returncode, done.stdout) == (3, "")
    for word in [f"{file}:{line}", "the administrator of this host", *said]:
        assert word in done.stderr, done.stderr


def test_no_configuration_at_all():
    done = vmbatch("config", "check", "--config", "/no/such.toml")
    assert done.returncode == 3
    assert "/no/such.toml" in done.stderr and "No such file or directory" in done.stderr and "--config" in done.stderr


# ---- how fast ----

def processor_seconds(*words):
    """The wall clock would tell of what else the machine does."""
    with open(os.devnull, "wb") as null:
        process = subprocess.Popen([VMBATCH, *words], stdout=null, stderr=null)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime


def test_light_commands_start_at_once(tmp_path):
    for words in [["--version"], ["--cache-dir", tmp_path, "image", "list", "--json"], ["run", "--help"]]:
        times = [processor_seconds(*words) for _ in range(15)]
        assert statistics.median(times) < 0.06, (words, times)


def test_an_empty_cache_lists_nothing_and_stays_empty(tmp_path):
    done = vmbatch("--cache-dir", tmp_path / "cache", "image", "list", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"schema": 1, "images": [], "damage": []}
    assert not (tmp_path / "cache").exists()
