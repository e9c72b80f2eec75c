"""modeltrain doctor: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from core.errors import ModeltrainError
from core.sanitise import one_line
from tui.commands.common import Invocation, command_group, guarded, out, print_json
from tui.commands.doctor_texts import TEXTS
from tui.i18n import _, joined

if TYPE_CHECKING:
    from core.doctor import Check, Surroundings

app = command_group(_("Check the installation and say what to mend."))
MARKS = {"ok": "✓", "warning": "!", "problem": "✗"}
PLAIN_MARKS = {"ok": "ok ", "warning": "!  ", "problem": "X  "}


@app.command("doctor", help=_("Check the installation and say what to mend. Exit status 1 if something must be mended."))
def doctor(context: typer.Context) -> None:
    raise typer.Exit(guarded(context.obj, lambda: run_doctor(context.obj)))


def run_doctor(invocation: Invocation) -> int:
    """Look everything over and print it; 1 if there is a problem, else 0."""
    from core.doctor import State, examine

    checks = examine(invocation.settings(), surroundings())
    problems = sum(check.state is State.PROBLEM for check in checks)
    if invocation.json:
        print_json({"ok": not problems, "checks": [as_json(check) for check in checks]})
    else:
        for check in checks:
            _print(check)
        out()
        out(_("All is well.") if not problems else _("Mend what is marked, then run “modeltrain doctor” again."))
    return 1 if problems else 0


def surroundings() -> Surroundings:
    """The terminal this runs in."""
    from core.doctor import Surroundings

    size = shutil.get_terminal_size()
    return Surroundings(os.environ, sys.stdin.isatty() and sys.stdout.isatty(), sys.stdout.encoding or "", (size.columns, size.lines))


def sentences(check: Check) -> tuple[str, str]:
    """What was found, and what to do (or "")."""
    text = TEXTS.get((check.about, check.finding))
    if text is not None:
        shown = _shown(check.fields)
        return _(text[0]).format(**shown), _(text[1]).format(**shown) if text[1] else ""
    from core import errors
    from tui.errors import describe

    code = "master_key_missing" if check.about == "master_key" else check.finding
    kinds = {kind.code: kind for kind in errors.StorageError.__subclasses__()}
    found: ModeltrainError = kinds.get(code, errors.StorageError)(**dict(check.fields))
    problem = describe(found)
    return joined(problem.title, problem.why), problem.remedy


def as_json(check: Check) -> dict[str, Any]:
    message, remedy = sentences(check)
    return {
        "about": check.about,
        "finding": check.finding,
        "state": check.state.value,
        "message": message,
        "remedy": remedy,
        "fields": dict(check.fields),
    }


def _shown(fields: Mapping[str, Any]) -> dict[str, str]:
    shown = {name: one_line(str(value)) for name, value in fields.items()}
    if isinstance(fields.get("free"), int):
        shown["free"] = f"{fields['free'] / (1 << 30):.1f} GB"
    return shown


def _print(check: Check) -> None:
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    message, remedy = sentences(check)
    out(f"{(MARKS if unicode else PLAIN_MARKS)[check.state.value]} {message}")
    if remedy:
        out(f"{'  ' if unicode else '    '}{remedy}")
