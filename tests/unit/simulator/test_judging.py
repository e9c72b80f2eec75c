"""Simulated models as judges: they count words, keep to the form, and are swayed by the order now and then."""

from __future__ import annotations

import pytest

from core.llm.simulator.compose import compose
from core.llm.simulator.judging import asks_for_verdict
from core.llm.simulator.names import parse_name
from core.llm.simulator.question import Question
from core.scoring.judge import judge_prompts, parse_verdict
from core.scoring.judge_types import JudgePrompt, Verdict


def judged(prompt: JudgePrompt, name: str = "sim-chat@0") -> Verdict:
    return parse_verdict(compose(question(prompt, name)).text, prompt)


def question(prompt: JudgePrompt, name: str) -> Question:
    return Question(name, parse_name(name), [("user", prompt.user)], prompt.system, True, None, 0, (), True)


@pytest.mark.parametrize(("left", "right", "winner"), [("red green blue", "red", "left"), ("none", "it is green and red", "right")])
def test_more_words_in_common_win_in_both_orders(left: str, right: str, winner: str) -> None:
    for prompt in judge_prompts("Which colours?", (left, right), expected="red green blue"):
        assert judged(prompt).winner == winner
        assert judged(prompt, "sim-reasoning@0x5").winner == winner


def test_without_a_reference_the_question_is_the_measure() -> None:
    first, _ = judge_prompts("Name red fruit", ("red fruit is nice", "blue"))
    assert judged(first).winner == "left"


@pytest.mark.parametrize(("answer", "grade"), [("alpha beta gamma delta", 5), ("alpha beta", 3), ("nothing", 1)])
def test_grades_are_on_the_scale_asked_for(answer: str, grade: int) -> None:
    (prompt,) = judge_prompts("Q", (answer,), expected="alpha beta gamma delta", low=1, high=5)
    assert judged(prompt).grade == grade


def test_answers_that_are_as_good_are_mostly_a_tie_and_sometimes_the_first() -> None:
    found = [judged(prompt).winner for at in range(100) for prompt in judge_prompts(f"Question {at}", ("same", "same"))]
    assert 150 <= found.count("tie") < 200
    assert found.count("left") and found.count("right")


def test_only_obliging_models_judge_and_only_when_asked() -> None:
    first, _ = judge_prompts("Which colours?", ("red", "blue"))
    assert compose(question(first, "sim-echo@0")).text == first.user
    assert not asks_for_verdict(
        Question("sim-chat", parse_name("sim-chat"), [("user", "VERDICT?")], "You are strict.", True, None, 0, (), True)
    )
