"""vmbatch iso check: what guests make of discs of ours and of other tools, by the files themselves."""

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
VMBATCH = Path(os.environ.get("VMBATCH_BUILD", CHECKOUT / "build/dev")).resolve() / "bin/vmbatch"
GUESTS = ["cernvm2", "cernvm3", "cernvm4", "cernvm5", "cloud-init-0.7", "cloud-init"]
SCRIPT = "#!/bin/sh\ntrue\nexit 0\n[amiconfig]\nplugins=cernvm\n[cernvm]\nproxy=DIRECT\n"
CONTEXT_SH = f"EC2_USER_DATA={base64.b64encode(SCRIPT.encode()).decode()}\n"


def vmbatch(*words):
    return subprocess.run([VMBATCH, *map(str, words)], capture_output=True, check=False, text=True, timeout=60)


def check(*words):
    """Exit code, verdicts by guest, ids of findings by guest."""
    done = vmbatch("iso", "check", *words, "--json")
    assert done.stderr == "" and done.stdout, done.stderr
    said = json.loads(done.stdout)
    assert said["schema"] == 1
    return (done.returncode, {guest["guest"]: guest["verdict"] for guest in said["guests"]},
            {guest["guest"]: {finding["id"] for finding in guest["findings"]} for guest in said["guests"]})


@pytest.fixture
def made(tmp_path):
    """A disc of these files, as genisoimage makes it with these options."""
    def make(files, *options):
        tree = tmp_path / f"tree{len(list(tmp_path.iterdir()))}"
        for path, text in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        disc = tree.with_suffix(".iso")
        subprocess.run(["genisoimage", "-quiet", *options, "-o", disc, tree], check=True, capture_output=True)
        return disc
    return make


def built(tmp_path, dialect):
    disc = tmp_path / f"{dialect}.iso"
    done = vmbatch("iso", "build", CHECKOUT / f"templates/contexts/{dialect}.toml", "--dialect", dialect, "--set", "job.id=1",
                   "-o", disc)
    assert done.returncode == 0, done.stderr
    return disc


def test_our_own_discs_are_for_the_guests_they_are_for(tmp_path):
    universal = built(tmp_path, "universal")
    assert check(universal)[:2] == (0, dict.fromkeys(GUESTS, "applied"))
    assert check(universal, "--strict")[0] == 0
    code, verdicts, _ = check(built(tmp_path, "nocloud"))
    assert (code, verdicts["cernvm4"], verdicts["cernvm5"], verdicts["cloud-init"]) == (1, "not applied", "applied", "applied")
    assert check(tmp_path / "nocloud.iso", "--guest", "cloud-init", "--guest", "cloud-init-0.7")[0] == 0
    assert check(built(tmp_path, "cernvm"), "--guest", "cernvm4", "--guest", "cernvm3", "--guest", "cernvm2")[0] == 0
    assert check(built(tmp_path, "configdrive"), "--guest", "cloud-init")[0] == 0


def test_names_are_those_the_guest_sees(made):
    """Without Rock Ridge and Joliet user-data is USER_DAT; context.sh is found all the same."""
    cloud = {"user-data": "#cloud-config\nhostname: x\n", "meta-data": "instance-id: 1\n"}
    assert check(made(cloud, "-V", "cidata", "-R", "-J"), "--guest", "cloud-init")[0] == 0
    for options in (["-R"], ["-J"]):
        assert check(made(cloud, "-V", "cidata", *options), "--guest", "cloud-init")[0] == 0
    code, _, ids = check(made(cloud, "-V", "cidata"), "--guest", "cloud-init")
    assert code == 1 and "near-miss" in ids["cloud-init"]
    assert check(made({"context.sh": CONTEXT_SH}), "--guest", "cernvm4")[0] == 0
    assert check(made({"user-data.txt": SCRIPT}), "--guest", "cernvm4")[0] == 1
    assert check(made({"user-data.txt": SCRIPT}, "-R", "-J"), "--guest", "cernvm4")[0] == 0


def test_discs_have_the_places_that_are_said(made):
    first = made({"context.sh": "ETH0_IP=10.0.0.2\n"})
    second = made({"context.sh": CONTEXT_SH})
    code, _, ids = check(first, second, "--guest", "cernvm4")
    assert code == 1 and "empty-context-wins" in ids["cernvm4"]
    assert check(f"{first}@sr1", f"{second}@sr0", "--guest", "cernvm4")[0] == 0
    # HEPiX never looks at vda.
    assert check(f"{second}@vda", "--guest", "cernvm2")[0] == 1


def test_what_is_not_known_is_an_error_when_strict(made):
    disc = made({"context.sh": "EC2_USER_DATA=$(cat data)\n"}, "-R")
    assert check(disc, "--guest", "cernvm4")[:2] == (0, {"cernvm4": "not known"})
    assert check(disc, "--guest", "cernvm4", "--strict")[0] == 1


def test_a_person_reads_it_in_the_order_in_which_it_happens(tmp_path):
    done = vmbatch("iso", "check", built(tmp_path, "universal"), "--guest", "cernvm3")
    assert done.returncode == 0
    places = [done.stdout.index(f"\n  {stage}") for stage in ["boot loader", "scratch disk", "HEPiX", "amiconfig", "cloud-init"]]
    assert places == sorted(places)
    assert done.stdout.startswith("cernvm3 (CernVM 3): applied\n")


def test_what_cannot_be_read(tmp_path):
    (tmp_path / "no.iso").write_bytes(b"no disc" * 10000)
    for words, said in [([tmp_path / "no.iso"], "neither an ISO 9660 disc nor a vfat disk"), ([tmp_path / "none.iso"], "No such file"),
                        ([built(tmp_path, "nocloud"), "--guest", "cernvm33"], "did you mean 'cernvm3'?")]:
        done = vmbatch("iso", "check", *words)
        assert (done.returncode, done.stdout) == (1, "") and said in done.stderr, done.stderr
