"""The installation that the pictures of docs/ and the snapshots of the tests show: made by the services and the simulator.

Its texts are in English or Chinese, so that a picture in one language is that language throughout. The moments are days apart,
counted from now; everything else is the same each time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from demo_batches import add_batch
from demo_compare import add_comparisons
from demo_data import add_datasets

from core.auth.principal import Origin, Principal
from core.bootstrap import Services, build_services
from core.clock import Clock
from core.llm.request import Parameters
from core.models.types import Configuration, ConfigurationDraft
from core.settings import Settings

PASSWORD = "a horse and 7 staples"
EMAIL, EMAIL_OF_NEW = "ann@example.org", "bo@example.org"
HOUR, DAY = 3600, 86400
#: A model that goes silent in the middle of its answer: a picture of it looks the same whenever it is taken.
HALTS = "sim-stall-45"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDA98c3M9wi6UN9XBTK8T0MUc43NUcV8hFCgFLW1ih7S ann@laptop"


@dataclass(frozen=True)
class Talk:
    """A conversation: `turns` are (model, question); `ago`: seconds before now."""

    name: str
    title: str
    ago: int
    turns: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Texts:
    """What a person of this language would have typed."""

    nickname: str
    talks: Sequence[Talk]
    note: str
    system_prompt: str
    draft: str
    titles: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "titles", {talk.name: talk.title for talk in self.talks})


ENGLISH = Texts(
    nickname="Ann",
    note="For questions that want some thought",
    system_prompt="Answer briefly. Say so when you are not sure.",
    draft="And what would you change first?",
    talks=(
        Talk("old", "Names for the new cluster", 40 * DAY, [("sim-chat", "Suggest a name for a small GPU cluster.")]),
        Talk("notice", "Translate the notice", 12 * DAY, [("sim-chinese@0", "Translate the notice for the server room.")]),
        Talk("sql", "SQL for the report", 5 * DAY, [("sim-chat", "Which query gives the median per model?")]),
        Talk("cut", "Review of the data loader", 3 * DAY, [("sim-cut-40", "Review the data loader: is it the bottleneck?")]),
        Talk("failed", "Notes for the meeting", 2 * DAY, [("sim-429-30", "Turn these notes into minutes.")]),
        Talk("trash", "An attempt at nothing", 2 * DAY, [("sim-chat", "Hello?")]),
        Talk("code", "A running mean in Python", DAY, [("sim-markdown@80x211", "How do I keep a running mean in Python?")]),
        Talk(
            "loss",
            "Loss stays flat",
            HOUR,
            [
                ("sim-reasoning", "Why does the loss stay flat after step 200?"),
                ("sim-markdown@80x131", "LoRA or QLoRA? Compare them in a table."),
            ],
        ),
    ),
)
CHINESE = Texts(
    nickname="安然",
    note="需要仔细思考的问题",
    system_prompt="回答要简短；不确定时请直说。",
    draft="那么应该先改哪一项？",
    talks=(
        Talk("old", "给新集群起名字", 40 * DAY, [("sim-chat", "给一个小型 GPU 集群起个名字。")]),
        Talk("notice", "翻译机房通知", 12 * DAY, [("sim-chinese@0", "请翻译机房的通知。")]),
        Talk("sql", "周报用的 SQL", 5 * DAY, [("sim-chat", "怎样查询每个模型的中位数？")]),
        Talk("cut", "数据加载器的评审", 3 * DAY, [("sim-cut-40", "请评审数据加载器：瓶颈在这里吗？")]),
        Talk("failed", "会议记录", 2 * DAY, [("sim-429-30", "请把这些笔记整理成会议纪要。")]),
        Talk("trash", "随手试试", 2 * DAY, [("sim-chat", "你好")]),
        Talk("code", "微调的方法与示例", DAY, [("sim-chinese", "微调有哪些方法？请举例说明。")]),
        Talk(
            "loss",
            "损失不再下降",
            HOUR,
            [
                ("sim-reasoning", "为什么第 200 步之后损失不再下降？"),
                ("sim-chinese@80x276", "LoRA 和 QLoRA 怎么选？请用表格比较。"),
            ],
        ),
    ),
)
TEXTS = {"en": ENGLISH, "zh_CN": CHINESE}


@dataclass
class Past:
    """A clock that can be set back: `ago` seconds before `now`."""

    now: Callable[[], float]
    ago: float

    def go_back(self, days: float) -> None:
        self.ago = days * DAY

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.now() - self.ago)


async def make(settings: Settings, language: str, *, now: Callable[[], float] = time.time, hurry: bool = False) -> None:
    """Make the installation in the data folder of `settings`, which is created.

    The simulator answers at a natural pace, for the figures under the answers, which takes 20 seconds; at once if in a `hurry`.
    """
    past = Past(now, 41 * DAY)
    services = await build_services(settings, clock=past.clock())
    try:
        texts = TEXTS[language]
        signed_in = await services.accounts.create_first_admin(EMAIL, texts.nickname, PASSWORD, origin=Origin("local"))
        ann = signed_in.principal
        await services.accounts.set_registration(ann, True)
        await services.accounts.add_user(ann, EMAIL_OF_NEW, "Bo", PASSWORD)
        await services.accounts.set_password(ann, EMAIL_OF_NEW, PASSWORD, must_change=True)
        await services.accounts.add_ssh_key(ann, PUBLIC_KEY, "laptop")
        await services.configurations.ensure_starter(ann)
        await _configure(services, ann, texts)
        for talk in texts.talks:
            await _talk(services, ann, talk, past, hurry=hurry)
        await add_comparisons(services, ann, language, past.go_back, hurry=hurry)
        await add_batch(services, ann, language, past.go_back, hurry=hurry)
        await add_datasets(services, ann, language, past.go_back)
        past.ago = 2.0 * HOUR
        over_ssh = (await services.accounts.sign_in(EMAIL, PASSWORD, origin=Origin("ssh", "192.0.2.17"))).principal
        # No worker keeps it going, so that its lease would be over before the pictures are taken.
        seen_at = services.clock.now_ms()
        await services.store.write(lambda uow: uow.sign_ins.prolong([over_ssh.session_id], seen_at, seen_at + 7 * DAY * 1000))
    finally:
        await services.close()


async def _configure(services: Services, ann: Principal, texts: Texts) -> None:
    """Configurations as a team has them; the keys open nothing."""
    warm, cool = Parameters(temperature=0.7, top_p=0.9), Parameters(temperature=0.2, max_tokens=4096)
    for draft in (
        ConfigurationDraft("deepseek", "deepseek", "deepseek-reasoner", key="sk-demo-0000-demo-5f2c", parameters=warm, note=texts.note),
        ConfigurationDraft("claude", "anthropic", "claude-sonnet-4-5", key="sk-ant-demo-0000-9d41", parameters=cool),
        ConfigurationDraft("qwen on the server", "vllm", "Qwen/Qwen2.5-7B-Instruct", "http://127.0.0.1:8000/v1", parameters=warm),
        ConfigurationDraft("expired key", "simulator", "sim-401", note=texts.note, system_prompt=texts.system_prompt),
        ConfigurationDraft("half an answer", "simulator", HALTS),
        ConfigurationDraft("old llama", "ollama", "llama3.1:8b", enabled=False),
    ):
        await services.configurations.create(ann, draft)


async def _talk(services: Services, ann: Principal, talk: Talk, past: Past, *, hurry: bool) -> None:
    """Hold one conversation, in the past; the one called "trash" ends there."""
    past.ago = talk.ago
    conversation: str | None = None
    for model, question in talk.turns:
        configuration = await _for_model(services, ann, re.sub("@[0-9]*|$", "@max", model, count=1) if hurry else model)
        sent = await services.chat.send(ann, conversation, question, configuration_id=configuration.id)
        if conversation is not None:
            await services.chat.set_configuration(ann, conversation, configuration.id)
        conversation = sent.conversation_id
        async for _update in services.chat.watch(ann, sent.answer_id):
            pass
        await services.chat.seen(ann, conversation)  # it may have ended before anybody watched
        await services.configurations.delete(ann, [configuration.id])
    assert conversation is not None
    await services.chat.rename(ann, conversation, talk.title)
    starter = await services.configurations.default(ann)
    if starter is not None:
        await services.chat.set_configuration(ann, conversation, starter.id)
    if talk.name == "trash":
        await services.chat.delete(ann, [conversation])


async def _for_model(services: Services, ann: Principal, model: str) -> Configuration:
    """A configuration that asks this simulated model, for one question."""
    return await services.configurations.create(ann, ConfigurationDraft(f"for {model}", "simulator", model))
