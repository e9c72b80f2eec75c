"""Run by the training environment's Python: runs LLaMA-Factory's own command once for each case, forked from one process that has
imported everything, two at a time. A case fails as it would alone, but for the seconds of importing.

`driver.py cases.json`: a list of {"folder", "argv", "kill" (a signal, sent when the first step was logged) | null, "memory" (bytes of
address space more than it has) | null}. Each folder gets log.txt and exit.json {"status", "signal"} (of the process).
"""

import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

import llamafactory.train.dpo
import llamafactory.train.kto
import llamafactory.train.sft  # noqa: F401 - imported before the forks
import torch
from llamafactory import launcher

torch.set_num_threads(1)
AT_ONCE = 2


def child(case):
    folder = Path(case["folder"])
    os.setsid()
    log = os.open(folder / "log.txt", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, handle in ((0, nothing), (1, log), (2, log)):
        os.dup2(handle, number)
    os.chdir(folder)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler if name is signal.SIGINT else signal.SIG_DFL)
    if case.get("memory"):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + case["memory"]
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    sys.argv = ["llamafactory-cli", *case["argv"]]
    status = 1
    try:
        launcher.launch()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        traceback.print_exc()
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def started(case):
    """Whether its first step was logged."""
    metrics = Path(case["folder"]) / "output" / "trainer_log.jsonl"
    return metrics.exists() and metrics.stat().st_size > 0


def main():
    waiting = json.loads(Path(sys.argv[1]).read_text())
    running = {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            case = waiting.pop(0)
            pid = os.fork()
            if pid == 0:
                child(case)
            running[pid] = case
        for pid, case in list(running.items()):
            if case.get("kill") and started(case):
                os.kill(pid, case.pop("kill"))
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
                code = -number if number else os.WEXITSTATUS(status)
                Path(case["folder"], "exit.json").write_text(json.dumps({"status": code, "signal": number}))
                del running[pid]
        time.sleep(0.05)


main()
