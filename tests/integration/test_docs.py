"""The pages say what the programs do: commands, options, keys, messages, links, files; and what they show is run."""

import json
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from traces import Traces

CHECKOUT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev"))
VMBATCH = str(BUILD / "bin/vmbatch")
PAGES = [CHECKOUT / "README.md", CHECKOUT / "ARCHITECTURE.md", *sorted((CHECKOUT / "howto").glob("*.md"))]
ALL_PAGES = [*PAGES, CHECKOUT / "tests/guests/README.md"]
START = CHECKOUT / "templates/vmbatch.toml"
CONTEXTS = sorted((CHECKOUT / "templates/contexts").glob("*.toml"))
FIRST_JOB = CHECKOUT / "howto/first-job.md"

# Which test runs each command that the pages show. A page that shows another one fails until its test is named here.
RUN_BY = {
    "vmbatch cache-disk create": "tests/integration/test_cache_disk.py::test_for_cvmfs_it_is_ext4",
    "vmbatch config check": "tests/integration/test_docs.py::test_first_job_as_far_as_it_needs_no_guest",
    "vmbatch config show": "tests/integration/test_docs.py::test_first_job_as_far_as_it_needs_no_guest",
    "vmbatch context check": "tests/integration/test_context_commands.py::test_values_from_the_command_line",
    "vmbatch context example": "tests/integration/test_context_commands.py::test_an_example_is_a_good_context_of_its_dialect",
    "vmbatch context plan": "tests/integration/test_context_plan.py::test_what_would_be_written_and_why",
    "vmbatch image import": "tests/integration/test_docs.py::test_first_job_as_far_as_it_needs_no_guest",
    "vmbatch image list": "tests/integration/test_docs.py::test_first_job_as_far_as_it_needs_no_guest",
    "vmbatch image path": "tests/integration/test_docs.py::test_an_image_by_its_name",
    "vmbatch image prune": "tests/integration/test_image_store.py::test_prune_by_age_and_size_the_least_recently_used_first",
    "vmbatch image pull": "tests/integration/test_image_pull.py::test_a_disk_comes_out_as_it_was_packed",
    "vmbatch image rm": "tests/integration/test_docs.py::test_first_job_as_far_as_it_needs_no_guest",
    "vmbatch image show": "tests/integration/test_docs.py::test_an_image_by_its_name",
    "vmbatch image verify": "tests/integration/test_docs.py::test_first_job_as_far_as_it_needs_no_guest",
    "vmbatch iso build": "tests/integration/test_iso_commands.py::test_a_disc_holds_what_its_guests_look_for",
    "vmbatch iso check": "tests/integration/test_iso_check.py::test_our_own_discs_are_for_the_guests_they_are_for",
    "vmbatch iso show": "tests/integration/test_iso_commands.py::test_a_disc_holds_what_its_guests_look_for",
    "vmbatch job gc": "tests/integration/test_docs.py::test_first_job_as_far_as_it_needs_no_guest",
    "vmbatch job list": "tests/integration/test_docs.py::test_first_job_as_far_as_it_needs_no_guest",
    "vmbatch job metrics": "tests/integration/test_metrics.py::test_for_prometheus",
    "vmbatch guest console": "tests/system/test_console.py::test_console",
    "vmbatch guest log": "tests/system/test_guest.py::test_a_job_and_its_guest_are_looked_at",
    "vmbatch guest shell": "tests/system/test_guest.py::test_a_job_and_its_guest_are_looked_at",
    "vmbatch job show": "tests/system/test_guest.py::test_a_job_and_its_guest_are_looked_at",
    "vmbatch run": "tests/system/test_main_job.py::test_the_job",
    "tools/quickstart": "tests/quickstart/test_quickstart.py::test_a_job_runs_in_a_machine_of_its_own",
    "tools/site/install-deps": "tests/quickstart/test_quickstart.py::test_deps_only_is_done_at_once_where_all_is_installed",
    "tests/run": "tests/integration/test_docs.py::test_the_groups_of_tests_are_those_of_the_page",
    "tests/guests/build": "tests/quickstart/test_quickstart.py::test_ctrl_c_while_a_guest_image_is_built",
}

# Lines of first-job.md that are not run in the test of the page: the machine's packages and services, the build (its
# result is installed), guests.
OF_THE_MACHINE = ("tools/site/install-deps", "cmake ", "apt-get ", "virsh net-", "tests/guests/build ", "vmbatch run ")


def run(*words, **how):
    return subprocess.run([str(word) for word in words], check=False, capture_output=True, text=True, timeout=60, **how)


def name(page):
    return str(page.relative_to(CHECKOUT))


# ---- reading the pages ----

def blocks(page):
    """The fenced blocks: (the words after the fence, the text)."""
    return re.findall(r"^```([^\n]*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def prose(page):
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def shown_lines(page):
    """The lines of its sh blocks, and the code within its prose, without sudo."""
    lines = [line for kind, text in blocks(page) if kind == "sh" for line in text.splitlines()]
    lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose(page))]
    return [line.removeprefix("sudo ").strip() for line in lines]


def shown_commands():
    """(page, words) of every command of ours. `tools/…` in prose is a file unless it has words behind it."""
    for page in PAGES:
        for line in shown_lines(page):
            if line.startswith("vmbatch ") or re.match(r"(tools|tests)/\S+ ", line) or line in RUN_BY:
                yield page, shlex.split(line.replace("[", "").replace("]", ""), comments=True)


COMMANDS = [pytest.param(page, words, id=f"{page.name}: {' '.join(words)[:60]}") for page, words in shown_commands()]


# ---- the programs' own words ----

def help_of(words):
    result = run(*words, "--help", cwd=CHECKOUT)
    assert result.returncode == 0, f"{words}: no such command: {result.stderr}"
    return result.stdout


def options_in(text):
    return set(re.findall(r"--[a-z][a-z-]*", text))


def split_command(words):
    """("vmbatch", noun, verb) or (script,), and the words behind it."""
    if words[0] != "vmbatch":
        return words[:1], words[1:]
    length = 3 if words[1] in {"cache-disk", "config", "context", "guest", "image", "iso", "job"} and len(words) > 2 else 2
    return words[:length], words[length:]


def own_words(command, rest):
    """Without those that belong to a job: all from SCRIPT on. Every option of `run` has a value."""
    if command != ["vmbatch", "run"]:
        return rest
    end = 0
    while end < len(rest) and rest[end].startswith("--"):
        end += 1 if "=" in rest[end] else 2
    return rest[:end]


# ---- tests ----

def test_there_are_commands_to_check():
    assert len(COMMANDS) > 20


@pytest.mark.parametrize("page, words", COMMANDS)
def test_a_shown_command_exists_with_its_options(page, words):
    command, rest = split_command(words)
    if command[0] == "vmbatch":
        known = options_in(help_of([VMBATCH])) | options_in(help_of([VMBATCH, *command[1:]]))
    else:
        assert os.access(CHECKOUT / command[0], os.X_OK), f"{command[0]} is no program"
        known = options_in(help_of([str(CHECKOUT / command[0])]))
    asked = {word.split("=")[0] for word in own_words(command, rest) if word.startswith("--")}
    assert asked <= known, f"{name(page)}: no such option: {asked - known}"


@pytest.mark.parametrize("page, words", COMMANDS)
def test_a_shown_command_is_run_by_a_test(page, words):
    command = " ".join(split_command(words)[0])
    assert command in RUN_BY, f"{name(page)} shows `{command}`, and RUN_BY names no test that runs it"


@pytest.mark.parametrize("test", sorted(set(RUN_BY.values())))
def test_the_test_that_is_named_exists(test):
    file, function = test.split("::")
    assert re.search(rf"^def {function}\(", (CHECKOUT / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", ALL_PAGES, ids=name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), f"{name(page)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_named_exist(page):
    tops = "libctx|image-cache|tools|templates|tests|howto"
    for path in re.findall(rf"(?<![\w/])((?:{tops})/[\w./-]*[\w/])", page.read_text()):
        assert (CHECKOUT / path).exists(), f"{name(page)}: {path}"


def messages(page):
    """What is shown as **`…`**."""
    return [" ".join(text.split()) for text in re.findall(r"\*\*`([^`]+)`\*\*", page.read_text())]


def test_messages_are_those_of_the_programs():
    sources = "".join(path.read_text() for folder in ("libctx", "image-cache", "tools")
                      for path in (CHECKOUT / folder).rglob("*.cpp"))
    shown = messages(CHECKOUT / "howto/troubleshooting.md")
    assert len(shown) > 20
    # A value that is put into a message ends what can be looked for.
    assert [text for text in shown if re.split(r" '|: ", text)[0] not in sources] == []


def test_the_groups_of_tests_are_those_of_the_page():
    groups = {line.split()[0] for line in run(CHECKOUT / "tests/run", "--list").stdout.splitlines()}
    section = (CHECKOUT / "ARCHITECTURE.md").read_text().partition("\n## Tests\n")[2]
    assert groups == set(re.findall(r"^\| ([a-z]+) \|", section, re.MULTILINE)) - {"group"}


# ---- keys ----

def documented_keys(page):
    """The first column of its tables of keys."""
    return set(re.findall(r"^\| `([\w.]+)` \|", page.read_text(), re.MULTILINE))


# Names that are free, by what the pages write for them.
FREE = [(r"^profile\.[^.]+", "profile.NAME"), (r"^queue\.[^.]+", "queue.NAME"), (r"^remote\.[^.]+", "remote.NAME"),
        (r"environment\.[^.]+$", "environment.VARIABLE"),
        (r"ucernvm\.[^.]+$", "ucernvm.KEY"), (r"amiconfig\.[^.]+\.[^.]+$", "amiconfig.SECTION.KEY")]


def placeholders(keys):
    for pattern, placeholder in FREE:
        keys = {re.sub(pattern, placeholder, key) for key in keys}
    return keys


def keys_of(table, prefix=""):
    """Full names of the values in it; of tables in an array, together."""
    found = set()
    for key, value in table.items():
        tables = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
        inner = [keys_of(each, f"{prefix}{key}.") for each in tables if isinstance(each, dict)]
        found |= set().union(*inner) if inner else {f"{prefix}{key}"}
    return placeholders(found)


def values_shown(file):
    shown = run(VMBATCH, "config", "show", "--json", "--config", file)
    return {row["key"]: row["value"] for row in json.loads(shown.stdout)["settings"]}


def everything_on(file):
    """The file with its "#key = …" and "#[table]" lines switched on."""
    return re.sub(r"^#(?=[\w\[])", "", file.read_text(), flags=re.MULTILINE)


def known_keys(arguments, file, text, table):
    """What the reader itself knows in a table: it lists it when it meets a key that it does not know. The text has the
    table's line where {bad} stands."""
    file.write_text(text.replace("{bad}", "no_such_key_at_all = 1"))
    result = run(VMBATCH, *arguments)
    assert result.returncode == 3 and "no such key" in result.stderr, (table, result.stderr)
    known = re.search(r"known here: (.*)", result.stderr).group(1)
    return {f"{table}{key}" for key in known.split(", ")}


# Each table with what must be in it, and {bad} for the key that is not known.
CONFIGURATION = {
    "": "schema = 1\n{bad}\n[share]\nsource = 'a:/b'\n[profile.x]\n",
    "paths.": "schema = 1\n[paths]\n{bad}\n",
    "hypervisor.": "schema = 1\n[hypervisor]\n{bad}\n",
    "share.": "schema = 1\n[share]\nsource = 'a:/b'\n{bad}\n",
    "deadlines.": "schema = 1\n[share]\nsource = 'a:/b'\n[deadlines]\n{bad}\n",
    "jobs.": "schema = 1\n[share]\nsource = 'a:/b'\n[profile.x]\n[jobs]\n{bad}\n",
    "log.": "schema = 1\n[share]\nsource = 'a:/b'\n[profile.x]\n[log]\n{bad}\n",
    "torque.": "schema = 1\n[share]\nsource = 'a:/b'\n[profile.x]\n[torque]\n{bad}\n",
    "slurm.": "schema = 1\n[share]\nsource = 'a:/b'\n[profile.x]\n[slurm]\n{bad}\n",
    "images.": "schema = 1\n[share]\nsource = 'a:/b'\n[profile.x]\n[images]\n{bad}\n",
    "remote.NAME.": "schema = 1\n[share]\nsource = 'a:/b'\n[profile.x]\n[remote.r]\nurls = ['file:///x']\n{bad}\n",
    "queue.NAME.": "schema = 1\n[share]\nsource = 'a:/b'\n[profile.x]\n[queue.q]\n{bad}\n",
    "profile.NAME.": "schema = 1\n[share]\nsource = 'a:/b'\n[profile.x]\n{bad}\n",
    "profile.NAME.vcpus.": "schema = 1\n[share]\nsource = 'a:/b'\n[profile.x.vcpus]\n{bad}\n",
    "profile.NAME.memory.": "schema = 1\n[share]\nsource = 'a:/b'\n[profile.x.memory]\n{bad}\n",
    "profile.NAME.network.": "schema = 1\n[share]\nsource = 'a:/b'\n[profile.x.network]\ntype = 'bridge'\nbridge = 'b'\n{bad}\n",
    "profile.NAME.mount.": "schema = 1\n[share]\nsource = 'a:/b'\n[[profile.x.mount]]\nsource = 'a:/b'\ntarget = '/c'\n{bad}\n",
}

CONTEXT = {
    "": "schema = 1\n{bad}\n",
    "guest.": "schema = 1\n[guest]\n{bad}\n",
    "root.": "schema = 1\n[root]\n{bad}\n",
    "user.": "schema = 1\n[[user]]\nname = 'a'\nuid = 1\n{bad}\n",
    "user.groups.": "schema = 1\n[[user]]\nname = 'a'\nuid = 1\n[[user.groups]]\nname = 'g'\ngid = 2\n{bad}\n",
    "directory.": "schema = 1\n[[directory]]\npath = '/a'\n{bad}\n",
    "file.": "schema = 1\n[[file]]\npath = '/a'\ncontent = 'x'\n{bad}\n",
    "archive.": "schema = 1\n[[archive]]\nsource = '/etc/passwd'\nto = '/a'\n{bad}\n",
    "services.": "schema = 1\n[services]\n{bad}\n",
    "network.": "schema = 1\n[network]\nmode = 'static'\nmac = '52:54:00:12:34:56'\naddress = '10.0.0.5/24'\n{bad}\n",
    "share.": "schema = 1\n[share]\nsource = 'a:/b'\nmount = '/c'\n{bad}\n",
    "mount.": "schema = 1\n[[mount]]\nsource = 'a:/b'\ntarget = '/c'\n{bad}\n",
    "command.": "schema = 1\n[[command]]\nrun = 'true'\n{bad}\n",
    "cernvm.": "schema = 1\n[cernvm]\n{bad}\n",
}


def compare(page, tables, known_in):
    """The keys that the page documents and those that the reader knows, without the tables themselves."""
    known = set().union(*(known_in(table, text) for table, text in tables.items()))
    inner = {table.rstrip(".") for table in tables if table}
    free = {"profile": "profile.NAME", "queue": "queue.NAME", "remote": "remote.NAME",
            "environment": "environment.VARIABLE", "ucernvm": "cernvm.ucernvm.KEY",
            "profile.NAME.environment": "profile.NAME.environment.VARIABLE", "cernvm.ucernvm": "cernvm.ucernvm.KEY",
            "cernvm.amiconfig": "cernvm.amiconfig.SECTION.KEY"}
    known = {free.get(key, key) for key in known} - inner - {"profile.NAME", "queue.NAME", "remote.NAME"}
    documented = documented_keys(page) - inner
    assert documented == known


def test_keys_of_the_configuration_are_documented(tmp_path):
    file = tmp_path / "vmbatch.toml"
    compare(CHECKOUT / "howto/configuration.md", CONFIGURATION,
            lambda table, text: known_keys(["config", "check", "--config", file], file, text, table))


def configuration_with(tmp_path, context):
    file = tmp_path / "vmbatch.toml"
    file.write_text(f"schema = 1\n[share]\nsource = 'a:/b'\n[profile.x]\ncontext = '{context}'\n")
    return file


def test_keys_of_contexts_are_documented(tmp_path):
    file = tmp_path / "context.toml"
    configuration = configuration_with(tmp_path, file)
    compare(CHECKOUT / "howto/context.md", CONTEXT,
            lambda table, text: known_keys(["config", "check", "--config", configuration], file, text, table))


@pytest.mark.parametrize("context", CONTEXTS, ids=name)
def test_example_contexts_are_good(tmp_path, context):
    result = run(VMBATCH, "config", "check", "--config", configuration_with(tmp_path, context))
    assert (result.returncode, result.stderr) == (0, "")
    assert keys_of(tomllib.loads(context.read_text())) <= documented_keys(CHECKOUT / "howto/context.md")


def test_the_starting_configuration_is_good():
    result = run(VMBATCH, "config", "check", "--config", START)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_starting_configuration_has_every_key(tmp_path):
    complete = tmp_path / "vmbatch.toml"
    complete.write_text(everything_on(START))
    documented = documented_keys(CHECKOUT / "howto/configuration.md")
    assert keys_of(tomllib.loads(complete.read_text())) == documented
    # `config show` has a mount in one line.
    assert placeholders(values_shown(complete)) - {"profile.NAME.mount"} == \
        {key for key in documented if key != "schema" and not key.startswith("profile.NAME.mount.")}


def defaults(tmp_path):
    """What `config show` has for the least that is a configuration."""
    least = tmp_path / "vmbatch.toml"
    least.write_text("schema = 1\n[share]\nsource = 'a:/b'\n[profile.NAME]\n")
    return {key: value for key, value in values_shown(least).items() if key != "share.source"}


def test_defaults_in_the_starting_configuration_are_the_defaults(tmp_path):
    start, by_site = values_shown(START), {"share.probe", "jobs.default_profile"}
    known = {key: value for key, value in defaults(tmp_path).items() if key in start and key not in by_site}
    assert len(known) > 15
    assert {key: start[key] for key in known} == known


def test_documented_defaults_are_the_defaults(tmp_path):
    page = (CHECKOUT / "howto/configuration.md").read_text()
    said = {key: value.strip('"') for key, value in re.findall(r"^\| `([\w.]+)` \| [^|]+ \| `([^`]+)` \|", page, re.MULTILINE)}
    known = defaults(tmp_path)
    assert len(known.keys() & said.keys()) > 20
    by_others = {"profile.NAME.memory.default", "profile.NAME.share_source"} # another key's name stands there
    assert {key: said[key] for key in known if key in said and key not in by_others} == \
        {key: known[key] for key in known if key in said and key not in by_others}


# ---- what the pages show, run ----

def test_an_image_by_its_name(tmp_path):
    disk = tmp_path / "debian.qcow2"
    assert run("qemu-img", "create", "-q", "-f", "qcow2", disk, "16M").returncode == 0
    cache = ["--cache-dir", tmp_path / "cache"]
    assert run(VMBATCH, *cache, "image", "import", disk, "--name", "debian").returncode == 0
    path = run(VMBATCH, *cache, "image", "path", "debian")
    assert path.returncode == 0 and Path(path.stdout.strip()).read_bytes() == disk.read_bytes()
    shown = run(VMBATCH, *cache, "image", "show", "debian")
    assert shown.returncode == 0 and "name      debian" in shown.stdout


def shell_block(text):
    """Its commands, but for what is the machine's."""
    lines = [line.replace("sudo ", "") for line in text.splitlines()]
    return "\n".join(line for line in lines if not line.startswith(OF_THE_MACHINE))


def follow(page):
    """The page as a shell script: files are written, commands are run, in the order in which they stand there."""
    steps = []
    for kind, text in blocks(page):
        language, _, file = kind.partition(" ")
        if file:
            steps.append(f"mkdir -p {shlex.quote(os.path.dirname(file))}\ncat >{shlex.quote(file)} <<'END OF FILE'\n"
                         f"{text}END OF FILE\n")
        if file.endswith("ganesha.conf"):
            steps.append(RESTART_NFS)
        if language == "sh":
            steps.append(shell_block(text))
    return "\n".join(steps)


# In the place of the machine's service. /srv is empty, /usr/local the installed tree.
PLACES = """
mount --bind "$1/usr/local" /usr/local
mount -t tmpfs -o mode=0755 test /srv
export PATH=/usr/local/bin:$PATH
mkdir -p /var/cache/vmbatch/guests
mount -t tmpfs test /var/cache/vmbatch
mkdir /var/cache/vmbatch/guests
qemu-img create -q -f qcow2 /var/cache/vmbatch/guests/debian-0.qcow2 16M
touch /etc/fstab
set -x
"""
RESTART_NFS = """
server=$(cat /run/ganesha/pid)
kill "$server"
while test -e "/proc/$server"; do sleep 0.1; done
ganesha.nfsd -f /etc/ganesha/ganesha.conf -L /run/ganesha/log -N NIV_EVENT -p /run/ganesha/pid
until (exec 3<>/dev/tcp/192.168.122.1/2049) 2>/dev/null; do sleep 0.1; done
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for namespaces and a bridge")
def test_first_job_as_far_as_it_needs_no_guest(tmp_path):
    """The page, followed in a world of its own: what it installs, writes and calls is good."""
    traces = Traces(tmp_path / "tmp")
    installed = tmp_path / "installed"
    result = run("cmake", "--install", BUILD, env={**os.environ, "DESTDIR": str(installed)})
    assert result.returncode == 0, result.stderr
    script = tmp_path / "page"
    script.write_text(PLACES + follow(FIRST_JOB))
    result = run(CHECKOUT / "tools/site/enter", tmp_path / "site", "--", "bash", "-eu", script, installed, cwd=tmp_path,
                 env=traces.environment(VMBATCH_SITE_NET="192.168.122.0/24"))
    assert result.returncode == 0, result.stderr
    assert "/etc/vmbatch/vmbatch.toml: good, 1 profiles" in result.stdout
    assert re.search(r"^debian +[0-9a-f]{12}  qcow2", result.stdout, re.MULTILINE)
    assert re.search(r"^ok +sha256:", result.stdout, re.MULTILINE)
    assert re.search(r"^removed +sha256:", result.stdout, re.MULTILINE)
    traces.assert_none()
