"""What the pictures of comparing and batches show beside the demo installation: weeks of verdicts, a blind comparison, two models to ask.

Three simulated models answer; who wins is drawn by lot with a fixed seed, so that the leaderboard has something to tell.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from demo import EMAIL, Past

from core.auth.principal import Principal, operator
from core.bootstrap import Services, build_services
from core.compare.types import TIE, Comparison, VerdictDraft
from core.llm.request import Parameters
from core.models.types import ConfigurationDraft
from core.settings import Settings

#: Simulated models that answer quickly, in the language of the installation.
MODELS = {
    "en": ("sim-markdown@260x70", "sim-reasoning@320x90", "sim-chat@180"),
    "zh_CN": ("sim-chinese@260x70", "sim-reasoning@320x90", "sim-chat@180"),
}
#: How often each is liked.
LIKED = (1.0, 0.6, 0.25)
#: A chance of a tie; rounds judged in all; how often the first question was asked.
TIES, ROUNDS, AGAIN = 0.15, 24, 5


@dataclass(frozen=True, slots=True)
class Words:
    """What a person of this language would have asked. `asked`: kind and question, the first again and again. `names`: as MODELS.

    `live`: what is asked while the pictures are taken.
    """

    asked: Sequence[tuple[str, str]]
    blind: str
    names: Sequence[str]
    live: str


WORDS = {
    "en": Words(
        (
            ("training", "How many epochs are enough for 2,000 examples?"),
            ("code", "Write a function that merges two sorted lists."),
            ("code", "Find the mistake: for i in range(len(a)): a.pop(i)"),
            ("translation", "Translate: The run was stopped after the third checkpoint."),
            ("training", "When does QLoRA cost more time than it saves memory?"),
            ("translation", "Translate: Out of memory on GPU 3."),
        ),
        "Explain gradient checkpointing to a new colleague.",
        ("writes at length", "thinks first", "answers briefly"),
        "What should I look at first when the loss explodes?",
    ),
    "zh_CN": Words(
        (
            ("训练", "2000 条样本训练几轮合适？"),
            ("代码", "写一个函数，合并两个有序列表。"),
            ("代码", "找出错误：for i in range(len(a)): a.pop(i)"),
            ("翻译", "请翻译：The run was stopped after the third checkpoint."),
            ("训练", "QLoRA 什么时候得不偿失？"),
            ("翻译", "请翻译：Out of memory on GPU 3."),
        ),
        "请向新同事解释什么是梯度检查点。",
        ("详细回答", "先想后答", "简短回答"),
        "损失突然爆炸时，应该先看什么？",
    ),
}


async def add_votes(settings: Settings, language: str) -> None:
    """Into the installation of `settings`, which tools/demo.py made. Its configurations stay, to be asked while pictures are taken."""
    past = Past(time.time, 0)
    services = await build_services(settings, clock=past.clock())
    try:
        ann = await services.accounts.principal_for(operator("pictures"), EMAIL)
        words = WORDS[language]
        made = [
            (await services.configurations.create(ann, ConfigurationDraft(name, "simulator", model, parameters=Parameters()))).id
            for name, model in zip(words.names, MODELS[language], strict=True)
        ]
        judge = partial(_judged, services, ann, dict(zip(MODELS[language], LIKED, strict=True)), random.Random(5))
        for number in range(ROUNDS):
            past.go_back(22 - 0.8 * number)
            kind, question = words.asked[0 if number % AGAIN == 0 else 1 + number % (len(words.asked) - 1)]
            await judge(await services.comparisons.create(ann, made, type=kind, blind=number % 3 == 0), question)
        for days, subject in ((9, "reasoning"), (2, "tasks")):
            past.go_back(days)
            await services.questions.add_example(ann, f"{subject}-{language[:2]}")
        past.go_back(0.3)
        blind = await services.comparisons.create(ann, made, blind=True)
        await _asked(services, ann, blind, words.blind)
    finally:
        await services.close()


async def _asked(services: Services, ann: Principal, comparison: Comparison, question: str) -> str:
    """Ask, and wait for all answers; the round's id."""
    asked = await services.comparisons.ask(ann, comparison.id, question)
    for answer in asked.answers:
        if answer.message is not None:
            async for _update in services.comparisons.watch(ann, answer.message.id):
                pass
    return asked.id


async def _judged(
    services: Services, ann: Principal, liked: Mapping[str, float], lots: random.Random, comparison: Comparison, question: str
) -> None:
    """Ask, and give a verdict by lot: what is liked more wins more often. `liked`: by model."""
    round_id = await _asked(services, ann, comparison, question)
    winner = lots.choices(comparison.candidates, [liked[each.model] for each in comparison.candidates])[0]
    tied = lots.random() < TIES
    stars = {each.id: lots.choice((1, 2, 3)) + (1 if liked[each.model] > 0.5 else 0) for each in comparison.candidates}
    draft = VerdictDraft(TIE) if tied else VerdictDraft(winner.id, stars | {winner.id: 5})
    await services.comparisons.vote(ann, round_id, draft)
