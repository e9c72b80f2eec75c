"""The order of roles in a conversation: the system first, then question and answer by turns, an answer last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.datasets.exact import Flaw

ASKS = ("user", "observation")
ANSWERS = ("assistant", "function")


def order_flaws(roles: Sequence[str | None], path: str, *, ranking: bool, openai: bool) -> Iterator[Flaw]:
    """What is wrong with the order of `roles` (our names). `ranking`: the answer is elsewhere, a question comes last.

    `openai`: several tool messages in a row are one, as LLaMA-Factory joins them.
    """
    start = 1 if roles and roles[0] == "system" else 0
    if "system" in roles[start:]:
        yield Flaw("system_not_first", f"{path}[{start + list(roles[start:]).index('system')}]")
        return
    turn, previous = 0, ""
    for place in range(start, len(roles)):
        role = roles[place] or ""
        if openai and role == previous == "observation":
            continue
        if role not in (ASKS, ANSWERS)[turn % 2]:
            yield Flaw(
                "role_order", f"{path}[{place}]", {"found": role, "expected": "user" if turn % 2 == 0 else "assistant", "turn": turn + 1}
            )
            return
        turn, previous = turn + 1, role
    if turn == 0 or turn % 2 != (1 if ranking else 0):
        yield Flaw("turn_count", path, {"turns": turn})
