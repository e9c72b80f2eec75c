"""The command `modeltrain` as a script runs it: a process, its output, its exit status."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

COMMAND = Path(sys.executable).with_name("modeltrain")
PASSWORD = "correct horse 7 battery"


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON value."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Runs `modeltrain --data DIR ...`, as `as_email` if given."""

    data: Path
    as_email: str = ""

    def run(self, *arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None, limit_s: float = 120) -> Outcome:
        """Run one command to its end; `environment` is added to a clean one."""
        done = subprocess.run(
            [str(COMMAND), *self.options, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=clean_environment() | dict(environment or {}),
            timeout=limit_s,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None) -> Outcome:
        """As `run`, for what must succeed."""
        outcome = self.run(*arguments, stdin=stdin, environment=environment)
        assert outcome.status == 0, f"{arguments} ended with {outcome.status}\n{outcome.out}\n{outcome.err}"
        return outcome

    @property
    def options(self) -> list[str]:
        return ["--data", str(self.data), *(["--as", self.as_email] if self.as_email else [])]

    def user(self, email: str, nickname: str, *, admin: bool = False) -> Shell:
        """Make an account and return the shell of that person."""
        flags = ["--admin"] if admin else []
        first = replace(self, as_email="")
        first.ok("user", "add", email, "--nickname", nickname, *flags, environment={"MODELTRAIN_PASSWORD": PASSWORD})
        return replace(self, as_email=email)


@dataclass(frozen=True)
class QuickShell(Shell):
    """The same commands, read and run within this process: a tenth of the time. Not for tests with a running event loop, nor for what
    one process leaves to the next."""

    def run(self, *arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None, limit_s: float = 120) -> Outcome:
        """As `Shell.run`; `limit_s` holds for commands of a process only."""
        from tui.commands.root import run_command_line

        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        with ExitStack() as stack:
            stack.enter_context(mock.patch.dict(os.environ, clean_environment() | dict(environment or {}), clear=True))
            stack.enter_context(mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")))
            stack.enter_context(redirect_stdout(out))
            stack.enter_context(redirect_stderr(err))
            status = run_command_line([*self.options, *arguments])
        return Outcome(status, *(stream.buffer.getvalue().decode() for stream in (out, err)))  # type: ignore[attr-defined]


def clean_environment() -> dict[str, str]:
    """This process's environment without what would change the program's behaviour or language."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MODELTRAIN", "LC_", "LANGUAGE", "TEXTUAL"))}
    return kept | {"LANG": "C.UTF-8", "NO_COLOR": "1"}
