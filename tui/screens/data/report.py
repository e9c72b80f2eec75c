"""The problems of a dataset as a file of JSON lines in the person's own exports."""

from __future__ import annotations

import asyncio
import json
import re

from core.auth.principal import Principal
from core.bootstrap import Services
from core.datasets.types import Dataset, Problem
from core.sanitise import json_safe
from tui.dataset_sentences import problem_sentence, rule_remedy

_PAGE = 1000
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


def problem_line(problem: Problem) -> str:
    """One problem as `modeltrain dataset check --json` prints it."""
    return json_safe(
        json.dumps(
            {
                "file": problem.file,
                "line": problem.line,
                "offset": problem.offset,
                "json_path": problem.json_path,
                "rule": problem.rule,
                "message": problem_sentence(problem),
                "remedy": rule_remedy(problem.rule),
            },
            ensure_ascii=False,
        )
    )


async def export_problems(services: Services, principal: Principal, item: Dataset) -> tuple[str, int]:
    """Write what the last check kept of `item` into exports/; the file's name among the person's files, and how many lines it has.

    Raises QuotaExceeded, DiskFull, and what `services.datasets.problems` raises.
    """
    name = _NOT_IN_NAMES.sub("-", item.name).strip("-.")[:60] or "dataset"
    path = f"exports/{name}-problems-v{item.current.version}.jsonl"
    lines: list[str] = []
    while True:
        page = await services.datasets.problems(principal, item.id, version=item.current.version, offset=len(lines), limit=_PAGE)
        lines += [problem_line(problem) for problem in page.items]
        if not page.items or len(lines) >= page.total:
            break
    text = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
    await asyncio.to_thread(_write, services, principal, path, text)
    return path, len(lines)


def _write(services: Services, principal: Principal, path: str, data: bytes) -> None:
    upload = services.files.open_writing(principal, path)
    try:
        upload.write(0, data)
        upload.commit()
    except BaseException:
        upload.discard()
        raise
