"""Write the next migration from the difference between storage/tables and the history so far: `make_migration.py "what changes"`.

`--initial` writes the first one anew (only before the first release). Read what it wrote: renamed columns look like dropped ones.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
VERSIONS = ROOT / "storage" / "migrations" / "versions"


def render_item(kind: str, item: Any, _context: Any) -> str | bool:
    """Our column types by their names in storage/migrations/types.py."""
    if kind != "type":
        return False
    if type(item).__name__ == "AutoString":
        return f"sa.String(length={item.length})"
    if type(item).__name__ == "Key":
        return "key_text(64)"
    variant = getattr(item, "_variant_mapping", {}).get("mysql")
    if variant is None:
        return False
    name = type(variant).__name__
    if name == "VARCHAR":
        return f"exact({variant.length})"
    return {"LONGTEXT": "long_text()", "LONGBLOB": "long_bytes()"}[name]


def tidy(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """On the way down an index goes with its table; MySQL refuses to drop it before, where a foreign key needs it."""
    from alembic.operations.ops import DropTableOp, ModifyTableOps

    for script in directives:
        operations = script.downgrade_ops.ops
        dropped = {operation.table_name for operation in operations if isinstance(operation, DropTableOp)}
        operations[:] = [each for each in operations if not (isinstance(each, ModifyTableOps) and each.table_name in dropped)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("message", nargs="?", default="The tables of the first release")
    parser.add_argument("--initial", action="store_true")
    arguments = parser.parse_args()

    from alembic import command

    from storage import schema
    from storage.db import make_engine

    known = sorted(VERSIONS.glob("[0-9]*.py"))
    if arguments.initial:
        if len(known) > 1:
            sys.exit("there is more than the first migration already")
        for path in known:
            path.unlink()
        known = []
    revision = f"{len(known) + 1:04d}"
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{folder}/empty.db")
        if known:
            schema.upgrade(engine)
        with engine.connect() as connection:
            config = schema.make_config(connection, render_item=render_item)
            config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            command.revision(config, message=arguments.message, autogenerate=True, rev_id=revision, process_revision_directives=tidy)
        engine.dispose()
    (ROOT / "storage" / "migrations" / "__init__.py").write_text(_with_head(revision))
    for path in VERSIONS.glob(f"{revision}_*.py"):
        path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "###" not in line))
    for order in (["check", "--fix-only"], ["format"], ["check", "--fix"]):
        subprocess.run([sys.executable, "-m", "ruff", *order, "--quiet", VERSIONS], check=True)
    return 0


def _with_head(revision: str) -> str:
    lines = (ROOT / "storage" / "migrations" / "__init__.py").read_text().splitlines()
    return "\n".join(f'HEAD = "{revision}"' if line.startswith("HEAD = ") else line for line in lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
