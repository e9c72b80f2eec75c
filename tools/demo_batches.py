"""The batch of the demo installation: questions asked of two simulated models and of one whose key has expired; a few stars."""

from __future__ import annotations

import re
from collections.abc import Callable

from core.auth.principal import Principal
from core.batches.types import BatchDraft
from core.bootstrap import Services
from core.models.types import ConfigurationDraft
from core.questions.types import QuestionDraft

#: Questions with expected answer, type and scorer. Simulated models repeat what they are asked: so some are right.
QUESTIONS = {
    "en": (
        ("Is Paris the capital of France?", "Paris", "geography", "contains"),
        ("Which ocean is larger, the Pacific or the Atlantic?", "Pacific", "geography", "contains"),
        ("What is the longest river of China?", "Yangtze", "geography", "contains"),
        ("Repeat this number: 1984", "1984", "numbers", "numeric"),
        ("Repeat this number: 3.14", "3.14", "numbers", "numeric"),
        ("What is seven times six?", "42", "numbers", "numeric"),
        ("yes", "yes", "format", "exact"),
        ("no", "no", "format", "exact"),
        ("Answer with one word: blue", "blue", "format", "exact"),
    ),
    "zh_CN": (
        ("巴黎是哪个国家的首都？法国还是德国？", "法国", "地理", "contains"),
        ("太平洋和大西洋，哪个更大？", "太平洋", "地理", "contains"),
        ("中国最长的河流是哪一条？", "长江", "地理", "contains"),
        ("请重复这个数：1984", "1984", "数字", "numeric"),
        ("请重复这个数：3.14", "3.14", "数字", "numeric"),
        ("七乘以六等于多少？", "42", "数字", "numeric"),
        ("是", "是", "格式", "exact"),
        ("否", "否", "格式", "exact"),
        ("只用一个词回答：蓝色", "蓝色", "格式", "exact"),
    ),
}
#: Names of the set and of the batch, and names and models of who is asked.
SETS = {"en": "General knowledge, short", "zh_CN": "简短常识"}
NAMES = {"en": "Nightly, general knowledge", "zh_CN": "每晚常识测试"}
ASKED = {
    "en": (("repeats", "sim-echo@200"), ("thinks first", "sim-reasoning@200")),
    "zh_CN": (("复述", "sim-echo@200"), ("先想后答", "sim-reasoning@200")),
}
FAILING = "expired key"


async def add_batch(services: Services, ann: Principal, language: str, go_back: Callable[[float], None], *, hurry: bool) -> None:
    """Ask every question this morning, to the end."""
    go_back(0.2)
    drafts = [QuestionDraft(text, expected, kind, scorer) for text, expected, kind, scorer in QUESTIONS[language]]
    made = await services.questions.create(ann, SETS[language], drafts)
    asked = [
        await services.configurations.create(
            ann, ConfigurationDraft(name, "simulator", re.sub("@[0-9]+", "@max", model) if hurry else model)
        )
        for name, model in ASKED[language]
    ]
    failing = await services.configurations.by_name(ann, FAILING)
    ids = (*(item.id for item in asked), failing.id)
    batch = await services.batches.create(ann, BatchDraft(made.id, ids, name=NAMES[language]))
    services.batches.begin_working()
    await services.batches.start(ann, batch.id)
    async for _update in services.batches.watch(ann, batch.id, 0.05):
        pass
    page = await services.batches.answers(ann, batch.id, state="answered", limit=6)
    for answer, stars in zip(page.items, (4, 5, 2), strict=False):
        await services.batches.rate(ann, answer.id, stars)
    await services.configurations.delete(ann, [item.id for item in asked])
