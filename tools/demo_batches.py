"""The batch of the demo installation: an example set asked of two simulated models and of one whose key has expired; a few stars."""

from __future__ import annotations

import re
from collections.abc import Callable

from core.auth.principal import Principal
from core.batches.types import BatchDraft
from core.bootstrap import Services
from core.models.types import ConfigurationDraft

#: The example set, the name of the batch, and names and models of who is asked.
EXAMPLES = {"en": "knowledge-en", "zh_CN": "knowledge-zh"}
NAMES = {"en": "Nightly, general knowledge", "zh_CN": "每晚常识测试"}
ASKED = {
    "en": (("repeats", "sim-echo@200"), ("thinks first", "sim-reasoning@200")),
    "zh_CN": (("复述", "sim-echo@200"), ("先想后答", "sim-reasoning@200")),
}
FAILING = "expired key"


async def add_batch(services: Services, ann: Principal, language: str, go_back: Callable[[float], None], *, hurry: bool) -> None:
    """Ask every question this morning, to the end."""
    go_back(0.2)
    made = await services.questions.add_example(ann, EXAMPLES[language])
    asked = [
        await services.configurations.create(
            ann, ConfigurationDraft(name, "simulator", re.sub("@[0-9]+", "@max", model) if hurry else model)
        )
        for name, model in ASKED[language]
    ]
    failing = await services.configurations.by_name(ann, FAILING)
    ids = (*(item.id for item in asked), failing.id)
    batch = await services.batches.create(ann, BatchDraft(made.id, ids, name=NAMES[language], scorer="contains"))
    services.batches.begin_working()
    await services.batches.start(ann, batch.id)
    async for _update in services.batches.watch(ann, batch.id, 0.05):
        pass
    page = await services.batches.answers(ann, batch.id, state="answered", limit=6)
    for answer, stars in zip(page.items, (4, 5, 2), strict=False):
        await services.batches.rate(ann, answer.id, stars)
    await services.configurations.delete(ann, [item.id for item in asked])
