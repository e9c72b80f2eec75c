"""Model names say what to simulate, how fast and how long: `sim-markdown@200x2000`.

    NAME[-ARGUMENT][@PACE][xLENGTH]     PACE: tokens a second, "max" or 0 for as fast as possible; LENGTH: tokens, exactly

`sim-markdown@200`, `sim-markdown@x2000`, `sim-markdownx2000`, `sim-chat@maxx500`, `sim-cut-5@0` and `sim-429-30` are names too.
A tag behind a colon, as Ollama has them (`sim-chat:latest`), is ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from core.llm.simulator.catalogue import BY_NAME, SimulatedModel

#: Tokens a second where the name does not say.
DEFAULT_RATE = 60.0
LONGEST = 1_000_000
NAME_LIMIT = 200
FASTEST = 100_000.0

_NAME = re.compile(
    r"(?P<base>sim-[a-z0-9-]+?)"
    r"(?:@(?P<rate>max|[0-9]{1,6}(?:\.[0-9]{1,3})?)(?:x(?P<length>[0-9]{1,7}))?|@?x(?P<only_length>[0-9]{1,7}))?"
    r"(?::[A-Za-z0-9._-]{1,40})?"
)


class UnknownModel(Exception):
    """No model has this name; the message says how names are made."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A model with its pace. `rate`: tokens a second, 0 as fast as possible. `length`: tokens, None as long as the text is."""

    model: SimulatedModel
    argument: str
    rate: float
    length: int | None


@lru_cache(maxsize=1024)
def parse_name(name: str) -> Asked:
    """What `name` asks for. Raises UnknownModel."""
    found = _NAME.fullmatch(name) if len(name) <= NAME_LIMIT else None
    if found is None:
        raise UnknownModel(f"Model {name[:80]!r} is not a name like sim-chat or sim-markdown@200x2000.")
    model, argument = _find(found["base"])
    rate = _rate(found["rate"])
    digits = found["length"] or found["only_length"]
    length = int(digits) if digits else None
    if length is not None and not 1 <= length <= LONGEST:
        raise UnknownModel(f"Model {name[:80]!r}: the length is 1 to {LONGEST} tokens.")
    if rate > FASTEST:
        raise UnknownModel(f"Model {name[:80]!r}: the pace is at most {FASTEST:.0f} tokens a second; @max is as fast as possible.")
    return Asked(model, argument, rate, length)


def _rate(text: str | None) -> float:
    if text is None:
        return DEFAULT_RATE
    return 0.0 if text == "max" else float(text)


def _find(base: str) -> tuple[SimulatedModel, str]:
    """The longest model name that `base` begins with, and what is left as its argument."""
    head, argument = base, ""
    while head != "sim":
        model = BY_NAME.get(head)
        if model is not None and (not argument or model.accepts(argument)):
            return model, argument
        head, _, last = head.rpartition("-")
        argument = f"{last}-{argument}" if argument else last
    raise UnknownModel(f"There is no simulated model {base[:80]!r}. GET /v1/models lists them.")
