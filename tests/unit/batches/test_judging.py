"""A judge in a batch: pairs in both orders, grades, texts that cannot be read, and what the report says of it."""

from __future__ import annotations

from core.batches.reports.gather import gather
from core.batches.types import JudgeSetting
from core.questions.types import QuestionDraft
from tests.unit.batches.conftest import Hall


async def test_pairs_are_judged_in_both_orders_and_the_report_tells_of_it(hall: Hall) -> None:
    judge = await hall.model("sim-chat@0")
    hall.work()
    batch = await hall.ended((await hall.started("sim-echo@max", "sim-wide@max", count=3, judge=JudgeSetting(judge))).id)
    assert (batch.state, batch.judge_total, batch.judged, batch.judge_model) == ("completed", 6, 6, "sim-chat@0")
    found = (await hall.batches.judgements(hall.ann, batch.id)).items
    assert len(found) == 3
    for judgement in found:
        # The echo says every word that is expected; the order in which the two are shown does not change that.
        assert (judgement.first, judgement.second, judgement.winner) == ("left", "left", "left")
        assert "no model has judged" in judgement.first_reason and judgement.left_length
    figures = (await gather(hall.batches, hall.ann, batch.id)).judge
    assert figures is not None
    assert (figures.pairs, figures.flips, figures.unreadable) == (3, 0, 0)


async def test_grades_become_scores_on_the_questions_own_scale(hall: Hall) -> None:
    judge = await hall.model("sim-chat@0")
    drafts = [
        QuestionDraft(text="Say one two", expected="Say one two", scorer="judge", options={"high": 5, "pass_at": 0.5}),
        QuestionDraft(text="Say three", expected="entirely different words", scorer="judge", options={"pass_at": 0.5}),
    ]
    set_id = await hall.set_of(drafts)
    hall.work()
    batch = await hall.ended((await hall.started(set_id=set_id, judge=JudgeSetting(judge))).id)
    first, second = await hall.answers(batch.id)
    assert first.score is not None and second.score is not None
    assert (first.score.value, first.score.passed, first.score.details["high"]) == (1.0, True, 5)
    assert (second.score.value, second.score.passed) == (0.0, False)
    assert batch.score == 0.5
    figures = (await gather(hall.batches, hall.ann, batch.id)).judge
    assert figures is not None and (figures.grades, figures.pairs) == (2, 0)


async def test_a_judge_that_says_nothing_readable_is_reminded_once(hall: Hall) -> None:
    judge = await hall.model("sim-echo@max")
    set_id = await hall.set_of([QuestionDraft(text="Say one", expected="one", scorer="judge")])
    hall.work()
    batch = await hall.ended((await hall.started("sim-wide@max", set_id=set_id, judge=JudgeSetting(judge))).id)
    (answer,) = await hall.answers(batch.id)
    assert answer.score is not None
    assert (answer.score.value, answer.score.problem) == (None, "unreadable_judge")
    asked = [text for text in hall.asked() if "BEGIN ANSWER" in text]
    assert len(asked) == 2
    assert [("write that line only" in text) for text in sorted(asked, key=len)] == [False, True]
    figures = (await gather(hall.batches, hall.ann, batch.id)).judge
    assert figures is not None and figures.unreadable == 1 and "unreadable" in figures.warnings
