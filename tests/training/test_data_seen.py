"""What the model sees, on the real screen: LLaMA-Factory's own template over a dataset, with the tokenizer of the tiny model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.settings import Settings
from tests.tui.data_world import added, good_rows, open_data, open_page, write_rows
from tests.tui.world import signed_in

pytestmark = pytest.mark.training


async def test_masked_and_trained_tokens_are_told_apart_and_lengths_are_counted(
    settings: Settings, tmp_path: Path, training_env: Path, tiny_model: Path
) -> None:
    with_environment = replace(settings, training=replace(settings.training, environment=training_env))
    path = write_rows(tmp_path / "talks.jsonl", good_rows(30))
    async with signed_in(with_environment) as seen:
        await added(seen, path)
        await open_data(seen)
        await open_page(seen, "w")
        await seen.until("Press m and choose a model")
        await seen.press("m")
        await seen.until("With the tokenizer of which model?", 120)
        await seen.type("another folder")
        await seen.press("enter")
        await seen.until("Folder of the model")
        await seen.type(str(tiny_model))
        await seen.press("enter")
        await seen.until(lambda: "Which template?" in seen.text or "trained on" in seen.text, 120)
        if "Which template?" in seen.text:
            await seen.type("qwen")
            await seen.press("enter")
        await seen.until("Every sample looked at has tokens that are trained on.", 180)
        lines = [line for line in seen.lines() if "Because of the learning rate." in line]
        assert lines and all(line.lstrip().startswith("▌") for line in lines), "answers are marked"
        assert not any(line.lstrip().startswith("▌") for line in seen.lines() if "why is it flat?" in line), "questions are masked"
        await seen.press("L")
        await seen.until("Cutoff length in tokens")
        await seen.press("end", "ctrl+u")
        await seen.type("16")
        await seen.press("enter")
        await seen.until("are longer than 16 tokens and lose their end", 180)
        await seen.press("right", "right")
        await open_page(seen)
        await seen.press("l")
        await seen.until("Length of a row in tokens", 180)
        assert seen.fits()
