"""What the model sees: the template applied to samples by the training environment, kept for as long as nothing of it changes."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.auth.principal import Principal
from core.datasets.types import STAGES
from core.errors import InvalidInput
from core.training.environment import TrainingEnvironment
from core.training.memory_shape import cached_snapshot
from core.training.options_paths import find
from core.training.planning_resolve import Resolver, unrestricted
from core.training.ranges import RANGES
from core.training.template_view_types import SeenSample, SeenSamples, Token

if TYPE_CHECKING:
    from core.datasets.service import Datasets
    from core.datasets.types import Dataset

#: Rows that are measured, of which some are shown.
MEASURED: Final = 200
MOST_SHOWN: Final = 50
#: Views that are kept in this process; each has some hundred kilobytes.
KEPT: Final = 8
TIMEOUT_S: Final = 180.0


class TemplateViews:
    """Asks the environment, once for each view."""

    def __init__(self, environment: TrainingEnvironment, datasets: Datasets, resolver: Resolver) -> None:
        self._environment = environment
        self._datasets = datasets
        self._resolver = resolver
        self._kept: OrderedDict[tuple[object, ...], SeenSamples] = OrderedDict()

    async def view(
        self, principal: Principal, dataset_id: str, *, model: str, template: str, cutoff: int, count: int, options: Mapping[str, Any]
    ) -> SeenSamples:
        """See Training.template_view."""
        least, most = RANGES["cutoff_len"]
        if not (least or 0) <= cutoff <= (most or cutoff):
            raise InvalidInput("cutoff_len", "out_of_range", minimum=least, maximum=most)
        dataset = await self._datasets.dataset(principal, dataset_id)
        folder = await self._folder(principal, model)
        state = await self._environment.current()
        shown = min(max(count, 1), MOST_SHOWN)
        stamp = await asyncio.to_thread(_stamp, folder)
        version = (dataset.current.id, dataset.current.checked_at, dataset.current.size)
        key = (version, str(folder), stamp, template, cutoff, shown, tuple(sorted(options.items())), state.fingerprint)
        if (known := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return known
        found = await self._ask(principal, dataset, folder, template, cutoff, shown, options)
        self._kept[key] = found
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    async def _ask(
        self, principal: Principal, dataset: Dataset, folder: Path, template: str, cutoff: int, shown: int, options: Mapping[str, Any]
    ) -> SeenSamples:
        sample = await self._datasets.sample_for_template(principal, dataset.id, count=max(MEASURED, shown))
        stages = STAGES[dataset.current.format]
        question = {
            "model": str(folder),
            "template": template,
            "cutoff": cutoff,
            "stage": stages[0] if stages else "sft",
            "entry": sample["entry"],
            "rows": list(sample["rows"]),
            "show": shown,
            "options": dict(options),
        }
        answer = await self._environment.call(
            "template_view", question, timeout_s=TIMEOUT_S, opened=None if unrestricted(principal) else (folder,)
        )
        return _seen(answer, sample.get("indexes"), cutoff)

    async def _folder(self, principal: Principal, model: str) -> Path:
        """Where the tokenizer is. Raises InvalidInput("model_name_or_path", ...)."""
        reach = await self._resolver.reach(principal, (model,))
        named = await asyncio.to_thread(find, model, reach, key="model_name_or_path")
        folder = named.path or await asyncio.to_thread(cached_snapshot, named.hub, os.environ)
        if folder is None:
            raise InvalidInput("model_name_or_path", "not_cached", value=model[:200])
        return folder


def _seen(answer: Mapping[str, Any], indexes: Any, cutoff: int) -> SeenSamples:
    lengths = tuple(int(length) for length in answer["lengths"])
    looked = max(len(lengths), 1)
    samples = []
    for each in answer["samples"]:
        tokens = zip(each["ids"], each["texts"], each["trained"], strict=True)
        row = int(each["row"])
        samples.append(
            SeenSample(
                index=int(indexes[row]) if indexes is not None else row,
                side=each["side"],
                tokens=tuple(Token(int(number), str(text), bool(trained)) for number, text, trained in tokens),
                length=int(each["length"]),
                trained=sum(each["trained"]),
                problem=each["problem"],
            )
        )
    return SeenSamples(tuple(samples), lengths, answer["truncated"] / looked, answer["masked"] / looked, int(answer["dropped"]), cutoff)


def _stamp(folder: Path) -> tuple[object, ...]:
    """Changes when the tokenizer does."""
    found = []
    for name in ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "chat_template.jinja"):
        try:
            info = (folder / name).stat()
            found.append((info.st_mtime_ns, info.st_size))
        except OSError:
            found.append((0, 0))
    return tuple(found)
