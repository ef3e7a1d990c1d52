"""A stand-in for pbs_mom, Torque's daemon on a compute node: what it does with prologue, epilogue and job starter.

It keeps to what Torque 6.1 was seen to do, or has in its source; where older branches do otherwise, the tests choose. Each
module says which rules it follows. Hooks and starters are real programs, started as mom starts them; there is no network,
no server and no scheduler: a test decides when a job runs and what happens to it.

    mom = Mom(home)                      # reads home/mom_priv/config
    outcome = mom.submit(Job(script="…"))

or step by step:

    run = mom.run(job)
    run.prologue()
    run.start()
    mom.qdel(run)
    outcome = run.finish()
"""

from .hooks import HookEnd
from .job import Job
from .mom import Mom, Outcome, Run
from .session import Build

__all__ = ["Build", "HookEnd", "Job", "Mom", "Outcome", "Run"]
