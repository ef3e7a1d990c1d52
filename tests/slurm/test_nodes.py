"""What becomes of nodes: a user's mistake leaves them alone, a fault of theirs is seen, and slurmd may crash."""

from cluster import NODES, HOLD, until
from jobs import known_jobs


def test_a_users_mistake_leaves_the_node_alone(cluster):
    """And the user reads why: a profile that is not the partition's, a directive that is none, more than the profile has."""
    jobs = {
        "profile": cluster.submit("#!/bin/sh\n#VMBATCH profile=debian\necho ran\n"),
        "directive": cluster.submit("#!/bin/sh\n#VMBATCH gold\necho ran\n"),
        "memory": cluster.submit("#!/bin/sh\necho ran\n", memory="1500M"),
        "processors": cluster.submit("#!/bin/sh\necho ran\n", options=["-c", "3"]),
    }
    assert {what: cluster.wait(job) for what, job in jobs.items()} == dict.fromkeys(jobs, ("FAILED", "121:0"))
    output = {what: cluster.output(job) for what, job in jobs.items()}
    assert "profile=debian: queue 'vm' has: mini" in output["profile"]
    assert "#VMBATCH gold" in output["directive"]
    assert "1500M of memory are asked for" in output["memory"]
    assert "3 vCPUs are asked for" in output["processors"]
    for said in output.values():
        assert said.startswith("remoteshell: ") and said.count("\n") == 1 and "ran" not in said
    assert [cluster.node_state(node) for node in NODES] == ["idle", "idle"]


def test_a_fault_of_the_node_drains_it_with_the_reason(cluster):
    """The job is queued again and not held, so that another node can take it."""
    job = cluster.submit("#!/bin/sh\necho ran\n", partition="broken", options=["-w", "n2"])
    try:
        until(lambda: cluster.node_state("n2") == "drain", 40, lambda: cluster.show(job))
        assert cluster.drain_reason("n2").startswith(
            f"vmbatch: job {job}: the image of profile 'broken' is not in the cache: not-there: ")
        cluster.wait_for(job, "PENDING")
        assert cluster.show(job)["Priority"] != "0"  # that is how Slurm holds a job
        assert cluster.node_state("n1") == "idle"
        assert cluster.output(job) == ""
    finally:
        cluster.call("scancel", job)
        until(lambda: cluster.state(job) == "CANCELLED")
        cluster.resume("n2")


def test_slurmd_killed_and_started_again(cluster):
    """A job that runs goes on, and its end is heard. One whose guest is being made is queued again, since the new slurmd
    knows nothing of the Prolog."""
    running = cluster.submit("#!/bin/bash\n" + HOLD + "exit 6\n", options=["-w", "n1"])
    cluster.wait_for_output(running, "begun")
    preparing = cluster.submit("#!/bin/sh\necho run $SLURM_RESTART_COUNT\n", options=["-w", "n2"])
    cluster.wait_for_guest(preparing)
    for node in NODES:
        cluster.kill_node(node)
    for node in NODES:
        cluster.start_node(node)
    cluster.release(running)
    assert cluster.wait(running) == ("FAILED", "6:0"), cluster.output(running)
    assert cluster.wait(preparing) == ("COMPLETED", "0:0"), cluster.log(preparing)
    assert cluster.output(preparing) == "run 1\n"
    assert known_jobs() == {}
