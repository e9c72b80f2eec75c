"""What our check says is what LLaMA-Factory does: it loads every format by the entry that we write, and trains on the rows that we count.

One process loads everything: its imports are what takes time.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from core.auth.principal import operator
from core.bootstrap import build_services
from core.datasets.check_process import check
from core.datasets.layouts import info_entry
from core.datasets.records import layout_of
from core.datasets.rewrite_process import Rewriting
from core.datasets.running import CHECK
from core.errors import Conflict
from core.settings import AuthSettings, load_settings
from tests.unit.datasets.samples import BROKEN, RIGHT

pytestmark = pytest.mark.training
STAGES = {"alpaca": "sft", "sharegpt": "sft", "openai": "sft", "preference": "dpo", "kto": "kto", "text": "pt"}


@dataclass(frozen=True)
class Loaded:
    """What our check said of each file, and what LLaMA-Factory made of it."""

    checked: dict[str, dict[str, Any]]
    loaded: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def loaded(training_env: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Right files of every format, broken ones, and the broken ones repaired, all loaded."""
    folder = tmp_path_factory.mktemp("datasets")
    files = {name: _written(folder, name, content) for name, content in {**RIGHT, **BROKEN}.items()}
    for name in BROKEN:
        files[f"mended-{name}"] = _repaired(folder, files[name], f"mended-{name}")
    (folder / "rows.parquet.py").write_text(PARQUET)
    subprocess.run([training_env / "bin/python", folder / "rows.parquet.py", folder / "table.parquet"], check=True)
    files["parquet"] = folder / "table.parquet"
    helper = Path(__file__).parents[2] / "core/training/helpers/parquet_rows.py"
    command = [str(training_env / "bin/python"), "-I", str(helper)]
    checked = {name: check({"path": str(path), "parquet": command}, lambda _done, _tally: None) for name, path in files.items()}
    known = {name: told for name, told in checked.items() if told["format"] != "unknown"}
    entries = {name: info_entry(layout_of(told["layout"]), str(files[name])) for name, told in known.items()}
    (folder / "dataset_info.json").write_text(json.dumps(entries))
    (folder / "stages.json").write_text(json.dumps({name: STAGES[told["format"]] for name, told in known.items()}))
    done = subprocess.run(
        [training_env / "bin/python", Path(__file__).with_name("load_datasets.py"), folder, tiny_model],
        capture_output=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home"), "CUDA_VISIBLE_DEVICES": ""},
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    return Loaded(checked, json.loads(done.stdout))


PARQUET = """
import sys, pyarrow as pa, pyarrow.parquet as pq
table = pa.table({"instruction": ["a", "b", "c"], "output": ["x", None, "z"]})
pq.write_table(table, sys.argv[1], row_group_size=2)
"""


def _written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _repaired(folder: Path, path: Path, name: str) -> Path:
    out = folder / f"{name}.work"
    out.mkdir()
    told = check({"path": str(path), "out": str(out)}, lambda _done, _tally: None)
    problems = [json.loads(line) for line in (out / "problems.jsonl").read_text().splitlines()]
    without = sorted({rest[2]["key"] for *_place, rest in problems if rest[0] in ("column_type", "late_column")})
    assert told["verdict"] == "repairable", (name, told["rules"])
    done = Rewriting({"kind": "repair", "path": str(path), "out": str(out), "without": without}).run()
    return (out / "first").rename(folder / f"{name}.{done['kind']}")


def test_every_right_file_is_trained_on_whole(loaded: Loaded) -> None:
    for name in [*RIGHT, "parquet"]:
        told, found = loaded.checked[name], loaded.loaded[name]
        assert found.get("rows") == told["usable"], (name, found, told["rules"])


def test_every_repaired_file_is_trained_on_whole(loaded: Loaded) -> None:
    for name in BROKEN:
        told, found = loaded.checked[f"mended-{name}"], loaded.loaded[f"mended-{name}"]
        assert told["problems"] == 0, (name, told["rules"])
        assert found.get("rows") == told["usable"] == told["rows"] > 0, (name, found)


def test_a_broken_file_fails_or_loses_rows_as_we_say(loaded: Loaded) -> None:
    for name in BROKEN:
        told, found = loaded.checked[name], loaded.loaded.get(name, {"error": "no format"})
        assert told["problems"], name
        assert "error" in found or found["rows"] < told["rows"] or told["verdict"] == "repairable", (name, found)


def test_our_name_of_the_process_is_right() -> None:
    assert check.__module__ == CHECK


def test_system_prompts_are_those_of_the_file(loaded: Loaded) -> None:
    """LLaMA-Factory's own formatting for OpenAI messages adds words of its own; ours does not."""
    texts = loaded.loaded["openai.jsonl"]["texts"]
    assert not any("detailed thinking" in text for text in texts)
    assert "Answer in one word" in texts[0]


async def test_tokens_are_counted_and_parquet_is_shown(training_env: Path, tiny_model: Path, tmp_path: Path) -> None:
    environment = {"MODELTRAIN_TRAINING_ENV": str(training_env)}
    services = await build_services(replace(load_settings(tmp_path / "data", environment), auth=AuthSettings(bcrypt_cost=4)))
    try:
        await services.accounts.add_user(operator("owner"), "ann@example.org", "ann", "correct horse 7 battery")
        ann = await services.accounts.principal_for(operator("owner"), "ann@example.org")
        item = await services.datasets.add(ann, str(_written(tmp_path, "rows.jsonl", RIGHT["alpaca.jsonl"])))
        with pytest.raises(Conflict):
            await services.datasets.token_lengths(ann, item.id, model=str(tiny_model))
        await (await services.datasets.check(ann, item.id)).wait()
        lengths = await services.datasets.token_lengths(ann, item.id, model=str(tiny_model))
        assert (lengths.unit, lengths.sampled, sum(lengths.counts)) == ("tokens", 3, 3)
        assert 3 <= lengths.least <= lengths.median <= lengths.most < 100
        table = tmp_path / "table.parquet"
        script = _written(tmp_path, "make.py", PARQUET.encode())
        await (await asyncio.create_subprocess_exec(training_env / "bin/python", script, table)).wait()
        parquet = await (await services.datasets.check(ann, (await services.datasets.add(ann, str(table))).id)).wait()
        assert (parquet.verdict, parquet.current.file_kind, parquet.format) == ("repairable", "parquet", "alpaca")
        page = await services.datasets.preview(ann, parquet.id, start=1, count=5)
        assert ([row.value["instruction"] for row in page.rows], page.total) == (["b", "c"], 3)
        mended = await (await services.datasets.repair(ann, parquet.id)).wait()
        assert mended.current.summary is not None
        assert (mended.verdict, mended.current.file_kind, mended.current.summary.rows) == ("usable", "jsonl", 2)
    finally:
        await services.close()
