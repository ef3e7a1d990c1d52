"""vmbatch context plan: a context as edits of a guest's root, which stays as it is."""

import json
import os
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
VMBATCH = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev")).resolve() / "bin/vmbatch"

CONTEXT = """
schema = 1
[guest]
hostname = "wn-${job.id}"
[root]
ssh_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKVn8Ae5aVB8VSkdZ7k6tA5bK0UYbBvCe0mTfE0c0p3L admin"]
[[user]]
name = "alice"
uid = 5001
gid = 5001
[[file]]
path = "/opt/secret"
content = "nobody's business"
mode = "0600"
[services]
disable = ["cron"]
"""


@pytest.fixture
def guest(tmp_path):
    root = tmp_path / "guest"
    for path, content in {
            "etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n',
            "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nbob:x:1000:1000::/home/bob:/bin/sh\n",
            "etc/group": "root:x:0:\nbob:x:1000:\n",
            "etc/shadow": "root:*:19000:0:99999:7:::\n",
            "etc/machine-id": "",
            "bin/bash": "",
            "usr/lib/systemd/systemd": "",
            "usr/lib/systemd/system/cron.service": "[Install]\nWantedBy=multi-user.target\n",
            "etc/ssh/sshd_config": "UsePAM yes\n",
            "etc/ssh/ssh_host_rsa_key": ""}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "cron.service").symlink_to("/usr/lib/systemd/system/cron.service")
    (tmp_path / "context.toml").write_text(CONTEXT)
    return root


def plan(guest, *words):
    return subprocess.run([VMBATCH, "context", "plan", guest.parent / "context.toml", "--root", guest, *words],
                          capture_output=True, check=False, text=True, timeout=60)


def tree_of(root):
    return {str(path): path.lstat().st_mtime_ns for path in sorted(root.rglob("*"))}


def test_what_would_be_written_and_why(guest):
    before = tree_of(guest)
    shown = plan(guest)
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    assert lines[0] == "# Debian GNU/Linux 12; init systemd, network none, SELinux off, no cloud-init"
    assert "append  /etc/passwd  alice:x:5001:5001::/home/alice:/bin/bash  (user alice)" in lines
    assert "append  /etc/shadow  (secret)  (user alice)" in lines
    assert "remove  /etc/systemd/system/multi-user.target.wants/cron.service  (service cron.service off)" in lines
    assert "nobody's business" not in shown.stdout
    assert tree_of(guest) == before


def test_for_programs(guest):
    said = json.loads(plan(guest, "--json").stdout)
    assert said["schema"] == 1
    assert (said["guest"]["distribution"], said["guest"]["init"]) == ("debian", "systemd")
    edits = {edit["path"]: edit for edit in said["edits"]}
    assert edits["/home/alice"] == {"do": "mkdir", "path": "/home/alice", "mode": "0755", "uid": 5001, "gid": 5001,
                                    "reason": "home of alice"}
    assert edits["/etc/hostname"]["content"].startswith("wn-")
    assert "content" not in edits["/opt/secret"]


def test_what_this_guest_cannot_be_given(guest):
    context = guest.parent / "context.toml"
    context.write_text(CONTEXT.replace("5001", "1000"))
    refused = plan(guest)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "belongs to bob in this image" in refused.stderr
    context.write_text(CONTEXT.replace("disable", "enable"))
    assert plan(guest).returncode == 0
    context.write_text(CONTEXT.replace('disable = ["cron"]', 'enable = ["crom"]'))
    assert "there is no service 'crom' in this image" in plan(guest).stderr


def test_a_root_that_is_none(guest):
    (guest / "file").write_text("")
    for root in ["nowhere", "file"]:
        refused = plan(guest, "--root", guest / root)
        assert refused.returncode in (1, 2)


def test_links_of_the_guest_stay_in_the_guest(guest):
    (guest / "etc/passwd").unlink()
    (guest / "etc/passwd").symlink_to("/../../../../../../etc/shells")
    (guest / "etc/os-release").unlink()
    (guest / "etc/os-release").symlink_to("../../../../../../../etc/os-release")
    shown = plan(guest)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("# an unknown distribution")
