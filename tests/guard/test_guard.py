"""Whatever becomes of libvirtd: it is restarted, once for all who need it, and the job goes on; or the job is given up
with the reason, within its time."""

import signal
import threading

import pytest
from jobs import collect_garbage, known_jobs
from libvirtd import HERE, qemus, restarts, until
from world import JOBS, SHARE, STATE, guests

NEVER = "echo this must not run\n"
EMPTY = {"image": "empty", "hypervisor": "qemu", "method": "CDROM", "dialect": "cernvm", "create_workdir": True,
         "vcpus": {"default": 1, "max": 1}, "memory": {"default": "64M", "max": "64M"},
         "network": {"type": "bridge", "bridge": "vmbr0"}}


def config(caller, **hypervisor):
    """Patience is short, as everybody here is idle; the deadlines are not."""
    return caller.config({
        "hypervisor": {"restart": [str(HERE / "restart-libvirtd")], "patience": 5, "restart_at_most": 3, **hypervisor},
        "deadlines": {"prepare": 120, "start": 120, "remove": 120},
        "profile": {"empty": EMPTY}})


def begin(caller, file, name="guard"):
    return caller.begin("empty", NEVER, options=["--config", file, "--job-id", name])


def started(job):
    """It has a guest, and waits for it."""
    job.wait_for("start", "ended")


def end(job):
    job.process.send_signal(signal.SIGTERM)
    assert job.process.wait(150) == 128 + signal.SIGTERM, job.lines
    assert known_jobs() == {}


def test_stopped(caller, libvirtd):
    libvirtd.stop()
    job = begin(caller, config(caller))
    started(job)
    assert restarts() == 1
    end(job)


def test_killed(caller, libvirtd):
    libvirtd.kill()
    job = begin(caller, config(caller))
    started(job)
    assert restarts() == 1
    end(job)


def test_stopped_under_many_jobs(caller, libvirtd):
    """The first restarts it; the others wait, and find it mended."""
    libvirtd.stop()
    file = config(caller)
    jobs = [begin(caller, file, f"guard-{number}") for number in range(4)]
    for job in jobs:
        started(job)
    assert restarts() == 1
    for job in jobs:
        job.process.send_signal(signal.SIGTERM)
    assert [job.process.wait(150) for job in jobs] == [128 + signal.SIGTERM] * 4


@pytest.mark.parametrize("step", ["prepare", "start", "started"])
def test_killed_during_create(caller, libvirtd, step):
    """Before QEMU is there, and when it is there."""
    libvirtd.will(step, "kill")
    job = begin(caller, config(caller))
    started(job)
    assert restarts() == 1
    assert guests() == {"vmbatch-guard"}
    assert len(qemus("vmbatch-guard")) == 1
    end(job)
    assert qemus("vmbatch-guard") == []


def test_refusing_once(caller, libvirtd):
    """Nothing to restart it for."""
    libvirtd.will("prepare", "refuse", 1)
    job = begin(caller, config(caller))
    started(job)
    assert restarts() == 0
    end(job)


def test_refusing_twice(caller, libvirtd):
    libvirtd.will("prepare", "refuse", 2)
    job = begin(caller, config(caller))
    started(job)
    assert restarts() == 1
    end(job)


def test_refusing_always(caller, libvirtd):
    libvirtd.will("prepare", "refuse", 99)
    ended = caller.run("empty", NEVER, options=["--config", config(caller)])
    assert ended.code == 123
    assert b"libvirt refused 'start'" in ended.err
    assert restarts() == 1


def test_too_big(caller, libvirtd):
    """A libvirtd has always more than this: it is restarted as often as it may be, and then left alone."""
    file = config(caller, memory_limit="4M", restart_at_most=2)
    for after in [1, 2, 2]:
        job = begin(caller, file)
        started(job)
        assert restarts() == after
        end(job)


@pytest.mark.parametrize("useless", ["/bin/true", "/bin/false"])
def test_restarted_in_vain(caller, libvirtd, useless):
    """The job ends in its time, with the reason; nothing is tried for ever."""
    libvirtd.kill()
    file = config(caller, restart=[useless], restart_at_most=2)
    changed = file.read_text().replace('"prepare": 120', '"prepare": 10').replace("prepare = 120", "prepare = 10")
    file.write_text(changed)
    for _ in range(2):
        ended = caller.run("empty", NEVER, options=["--config", file])
        assert ended.code in (123, 125), ended.err
        assert b"libvirtd does not answer after it was restarted" in ended.err or b"the command that restarts" in ended.err
    ended = caller.run("empty", NEVER, options=["--config", file])
    assert ended.code == 123
    assert b"libvirtd was restarted too often" in ended.err
    assert b"hypervisor.restart_at_most" in ended.err
    assert restarts() == 2


def test_killed_while_the_guest_boots(caller, libvirtd):
    """A guest does not need libvirtd: nobody even asks for it before the job is removed."""
    job = begin(caller, config(caller))
    started(job)
    libvirtd.kill()
    assert_stays(job, 5)
    assert restarts() == 0
    end(job)
    assert restarts() == 1


def assert_stays(job, seconds):
    assert not threading.Event().wait(seconds)
    assert job.process.poll() is None, job.lines


def test_a_guest_that_libvirt_does_not_know(caller, libvirtd):
    job = begin(caller, config(caller))
    started(job)
    libvirtd.restart_without("vmbatch-guard")
    assert guests() == set()
    assert len(qemus("vmbatch-guard")) == 1
    end(job)
    until(lambda: not qemus("vmbatch-guard"), 30)


def test_garbage_that_libvirt_does_not_know(caller, libvirtd):
    """Found by its disk, even if its job is forgotten; another state directory's is not."""
    job = begin(caller, config(caller))
    started(job)
    job.kill()
    libvirtd.restart_without("vmbatch-guard")
    aside = (JOBS / "guard").rename(STATE / "aside")
    elsewhere = collect_garbage(env={"VMBATCH_STATE_DIR": "/run/another-state"})
    # The image that they share: the lease's job directory is gone, whoever asks.
    assert (elsewhere.returncode, elsewhere.stdout) == (0, b"released the image of job guard\n")
    assert len(qemus("vmbatch-guard")) == 1
    share, = SHARE.iterdir()
    collected = collect_garbage()
    assert (collected.returncode, collected.stdout) == (0, f"ended guest vmbatch-guard\nremoved {share}\n".encode())
    assert qemus("vmbatch-guard") == []
    aside.rename(JOBS / "guard")
    assert collect_garbage().stdout == b"removed job guard\n"


def test_a_disk_that_is_not_there(caller, libvirtd):
    """Any that the template names, too."""
    template = caller.directory / "template.xml"
    disk = "<disk type='block' device='disk'><source dev='/dev/no-such-disk'/><target dev='vdz'/></disk>"
    whole = (HERE.parents[1] / "templates/qemu.xml").read_text()
    template.write_text(whole.replace("<devices>", f"<devices>{disk}"))
    file = config(caller)
    file.write_text(file.read_text().replace('image = "empty"', f'image = "empty", template = "{template}"'))
    ended = caller.run("empty", NEVER, options=["--config", file])
    assert ended.code == 123
    assert b"a disk of the guest is gone: /dev/no-such-disk" in ended.err
