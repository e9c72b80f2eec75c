"""The datasets of the demo installation: one that is usable, one that needs repair, one of plain text, and a file in the inbox.

Their rows are made of a few sentences by counting, so that they are the same each time, in the language of the installation.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.auth.principal import Principal
from core.bootstrap import Services


@dataclass(frozen=True)
class Sentences:
    """What rows are made of. `names`: of the files, without their ending."""

    names: tuple[str, str, str, str]
    questions: Sequence[str]
    answers: Sequence[str]
    follow_up: str
    system: str


SENTENCES = {
    "en": Sentences(
        ("support", "helpdesk-2025", "handbook", "new-tickets"),
        (
            "The printer on floor {number} says paper jam, but there is none.",
            "How do I reset my password? My badge ends in {number}.",
            "The build failed with exit status {number}. What now?",
            "May I install a tool that needs port {number}?",
        ),
        (
            "Open the rear cover and look at the second roller: a scrap of paper is enough.",
            "Go to the sign-in page and choose “Forgot it”. You need the phone that you registered with.",
            "Read the first error in the log, not the last one. The others follow from it.\nThen run that step alone.",
            "Yes, if nothing else listens there. Ask for the port with the form, so that it stays yours.",
        ),
        "And if that does not help?",
        "You are the help desk. Be brief and friendly.",
    ),
    "zh_CN": Sentences(
        ("客服对话", "帮助台-2025", "员工手册", "新工单"),
        (
            "{number} 楼的打印机提示卡纸，可是里面没有纸。",
            "怎样重置密码？我的工牌尾号是 {number}。",
            "构建失败，退出码是 {number}，接下来怎么办？",
            "我可以安装一个需要 {number} 端口的工具吗？",
        ),
        (
            "请打开后盖，检查第二个滚轮：一小片纸屑就足以触发提示。",
            "请打开登录页，选择“忘记密码”。需要用注册时的手机验证。",
            "先看日志里的第一条错误，而不是最后一条，后面的错误都由它引起。\n然后单独运行那一步。",
            "可以，只要没有其他程序占用。请用表单申请端口，以免被别人使用。",
        ),
        "如果还是不行呢？",
        "你是帮助台，回答要简短、友好。",
    ),
}


def _talk(texts: Sentences, number: int) -> dict[str, Any]:
    at = number % len(texts.questions)
    said = [
        {"from": "human", "value": texts.questions[at].format(number=number + 3)},
        {"from": "gpt", "value": texts.answers[at] * (1 + number % 7)},
    ]
    if number % 3 == 0:
        said += [{"from": "human", "value": texts.follow_up}, {"from": "gpt", "value": texts.answers[(at + 1) % len(texts.answers)]}]
    return {"conversations": said, **({"system": texts.system} if number % 2 else {})}


def _broken(texts: Sentences, count: int) -> Iterator[str]:
    for number in range(count):
        row = _talk(texts, number)
        if number % 61 == 17:
            row["conversations"][0]["from"] = "customer"
        elif number % 47 == 5:
            row["conversations"][1]["value"] = ""
        line = json.dumps(row, ensure_ascii=False)
        yield line[:-30] if number in (73, 402) else line


def _alpaca(texts: Sentences, count: int) -> Iterator[dict[str, str]]:
    for number in range(count):
        at = number % len(texts.questions)
        yield {"instruction": texts.questions[at].format(number=number), "input": "", "output": texts.answers[at] * (1 + number % 5)}


async def add_datasets(services: Services, ann: Principal, language: str, go_back: Callable[[float], None]) -> None:
    """Write the files into the inbox of `ann`, and make datasets of all but one, checked. `go_back`: sets the clock so many days back."""
    texts = SENTENCES[language]
    folder = services.files.folder(ann) / "datasets"
    support, helpdesk, handbook, waiting = texts.names
    _write(folder / f"{support}.jsonl", "".join(f"{line}\n" for line in _broken(texts, 640)))
    _write(folder / f"{helpdesk}.json", json.dumps(list(_alpaca(texts, 1200)), ensure_ascii=False, indent=1))
    _write(folder / f"{handbook}.txt", "".join(f"{answer}\n" for _round in range(80) for answer in texts.answers))
    _write(folder / f"{waiting}.jsonl", "".join(f"{json.dumps(_talk(texts, number), ensure_ascii=False)}\n" for number in range(90)))
    for path in folder.iterdir():
        os.utime(path, (services.clock.now().timestamp(),) * 2)
    for days, name in ((3, f"{handbook}.txt"), (1, f"{helpdesk}.json"), (0.1, f"{support}.jsonl")):
        go_back(days)
        made = await services.datasets.add(ann, str(folder / name))
        await (await services.datasets.check(ann, made.id)).wait()


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
