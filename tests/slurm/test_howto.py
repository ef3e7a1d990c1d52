"""The page, as far as it is a user's; conftest has followed the administrator's part."""

from cluster import HOMES
from howto import of_users


def test_the_first_job(cluster):
    batch, interactive = of_users()
    done = cluster.call("bash", "-c", batch)
    assert done.returncode == 0, done.stderr
    job = done.stdout.split()[-1]
    shell = cluster.call("script", "-qec", interactive, "/dev/null", timeout=300, input="hostname; exit 3\n", stdin=None)
    assert shell.returncode == 3, shell.stdout
    assert "vm-" in shell.stdout
    assert cluster.wait(job) == ("COMPLETED", "0:0"), cluster.output(job)
    assert f"hello from vm-{job}" in cluster.output(job)
    assert f"directory {HOMES}/alice" in cluster.output(job)
