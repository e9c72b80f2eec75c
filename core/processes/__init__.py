"""Long jobs that outlive whoever started them: a shim, an identity that survives, a stop that leaves nothing.

launch(job)              start it; blocks shortly
look(folder)             how it stands: files and /proc, cheap
tree(folder)             every process of it
ready_to_save(folder)    whether its workers catch SIGTERM yet
ask_to_save(folder)      SIGTERM to the workers: a checkpoint, then the end
stop(folder, grace_s)    the end of every process of it, proven
age_s(identity)          seconds since it began
abandon(folder)          give up a job that was never started
free_port()              of loopback
"""

from core.processes.launching import abandon, free_port, launch
from core.processes.looking import age_s, identity_of, is_alive, look
from core.processes.stopping import ask_to_save, ready_to_save, stop
from core.processes.tree import tree
from core.processes.types import Job, JobExit, JobState, ProcessIdentity, Stopped

__all__ = [
    "Job",
    "JobExit",
    "JobState",
    "ProcessIdentity",
    "Stopped",
    "abandon",
    "age_s",
    "ask_to_save",
    "free_port",
    "identity_of",
    "is_alive",
    "launch",
    "look",
    "ready_to_save",
    "stop",
    "tree",
]
