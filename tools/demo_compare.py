"""The comparisons of the demo installation: two models that answer, one whose key has expired; a verdict on the first question."""

from __future__ import annotations

import re
from collections.abc import Callable

from core.auth.principal import Principal
from core.bootstrap import Services
from core.compare.types import VerdictDraft
from core.models.types import Configuration, ConfigurationDraft

#: Names and simulated models of the columns, and the questions, the judged one first.
COLUMNS = {
    "en": (("qwen on the server", "sim-markdown@80x96"), ("deepseek", "sim-reasoning@80x210")),
    "zh_CN": (("服务器上的通义", "sim-chinese@80x160"), ("deepseek", "sim-reasoning@80x210")),
}
QUESTIONS = {
    "en": ("Which learning rate suits LoRA?", "Why does the loss stay flat after step 200?"),
    "zh_CN": ("LoRA 用多大的学习率合适？", "为什么第 200 步之后损失不再下降？"),
}
NOTES = {"en": "Says where the figure comes from", "zh_CN": "说明了数字的来源"}
FAILING = "expired key"


async def add_comparisons(services: Services, ann: Principal, language: str, go_back: Callable[[float], None], *, hurry: bool) -> None:
    """Ask both questions in one comparison, two days ago and today, and judge the first."""
    made = [await _for_column(services, ann, name, model, hurry=hurry) for name, model in COLUMNS[language]]
    go_back(2)
    failing = await services.configurations.by_name(ann, FAILING)
    comparison = await services.comparisons.create(ann, [*(item.id for item in made), failing.id])
    for question in QUESTIONS[language]:
        asked = await services.comparisons.ask(ann, comparison.id, question)
        for answer in asked.answers:
            if answer.message is not None:
                async for _update in services.comparisons.watch(ann, answer.message.id):
                    pass
        if asked.ordinal == 0:
            first, second = comparison.candidates[:2]
            draft = VerdictDraft(first.id, {first.id: 5, second.id: 3}, NOTES[language])
            await services.comparisons.vote(ann, asked.id, draft)
        go_back(0.1)
    await services.configurations.delete(ann, [item.id for item in made])


async def _for_column(services: Services, ann: Principal, name: str, model: str, *, hurry: bool) -> Configuration:
    """A configuration for one column; there may be one of this name already."""
    asked = re.sub("@[0-9]+", "@max", model) if hurry else model
    known = {item.name for item in await services.configurations.list(ann)}
    return await services.configurations.create(ann, ConfigurationDraft(f"{name} 2" if name in known else name, "simulator", asked))
