"""Sets, their versions and what differs, import and export, for their owner and for nobody else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from core.auth.principal import Principal
from core.bootstrap import Services
from core.errors import Conflict, DiskFull, InvalidInput, NotFound
from core.events import QuestionsChanged
from core.questions import importing
from core.questions.files import LocalTarget
from core.questions.types import NotReadable, Question, QuestionDraft
from storage.unit_of_work import UnitOfWork

DRAFTS = tuple(QuestionDraft(f"Question {number}?", str(number), type="odd" if number % 2 else "even") for number in range(1, 6))


async def texts(services: Services, who: Principal, set_id: str, version: int | None = None) -> list[str]:
    found: list[str] = []
    async for part in services.questions.all_questions(who, set_id, version):
        found += [question.text for question in part]
    return found


def left_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir() if each.name != "data"]


async def test_a_set_and_its_figures(services: Services, ann: Principal) -> None:
    seen: list[object] = []
    services.events.subscribe(ann.user_id, seen.append)
    made = await services.questions.create(ann, "  Mein   Satz ", DRAFTS, note="a note", tags=["x", "x", " y "])
    assert (made.name, made.note, made.tags, made.version, made.count) == ("Mein Satz", "a note", ("x", "y"), 1, 5)
    assert (dict(made.types), made.expected) == ({"even": 2, "odd": 3}, 5)
    assert QuestionsChanged(ann.user_id) in seen
    assert await services.questions.get(ann, "Mein Satz") == made
    page = await services.questions.questions(ann, made.id, offset=1, limit=2)
    assert [(each.number, each.text) for each in page.items] == [(2, "Question 2?"), (3, "Question 3?")]
    assert (page.total, page.version) == (5, 1)
    assert (await services.questions.question(ann, made.id, 5)).expected == "5"
    for number in (0, 6):
        with pytest.raises(NotFound):
            await services.questions.question(ann, made.id, number)


async def test_lists_search_tags_and_order(services: Services, ann: Principal) -> None:
    for name, count, tags in (("Erdkunde", 1, ["geo"]), ("Algebra", 3, ["math", "geo"]), ("中文", 2, [])):
        await services.questions.create(ann, name, DRAFTS[:count], tags=tags)
    page = await services.questions.sets(ann, sort="name")
    assert [item.name for item in page.items] == ["Algebra", "Erdkunde", "中文"]
    assert dict(page.tags) == {"geo": 2, "math": 1}
    assert [item.name for item in (await services.questions.sets(ann, sort="count", limit=2)).items] == ["Algebra", "中文"]
    assert (await services.questions.sets(ann)).items[0].name == "中文"
    assert [item.name for item in (await services.questions.sets(ann, query="GEO alg")).items] == ["Algebra"]
    assert [item.name for item in (await services.questions.sets(ann, tag="geo", sort="name")).items] == ["Algebra", "Erdkunde"]
    assert (await services.questions.sets(ann, query="even")).total == 2
    assert (await services.questions.sets(ann, limit=1)).total == 3


async def test_questions_are_searched(services: Services, ann: Principal) -> None:
    drafts = [QuestionDraft("Die Hauptstadt?", "BERLIN"), QuestionDraft("100 % sure_?", type="x"), QuestionDraft("首都在哪里？", "北京")]
    made = await services.questions.create(ann, "s", drafts)

    async def found(query: str, kind: str | None = None) -> list[int]:
        return [each.number for each in (await services.questions.questions(ann, made.id, query=query, type=kind)).items]

    assert await found("berlin") == [1]
    assert await found("北京") == [3]
    assert await found("%") == [2]
    assert await found("_") == [2]
    assert await found("", "x") == [2]
    assert await found("", "") == [1, 3]
    assert await found("首都", "x") == []


async def test_changes_make_versions_that_stay(services: Services, ann: Principal) -> None:
    questions = services.questions
    made = await questions.create(ann, "s", DRAFTS)
    before = {each.number: each for each in (await questions.questions(ann, made.id)).items}
    changed = replace(DRAFTS[1], expected="zwei", type="odd")
    second = await questions.edit(ann, made.id, replace={2: changed}, remove=[4], add=[QuestionDraft("New?")], expected_version=1)
    assert (second.version, second.count, dict(second.types), second.expected) == (2, 5, {"": 1, "odd": 4}, 4)
    assert await texts(services, ann, made.id) == ["Question 1?", "Question 2?", "Question 3?", "Question 5?", "New?"]
    assert await texts(services, ann, made.id, 1) == [draft.text for draft in DRAFTS]
    after = {each.number: each for each in (await questions.questions(ann, made.id)).items}
    assert after[1].id == before[1].id
    assert after[2].id != before[2].id
    diff = await questions.diff(ann, made.id, 1, 2)
    assert (diff.added, diff.changed, diff.removed, diff.same) == (1, 1, 1, 3)
    assert [(each.kind, each.fields) for each in diff.changes] == [("changed", ("expected", "type")), ("added", ()), ("removed", ())]
    assert diff.changes[0].before == before[2]
    assert diff.changes[2].before == before[4]
    back = await questions.diff(ann, made.id, 2, 1)
    assert (back.added, back.changed, back.removed, back.same) == (1, 1, 1, 3)
    third = await questions.restore(ann, made.id, 1)
    assert (third.version, third.count, third.expected) == (3, 5, 5)
    assert not (await questions.diff(ann, made.id, 1, 3)).any
    assert (await questions.restore(ann, made.id, 1)).version == 3
    told = [
        (each.version, each.origin, each.source, each.added, each.changed, each.removed) for each in await questions.versions(ann, made.id)
    ]
    assert told == [(3, "restored", "1", 1, 1, 1), (2, "edited", "", 1, 1, 1), (1, "typed", "", 5, 0, 0)]


async def test_saving_the_same_makes_no_version(services: Services, ann: Principal) -> None:
    made = await services.questions.create(ann, "s", DRAFTS)
    assert (await services.questions.save_version(ann, made.id, DRAFTS)).version == 1
    assert (await services.questions.edit(ann, made.id, replace={3: DRAFTS[2]})).version == 1
    assert (await services.questions.edit(ann, made.id)).version == 1
    turned = await services.questions.save_version(ann, made.id, DRAFTS[::-1])
    assert turned.version == 2
    assert await texts(services, ann, made.id) == [draft.text for draft in DRAFTS[::-1]]
    diff = await services.questions.diff(ann, made.id, 1, 2)
    assert (diff.any, diff.same) == (False, 5)
    doubled = await services.questions.save_version(ann, made.id, [*DRAFTS, DRAFTS[0]])
    assert doubled.count == 6
    assert (await services.questions.save_version(ann, made.id, [])).count == 0


async def test_two_people_at_one_set(services: Services, ann: Principal) -> None:
    made = await services.questions.create(ann, "s", DRAFTS)
    changed = {1: replace(DRAFTS[0], text="Mine?")}
    await services.questions.edit(ann, made.id, replace=changed, expected_version=1)
    with pytest.raises(Conflict) as refused:
        await services.questions.edit(ann, made.id, remove=[1], expected_version=1)
    assert refused.value.fields["what"] == "question_set_changed"
    with pytest.raises(NotFound):
        await services.questions.edit(ann, made.id, remove=[99])
    many = [services.questions.edit(ann, made.id, add=[QuestionDraft(f"More {number}?")]) for number in range(8)]
    await asyncio.gather(*many)
    assert (await services.questions.get(ann, made.id)).version == 10
    assert len(set(await texts(services, ann, made.id))) == 13


async def test_what_is_refused(services: Services, ann: Principal) -> None:
    made = await services.questions.create(ann, "s", DRAFTS)
    with pytest.raises(Conflict):
        await services.questions.create(ann, "s", DRAFTS)
    with pytest.raises(InvalidInput) as refused:
        await services.questions.create(ann, "t", [DRAFTS[0], QuestionDraft("a", scorer="magic")])
    assert (refused.value.field, refused.value.rule, refused.value.fields["number"]) == ("scorer", "unknown_scorer", 2)
    for name in ("", "x" * 101, "bell\x07"):
        with pytest.raises(InvalidInput):
            await services.questions.rename(ann, made.id, name)
    with pytest.raises(InvalidInput):
        await services.questions.tag(ann, made.id, ["x" * 41])
    other = await services.questions.create(ann, "other")
    with pytest.raises(Conflict):
        await services.questions.rename(ann, other.id, "s")
    assert (await services.questions.rename(ann, made.id, "s", note="still s")).note == "still s"
    assert (await services.questions.tag(ann, made.id, ["a", "b"])).tags == ("a", "b")
    with pytest.raises(NotFound):
        await services.questions.questions(ann, made.id, 9)
    with pytest.raises(NotFound):
        await services.questions.delete(ann, [made.id, "unknown"])
    assert await services.questions.delete(ann, [made.id, other.id]) == 2
    assert (await services.questions.sets(ann)).total == 0


async def test_a_file_becomes_a_set_and_its_next_version(services: Services, ann: Principal, tmp_path: Path) -> None:
    path = tmp_path / "erdkunde.csv"
    path.write_bytes("问题,答案\n甲？,1\n乙？,2\n丙？,3\n".encode("gbk"))
    made = (await services.questions.import_file(ann, str(path), tags=["中"])).set
    assert (made.name, made.tags, made.count, made.expected) == ("erdkunde", ("中",), 3, 3)
    assert (await services.questions.import_file(ann, str(path))).set.name == "erdkunde 2"
    path.write_text("question,expected\n甲？,1\n丙？,drei\n丁？,4\n", encoding="utf-8")
    again = await services.questions.import_file(ann, str(path), into=made.id)
    assert again.diff is not None
    assert (again.set.version, again.diff.added, again.diff.changed, again.diff.removed, again.diff.same) == (2, 1, 1, 1, 1)
    same = await services.questions.import_file(ann, str(path), into=made.id)
    assert (same.unchanged, same.set.version) == (True, 2)
    version = (await services.questions.versions(ann, made.id))[0]
    assert (version.origin, version.source, version.added) == ("imported", "erdkunde.csv", 1)


async def test_a_file_with_problems_is_not_half_imported(services: Services, ann: Principal, tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"question": "good?"}\n{"question": ""}\nnonsense\n')
    with pytest.raises(NotReadable) as refused:
        await services.questions.import_file(ann, str(path))
    assert [(each.line, each.rule) for each in refused.value.preview.problems] == [(2, "question_missing"), (3, "malformed")]
    assert (await services.questions.sets(ann)).total == 0
    made = await services.questions.import_file(ann, str(path), leave_out_bad=True)
    assert (made.set.count, made.preview.left_out) == (1, 2)
    path.write_text("nothing good\n{}\n")
    with pytest.raises(NotReadable):
        await services.questions.import_file(ann, str(path), leave_out_bad=True)
    path.write_text("")
    with pytest.raises(InvalidInput):
        await services.questions.look(ann, str(tmp_path / "q.jsonl"), encoding="no such")
    for wrong in ("", "a\x00b"):
        with pytest.raises(InvalidInput):
            await services.questions.look(ann, wrong)


async def test_bytes_instead_of_a_file(services: Services, ann: Principal) -> None:
    data = '[{"question": "甲？", "expected": "1"}]'.encode()
    assert (await services.questions.look(ann, "pasted", data=data)).format == "json"
    made = await services.questions.import_file(ann, "pasted", data=data)
    assert (made.set.name, made.set.count) == ("pasted", 1)


async def test_a_file_that_changes_while_it_is_read(services: Services, ann: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept of it, and nothing stands in the way of the next try."""
    contents = [b"one?\ntwo?\n", b"one?\nthree?\n"]
    importer = services.questions._importer
    real = importer._open
    monkeypatch.setattr(importer, "_open", lambda who, source: real(who, replace(source, data=contents.pop(0))))
    with pytest.raises(Conflict) as refused:
        await services.questions.import_file(ann, "q.txt", "name")
    assert refused.value.fields["what"] == "question_file_changed"
    monkeypatch.undo()
    assert (await services.questions.sets(ann)).total == 0
    assert (await services.questions.import_file(ann, "q.txt", "name", data=b"one?")).set.name == "name"
    rows = await services.store.read(lambda uow: len(uow.questions.names(ann.user_id)))
    assert rows == 1


async def test_an_import_that_was_broken_off_leaves_nothing(services: Services, ann: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a kill: the begun set is seen by nobody, and goes with the next import a day later."""

    def begin(uow: UnitOfWork) -> None:
        set_id = services.questions._editor.begin(uow, ann.user_id)
        uow.questions.change(ann.user_id, set_id, created_at=1)

    await services.store.write(begin)
    assert (await services.questions.sets(ann)).total == 0
    await services.questions.import_file(ann, "q.txt", data=b"one?")
    assert len(await services.store.read(lambda uow: uow.questions.names(ann.user_id))) == 1


async def test_large_files_go_in_small_transactions(services: Services, ann: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "GROUP", 100)
    lines = "".join(f"Question {number}?\n" for number in range(1050))
    made = (await services.questions.import_file(ann, "q.txt", data=lines.encode())).set
    assert made.count == 1050
    assert (await services.questions.question(ann, made.id, 1050)).text == "Question 1049?"
    more = (await services.questions.import_file(ann, "q.txt", into=made.id, data=f"First?\n{lines}".encode())).diff
    assert more is not None
    assert (more.added, more.changed, more.removed, more.same) == (1, 0, 0, 1050)
    assert (await texts(services, ann, made.id))[:2] == ["First?", "Question 0?"]


async def test_long_questions_go_in_groups_of_few(services: Services, ann: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "LARGEST_GROUP", 1000)
    lines = "".join(f"{number} {'字' * 400}\n" for number in range(20))
    made = await services.questions.import_file(ann, "q.txt", data=lines.encode())
    assert (made.set.count, len(made.preview.questions)) == (20, 2)
    assert await texts(services, ann, made.set.id) == lines.splitlines()


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "txt"])
async def test_export_and_import(services: Services, ann: Principal, tmp_path: Path, kind: str) -> None:
    drafts = [
        *DRAFTS,
        QuestionDraft("=1+1\n-- zwei Zeilen 中文", "'=2", variables={"a": "b"}, system="s", weight=2, options={"alternatives": ["x"]}),
    ]
    made = await services.questions.create(ann, "Mein Satz", drafts, note="n", tags=["t"])
    path = tmp_path / f"out.{kind}"
    assert await services.questions.export(ann, made.id, str(path)) == path.stat().st_size
    assert path.stat().st_mode & 0o777 == 0o600
    back = await services.questions.import_file(ann, str(path), into=made.id)
    if kind == "txt":
        assert await texts(services, ann, made.id) == [draft.text for draft in drafts]
    else:
        assert back.unchanged
    new = (await services.questions.import_file(ann, str(path))).set
    assert (new.name, new.note, new.tags) == (("Mein Satz 2", "n", ("t",)) if kind == "json" else ("out", "", ()))
    with pytest.raises(Conflict):
        await services.questions.export(ann, made.id, str(path))
    assert await services.questions.export(ann, made.id, str(path), replace=True, version=1)
    assert left_in(tmp_path) == [path.name]


async def test_what_cannot_be_written(services: Services, ann: Principal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await services.questions.create(ann, "s", DRAFTS)
    with pytest.raises(InvalidInput):
        await services.questions.export(ann, made.id, str(tmp_path / "x.docx"))
    with pytest.raises(Exception) as refused:
        await services.questions.export(ann, made.id, str(tmp_path / "missing" / "x.csv"))
    assert refused.value.fields["what"] == "file_not_writable"  # type: ignore[attr-defined]

    def full(self: LocalTarget, data: bytes) -> None:
        raise DiskFull()

    monkeypatch.setattr(LocalTarget, "write", full)
    with pytest.raises(DiskFull):
        await services.questions.export(ann, made.id, str(tmp_path / "x.csv"))
    assert left_in(tmp_path) == []


async def test_served_people_reach_their_own_files_only(services: Services, ann: Principal, bob: Principal, tmp_path: Path) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("secret?\n")
    own = services.files.folder(bob) / "datasets"
    await asyncio.to_thread((own / "mine.txt").write_text, "mine?\n")
    await asyncio.to_thread((own / "link.txt").symlink_to, outside)
    for path in (str(outside), "../../../secret.txt", "datasets/link.txt", "/etc/passwd", f"../{ann.user_id}/datasets/x.txt"):
        with pytest.raises(NotFound) as refused:
            await services.questions.look(bob, path)
        assert refused.value.fields["kind"] == "question_file"
    for path in ("datasets/mine.txt", "/datasets/mine.txt", str(own.resolve() / "mine.txt")):
        assert (await services.questions.look(bob, path)).count == 1
    made = (await services.questions.import_file(bob, "datasets/mine.txt")).set
    await services.questions.export(bob, made.id, "exports/out.csv")
    assert await asyncio.to_thread((own.parent / "exports" / "out.csv").read_text, "utf-8-sig") == (
        "question,expected,type,scorer,weight,variables,system,options\nmine?,,,,,,,\n"
    )
    with pytest.raises(Exception):  # noqa: B017 - which of its refusals is the files' own business
        await services.questions.export(bob, made.id, str(tmp_path / "stolen.csv"))
    assert not (tmp_path / "stolen.csv").exists()


async def test_nobody_else_sees_or_changes_a_set(services: Services, ann: Principal, bob: Principal) -> None:
    made = await services.questions.create(ann, "s", DRAFTS)
    assert (await services.questions.sets(bob)).total == 0
    for call in (
        services.questions.get(bob, made.id),
        services.questions.questions(bob, made.id),
        services.questions.edit(bob, made.id, remove=[1]),
        services.questions.save_version(bob, made.id, ()),
        services.questions.import_file(bob, "q.txt", into=made.id, data=b"mine?"),
        services.questions.delete(bob, [made.id]),
    ):
        with pytest.raises(NotFound):
            await call
    assert (await services.questions.get(ann, made.id)) == made


async def test_a_filled_question_is_asked(services: Services, ann: Principal) -> None:
    made = await services.questions.create(ann, "s", [QuestionDraft("What of {{x}}?", variables={"x": "y"})])
    question: Question = await services.questions.question(ann, made.id, 1)
    assert question.filled().text == "What of y?"
    assert question.draft() == QuestionDraft("What of {{x}}?", variables={"x": "y"})
