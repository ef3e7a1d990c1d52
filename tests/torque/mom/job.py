"""A job as the server sends it, and the words and variables that mom makes of it.

- argv of prologue: id, user, group, name, resource list, queue, account ("" if none), and from 6.0.2 on the script's path.
  Of epilogue: id, user, group, name, session, resource list, resources used, queue, account, exit status, script's path.
- A hook's environment: see hook_environment(). Neither PBS_JOBID, HOME, USER nor the job's own variables are in it.
- The script is a file of the user's below mom_priv/jobs. For `69[2].host` it is 69-2.host.SC.
"""

import grp
import pwd
import re
from dataclasses import dataclass, field


@dataclass
class Job:
    id: str = "1.server.example"
    script: str = ""
    user: str = "alice"
    name: str = "STDIN"
    queue: str = "batch"
    account: str = ""
    resources: str = "walltime=01:00:00,nodes=1,neednodes=1"
    interactive: bool = False
    shell: str | None = None  # qsub -S
    arguments: str = ""  # qsub -F
    variables: dict[str, str] = field(default_factory=dict)  # qsub -v
    submitted_from: str | None = None  # PBS_O_WORKDIR; the user's home unless said
    starts_in: str | None = None  # qsub -d; the user's home unless said

    @property
    def account_entry(self):
        return pwd.getpwnam(self.user)

    @property
    def group(self) -> str:
        return grp.getgrgid(self.account_entry.pw_gid).gr_name

    @property
    def file_name(self) -> str:
        return re.sub(r"\[(\d+)\]", r"-\1", self.id)

    def prologue_words(self, script_path) -> list[str]:
        words = [self.id, self.user, self.group, self.name, self.resources, self.queue, self.account]
        return [*words, str(script_path)] if script_path else words

    def epilogue_words(self, session: int, exit_status: int, script_path) -> list[str]:
        words = [self.id, self.user, self.group, self.name, str(session), self.resources,
                 "cput=00:00:00,mem=0kb,vmem=0kb,walltime=00:00:01", self.queue, self.account, str(exit_status)]
        return [*words, str(script_path)] if script_path else words

    def processors(self) -> str:
        found = re.search(r"\bppn=(\d+)", self.resources)
        return found.group(1) if found else "1"

    def hook_environment(self, home) -> dict[str, str]:
        return {
            "LANG": "C.UTF-8",
            "PATH": "/bin:/usr/bin",
            "PBS_MSHOST": "localhost",
            "PBS_NODEFILE": f"{home}/aux/{self.id}",
            "PBS_NODENUM": "0",
            "PBS_NP": self.processors(),
            "PBS_NUM_NODES": "1",
            "PBS_NUM_PPN": self.processors(),
            "PBS_O_WORKDIR": self.submitted_from or self.account_entry.pw_dir,
            "PBS_RESOURCE_NODES": "1",
        }

    def environment(self, home, task: int) -> dict[str, str]:
        """What the job, and so the job starter, finds."""
        account = self.account_entry
        return {
            "HOME": account.pw_dir,
            "LANG": "C.UTF-8",
            "LOGNAME": self.user,
            "PATH": "/bin:/usr/bin",
            "SHELL": account.pw_shell,
            "USER": self.user,
            "PBS_ENVIRONMENT": "PBS_INTERACTIVE" if self.interactive else "PBS_BATCH",
            "PBS_JOBCOOKIE": "0123456789ABCDEF0123456789ABCDEF",
            "PBS_JOBID": self.id,
            "PBS_JOBNAME": self.name,
            "PBS_MOMPORT": "15003",
            "PBS_NODEFILE": f"{home}/aux/{self.id}",
            "PBS_NODENUM": "0",
            "PBS_NP": self.processors(),
            "PBS_NUM_NODES": "1",
            "PBS_NUM_PPN": self.processors(),
            "PBS_O_HOME": account.pw_dir,
            "PBS_O_HOST": "login.example",
            "PBS_O_LANG": "C.UTF-8",
            "PBS_O_LOGNAME": self.user,
            "PBS_O_PATH": "/usr/local/bin:/usr/bin:/bin",
            "PBS_O_QUEUE": self.queue,
            "PBS_O_SHELL": account.pw_shell,
            "PBS_O_WORKDIR": self.submitted_from or account.pw_dir,
            "PBS_QUEUE": self.queue,
            "PBS_SERVER": "server.example",
            "PBS_TASKNUM": str(task),
            "PBS_VERSION": "TORQUE-6.1.3",
            "PBS_VNODENUM": "0",
            "PBS_WALLTIME": "3600",
            **({"TERM": "xterm"} if self.interactive else {}),
            **self.variables,
        }
