"""What columns and keys are called, in English and Chinese."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

QUESTION: Final = "question"
#: The names of each field; the first that a file has is the one, what else it has of them are variables.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    QUESTION: (
        "question", "questions", "问题", "题目", "題目", "問題", "题干", "提问", "prompt", "提示词", "提示", "query", "instruction", "指令",
        "input", "输入", "text", "文本", "q", "内容",
    ),
    "expected": (
        "expected", "expected_answer", "期望答案", "预期答案", "期望", "预期", "标准答案", "参考答案", "正确答案", "答案", "answer",
        "reference_answer", "reference", "ideal", "target", "gold", "output", "输出", "response", "回答", "label", "a",
    ),
    "type": ("type", "类型", "類型", "题型", "category", "类别", "分类", "种类", "kind", "topic", "主题", "subject", "学科"),
    "scorer": ("scorer", "scoring", "评分方式", "评分方法", "评分器", "打分方式", "评分", "metric"),
    "weight": ("weight", "权重", "權重"),
    "variables": ("variables", "vars", "变量", "變量"),
    "system": ("system", "system_prompt", "系统提示词", "系统提示", "系统", "system_message"),
    "options": ("options", "scorer_options", "评分选项"),
    "alternatives": ("alternatives", "accepted", "also_accepted", "其他答案", "可接受答案"),
    "tolerance": ("tolerance", "容差", "误差"),
    "pattern": ("pattern", "regex", "正则表达式", "正则"),
    "schema": ("schema", "json_schema"),
    "rubric": ("rubric", "criteria", "评分标准", "评分细则"),
}  # fmt: skip
#: Fields that go into the options of a question.
OPTION_FIELDS: Final = ("alternatives", "tolerance", "pattern", "schema", "rubric")


def plain(name: str) -> str:
    """`name` as it is looked up: "Expected Answer" is expected_answer."""
    folded = unicodedata.normalize("NFKC", name).strip("\ufeff \t\r\n　").casefold()
    return "_".join(folded.replace("-", " ").replace("_", " ").split())


_RANKS: Final = {plain(name): (field, rank) for field, names in NAMES.items() for rank, name in enumerate(names)}


def fields_of(names: Iterable[str]) -> dict[str, str]:
    """The field that each name stands for; names of nothing, and further names of one field, are left out."""
    best: dict[str, tuple[int, str]] = {}
    for name in names:
        field, rank = _RANKS.get(plain(name), ("", 0))
        if field and (field not in best or rank < best[field][0]):
            best[field] = (rank, name)
    return {name: field for field, (_rank, name) in best.items()}
