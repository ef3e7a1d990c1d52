"""What a context says, looked for inside the guest: every dialect on a stock guest that understands it."""

import base64
import os
import re
import subprocess

import pytest
from jobs import DEADLINE, vmbatch
from world import SHARE, share_source

# The shell that looks. Root's job: it may see all of it.
SCRIPT = """#!/bin/sh
say() { printf '%s=%s\\n' "$1" "$(printf '%s' "$2" | base64 | tr -d '\\n')"; }
say hostname "$(hostname)"
say hosts "$(grep "$(hostname)" /etc/hosts)"
say carol "$(id carol)"
say account "$(getent passwd carol)"
say home "$(stat -c '%U:%G' /srv/people/carol)"
say keys "$(cat /etc/ssh/vmbatch-keys/carol /etc/ssh/vmbatch-keys/root)"
say directory "$(stat -c '%F %U:%G %a' /opt/made)"
say file "$(stat -c '%U:%G %a' "/opt/made/a file; it's")"
say content "$(cat "/opt/made/a file; it's")"
say source "$(stat -c '%u:%g %a' /opt/made/blob; sha256sum </opt/made/blob)"
say archive "$(cd /opt/input && find . | sort | xargs stat -c '%n %U:%G %a'; cat deep/inner; readlink link)"
say mounts "$(grep -E ' /(vmbatch|data) ' /proc/mounts | cut -d ' ' -f 1-3)"
say data "$(cat /data/here)"
say environment "$(sh -lc 'printf %s "$WORD"')"
say given "$WORD|$SET"
say order "$(cat /run/order)"
say address "$(ip -4 -o addr show scope global | awk '{ print $4 }')"
say route "$(ip route show default | awk '{ print $3 }')"
say dhcp "$(ps ax | grep -c '[d]hclient\\|[u]dhcpc')"
say disc "$(grep -cE ' iso9660 |/vmbatch/disc ' /proc/mounts)"
if command -v systemctl >/dev/null; then
    say services "$(for unit in fstrim.timer rpcbind.service systemd-networkd.service; do
        echo "$unit $(systemctl is-enabled $unit) $(systemctl is-active $unit)"; done)"
else
    say services "$(cat /run/services)"
fi
echo ready
read -r _
"""

CONTEXT = """schema = 1
[guest]
hostname = "wn-${job.id}.${site}"
[root]
ssh_keys = ["@key@"]
[[user]]
name = "carol"
uid = 7001
gid = 7100
group = "wheelers"
groups = [{ name = "probe", gid = 7200 }]
home = "/srv/people/carol"
shell = "/bin/sh"
ssh_keys = ["@key@"]
[[directory]]
path = "/opt/made"
mode = "2750"
owner = "carol:probe"
[[file]]
path = "/opt/made/a file; it's"
content = "$HOME `id` ${job.id} Größe\\n"
mode = "0640"
owner = "carol:wheelers"
[[file]]
path = "/opt/made/blob"
source = "blob"
mode = "4755"
owner = "7001:7200"
[[archive]]
source = "input.tar.gz"
to = "/opt/input"
owner = "carol:probe"
[[mount]]
source = "@share@/@carols@"
target = "/data"
options = "vers=4.1,port=2049"
[environment]
WORD = "it's a=b, c: \\"${job.user}\\" $HOME"
[[command]]
when = "late"
run = "echo late 1: $(id -un carol) >>/run/order"
[[command]]
when = "early"
run = "echo early 1 >>/run/order"
[[command]]
when = "late"
run = '''
echo late 2: ${HOME:-none} >>/run/order'''
[[command]]
when = "early"
run = "echo early 2: $(grep -c carol /etc/passwd) >>/run/order"
"""
SERVICES = """[services]
disable = ["fstrim.timer", "rpcbind"]
enable = ["systemd-networkd"]
"""
# mini has no services. It gets what other guests switch them with, and what these are called with is looked at.
SWITCHED = """[services]
disable = ["cron"]
enable = ["rpcbind"]
"""
SWITCH = """[[file]]
path = "/usr/local/sbin/@switch@"
content = "#!/bin/sh\\necho $0 $* >>/run/services\\n"
mode = "0755"
"""
SWITCHES = {"cernvm": {"chkconfig": ["rpcbind on", "cron off"], "service": ["rpcbind start", "cron stop"]},
            "universal": {"update-rc.d": ["rpcbind enable", "cron disable"], "invoke-rc.d": ["rpcbind start", "cron stop"]}}
NETWORK = """[network]
mode = "static"
mac = "${job.mac}"
address = "@net@.251/24"
gateway = "@net@.1"
dns = ["@net@.1"]
"""


def of_carol(folder) -> str:
    """Another name for each test: the NFS server remembers the directories it has seen for a while."""
    return f"of-carol-{folder.name}"


@pytest.fixture
def sources(tmp_path):
    """What the context names: a key, files, an archive, and something to mount."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", tmp_path / "key"], check=True)
    (tmp_path / "blob").write_bytes(os.urandom(300_000))
    (tmp_path / "input/deep").mkdir(parents=True)
    (tmp_path / "input/deep/inner").write_text("inner")
    (tmp_path / "input/link").symlink_to("deep/inner")
    (tmp_path / "input/run").write_text("#!/bin/sh\n")
    (tmp_path / "input/run").chmod(0o750)
    subprocess.run(["tar", "-czf", tmp_path / "input.tar.gz", "-C", tmp_path / "input", "."], check=True)
    outside = SHARE / of_carol(tmp_path)
    outside.mkdir(mode=0o755)
    (outside / "here").write_text("mounted")
    yield tmp_path
    (outside / "here").unlink()
    outside.rmdir()


def net():
    return share_source().split(":")[0].rpartition(".")[0]


def write_context(folder, *parts):
    text = "".join([CONTEXT, *parts])
    for name, value in {"key": (folder / "key.pub").read_text().strip(), "share": share_source(), "net": net(),
                        "carols": of_carol(folder)}.items():
        text = text.replace(f"@{name}@", value)
    (folder / "context.toml").write_text(text)
    return folder / "context.toml"


def seen_inside(job):
    said = {}
    while (line := job.wait_for_line().decode().rstrip("\n")) != "ready":
        name, value = line.split("=", 1)
        said[name] = base64.b64decode(value).decode()
    return said


def log_in(folder, address, user):
    done = subprocess.run(
        ["ssh", "-F", "none", "-i", folder / "key", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes",
         "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
         f"{user}@{address}", "id", "-u"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("image, dialect, static, drive, kind", [
    ("mini", "cernvm", False, "hda", "iso"), ("mini", "cernvm", True, "sda", "iso"), ("mini", "universal", False, "vdb", "vfat"),
    ("debian", "nocloud", False, "sda", "iso"), ("debian", "configdrive", True, "sda", "vfat"), ("debian", "universal", True, "vdb", "iso")])
def test_all_that_a_context_says_is_so(caller, sources, image, dialect, static, drive, kind):
    config = caller.config({"profile": {image: {"dialect": dialect, "disc": drive, "disc_format": kind,
                                                "environment": {"WORD": "of the profile"}}}})
    switches = {} if image == "debian" else SWITCHES[dialect]
    services = [SERVICES] if image == "debian" else [SWITCHED, *(SWITCH.replace("@switch@", name) for name in switches)]
    context = write_context(sources, NETWORK if static else "", *services)
    checked = vmbatch("context", "check", context, "--set", "site=example", "--dialect", dialect)
    assert checked.returncode == 0, checked.stderr
    job = caller.begin(image, SCRIPT, user="root", options=[
        "--job-id", "7", "--config", config, "--context", context, "--set", "site=example", "--set", "environment.SET=by hand"])
    said = seen_inside_or_why(job, DEADLINE[image])
    address = said["address"].split("/")[0]
    assert log_in(sources, address, "carol") == "7001"
    assert log_in(sources, address, "root") == "0"
    job.tell(b"\n")
    assert job.end() == 0, job.err()

    assert said["hostname"] == "wn-7.example"
    assert said["hosts"].split() == ["127.0.1.1", "wn-7.example", "wn-7"]
    assert said["carol"] == "uid=7001(carol) gid=7100(wheelers) groups=7100(wheelers),7200(probe)"
    assert said["account"] == "carol:x:7001:7100::/srv/people/carol:/bin/sh"
    assert said["home"] == "carol:wheelers"
    assert said["keys"].splitlines().count((sources / "key.pub").read_text().strip()) == 2
    assert said["directory"] == "directory carol:probe 2750"
    assert said["file"] == "carol:wheelers 640"
    assert said["content"] == "$HOME `id` 7 Größe"
    digest = subprocess.run(["sha256sum", sources / "blob"], capture_output=True, check=True, text=True).stdout.split()[0]
    assert said["source"].split() == ["7001:7200", "4755", digest, "-"]
    assert said["archive"].splitlines() == [
        ". carol:probe 755", "./deep carol:probe 755", "./deep/inner carol:probe 644", "./link carol:probe 777",
        "./run carol:probe 750", "innerdeep/inner"]
    mounts = dict(line.split()[1::-1] for line in said["mounts"].splitlines())
    assert mounts["/data"] == f"{share_source()}/{of_carol(sources)}" and mounts["/vmbatch"].startswith(share_source()), mounts
    assert said["data"] == "mounted"
    assert said["environment"] == 'it\'s a=b, c: "root" $HOME'
    assert said["given"] == 'it\'s a=b, c: "root" $HOME|by hand'
    assert re.sub("none|/root", "HOME", said["order"]).splitlines() == ["early 1", "early 2: 0", "late 1: carol", "late 2: HOME"]
    assert said["disc"] == "0"  # it holds secrets
    if static:
        assert (said["address"], said["route"], said["dhcp"]) == (f"{net()}.251/24", f"{net()}.1", "0")
    if image == "debian":
        assert said["services"].splitlines() == [
            "fstrim.timer disabled inactive", "rpcbind.service disabled inactive", "systemd-networkd.service enabled active"]
    else:
        assert sorted(said["services"].splitlines()) == sorted(
            f"/usr/local/sbin/{name} {arguments}" for name, calls in switches.items() for arguments in calls)


def seen_inside_or_why(job, within):
    """The guest's words; if it never says any, what vmbatch said."""
    try:
        return seen_inside(job)
    except AssertionError:
        code = job.end(within)
        raise AssertionError((code, job.err().decode())) from None


def test_a_failing_early_command_fails_the_job(caller, sources):
    """It has run before the network was up: its failure is on the console, and the guest is not waited for any longer."""
    context = sources / "context.toml"
    context.write_text("schema = 1\n[[command]]\nwhen = 'early'\nrun = 'exit 3'\n")
    ended = caller.run("mini", "true\n", options=["--context", context])
    assert ended.code == 123
    assert b"early command 1 returned 3" in ended.err


def test_an_archive_that_climbs_out_never_reaches_a_guest(caller, sources):
    subprocess.run(["tar", "-cPf", sources / "bad.tar", "--transform=s,^,../,", "-C", sources, "blob"], check=True)
    context = sources / "context.toml"
    context.write_text("schema = 1\n[[archive]]\nsource = 'bad.tar'\nto = '/opt/x'\n")
    ended = caller.run("mini", "true\n", options=["--context", context])
    assert ended.code == 121
    assert b"the member '../blob' climbs out with '..'" in ended.err
