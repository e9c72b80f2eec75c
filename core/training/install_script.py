"""Makes a training environment, step by step. A job outside of the application: standard library only, run by path.

usage: install_script.py ORDER.json      ORDER: {"folder", "marks", "progress", "lock", "marker", "work", "constraints", "steps": [...]}

Steps that were done before are left out, but not after one that was not: later ones stand on it. Output goes to where the job's goes.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

CHECK_FAILED = 3
ANSWER_LIMIT = 1 << 20


class Progress:
    """The file that screens read: steps with state and times, always whole."""

    def __init__(self, path: Path, names: list[str]) -> None:
        self._path = path
        self._steps: list[dict[str, Any]] = [{"name": name, "state": "pending", "started_at": None, "ended_at": None} for name in names]
        self.problems: list[dict[str, str]] = []
        self._save()

    def set(self, number: int, state: str) -> None:
        step = self._steps[number]
        step["state"] = state
        step["started_at" if state == "running" else "ended_at"] = int(time.time() * 1000)
        self._save()

    def _save(self) -> None:
        put(self._path, {"steps": self._steps, "problems": self.problems})


def put(path: Path, value: Any) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def main(order_path: str) -> int:
    order = json.loads(Path(order_path).read_text(encoding="utf-8"))
    lock = os.open(order["lock"], os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("Another installation is under way.")
        return 4
    return install(order)


def install(order: dict[str, Any]) -> int:
    steps, folder = order["steps"], Path(order["folder"])
    marks_path, work = Path(order["marks"]), Path(order["work"])
    Path(order["marker"]).unlink(missing_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    (work / "constraints.txt").write_text(order["constraints"], encoding="utf-8")
    done = read_marks(marks_path, folder)
    progress = Progress(Path(order["progress"]), [step["name"] for step in steps])
    kept: list[str] = []
    for number, step in enumerate(steps):
        if done[number : number + 1] == [step["mark"]] and kept == done[:number] and not step.get("check"):
            kept.append(step["mark"])
            progress.set(number, "done")
            continue
        say(f"== {step['name']}")
        progress.set(number, "running")
        status = run(step, work, progress)
        progress.set(number, "failed" if status else "done")
        if status:
            return status
        kept.append(step["mark"])
        if not step.get("check"):
            put(marks_path, kept)
    put(Path(order["marker"]), {"steps": kept, "made_at": int(time.time() * 1000)})
    say("== done")
    return 0


def read_marks(path: Path, folder: Path) -> list[str]:
    """The marks of steps that were done, in order; none where the interpreter is gone."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [str(mark) for mark in found] if isinstance(found, list) and (folder / "bin" / "python").exists() else []


def run(step: dict[str, Any], work: Path, progress: Progress) -> int:
    for name, version in step.get("wheels", {}).items():
        write_stub(work, name, version)
    if step.get("check"):
        return check(step["argv"], progress)
    say("$ " + " ".join(step["argv"]))
    try:
        return subprocess.run(step["argv"], stdin=subprocess.DEVNULL, check=False).returncode  # noqa: S603
    except OSError as error:
        say(f"{step['argv'][0]}: {error.strerror}")
        return 1


def check(argv: list[str], progress: Progress) -> int:
    """Import everything for real; what is wrong is told in the progress file."""
    try:
        asked = subprocess.run(argv, input=b"{}", stdout=subprocess.PIPE, check=False)  # noqa: S603
        reply = json.loads(asked.stdout[:ANSWER_LIMIT])
    except (OSError, ValueError) as error:
        say(f"The check did not answer: {error}")
        return CHECK_FAILED
    found = reply.get("ok") or {"problems": [{"package": "", "message": str(reply.get("fields", reply))[:500]}]}
    progress.problems = found["problems"]
    for problem in found["problems"]:
        say(f"{problem['package']}: {problem['message']}")
    for name, version in found.get("versions", {}).items():
        say(f"{name} {version}")
    return CHECK_FAILED if found["problems"] else 0


def write_stub(folder: Path, name: str, version: str) -> None:
    """A wheel with nothing but a name: satisfies a requirement where the real one is not to be had, and nothing more."""
    info = f"{name}-{version}.dist-info"
    text = f'"""Stands for {name}, which this CPU-only environment does not have."""\n\n__version__ = "{version}"\n'
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: Stands for {name} on a CPU-only machine.\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: modeltrain\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if name == "torchaudio":
        # It is imported by LLaMA-Factory, while transformers looks for torchvision and must not find a module.
        files[f"{name}/__init__.py"] = text
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, content in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(path, content)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
