"""docs/simulator.md names every model, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from core.llm.simulator.catalogue import BY_NAME
from core.llm.simulator.names import parse_name

PAGE = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text(encoding="utf-8")


def test_every_model_has_its_row() -> None:
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `sim-")]
    assert BY_NAME.keys() - set(re.findall(r"`(sim-[a-z0-9-]+)`", " ".join(rows))) == set()


def test_every_name_on_the_page_is_one() -> None:
    names = set(re.findall(r"[`\"](sim-[^`\" ]+)[`\"]", PAGE)) - {"sim-flaky-NAME", "sim-NAME"}
    assert len(names) > 70
    for name in names:
        parse_name(name)
