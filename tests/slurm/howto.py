"""howto/slurm.md, followed: its commands that set a cluster up, and those of its users. Guests of `debian` take their time:
`mini` stands in for them."""

import re
import subprocess

from jobs import CHECKOUT

PAGE = CHECKOUT / "howto/slurm.md"
# The machine's services: the tests start daemons themselves.
OF_THE_MACHINE = ("systemctl ",)
OF_USERS = ("sbatch ", "srun ")


def lines() -> list[str]:
    """The commands of all its sh blocks. What follows `<<` is part of the command."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    whole = "".join(blocks).replace('profiles = ["debian"]', 'profiles = ["mini"]')
    commands = re.finditer(r"^(?:.*<<'?(\w+)'?.*\n(?:.*\n)*?\1\n|.*\n)", whole, re.MULTILINE)
    return [command.group(0).removeprefix("sudo ") for command in commands]


def set_up():
    script = "".join(line.replace("sudo ", "") for line in lines() if not line.startswith(OF_THE_MACHINE + OF_USERS))
    subprocess.run(["bash", "-euxc", script], check=True)


def of_users() -> list[str]:
    return [line.strip() for line in lines() if line.startswith(OF_USERS)]
