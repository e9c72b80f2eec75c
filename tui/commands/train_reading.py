"""modeltrain train logs, metrics and gpus: what runs wrote, and what holds the machine."""

from __future__ import annotations

import asyncio
import math
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import InvalidInput
from core.sanitise import one_line, sanitise
from tui.commands.common import Invocation, err, out, print_json, print_table, run_with_services
from tui.commands.files import NamedFile
from tui.i18n import _
from tui.training_sentences import size

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.training.types import SlotHolder

RunId = Annotated[str, typer.Argument(metavar="RUN", help=_("The id of a run, the beginning of it, or its name."), show_default=False)]
#: Bytes that are read at a time, and seconds between two looks while following.
_CHUNK = 256 * 1024
_LOOK_S = 0.25
_LONGEST_LINE = 64 * 1024


def logs(
    context: typer.Context,
    run: RunId,
    follow: Annotated[bool, typer.Option("-f", "--follow", help=_("Go on until the run is over."))] = False,
    lines: Annotated[
        int | None, typer.Option("-n", "--lines", min=0, metavar="N", help=_("Only the last N lines."), show_default=False)
    ] = None,
    attempt: Annotated[int | None, typer.Option(metavar="N", help=_("Of that attempt; else the last."), show_default=False)] = None,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = await services.runs.run(principal, run)
        path = await services.runs.log_path(principal, found.id, attempt=attempt)
        tail = Tail(path, lines)
        while True:
            over = not follow or (await services.runs.run(principal, found.id)).state.is_over
            for line in tail.read(last=over):
                print_json({"line": line}) if invocation.json else out(line)
            sys.stdout.flush()
            if over:
                break
            await services.runs.scheduler.turn()
            await asyncio.sleep(_LOOK_S)
        if not tail.there:
            err(_("There is no log: nothing was written yet, or the file was deleted."))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def metrics(
    context: typer.Context,
    run: RunId,
    follow: Annotated[bool, typer.Option("-f", "--follow", help=_("Go on until the run is over."))] = False,
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        from core.training.metrics import MetricsFile

        found = await services.runs.run(principal, run)
        file, told = MetricsFile(await services.runs.metrics_path(principal, found.id)), -1
        while True:
            over = not follow or (await services.runs.run(principal, found.id)).state.is_over
            file.read_new()
            for step, values in _rows(file):
                if step > told:
                    print_json({"step": step, **values})
                    told = step
            sys.stdout.flush()
            if over:
                return 0
            await services.runs.scheduler.turn()
            await asyncio.sleep(_LOOK_S)

    raise typer.Exit(run_with_services(invocation, action))


def report(
    context: typer.Context,
    run: RunId,
    output: Annotated[
        NamedFile | None, typer.Option("--output", "-o", metavar="FILE", help=_("Default: standard output."), parser=NamedFile)
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format", metavar="html|md|pdf|csv|json", help=_("Default: by the name of the file, else Markdown."), show_default=False
        ),
    ] = "",
) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        from tui import reports

        made = await reports.report(services, principal, run, _form_of(form, output, invocation.json), local_zone())
        with (output or NamedFile("-")).writing() as file:
            file.write(made)
        if output is not None and not output.is_standard:
            err(_("Written to {path}.").format(path=output))
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def _form_of(form: str, output: NamedFile | None, as_json: bool) -> str:
    if form or as_json:
        return form or "json"
    ending = str(output).rpartition(".")[2].lower() if output is not None else ""
    return {"html": "html", "htm": "html", "pdf": "pdf", "csv": "csv", "json": "json"}.get(ending, "md")


def local_zone() -> tzinfo | None:
    return datetime.now().astimezone().tzinfo


def gpus(context: typer.Context) -> None:
    invocation: Invocation = context.obj

    async def action(services: Services, principal: Principal) -> int:
        found = await services.runs.gpus(principal)
        if invocation.json:
            print_json(
                [
                    {
                        "uuid": gpu.uuid,
                        "index": gpu.index,
                        "name": gpu.name,
                        "memory_total": gpu.memory_total,
                        "memory_used": gpu.memory_used,
                        "utilisation": gpu.utilisation,
                        "temperature": gpu.temperature,
                        "run": holder.id or None if holder is not None and holder.is_run else None,
                        "service": holder.id or None if holder is not None and not holder.is_run else None,
                        "holder": holder.name or None if holder is not None else None,
                        "held": holder is not None,
                    }
                    for gpu, holder in found
                ]
            )
        elif not found:
            problem = (await services.runs.queue(principal)).gpu_problem
            err(
                _("The GPUs cannot be read: {problem}").format(problem=sanitise(problem))
                if problem
                else _("This machine has no NVIDIA GPU.")
            )
        else:
            rows = [
                (gpu.index, gpu.uuid, gpu.name, f"{size(gpu.memory_used)} / {size(gpu.memory_total)}", _held(holder))
                for gpu, holder in found
            ]
            print_table((_("GPU"), _("UUID"), _("NAME"), _("MEMORY"), _("HELD BY")), rows)
        return 0

    raise typer.Exit(run_with_services(invocation, action))


def _held(holder: SlotHolder | None) -> str:
    if holder is None:
        return ""
    return one_line(holder.name) or _("somebody else's")


def changes(given: Sequence[str]) -> dict[str, Any]:
    """OPTION=VALUE as options: the value is read as YAML, nothing takes the option out. Raises InvalidInput("set")."""
    from core.training.options_yaml import read_yaml

    found: dict[str, Any] = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign or not name.strip().isidentifier():
            raise InvalidInput("set", "not_an_assignment", value=each)
        found[name.strip()] = read_yaml(f"value: {value}", "set").get("value")
    return found


def _rows(file: Any) -> list[tuple[int, dict[str, float | None]]]:
    """The values of each step, steps ascending."""
    by_step: dict[int, dict[str, float | None]] = {}
    for name in file.names:
        steps, values = file.series(name)
        for step, value in zip(steps.tolist(), values.tolist(), strict=True):
            by_step.setdefault(step, {})[name] = value if math.isfinite(value) else None
    return sorted(by_step.items())


class Tail:
    """The lines of a growing file. Holes, where the middle of a long log was taken out, cost nothing; `there`: whether the file is."""

    def __init__(self, path: Path, lines: int | None = None) -> None:
        self._path = path
        self._last_lines = lines
        self._offset = 0
        self._rest = b""
        self.there = False

    def read(self, *, last: bool) -> Iterator[str]:
        """What was added since the last call, in whole lines; with `last` the end too. Progress bars are shown as they ended."""
        try:
            with self._path.open("rb") as file:
                self.there = True
                if self._last_lines is not None:
                    self._offset = _start_of(file.fileno(), self._last_lines)
                    self._last_lines = None
                yield from self._lines(file.fileno())
        except FileNotFoundError:
            return
        if last and self._rest:
            yield _shown(self._rest)
            self._rest = b""

    def _lines(self, descriptor: int) -> Iterator[str]:
        end = os.fstat(descriptor).st_size
        while self._offset < end:
            begin = _data_from(descriptor, self._offset)
            if begin is None:
                break
            if begin > self._offset:
                if self._rest:
                    yield _shown(self._rest)
                yield _("[{size} of the log were taken out here]").format(size=size(begin - self._offset))
                self._rest, self._offset = b"", begin
            data = os.pread(descriptor, _CHUNK, self._offset)
            if not data:
                break
            self._offset += len(data)
            *whole, self._rest = (self._rest + data).split(b"\n")
            for line in whole:
                yield _shown(line)
            if len(self._rest) > _LONGEST_LINE:
                self._rest = self._rest[-_LONGEST_LINE:]


def _shown(line: bytes) -> str:
    """What a terminal would show of the line at last: a bar overwrites itself after each carriage return."""
    parts = [part for part in line.rstrip(b"\r").split(b"\r") if part]
    return sanitise((parts[-1] if parts else b"").decode(errors="replace"))


def _data_from(descriptor: int, offset: int) -> int | None:
    """Where data begin, from `offset` on; None where only a hole follows."""
    try:
        return os.lseek(descriptor, offset, os.SEEK_DATA)
    except OSError:
        return None if offset >= os.fstat(descriptor).st_size else offset


def _start_of(descriptor: int, lines: int) -> int:
    """The offset where the last `lines` lines begin."""
    position = os.fstat(descriptor).st_size
    if lines <= 0:
        return position
    found, end = 0, position
    while position > 0:
        begin = max(0, position - _CHUNK)
        data = os.pread(descriptor, position - begin, begin)
        at = len(data)
        while (at := data.rfind(b"\n", 0, at)) >= 0:
            if begin + at != end - 1:
                found += 1
                if found == lines:
                    return begin + at + 1
        position = begin
    return 0
