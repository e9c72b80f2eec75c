"""A trainer for tests of what is around one: the files, signals and exit statuses of LLaMA-Factory, in a few milliseconds.

`fake_trainer.py train run.yaml` in a run's folder. The options (JSON is YAML too): output_dir, max_steps, step_s (a step's seconds),
save_steps, fail_at (a step), exit_status, ignores_term, workers (more processes, each in a session of its own, as torchrun has them),
slow_start (seconds before it catches SIGTERM), fills_disk_at (a step).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path


def checkpoint(output: Path, step: int, most: int) -> None:
    folder = output / f"checkpoint-{step}"
    folder.mkdir(exist_ok=True)
    sentinel = folder / "checkpoint-is-incomplete.txt"
    sentinel.touch()
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step, "max_steps": most}))
    sentinel.unlink()


def main() -> int:
    options = json.loads(Path(sys.argv[2]).read_text())
    if workers := options.get("workers"):
        return launcher(workers)
    output, most = Path(options["output_dir"]), options["max_steps"]
    output.mkdir(exist_ok=True)
    asked = threading.Event()
    time.sleep(options.get("slow_start", 0))
    signal.signal(signal.SIGTERM, signal.SIG_IGN if options.get("ignores_term") else lambda *_: asked.set())
    done = [int(path.name.partition("-")[2]) for path in output.glob("checkpoint-*")]
    step = max(done, default=0)
    print(f"Resuming from {step}" if done else "Begins", flush=True)
    while step < most:
        if options.get("fail_at") == step:
            print("ValueError: made to fail", flush=True)
            return int(options.get("exit_status", 1))
        if options.get("fills_disk_at") == step:
            with (output / "weights").open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
        if asked.is_set():
            checkpoint(output, step, most)
            break
        time.sleep(options.get("step_s", 0.01))
        step += 1
        with (output / "trainer_log.jsonl").open("a") as file:
            file.write(json.dumps({"current_steps": step, "total_steps": most, "loss": 1 / step}) + "\n")
        print(f"step {step}", flush=True)
        if options.get("save_steps") and step % options["save_steps"] == 0:
            checkpoint(output, step, most)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    (output / "trainer_state.json").write_text(json.dumps({"global_step": step, "max_steps": most}))
    return 0


def launcher(workers: int) -> int:
    """As torchrun: a process that only waits for its workers, which are in sessions of their own."""
    options = json.loads(Path(sys.argv[2]).read_text()) | {"workers": 0}
    Path("worker.yaml").write_text(json.dumps(options))
    started = [
        subprocess.Popen(
            [sys.executable, __file__, "train", "worker.yaml"],
            start_new_session=True,
            env=os.environ | {"LOCAL_RANK": str(rank), "RANK": str(rank)},
        )
        for rank in range(workers)
    ]
    return max((process.wait() for process in started), default=0)


if __name__ == "__main__":
    sys.exit(main())
