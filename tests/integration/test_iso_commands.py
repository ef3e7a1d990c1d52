"""vmbatch iso build and show: discs of ours and of other tools."""

import configparser
import base64
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
VMBATCH = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev")).resolve() / "bin/vmbatch"
DIALECTS = ["cernvm", "configdrive", "nocloud", "universal"]
SEEDS = {"cernvm": {"context.sh", "epilog.sh"}, "nocloud": {"user-data", "meta-data", "vendor-data"},
         "configdrive": {f"openstack/latest/{name}" for name in ["user_data", "meta_data.json", "vendor_data.json"]}}
SEEDS["universal"] = SEEDS["cernvm"] | SEEDS["nocloud"]


def vmbatch(*words, text=True, **environment):
    return subprocess.run([VMBATCH, *map(str, words)], capture_output=True, check=False, text=text, timeout=60,
                          env={**os.environ, **environment})


@pytest.fixture
def context(tmp_path):
    """One with content of each kind; the archive is 3 MB."""
    (tmp_path / "blob").write_bytes(os.urandom(3 << 20))
    subprocess.run(["tar", "-czf", tmp_path / "input.tar.gz", "-C", tmp_path, "blob"], check=True)
    file = tmp_path / "context.toml"
    file.write_text("""schema = 1
[guest]
hostname = "${name}"
[[file]]
path = "/opt/blob"
source = "blob"
[[archive]]
source = "input.tar.gz"
to = "/opt/input"
[environment]
WORD = "Größe = 1, 2"
[cernvm]
organisations = ["alice", "atlas"]
proxy = "http://squid:3128;DIRECT"
[cernvm.amiconfig.squid]
hosts = "a b"
""")
    return file


def build(context, disc, *words, **environment):
    done = vmbatch("iso", "build", context, "-o", disc, "--set", "name=wn-1", *words, **environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done.stderr
    return disc


def shown(disc):
    done = vmbatch("iso", "show", disc, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def printed(disc, path):
    return vmbatch("iso", "show", disc, "--print", path, text=False).stdout


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_disc_holds_what_its_guests_look_for(tmp_path, context, dialect):
    disc = build(context, tmp_path / "disc.iso", "--dialect", dialect)
    assert stat.S_IMODE(disc.stat().st_mode) == 0o600
    said = shown(disc)
    label = {"cernvm": "CONTEXT", "configdrive": "config-2"}.get(dialect, "cidata")
    assert (said["schema"], said["label"], said["rock_ridge"], said["joliet"]) == (1, label, True, True)
    files = {entry["path"] for entry in said["entries"] if entry["kind"] == "file"}
    assert files == SEEDS[dialect] | {f"vmbatch/{name}" for name in ["setup", "id", "environment", "files/0001", "archives/0001"]}
    assert printed(disc, "vmbatch/files/0001") == (tmp_path / "blob").read_bytes()
    assert printed(disc, "vmbatch/archives/0001") == (tmp_path / "input.tar.gz").read_bytes()
    assert "label   " + label in vmbatch("iso", "show", disc).stdout


def test_the_dialect_is_universal_unless_said(tmp_path, context):
    assert build(context, tmp_path / "1.iso").read_bytes() == \
        build(context, tmp_path / "2.iso", "--dialect", "universal").read_bytes()


def test_the_same_context_gives_the_same_bytes(tmp_path, context):
    first = build(context, tmp_path / "1.iso").read_bytes()
    shutil.copytree(tmp_path, tmp_path / "moved", ignore=shutil.ignore_patterns("*.iso", "moved"))
    assert build(tmp_path / "moved/context.toml", tmp_path / "2.iso", TZ="Asia/Tokyo", LC_ALL="C") .read_bytes() == first
    dated = build(context, tmp_path / "3.iso", SOURCE_DATE_EPOCH="1700000000")
    assert dated.read_bytes() != first
    assert {entry["time"] for entry in shown(dated)["entries"]} == {1700000000}
    done = vmbatch("iso", "build", context, "-o", tmp_path / "4.iso", SOURCE_DATE_EPOCH="soon")
    assert done.returncode == 1


def test_amiconfig_finds_its_sections_behind_the_script(tmp_path, context):
    """As it reads them: what follows the line that begins with exit."""
    script = printed(build(context, tmp_path / "disc.iso", "--dialect", "cernvm"), "context.sh").decode("ascii")
    values = dict(line.split("=", 1) for line in shlex.split(script))
    data = base64.b64decode(values["EC2_USER_DATA"], validate=True).decode("ascii")
    assert data == base64.b64decode(values["USER_DATA"]).decode() and data.startswith("#!/bin/sh\n")
    sections = configparser.ConfigParser()
    sections.read_string(re.split(r"^exit.*\n", data, maxsplit=1, flags=re.MULTILINE)[1])
    assert {name: dict(sections[name]) for name in sections.sections()} == {
        "amiconfig": {"plugins": "cernvm squid"}, "squid": {"hosts": "a b"},
        "cernvm": {"organisations": "alice,atlas", "proxy": '"http://squid:3128;DIRECT"'}}


def test_what_is_wrong_leaves_nothing(tmp_path, context):
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "bad.toml").write_text("schema = 1\n[[archive]]\nsource = 'blob'\nto = '/x'\n")
    for words, said in [([context], "${name} stands for nothing here"), ([tmp_path / "bad.toml"], "not a tar archive"),
                        ([context, "--set", "name=a b"], "is no host name"),
                        ([context, "--set", "name=a", "--dialect", "noclod"], "did you mean 'nocloud'?")]:
        done = vmbatch("iso", "build", *words, "-o", out / "disc.iso")
        assert done.returncode == 1 and said in done.stderr, done.stderr
        assert list(out.iterdir()) == []
    done = vmbatch("iso", "build", context, "--set", "name=a", "-o", tmp_path / "nowhere/disc.iso")
    assert done.returncode == 3 and "nowhere" in done.stderr


ALICE = "[[user]]\nname = 'alice'\nuid = 5001\n"
# What no guest may be told, and the words by which it is refused.
BAD = {
    "two users of one name": (ALICE + ALICE.replace("5001", "5002"), "the user is there twice: {context}: user 'alice'"),
    "two users of one uid": (ALICE + ALICE.replace("alice", "bob"), "'alice' and 'bob' have the same user number 5001"),
    "a missing source": ("[[file]]\npath = '/x'\nsource = 'nowhere'\n", "No such file or directory: {context}:4"),
    "a source that is no file": ("[[file]]\npath = '/x'\nsource = '/dev'\n", "is not a regular file: {context}:4"),
    "a relative path": ("[[file]]\npath = 'x'\ncontent = ''\n", "'x' is not an absolute path: {context}:3"),
    "a path that climbs out": ("[[archive]]\nsource = 'input.tar.gz'\nto = '/opt/../etc'\n", "written without '//', '.', '..'"),
    "a member that climbs out": ("[[archive]]\nsource = 'climbs.tar'\nto = '/x'\n", "the member '../blob' climbs out with '..'"),
    "an absolute member": ("[[archive]]\nsource = 'absolute.tar'\nto = '/x'\n", "blob' is absolute"),
    "a host name that is none": ("[guest]\nhostname = '-x'\n", "'-x' is no host name"),
    "a line feed in a key": ("[root]\nssh_keys = [\"ssh-ed25519 A\\nssh-ed25519 B\"]\n", "a key is one line"),
    "a line feed in amiconfig's": ("[cernvm.amiconfig.x]\ny = \"a\\n[cernvm]\"\n", "cannot be told to amiconfig: one line"),
    "a line feed in an organisation": ("[cernvm]\norganisations = [\"a\\nb\"]\n", "cannot be told to amiconfig"),
    "a job's text in a command": ("[[command]]\nrun = 'echo ${name}'\n", "${name} is not put into a command, which root's shell runs"),
    "a job's text in the boot loader": ("[cernvm.ucernvm]\nx = '${job.user}'\n", "nothing of a job"),
    "shell in the boot loader": ("[cernvm.ucernvm]\nx = '\"; reboot'\n", "cannot be told to the boot loader"),
    "too much for context.sh": ("[cernvm]\nrepositories = [" + "'repository', " * 9000 + "]\n", "the context is too big for context.sh"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_refused_before_anything_is_written(tmp_path, context, what):
    subprocess.run(["tar", "-cPf", tmp_path / "climbs.tar", "--transform=s,^,../,", "-C", tmp_path, "blob"], check=True)
    subprocess.run(["tar", "-cPf", tmp_path / "absolute.tar", tmp_path / "blob"], check=True)
    text, said = BAD[what]
    context.write_text("schema = 1\n" + text)
    out = tmp_path / "out"
    out.mkdir()
    for kind in ["iso", "vfat"]:
        done = vmbatch("iso", "build", context, "-o", out / "disc", "--format", kind, "--set", "name=x")
        assert (done.returncode, done.stdout) == (1, "")
        assert said.format(context=context, name="{name}") in done.stderr or said in done.stderr, done.stderr
        assert "whoever asked for this" in done.stderr  # who can mend it
        assert list(out.iterdir()) == []


def test_a_source_that_its_reader_may_not_read(tmp_path, context):
    """Root, who may read all, without that."""
    (tmp_path / "blob").chmod(0)
    out = tmp_path / "out"
    out.mkdir()
    less = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    done = subprocess.run([*less, VMBATCH, "iso", "build", context, "-o", out / "disc", "--set", "name=x"], capture_output=True,
                          check=False, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"Permission denied: {context}:6" in done.stderr and "blob" in done.stderr, done.stderr
    assert list(out.iterdir()) == []


def by_others(folder):
    """Discs of the same folder, as other tools make them, and the names one finds on each."""
    plain = {"READ_ME.TXT", "SUB", "SUB/LONG_NAM.TXT"}
    full = {"read_me.txt", "sub", "sub/Long Name with Blanks.txt"}
    return [(["genisoimage", "-quiet", "-V", "PLAIN"], plain), (["genisoimage", "-quiet", "-J", "-V", "JOLIET"], full),
            (["genisoimage", "-quiet", "-R", "-V", "RR"], full),
            (["xorriso", "-as", "mkisofs", "-quiet", "-J", "-R", "-V", "XORRISO"], full)]


def test_discs_of_other_tools(tmp_path):
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "read_me.txt").write_text("read me\n")
    (tree / "sub/Long Name with Blanks.txt").write_bytes(bytes(range(256)) * 100)
    for number, (words, names) in enumerate(by_others(tree)):
        disc = tmp_path / f"{number}.iso"
        subprocess.run([*words, "-o", disc, tree], check=True, capture_output=True)
        said = shown(disc)
        assert (said["label"], {entry["path"] for entry in said["entries"]}) == (words[-1], names), words
        assert vmbatch("iso", "show", disc, "--extract", tmp_path / f"{number}").returncode == 0
        assert sorted(path.read_bytes() for path in (tmp_path / f"{number}").rglob("*") if path.is_file()) == \
            sorted(path.read_bytes() for path in tree.rglob("*") if path.is_file())


def test_links_and_devices_are_not_extracted(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "out").symlink_to("/etc/passwd")
    (tree / "up").symlink_to("..")
    (tree / "file").write_text("x")
    os.mkfifo(tree / "fifo")
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", tmp_path / "disc.iso", tree], check=True, capture_output=True)
    done = vmbatch("iso", "show", tmp_path / "disc.iso", "--extract", tmp_path / "new")
    assert done.returncode == 0
    assert sorted(re.findall(r"left out.*: (\w+)$", done.stderr, re.MULTILINE)) == ["fifo", "out", "up"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]
    again = vmbatch("iso", "show", tmp_path / "disc.iso", "--extract", tmp_path / "new")
    assert again.returncode == 1 and "not there yet" in again.stderr


def test_names_that_a_terminal_would_obey(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a\033[2Jb").write_text("x")
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", tmp_path / "disc.iso", tree], check=True, capture_output=True)
    assert "a\\x1b[2Jb" in vmbatch("iso", "show", tmp_path / "disc.iso").stdout


def test_what_is_no_disc(tmp_path):
    (tmp_path / "text").write_text("hello\n" * 10000)
    for what, said in [(tmp_path / "text", "neither an ISO 9660 disc nor a vfat disk"), ("/dev/null", "neither a file nor a drive"),
                       (tmp_path, "neither a file nor a drive"), (tmp_path / "nowhere", "No such file")]:
        done = vmbatch("iso", "show", what)
        assert (done.returncode, done.stdout) == (1, "") and said in done.stderr, done.stderr


def test_exclusive_options(tmp_path):
    for words in [["--json", "--print", "x"], ["--json", "--extract", tmp_path / "x"], ["--print", "x", "--extract", "y"]]:
        assert vmbatch("iso", "show", "disc.iso", *words).returncode == 2
