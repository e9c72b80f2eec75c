"""Making, changing and deleting configurations: owners, names, versions, the default, and what happens at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import col, func, select

from core.auth.principal import Principal, operator
from core.errors import Conflict, Forbidden, InvalidInput, ModeltrainError, NotFound
from core.events import ConfigurationsChanged
from core.llm.request import Parameters
from core.models.configurations import KEEP, Configuration
from storage.tables.accounts import User
from storage.tables.conversations import Conversation
from storage.tables.models import ConfigurationVersion
from storage.unit_of_work import UnitOfWork
from tests.unit.models.conftest import PASSWORD, House

Call = Callable[[House, Principal, str], Awaitable[Any]]


async def test_what_was_saved_comes_back(house: House) -> None:
    parameters = Parameters(0.3, 0.8, 40, 512, -0.5, 1.5, 7, ("END", "\n\n"), {"min_p": 0.05, "nested": {"a": [1, None, "日本"]}})
    draft = house.draft("Märchen 🐉", parameters=parameters, system_prompt="Be brief.\nAlways.", timeout_s=33.5, note="for tests")
    made = await house.configurations.create(house.ann, draft)
    assert await house.configurations.get(house.ann, made.id) == made
    assert replace(made.draft(), key=None) == draft
    assert (made.version, made.has_key, made.key_hint, made.enabled) == (1, False, "", True)
    assert house.heard == [ConfigurationsChanged("ann")]


async def test_names_are_cleaned_and_unique_for_one_owner(house: House) -> None:
    first = await house.configurations.create(house.ann, house.draft(" Fast\x1b[31m  one\n"))
    assert first.name == "Fast one"
    with pytest.raises(InvalidInput) as caught:
        await house.configurations.create(house.ann, house.draft("Fast one"))
    assert (caught.value.field, caught.value.rule) == ("name", "taken")
    second = await house.configurations.create(house.ann, house.draft("fast one"))
    with pytest.raises(InvalidInput, match="taken"):
        await house.configurations.update(house.ann, second.id, replace(second.draft(), name="Fast one"))
    assert (await house.configurations.update(house.ann, first.id, first.draft())).name == "Fast one"
    assert (await house.configurations.create(house.bob, house.draft("Fast one"))).name == "Fast one"


CALLS: dict[str, Call] = {
    "get": lambda house, who, key: house.configurations.get(who, key),
    "by_name": lambda house, who, key: house.configurations.by_name(who, key),
    "versions": lambda house, who, key: house.configurations.versions(who, key),
    "used_by": lambda house, who, key: house.configurations.used_by(who, key),
    "update": lambda house, who, key: house.configurations.update(who, key, house.draft("Stolen")),
    "copy": lambda house, who, key: house.configurations.copy(who, key),
    "delete": lambda house, who, key: house.configurations.delete(who, [key]),
    "set_enabled": lambda house, who, key: house.configurations.set_enabled(who, key, False),
    "set_default": lambda house, who, key: house.configurations.set_default(who, key),
    "resolve": lambda house, who, key: house.configurations.resolve(who, key),
    "test": lambda house, who, key: house.configurations.test(who, key),
    "test_draft": lambda house, who, key: house.configurations.test(who, house.draft(key=KEEP), configuration_id=key),
    "show_key": lambda house, who, key: house.configurations.show_key(who, key, PASSWORD),
    "refresh_models": lambda house, who, key: house.providers.refresh_models(who, configuration_id=key),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_other_peoples_and_unknown_configurations_are_the_same(house: House, call: Call) -> None:
    mine = await house.configurations.create(house.ann, house.draft("Mine", key="sk-ann-0123456789"))
    for stranger in (house.bob, house.admin):
        answers = []
        for reference in (mine.id, "0" * 32):
            with pytest.raises(NotFound) as caught:
                await call(house, stranger, reference)
            answers.append(str(caught.value).replace(reference, "ID"))
        assert answers[0] == answers[1]
    with pytest.raises(Forbidden):
        await call(house, operator("root"), mine.id)
    assert await house.configurations.get(house.ann, mine.id) == mine
    assert house.simulator.requests == []


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_what_can_be_no_reference_is_unknown(house: House, call: Call) -> None:
    for reference in ("\udcff", "a\x00b"):
        with pytest.raises(NotFound) as caught:
            await call(house, house.ann, reference)
        assert caught.value.fields["reference"] == reference


async def test_others_see_nothing_in_lists(house: House) -> None:
    mine = await house.configurations.create(house.ann, house.draft("Mine"))
    await house.configurations.set_default(house.ann, mine.id)
    assert await house.configurations.list(house.bob) == ()
    assert await house.configurations.default(house.bob) is None
    with pytest.raises(NotFound):
        await house.configurations.by_name(house.bob, "Mine")


async def test_only_what_a_model_is_asked_with_makes_a_version(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft(key="sk-first-0123456789"))
    same = await house.configurations.update(
        house.ann, made.id, replace(made.draft(), name="Other", note="a note", enabled=False, key="sk-second-0123456789")
    )
    assert (same.version, same.name, same.note, same.enabled, same.key_hint) == (1, "Other", "a note", False, "sk-…6789")
    changes: list[dict[str, Any]] = [
        {"model": "sim-echo@0"},
        {"parameters": Parameters(temperature=0.1, extra={"b": 1, "a": 2})},
        {"system_prompt": "Be brief."},
        {"timeout_s": 12.3},
        {"endpoint": house.endpoint + "/other"},
        {"provider_id": "vllm"},
    ]
    current = same
    for number, change in enumerate(changes, start=2):
        current = await house.configurations.update(house.ann, made.id, replace(current.draft(), **change))
        assert current.version == number
        again = await house.configurations.update(house.ann, made.id, current.draft())
        assert again.version == number
    history = await house.configurations.versions(house.ann, made.id)
    assert [state.version for state in history] == [7, 6, 5, 4, 3, 2, 1]
    assert history[-1].model == "sim-chat@0"
    assert history[0].provider_id == "vllm"
    assert (history[5].parameters, history[4].parameters.extra) == (Parameters(), {"a": 2, "b": 1})


async def test_an_edit_of_an_old_version_is_a_conflict(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft())
    first = replace(made.draft(), model="sim-echo@0")
    await house.configurations.update(house.ann, made.id, first, expected_version=1)
    with pytest.raises(Conflict) as caught:
        await house.configurations.update(house.ann, made.id, replace(made.draft(), model="sim-wide@0"), expected_version=1)
    assert caught.value.fields["what"] == "configuration"
    assert (await house.configurations.get(house.ann, made.id)).model == "sim-echo@0"


async def test_of_many_edits_at_once_exactly_one_wins(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft())
    edits = [replace(made.draft(), model=f"sim-chat@{number}") for number in range(1, 13)]
    outcomes = await asyncio.gather(
        *(house.configurations.update(house.ann, made.id, edit, expected_version=1) for edit in edits), return_exceptions=True
    )
    won = [outcome for outcome in outcomes if isinstance(outcome, Configuration)]
    assert len(won) == 1
    assert all(isinstance(outcome, Conflict) for outcome in outcomes if outcome is not won[0])
    assert (await house.configurations.get(house.ann, made.id)).model == won[0].model


async def test_of_many_same_names_at_once_exactly_one_is_made(house: House) -> None:
    outcomes = await asyncio.gather(*(house.configurations.create(house.ann, house.draft()) for _ in range(12)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, InvalidInput)]
    assert len(refused) == 11
    assert {problem.rule for problem in refused} == {"taken"}
    assert len(await house.configurations.list(house.ann)) == 1


async def test_a_change_that_is_refused_changes_nothing(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft())
    for change in ({"model": ""}, {"timeout_s": 0}, {"provider_id": "nobody"}, {"endpoint": "?"}, {"parameters": Parameters(top_p=2)}):
        with pytest.raises(InvalidInput):
            await house.configurations.update(house.ann, made.id, replace(made.draft(), **change))  # type: ignore[arg-type]
    assert await house.configurations.get(house.ann, made.id) == made


# The default ---------------------------------------------------------------------------------------------------------


async def test_the_first_becomes_the_default_and_there_is_only_one(house: House) -> None:
    first = await house.configurations.create(house.ann, house.draft("First"))
    second = await house.configurations.create(house.ann, house.draft("Second"))
    assert (first.is_default, second.is_default) == (True, False)
    assert (await house.configurations.set_default(house.ann, second.id)).is_default
    assert [found.name for found in await house.configurations.list(house.ann) if found.is_default] == ["Second"]
    assert (await house.configurations.resolve(house.ann)).configuration_id == second.id


async def test_deleting_the_default_leaves_none(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft())
    assert await house.configurations.delete(house.ann, [made.id]) == 1
    assert await house.configurations.default(house.ann) is None
    with pytest.raises(NotFound) as caught:
        await house.configurations.resolve(house.ann)
    assert caught.value.fields["kind"] == "default_configuration"


async def test_a_default_raced_by_deletions_never_points_at_nothing(house: House) -> None:
    for _round in range(8):
        made = [await house.configurations.create(house.ann, house.draft(f"N{number}")) for number in range(3)]
        calls: list[Awaitable[Any]] = []
        for configuration in made:
            calls += [
                house.configurations.set_default(house.ann, configuration.id),
                house.configurations.delete(house.ann, [configuration.id]),
            ]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert all(not isinstance(outcome, BaseException) or isinstance(outcome, NotFound) for outcome in outcomes)
        assert await house.configurations.list(house.ann) == ()
        assert house.storage.read_now(lambda uow: uow.configurations.default_of("ann")) == ""


async def test_a_disabled_default_is_said_not_replaced(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft())
    await house.configurations.set_enabled(house.ann, made.id, False)
    with pytest.raises(Conflict) as caught:
        await house.configurations.resolve(house.ann)
    assert caught.value.fields == {"what": "configuration_disabled", "configuration": "Fast"}
    assert (await house.configurations.test(house.ann, made.id)).ok
    await house.configurations.set_enabled(house.ann, made.id, True)
    assert (await house.configurations.resolve(house.ann)).model == "sim-chat@0"


# Copies, deletion, lists ---------------------------------------------------------------------------------------------


async def test_a_copy_has_its_own_life_and_the_same_key(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft(key="sk-ann-0123456789", parameters=Parameters(seed=1), note="n"))
    copy = await house.configurations.copy(house.ann, made.id)
    assert (copy.name, copy.version, copy.is_default, copy.key_hint, copy.note) == ("Fast 2", 1, False, made.key_hint, "n")
    assert (await house.configurations.copy(house.ann, copy.id)).name == "Fast 3"
    await house.configurations.delete(house.ann, [made.id])
    assert await house.configurations.show_key(house.ann, copy.id, PASSWORD) == "sk-ann-0123456789"


async def test_deleting_many_is_all_or_nothing(house: House) -> None:
    made = [await house.configurations.create(house.ann, house.draft(f"N{number}")) for number in range(3)]
    theirs = await house.configurations.create(house.bob, house.draft())
    for wrong in (theirs.id, "unknown"):
        with pytest.raises(NotFound):
            await house.configurations.delete(house.ann, [made[0].id, wrong])
    assert len(await house.configurations.list(house.ann)) == 3
    assert await house.configurations.delete(house.ann, [made[0].id, made[2].id, made[0].id]) == 2
    assert [found.name for found in await house.configurations.list(house.ann)] == ["N1"]
    assert await house.configurations.delete(house.ann, []) == 0
    left = house.storage.read_now(lambda uow: uow.session.scalar(select(func.count()).select_from(ConfigurationVersion)))
    assert left == 2  # N1 and Bob's


async def test_what_uses_it_is_counted_for_its_owner_only(house: House) -> None:
    made = [await house.configurations.create(house.ann, house.draft(f"N{number}")) for number in range(2)]

    def converse(uow: UnitOfWork) -> None:
        for number, (owner, configuration) in enumerate([("ann", 0), ("ann", 0), ("ann", 1), ("bob", 0)]):
            conversation = Conversation(
                id=f"c{number}", owner_id=owner, configuration_id=made[configuration].id, created_at=1, used_at=1, deleted_at=number or None
            )
            uow.session.add(conversation)

    house.storage.write_now(converse)
    first = await house.configurations.used_by(house.ann, made[0].id)
    assert (first.conversations, first.is_default, first.nothing) == (2, True, False)
    assert (await house.configurations.used_by(house.ann, *(found.id for found in made))).conversations == 3
    unused = await house.configurations.create(house.ann, house.draft("Unused"))
    assert (await house.configurations.used_by(house.ann, unused.id)).nothing


async def test_searching_and_sorting(house: House) -> None:
    await house.configurations.create(house.ann, house.draft("beta", "sim-wide@0"))
    await house.configurations.create(house.ann, house.draft("Alpha", "sim-echo@0", note="Für Übersetzungen"))
    await house.configurations.create(house.ann, house.draft("gamma", "sim-chat@0", provider_id="simulator", endpoint=""))

    async def names(query: str = "", sort: Any = "name") -> list[str]:
        return [found.name for found in await house.configurations.list(house.ann, query=query, sort=sort)]

    assert await names() == ["Alpha", "beta", "gamma"]
    assert await names(sort="model") == ["gamma", "Alpha", "beta"]
    assert await names(sort="provider") == ["gamma", "Alpha", "beta"]
    assert await names(sort="created") == ["gamma", "Alpha", "beta"]
    beta = await house.configurations.by_name(house.ann, "beta")
    await house.configurations.set_enabled(house.ann, beta.id, False)
    assert await names(sort="updated") == ["beta", "gamma", "Alpha"]
    assert await names("SIM-ECHO über") == ["Alpha"]
    assert await names("simulator") == ["gamma"]
    assert await names("%") == []


# What a new account begins with --------------------------------------------------------------------------------------


async def test_a_fresh_account_gets_working_configurations_once(house: House) -> None:
    made = await asyncio.gather(*(house.configurations.ensure_starter(house.ann) for _ in range(6)))
    assert sum(one is not None for one in made) == 1
    found = await house.configurations.list(house.ann)
    assert {configuration.provider_id for configuration in found} == {"simulator"}
    assert [configuration.name for configuration in found if configuration.is_default] == ["Simulator"]
    for configuration in found:
        result = await house.configurations.test(house.ann, replace(configuration.draft(), model=configuration.model.replace("@40", "@0")))
        assert result.ok, result.error
        assert result.answer
    await house.configurations.delete(house.ann, [configuration.id for configuration in found])
    assert await house.configurations.ensure_starter(house.ann) is None
    assert await house.configurations.list(house.ann) == ()


async def test_whoever_made_one_or_deleted_all_gets_no_starter(house: House) -> None:
    made = await house.configurations.create(house.ann, house.draft())
    assert await house.configurations.ensure_starter(house.ann) is None
    await house.configurations.delete(house.ann, [made.id])
    assert await house.configurations.ensure_starter(house.ann) is None


async def test_no_starter_while_the_simulator_is_closed(house: House) -> None:
    await house.providers.set_enabled(house.admin, "simulator", False)
    assert await house.configurations.ensure_starter(house.ann) is None
    await house.providers.set_enabled(house.admin, "simulator", True)
    assert await house.configurations.ensure_starter(house.ann) is not None


async def test_an_account_that_is_gone_makes_nothing(house: House) -> None:
    def remove(uow: UnitOfWork) -> None:
        uow.session.delete(uow.session.scalars(select(User).where(col(User.id) == "ann")).one())

    house.storage.write_now(remove)
    with pytest.raises(ModeltrainError):
        await house.configurations.create(house.ann, house.draft())
