"""Reports of batches that were really asked: what the database has is what is written, in every form."""

from __future__ import annotations

import csv
import io
import json
from xml.etree import ElementTree

import pytest

from core.batches.reports import gather
from core.batches.reports.types import FORMS
from core.batches.types import JudgeSetting
from core.errors import NotFound
from core.questions.types import QuestionDraft
from tests.unit.batches.conftest import Hall
from tui.batch_reports import words


async def written(hall: Hall, batch_id: str, form: str) -> bytes:
    file = io.BytesIO()
    done = await hall.batches.report(hall.ann, batch_id, form, words(None), file)
    assert done.size == len(file.getvalue()) > 0
    return file.getvalue()


async def test_what_was_answered_is_in_every_form(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "PAGE", 4)
    hall.work()
    batch = await hall.ended((await hall.started("sim-echo@max", "sim-status-400", count=5)).id)
    assert (batch.answered, batch.failed) == (5, 5)
    made = {form: await written(hall, batch.id, form) for form in FORMS}
    found = json.loads(made["json"])
    answers = await hall.answers(batch.id)
    assert [each["answer_id"] for each in found["answers"]] == [each.id for each in answers]
    assert [each["answer"] for each in found["answers"]] == [each.content for each in answers]
    assert found["batch"]["score"] == batch.score
    rows = list(csv.DictReader(io.StringIO(made["csv"].decode("utf-8-sig"), newline="")))
    assert [row["question"] for row in rows[::2]] == [f"Say number {number}" for number in range(1, 6)]
    assert ElementTree.fromstring(made["junit"]).get("errors") == "5"
    assert made["html"].count(b'<section class="a err">') == 5
    assert made["xlsx"].startswith(b"PK") and made["pdf"].startswith(b"%PDF-")


async def test_a_report_of_what_is_not_asked_yet_says_so(hall: Hall) -> None:
    made = await hall.batches.create(hall.ann, await hall.draft("sim-echo@max", count=3))
    text = (await written(hall, made.id, "html")).decode()
    assert "3 answers of 3 are missing." in text
    assert ElementTree.fromstring(await written(hall, made.id, "junit")).get("skipped") == "3"


async def test_nobody_else_gets_a_report(hall: Hall) -> None:
    made = await hall.batches.create(hall.ann, await hall.draft("sim-echo@max", count=1))
    for who, batch_id in ((hall.bob, made.id), (hall.ann, "0" * 32)):
        with pytest.raises(NotFound):
            await hall.batches.report(who, batch_id, "json", words(None), io.BytesIO())
        with pytest.raises(NotFound):
            await hall.batches.report_data(who, batch_id)


async def test_how_far_the_judge_can_be_trusted_is_reported(hall: Hall) -> None:
    hall.work()
    judge = JudgeSetting(await hall.model("sim-chat@max", temperature=0.0))
    draft = await hall.draft("sim-echo@max", "sim-chat@max", count=3, scorer="judge", judge=judge)
    batch = await hall.batches.create(hall.ann, draft)
    await hall.batches.start(hall.ann, batch.id)
    await hall.ended(batch.id)
    found = json.loads(await written(hall, batch.id, "json"))["judge"]
    assert (found["pairs"], found["grades"], found["unreadable"]) == (3, 6, 0)
    assert 0 <= found["flip_rate"][1] <= found["flip_rate"][0] <= found["flip_rate"][2] <= 1
    assert found["same_family"] == ["sim-chat@max"]
    text = (await written(hall, batch.id, "html")).decode()
    assert "Pairs compared" in text and "The judge is of the family of sim-chat@max: judges" in text


async def test_questions_stand_there_as_they_were_asked(hall: Hall) -> None:
    drafts = [QuestionDraft(text="The capital of {{country}}?", expected="{{capital}}", variables={"country": "法国", "capital": "巴黎"})]
    made = await hall.batches.create(hall.ann, await hall.draft("sim-echo@max", set_id=await hall.set_of(drafts)))
    (answer,) = json.loads(await written(hall, made.id, "json"))["answers"]
    assert (answer["question"], answer["expected"]) == ("The capital of 法国?", "巴黎")
