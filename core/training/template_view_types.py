"""What the model sees of samples (core/training/template_view.py)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `text`: raw, sanitise before drawing. `trained`: whether the loss counts it."""

    id: int
    text: str
    trained: bool


@dataclass(frozen=True, slots=True)
class SeenSample:
    """A sample after the template. `index`: of the sample in the dataset. `side`: "" or, of a preference pair, chosen or rejected.

    `length`: tokens before the cutoff; `tokens` are those that are left. `trained`: how many of them the loss counts. `problem`: why it
    is dropped ("" for none): empty, wrong_roles, all_masked, ...
    """

    index: int
    side: str
    tokens: tuple[Token, ...]
    length: int
    trained: int
    problem: str = ""

    @property
    def truncated(self) -> bool:
        return self.length > len(self.tokens)

    @property
    def all_masked(self) -> bool:
        return self.trained == 0


@dataclass(frozen=True, slots=True)
class SeenSamples:
    """`lengths`: tokens of every sample looked at, before the cutoff (more than are shown). Shares are of them, 0 to 1."""

    samples: tuple[SeenSample, ...]
    lengths: tuple[int, ...]
    truncated_share: float
    masked_share: float
    dropped: int
    cutoff: int
