"""These tests run in the world that tools/site/enter makes (see tests/groups/torque), as root."""

import os
import re
import shutil
from pathlib import Path

import pytest
from mom import Mom

# Users can pass it, as they can /var/spool/torque.
HOMES = Path("/var/opt/vmbatch/torque")


def pytest_configure():
    if "VMBATCH_SITE" not in os.environ:
        pytest.exit("call me by tests/run torque, or inside tools/site/enter", returncode=4)


@pytest.fixture
def home(request):
    """A directory for a mom of the test's own."""
    directory = HOMES / re.sub(r"\W", "_", request.node.name)
    (directory / "mom_priv").mkdir(parents=True)
    HOMES.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def make_mom(home):
    """make_mom(prologue="shell text", …, config="lines"): a mom with these hooks."""

    def make(config="", **how) -> Mom:
        for name in ["prologue", "epilogue", "epilogue.precancel", "starter"]:
            if (text := how.pop(name.replace(".", "_"), None)) is not None:
                file = home / "mom_priv" / name
                file.write_text(text if text.startswith("#!") else f"#!/bin/bash\n{text}\n")
                file.chmod(0o755)
        (home / "mom_priv/config").write_text(config.replace("STARTER", str(home / "mom_priv/starter")) + "\n")
        return Mom(home, **how)

    return make
