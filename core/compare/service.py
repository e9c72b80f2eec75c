"""Comparisons of one account. Every method begins with who asks; another's id is an unknown id."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from core.auth.principal import Principal
from core.compare.types import Comparison, Mode, Page, Round, SimilarRound, Verdict, VerdictDraft, VerdictFilter, Vote
from core.llm.request import Parameters

if TYPE_CHECKING:
    from core.chat.types import AnswerUpdate


class Comparisons:
    """The service that screens and commands use."""

    async def create(
        self,
        principal: Principal,
        configuration_ids: Sequence[str],
        *,
        mode: Mode = "parallel",
        blind: bool = False,
        type: str = "",
        overrides: Sequence[Parameters | None] = (),
    ) -> Comparison:
        """A new comparison of two or three configurations (the same one twice is fine: parameters may differ), without a question.

        `blind`: the columns are shuffled. `overrides`: parameters for each configuration, in their order. Nothing is asked yet.
        Raises NotFound (configuration); InvalidInput (configurations: too_few, too_many; type: too_long).
        """
        raise NotImplementedError

    async def get(self, principal: Principal, comparison_id: str, *, tail: int = 50) -> Comparison:
        """The comparison with its last `tail` rounds. Answers whose process is gone are marked as truncated now. Raises NotFound."""
        raise NotImplementedError

    async def ask(self, principal: Principal, comparison_id: str, question: str, *, images: Sequence[bytes] = ()) -> Round:
        """Ask all candidates: at once or, in sequential mode, the first now and each of the others when the one before has ended.

        Saved before anything is asked. What still waited of earlier rounds is skipped. A candidate that cannot be asked gets a failed
        answer, the others go on. Raises NotFound; InvalidInput (question, image, images: too_many); Conflict (generating); StorageError.
        """
        raise NotImplementedError

    async def ask_rest(self, principal: Principal, comparison_id: str) -> None:
        """Go on with what waits: after a restart, or after `stop`. Does nothing where nothing waits. Raises NotFound, Conflict (generating)."""
        raise NotImplementedError

    async def stop(self, principal: Principal, comparison_id: str, candidate_id: str | None = None) -> None:
        """Stop one candidate's answer (its turn passes to the next), or everything: then what waits keeps waiting. Raises NotFound."""
        raise NotImplementedError

    async def retry(self, principal: Principal, comparison_id: str, candidate_id: str, *, configuration_id: str | None = None) -> Round:
        """Ask one candidate the last question again, also one that waits or was skipped. `configuration_id`: as `set_candidate` before.

        The answer before is kept in the candidate's conversation, but the round shows the new one. Its verdict stays.
        Raises NotFound; Conflict (generating; no_question).
        """
        raise NotImplementedError

    async def continue_answer(self, principal: Principal, comparison_id: str, candidate_id: str) -> Round:
        """Go on with the last answer of a candidate that was stopped or broke off. Raises NotFound, Conflict (generating, nothing_to_continue)."""
        raise NotImplementedError

    def watch(self, principal: Principal, answer_id: str, *, interval_s: float = 0.15) -> AsyncGenerator[AnswerUpdate, None]:
        """As `Chat.watch`: the answer as it grows, until its end. Raises NotFound, mostly at the first update."""
        raise NotImplementedError

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
        raise NotImplementedError

    async def set_mode(self, principal: Principal, comparison_id: str, mode: Mode) -> None:
        """How the next question is asked. Raises NotFound."""
        raise NotImplementedError

    async def set_type(self, principal: Principal, comparison_id: str, type: str) -> None:
        """The kind of question, for the leaderboard. Raises NotFound, InvalidInput (type: too_long)."""
        raise NotImplementedError

    async def types(self, principal: Principal) -> tuple[str, ...]:
        """The types in use, sorted."""
        raise NotImplementedError

    async def image(self, principal: Principal, image_id: str) -> bytes:
        """The bytes of an image that somebody asked with. Raises NotFound."""
        raise NotImplementedError

    # Verdicts ------------------------------------------------------------------------------------------------------

    async def vote(self, principal: Principal, round_id: str, draft: VerdictDraft) -> Verdict:
        """Judge a round that has ended, or judge it anew. It does not reveal names: call `reveal` when they are shown.

        Raises NotFound; Conflict (generating: something of it is being made or waits); InvalidInput (winner, stars, note: rule).
        """
        raise NotImplementedError

    async def withdraw_vote(self, principal: Principal, round_id: str) -> None:
        """Take the verdict back; nothing where there is none. Raises NotFound."""
        raise NotImplementedError

    async def reveal(self, principal: Principal, comparison_id: str) -> Comparison:
        """The names are shown from now on; verdicts given later are not blind. Raises NotFound."""
        raise NotImplementedError

    async def votes(self, principal: Principal, *, since: datetime | None = None, until: datetime | None = None) -> tuple[Vote, ...]:
        """Everything that the verdicts say of pairs of models, the oldest first: for the leaderboard."""
        raise NotImplementedError

    # Records -------------------------------------------------------------------------------------------------------

    async def records(
        self,
        principal: Principal,
        *,
        query: str = "",
        model: str = "",
        configuration_id: str = "",
        type: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        verdict: VerdictFilter = "",
        limit: int = 50,
        offset: int = 0,
    ) -> Page:
        """A page of the own comparisons that have a question, the last used first.

        `query`: words that must all be in the title or in the questions, whatever their case. `since`, `until`: last used then (until
        is not included). `type` None for all, "" for those without one.
        """
        raise NotImplementedError

    async def models(self, principal: Principal) -> tuple[str, ...]:
        """The models that were ever compared, sorted: for the filter."""
        raise NotImplementedError

    async def run_again(self, principal: Principal, comparison_id: str) -> Comparison:
        """A new comparison that asks the same questions, one after the other, of the same configurations as they are now.

        Raises NotFound (comparison; configuration: one of them is gone), Conflict (no_question).
        """
        raise NotImplementedError

    async def rename(self, principal: Principal, comparison_id: str, title: str) -> None:
        """Raises NotFound, InvalidInput (title)."""
        raise NotImplementedError

    async def delete(self, principal: Principal, ids: Sequence[str]) -> int:
        """Delete for good, with the candidates' conversations and verdicts; what is being made is stopped. NotFound: nothing was deleted."""
        raise NotImplementedError

    async def as_conversation(self, principal: Principal, comparison_id: str, candidate_id: str) -> str:
        """Make a conversation of a candidate's questions and answers (a copy; the branch in sight); its id. Raises NotFound, Conflict (generating, no_question)."""
        raise NotImplementedError

    async def similar(self, principal: Principal, question: str, *, at_least: float = 0.9, limit: int = 200) -> tuple[SimilarRound, ...]:
        """Own questions like `question` (core/compare/similarity.py says how that is measured), the most similar first."""
        raise NotImplementedError

    async def similar_to(
        self, principal: Principal, comparison_id: str, *, at_least: float = 0.9, limit: int = 200
    ) -> tuple[SimilarRound, ...]:
        """As `similar`, for the last question of a comparison, that round itself among them. Raises NotFound."""
        raise NotImplementedError
