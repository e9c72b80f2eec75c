"""The rules of the house: which floor knows which, and what importing a floor brings in."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: What may be imported from tests and tools only, by floor.
FORBIDDEN = {
    "tui": {"sqlmodel", "sqlalchemy", "alembic", "httpx", "httpx_sse", "storage"},
    "core": {"textual", "rich", "asyncssh", "typer", "click", "sqlmodel", "sqlalchemy", "alembic", "tui"},
    "storage": {"textual", "rich", "asyncssh", "typer", "click", "httpx", "httpx_sse", "core", "tui"},
}


#: What only some screens, checks and reports of training need: loaded by them.
TRAINING = {"numpy", "msgspec", "yaml", "jinja2", "pynvml"}
#: What only scores, reports and similar questions need: loaded by them.
COMPARING = {"numpy", "sacrebleu", "lxml", "regex", "rapidfuzz", "jsonschema", "referencing", "xlsxwriter", "fpdf", "fontTools", "PIL"}
#: What a package is imported as, where that is not its name.
IMPORTED_AS = {
    "bcrypt": "passlib", "nvidia-ml-py": "pynvml", "pyyaml": "yaml", "pyjwt": "jwt", "genai-prices": "genai_prices", "fpdf2": "fpdf",
    "fonttools": "fontTools",
}  # fmt: skip


def test_every_dependency_is_needed() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        wanted = tomllib.load(file)["project"]["dependencies"]
    names = {re.split(r"[^a-z0-9-]", each.lower(), maxsplit=1)[0] for each in wanted}
    used = {name for floor in FORBIDDEN for path in (ROOT / floor).rglob("*.py") for name in imports(path)}
    assert {name for name in names if IMPORTED_AS.get(name, name) not in used} == set()


def test_the_import_contracts_hold() -> None:
    """The contracts of pyproject.toml, by import-linter."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def imports(path: Path) -> Iterator[str]:
    """The top-level names that a file imports, wherever in it (also in functions and for type checking)."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value).partition(".")[0]


@pytest.mark.parametrize("floor", FORBIDDEN)
def test_no_file_imports_what_its_floor_may_not(floor: str) -> None:
    wrong = {
        f"{path.relative_to(ROOT)}: {name}" for path in (ROOT / floor).rglob("*.py") for name in imports(path) if name in FORBIDDEN[floor]
    }
    assert wrong == set()


def test_the_check_sees_every_kind_of_import(tmp_path: Path) -> None:
    file = tmp_path / "sly.py"
    file.write_text(
        "import os.path\nfrom a.b import c\nfrom . import d\ndef f():\n    import e\n    import importlib; importlib.import_module('g.h')\n"
    )
    assert set(imports(file)) == {"os", "a", "e", "importlib", "g"}


def modules_after(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after `code`."""
    script = f"import sys\n{code}\nprint(' '.join(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_all_of_core_runs_without_a_screen() -> None:
    """Every module of core imported: neither the toolkit nor the shell comes along, by whatever way, nor what only scores need.

    (httpx brings rich and click where they are installed, for a command of its own.)
    """
    found = modules_after(
        "import pkgutil, importlib, core\nfor m in pkgutil.walk_packages(core.__path__, 'core.'): importlib.import_module(m.name)"
    )
    assert "sqlmodel" in found, "core was really imported"
    assert found & ({"textual", "asyncssh", "typer", "tui"} | COMPARING) == set()


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import tui.cli", {"textual", "typer", "sqlalchemy", "httpx", "pydantic", "cryptography"} | TRAINING | COMPARING),
        ("import core.bootstrap", {"sqlalchemy", "httpx", "passlib", "cryptography"} | TRAINING),
        (
            "import tui.app, tui.screens.runs.screen, tui.screens.data.screen, tui.screens.compare.screen, tui.screens.compare.records, "
            "tui.screens.compare.leaderboard, tui.screens.compare.batches.screen, tui.screens.compare.questions.screen",
            TRAINING | COMPARING,
        ),
        ("import core.training.runs, core.inference.service, core.managed.service", {"numpy", "jinja2", "pynvml"}),
        ("import core.installation", {"alembic", "cryptography", "httpx"}),
        ("import tui.commands.root", {"textual", "sqlalchemy", "httpx"}),
    ],
)
def test_what_starting_must_not_cost(code: str, absent: set[str]) -> None:
    assert modules_after(code) & absent == set()


def test_services_name_who_asks() -> None:
    """Every public coroutine of a service takes the principal first, but for those before anybody is known."""
    from core.auth.accounts import Accounts
    from core.chat.service import Chat
    from core.files.service import UserFiles
    from core.models.configurations import Configurations
    from core.models.providers import Providers
    from core.secrets import Secrets

    before_sign_in = {
        "needs_first_admin", "create_first_admin", "registration_open", "register", "availability", "sign_in", "resume", "verify_access",
        "clean_up", "keep_clean", "settled", "close", "follow", "answer_challenge", "key_holder", "sign_in_with_key",
        "recheck_many",
    }  # fmt: skip
    nameless = set()
    for service in (Accounts, Chat, Configurations, Providers, Secrets, UserFiles):
        for name in dir(service):
            method = getattr(service, name)
            code = getattr(method, "__code__", None)
            if name.startswith("_") or code is None or not code.co_flags & (0x80 | 0x200) or name in before_sign_in:
                continue
            if code.co_varnames[1] not in ("principal", "operator"):
                nameless.add(f"{service.__name__}.{name}({', '.join(code.co_varnames[: code.co_argcount])})")
    assert nameless == set()
