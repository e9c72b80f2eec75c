"""Comparisons of one account. Every method begins with who asks; another's id is an unknown id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.auth.principal import Principal
from core.chat import sending
from core.chat.sending import Moment
from core.compare import naming
from core.compare.base import candidate_row, own
from core.compare.candidates import KIND
from core.compare.records import Records
from core.compare.rounds import Asked, Rounds, asked_of
from core.compare.types import FEWEST, MOST, Comparison, Mode
from core.compare.verdicts import Verdicts
from core.errors import Conflict, InvalidInput, NotFound
from core.llm.request import Parameters
from core.models.checks import check_parameters
from core.models.rows import parameters_to_json

if TYPE_CHECKING:
    from core.models.types import Configuration
    from storage.unit_of_work import UnitOfWork


class Comparisons(Rounds, Verdicts, Records):
    """The service that screens and commands use. Asking, judging and looking back are in its bases."""

    async def create(
        self,
        principal: Principal,
        configuration_ids: Sequence[str],
        *,
        mode: Mode = "parallel",
        blind: bool = False,
        type: str = "",  # noqa: A002
        overrides: Sequence[Parameters | None] = (),
    ) -> Comparison:
        """A new comparison of two or three configurations (the same one twice is fine: parameters may differ), without a question.

        `blind`: the columns are shuffled. `overrides`: parameters for each configuration, in their order. Nothing is asked yet.
        Raises NotFound (configuration); InvalidInput (configurations: too_few, too_many; type: too_long; a parameter).
        """
        owner, comparison_id = principal.require_user("compare"), self._ids.new()
        chosen = await self._chosen(principal, configuration_ids, overrides)
        if blind:
            self._shuffle(chosen)
        at, kind = Moment(owner, "", self._clock.now_ms()), naming.type_of(type)
        columns = [self._column(at, comparison_id, ordinal, *each) for ordinal, each in enumerate(chosen)]

        def work(uow: UnitOfWork) -> None:
            uow.comparisons.add(**_blank(at, comparison_id), mode=_mode(mode), blind=blind, type=kind)
            for column in columns:
                # Nobody reads its title, so no model is asked for one.
                about = {"kind": KIND, "title_source": "user", "configuration_id": column["configuration_id"], "model": column["model"]}
                uow.conversations.add(**sending.new_conversation(column["conversation_id"], at, **about))
            uow.comparisons.add_candidates(columns)

        await self._store.write(work)
        self._changed(owner, comparison_id)
        return await self.get(principal, comparison_id)

    async def _chosen(
        self, principal: Principal, configuration_ids: Sequence[str], overrides: Sequence[Parameters | None]
    ) -> list[tuple[Configuration, Parameters | None]]:
        if not FEWEST <= len(configuration_ids) <= MOST:
            rule = "too_few" if len(configuration_ids) < FEWEST else "too_many"
            raise InvalidInput("configurations", rule, min=FEWEST, max=MOST)
        wanted = [*overrides, *[None] * len(configuration_ids)][: len(configuration_ids)]
        for each in wanted:
            _check_overrides(each)
        return [(await self._configurations.get(principal, id_), each) for id_, each in zip(configuration_ids, wanted, strict=True)]

    def _column(self, at: Moment, comparison_id: str, ordinal: int, chosen: Configuration, overrides: Parameters | None) -> dict[str, Any]:
        return {
            "id": self._ids.new(),
            "comparison_id": comparison_id,
            "owner_id": at.owner_id,
            "ordinal": ordinal,
            "conversation_id": self._ids.new(),
            "overrides": _json(overrides),
            **asked_of(chosen),
        }

    # Changing ------------------------------------------------------------------------------------------------------

    async def set_candidate(
        self,
        principal: Principal,
        comparison_id: str,
        candidate_id: str,
        *,
        configuration_id: str | None = None,
        overrides: Parameters | None = None,
    ) -> Comparison:
        """From the next question on, ask another configuration and with these parameters instead of its own (None: its own).

        Without `configuration_id` the configuration stays. Raises NotFound (comparison, candidate, configuration), InvalidInput.
        """
        owner = principal.require_user("compare")
        _check_overrides(overrides)
        chosen = None if configuration_id is None else await self._configurations.get(principal, configuration_id)

        def work(uow: UnitOfWork) -> None:
            candidate_row(uow, owner, comparison_id, candidate_id, lock=True)
            columns = {} if chosen is None else asked_of(chosen)
            uow.comparisons.change_candidate(candidate_id, overrides=_json(overrides), **columns)

        await self._store.write(work)
        self._changed(owner, comparison_id)
        return await self.get(principal, comparison_id)

    async def set_mode(self, principal: Principal, comparison_id: str, mode: Mode) -> None:
        """How the next question is asked. Raises NotFound, InvalidInput (mode: unknown)."""
        await self._set(principal, comparison_id, mode=_mode(mode))

    async def set_type(self, principal: Principal, comparison_id: str, type: str) -> None:  # noqa: A002
        """The kind of question, for the leaderboard. Raises NotFound, InvalidInput (type: too_long)."""
        await self._set(principal, comparison_id, type=naming.type_of(type))

    async def _set(self, principal: Principal, comparison_id: str, **values: Any) -> None:
        owner = principal.require_user("compare")

        def work(uow: UnitOfWork) -> None:
            own(uow, owner, comparison_id, lock=True)
            uow.comparisons.change(comparison_id, **values)

        await self._store.write(work)
        self._changed(owner, comparison_id)

    async def types(self, principal: Principal) -> tuple[str, ...]:
        """The types in use, sorted."""
        owner = principal.require_user("compare")
        return tuple(await self._store.read(lambda uow: uow.comparisons.types(owner)))

    async def run_again(self, principal: Principal, comparison_id: str) -> Comparison:
        """A new comparison that asks the same questions, one after the other, of the same configurations as they are now.

        Raises NotFound (comparison; configuration: one of them is gone), Conflict (no_question).
        """
        owner = principal.require_user("compare")
        old = await self.get(principal, comparison_id, tail=1)
        asked = await self._store.read(lambda uow: _questions(uow, owner, comparison_id))
        if not asked:
            raise Conflict(what="no_question")
        gone = next((each for each in old.candidates if each.configuration_id is None), None)
        if gone is not None:
            raise NotFound(kind="configuration", reference=gone.configuration_name)
        ids = [each.configuration_id or "" for each in old.candidates]
        overrides = [each.overrides for each in old.candidates]
        new = await self.create(principal, ids, mode=old.mode, blind=old.blind, type=old.type, overrides=overrides)
        await self._store.write(lambda uow: self._write_script(uow, self._making(owner), new.id, asked))
        await self._take_turns(principal, new.id)
        return await self.get(principal, new.id)

    def _write_script(self, uow: UnitOfWork, at: Moment, comparison_id: str, asked: Sequence[tuple[str, str, Sequence[str]]]) -> None:
        """Save questions (text, compared text, ids of images) that all candidates wait for."""
        columns = uow.comparisons.candidates([comparison_id])
        for question, compared, images in asked:
            round_id = self._ids.new()
            self._add_round(uow, at, own(uow, at.owner_id, comparison_id, lock=True), round_id, Asked(question, compared, ()))
            uow.images.show_in_round(round_id, images)
            uow.comparisons.add_answers(
                [{"round_id": round_id, "candidate_id": each.id, "state": "waiting", "question_id": None} for each in columns]
            )
        uow.comparisons.change(comparison_id, asker=at.generator, asker_alive_at=at.now_ms)


def _questions(uow: UnitOfWork, owner: str, comparison_id: str) -> list[tuple[str, str, list[str]]]:
    own(uow, owner, comparison_id)
    rows = uow.comparisons.questions(comparison_id)
    images = uow.images.about_rounds([row.id for row in rows])
    return [(row.question, row.compared, [each.id for each in images.get(row.id, ())]) for row in rows]


def _blank(at: Moment, comparison_id: str) -> dict[str, Any]:
    texts = dict.fromkeys(("title", "judged", "winner", "asker", "search"), "")
    nothing = {"revealed_at": None, "asker_alive_at": None, "listed": False, "round_count": 0, "search_cut": False}
    times = {"created_at": at.now_ms, "used_at": at.now_ms}
    return {"id": comparison_id, "owner_id": at.owner_id, "title_source": "fallback", **texts, **nothing, **times}


def _mode(mode: str) -> str:
    if mode not in ("parallel", "sequential"):
        raise InvalidInput("mode", "unknown")
    return mode


def _json(overrides: Parameters | None) -> str:
    return "" if overrides is None or overrides == Parameters() else parameters_to_json(overrides)


def _check_overrides(overrides: Parameters | None) -> None:
    """Raises InvalidInput for a parameter that no configuration may have either."""
    if overrides is not None:
        for problem in check_parameters(overrides).values():
            raise problem
