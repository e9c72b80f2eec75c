"""The example sets: each of their answers is right, and the scorer that they name says so."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from core.auth.principal import Principal
from core.bootstrap import Services
from core.questions import shipped
from core.questions.types import QuestionDraft
from core.scoring.scorers import score
from tests.unit.questions.samples import read

#: Answers that are right, and wrong, to the questions that have no expected answer, by what stands in the question.
RIGHT = {
    "Make up a person": '{"name": "Ada", "age": 36, "languages": ["English", "French"]}',
    "exactly three words": "EARLY BUT LOVELY",
    "exactly five colours": "1. red\n2. blue\n3. green\n4. black\n5. white",
    "Describe a sunset": "The sky glows orange while the day ends.",
    "`is_leap(year)`": "def is_leap(year):\n    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)",
    "SQL statement": "SELECT COUNT(*) FROM orders WHERE status = 'open';",
    "虚构一个人物": '{"姓名": "王明", "年龄": 30, "爱好": ["读书", "跑步"]}',
    "恰好四个汉字": "万物复苏",
    "恰好三个颜色": "1. 红色\n2. 蓝色\n3. 绿色",
    "描写日落": "天边的云彩被染成金色，白昼慢慢落幕。",
}
WRONG = {
    "Make up a person": '{"name": "Ada", "age": "36", "languages": ["English"]}',
    "exactly three words": "I love mornings, really.",
    "exactly five colours": "1. red\n2. blue",
    "Describe a sunset": "The sun turns red.",
    "`is_leap(year)`": "def is_leap(year): return year % 4 == 0",
    "SQL statement": "SELECT * FROM orders",
    "虚构一个人物": '{"姓名": "王明"}',
    "恰好四个汉字": "春天很美丽。",
    "恰好三个颜色": "红色、蓝色、绿色",
    "描写日落": "太阳把天空染红。",
}


def every() -> list[QuestionDraft]:
    return [question for example in shipped.examples() for question in shipped.load(example.id)[1]]


def test_there_are_enough_of_them_of_many_kinds() -> None:
    languages = Counter({"en": 0, "zh": 0})
    for example in shipped.examples():
        questions, problems = read(shipped.FOLDER / f"{example.id}.json")
        assert problems == []
        assert len(questions) == example.count
        assert len(example.types) >= 4
        languages[example.language] += example.count
    assert min(languages.values()) >= 40
    scorers = {question.scorer for question in every()}
    assert scorers >= {"exact", "contains", "regex", "numeric", "json", "json_schema", "bleu", "chrf", "rouge_l", "judge", "choice"}


@pytest.mark.parametrize("example", [example.id for example in shipped.examples()])
def test_every_expected_answer_passes_its_own_scorer(example: str) -> None:
    from core.questions.importing import numbered

    for place, draft in enumerate(shipped.load(example)[1], 1):
        question = numbered(draft, place).filled()
        if question.scorer == "judge":
            assert question.options["rubric"]
            continue
        for answer in question.accepted or (known(RIGHT, question.text),):
            # What has to be there beside the expected answer is there in a whole answer.
            told = "、".join([answer, *question.options.get("all_of", ())]) if question.expected else answer
            result = score(told, question)
            assert result.value == 1.0, (question.text, told, result)
        wrong = score("nothing that fits" if question.expected else known(WRONG, question.text), question)
        assert wrong.value is not None
        assert wrong.value < 0.5, (question.text, wrong)


def known(answers: dict[str, str], text: str) -> str:
    return next(answer for part, answer in answers.items() if part in text)


async def test_an_example_becomes_a_set(services: Services, ann: Principal) -> None:
    examples = await services.questions.examples(ann)
    made = await services.questions.add_example(ann, "knowledge-zh")
    assert (made.name, made.tags) == ("常识问答", ("示例", "常识"))
    assert made.count == next(each.count for each in examples if each.id == "knowledge-zh")
    assert (await services.questions.add_example(ann, "knowledge-zh")).name == "常识问答 2"
    first = await services.questions.question(ann, made.id, 1)
    assert (first.filled().text, first.filled().expected) == ("澳大利亚的首都是哪里？", "堪培拉")
    assert (await services.questions.versions(ann, made.id))[0].origin == "example"
    assert json.loads((shipped.FOLDER / "knowledge-zh.json").read_text("utf-8"))["questions"]
