"""The Bradley-Terry model: strengths of models from who won over whom, with ties as half a win for each.

P(i wins over j) = 1 / (1 + exp(s_j - s_i)). The strengths are those of greatest posterior probability under a normal prior around 0
(a penalty of `PRIOR` times the sum of their squares), as choix.opt_pairwise(alpha=...) has it: without it a model that never lost
would be infinitely strong. Source: D. R. Hunter, MM algorithms for generalized Bradley-Terry models, Annals of Statistics 32 (2004);
half wins for ties as in W.-L. Chiang et al., Chatbot Arena (2024).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: The weight of the prior: strengths have a standard deviation of 1 / sqrt(2 * PRIOR) = 2.2 before any vote (390 points of a rating).
PRIOR = 0.1


def fit(wins: Floats, *, prior: float = PRIOR) -> Floats:
    """Strengths (natural units, mean 0 among models that are connected by votes) from `wins`.

    `wins`: shape (n, n), or (k, n, n) for k fits at once; wins[i, j] is how often i won over j, a tie 0.5 in both places. Returns shape
    (n,) or (k, n). With prior 0 strengths are only finite where everyone both won and lost through some chain: FloatingPointError else.
    """
    raise NotImplementedError
