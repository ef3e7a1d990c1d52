"""howto/slurm.md, followed: its commands that set a cluster up, and the one that submits a first job."""

import re
import subprocess

from jobs import CHECKOUT

PAGE = CHECKOUT / "howto/slurm.md"
# The machine's packages and services: the tests start daemons themselves. Guests of `debian` take their time.
OF_THE_MACHINE = ("apt-get ", "systemctl ")
OF_USERS = ("sbatch ", "srun ")


def lines() -> list[str]:
    """Of all its sh blocks. What follows `<<` is part of the command."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    whole = "".join(blocks).replace('profiles = ["debian"]', 'profiles = ["mini"]')
    commands = re.findall(r"^(?:.*<<'?(\w+)'?.*\n(?:.*\n)*?\1\n|.*\n)", whole, re.MULTILINE)
    assert commands is not None
    return [match.group(0).removeprefix("sudo ")
            for match in re.finditer(r"^(?:.*<<'?(\w+)'?.*\n(?:.*\n)*?\1\n|.*\n)", whole, re.MULTILINE)]


def set_up():
    script = "".join(line.replace("sudo ", "") for line in lines() if not line.startswith(OF_THE_MACHINE + OF_USERS))
    subprocess.run(["bash", "-euxc", script], check=True)


def of_users() -> list[str]:
    return [line.strip() for line in lines() if line.startswith(OF_USERS)]
