"""Comparisons on every kind of database: the real services, and two processes' worth of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.auth.principal import Principal, operator
from core.bootstrap import Services, build_services
from core.compare.types import Comparison, VerdictDraft
from core.errors import Conflict, NotFound
from core.models.types import ConfigurationDraft
from core.settings import AuthSettings, ChatSettings, Settings
from storage.unit_of_work import Storage
from tests.unit.compare.test_images import PNG

PASSWORD = "correct horse 7 battery"
QUESTION = "Why is the Größe of 100%_ 模型 flat?"


@pytest.fixture
async def services(settings: Settings, database_url: str, storage: Storage) -> AsyncIterator[list[Services]]:
    """Two programs on one database."""
    chat = ChatSettings(save_every_s=0.05, model_titles=False)
    lean = replace(settings, database_url=database_url, chat=chat, auth=AuthSettings(bcrypt_cost=4))
    both = [await build_services(lean), await build_services(lean)]
    yield both
    for each in both:
        await each.close()


@pytest.fixture
async def ann(services: list[Services]) -> Principal:
    accounts = services[0].accounts
    await accounts.add_user(operator("test"), "ann@example.org", "ann", PASSWORD)
    return await accounts.principal_for(operator("test"), "ann@example.org")


async def compare(services: Services, ann: Principal, *models: str, **more: object) -> Comparison:
    ids = []
    for model in models:
        draft = ConfigurationDraft(name=model, provider_id="simulator", model=model)
        known = {each.name: each.id for each in await services.configurations.list(ann)}
        ids.append(known.get(model) or (await services.configurations.create(ann, draft)).id)
    return await services.comparisons.create(ann, ids, **more)  # type: ignore[arg-type]


async def quiet(services: Services) -> None:
    async with asyncio.timeout(30):
        await services.supervisor.until_done("comparison")
        await services.supervisor.until_done("answer")


async def test_asking_judging_finding_copying_deleting(services: list[Services], ann: Principal) -> None:
    one, other = services
    made = await compare(one, ann, "sim-vision@max", "sim-500", type="riddle")
    asked = await one.comparisons.ask(ann, made.id, QUESTION, images=[PNG])
    await quiet(one)
    found = (await other.comparisons.get(ann, made.id)).rounds[0]
    assert [each.state for each in found.answers] == ["complete", "failed"]
    assert (found.question, [each.size for each in found.images]) == (QUESTION, [len(PNG)])
    assert await other.comparisons.image(ann, found.images[0].id) == PNG
    third = await compare(one, ann, "sim-echo@max", "sim-chat@max", mode="sequential")
    await one.comparisons.ask(ann, third.id, "Something else " + " ".join(str(number) for number in range(400)))
    await quiet(one)

    verdict = await other.comparisons.vote(ann, asked.id, VerdictDraft(made.candidates[0].id, {made.candidates[1].id: 1}, "né"))
    assert (await one.comparisons.get(ann, made.id)).rounds[0].verdict == verdict
    assert await one.comparisons.votes(ann) == ()  # one of the two failed
    records = other.comparisons.records
    for query in ("GRÖSSE 100%_", "模型", "flat why"):
        assert [each.id for each in (await records(ann, query=query)).items] == [made.id], query
    assert [each.id for each in (await records(ann, query="399 something")).items] == [third.id]
    assert (await records(ann, query="1%e")).total == 0
    assert [each.id for each in (await records(ann, limit=1)).items] == [third.id] and (await records(ann, limit=1)).total == 2
    assert [each.id for each in (await records(ann, model="sim-500", type="riddle", verdict="winner")).items] == [made.id]
    similar = await other.comparisons.similar_to(ann, made.id)
    assert [(each.round_id, len(each.answers)) for each in similar] == [(asked.id, 2)]

    copy = await one.comparisons.as_conversation(ann, made.id, made.candidates[0].id)
    assert (await other.chat.open(ann, copy)).messages[0].content == QUESTION
    assert (await other.chat.conversations(ann)).total == 1
    await one.comparisons.rename(ann, made.id, "curves")
    assert (await records(ann, query="curves 模型")).total == 1
    assert await one.comparisons.delete(ann, [made.id, third.id]) == 2
    assert (await records(ann)).total == 0
    assert await one.store.read(lambda uow: uow.images.content(ann.user_id, found.images[0].id)) == PNG  # the copy shows it


async def test_two_programs_ask_the_rest_once(services: list[Services], ann: Principal) -> None:
    one, other = services
    made = await compare(one, ann, "sim-markdown@400x20000", "sim-echo@max", "sim-chat@max", mode="sequential")
    await one.comparisons.ask(ann, made.id, QUESTION)
    assert (await other.comparisons.get(ann, made.id)).asking
    with pytest.raises(Conflict):
        await other.comparisons.ask(ann, made.id, "another")
    await one.comparisons.stop(ann, made.id)
    await quiet(one)
    await asyncio.gather(*(each.comparisons.ask_rest(ann, made.id) for each in services for _ in range(2)))
    for each in services:
        await quiet(each)
    found = await one.comparisons.get(ann, made.id)
    assert [each.state for each in found.rounds[0].answers] == ["stopped", "complete", "complete"]
    questions = await one.store.read(lambda uow: [row.message_count for row in _conversations(uow, ann, found)])
    assert questions == [2, 2, 2]


async def test_two_verdicts_at_once_leave_one(services: list[Services], ann: Principal) -> None:
    one, other = services
    made = await compare(one, ann, "sim-echo@max", "sim-chat@max")
    asked = await one.comparisons.ask(ann, made.id, QUESTION)
    await quiet(one)
    drafts = [VerdictDraft("tie"), VerdictDraft("both_bad"), VerdictDraft(made.candidates[0].id), VerdictDraft(note="?")]
    given = await asyncio.gather(*((one, other)[n % 2].comparisons.vote(ann, asked.id, draft) for n, draft in enumerate(drafts)))
    kept = (await one.comparisons.get(ann, made.id)).rounds[0].verdict
    assert kept is not None and kept.winner in {each.winner for each in given}
    summary = (await other.comparisons.records(ann)).items[0]
    judged = {None: "stars", "tie": "tie", "both_bad": "both_bad"}.get(kept.winner, "winner")
    assert summary.judged == judged
    with pytest.raises(NotFound):
        await other.comparisons.vote(ann, "no such round", VerdictDraft("tie"))


def _conversations(uow, ann: Principal, found: Comparison):  # type: ignore[no-untyped-def]
    uow.conversations.kind = "compare"
    return [uow.conversations.get(ann.user_id, each.conversation_id) for each in found.candidates]
