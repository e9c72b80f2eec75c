"""The Bradley-Terry model: strengths of models from who won over whom, with ties as half a win for each.

P(i wins over j) = 1 / (1 + exp(s_j - s_i)). The strengths are those of greatest posterior probability under a normal prior around 0
(a penalty of `PRIOR` times the sum of their squares), as choix.opt_pairwise(alpha=...) has it: without it a model that never lost
would be infinitely strong. They are found by Newton's method, many tables at once (a bootstrap has a thousand). Half wins for ties as
in W.-L. Chiang et al., Chatbot Arena (2024); the model: R. A. Bradley and M. E. Terry, Biometrika 39 (1952).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: The weight of the prior: strengths have a standard deviation of 1 / sqrt(2 * PRIOR) = 2.2 before any vote (390 points of a rating).
PRIOR = 0.1
#: A weaker one would drown in rounding.
LEAST_PRIOR = 1e-6
_STEPS, _HALVINGS = 100, 40
#: No strength is off by more than this when we stop (0.0002 points of a rating).
_EXACT = 1e-6
#: A slope this small is rounding, not a way to better strengths.
_FLAT = 1e-9


def fit(wins: Floats, *, prior: float = PRIOR) -> Floats:
    """Strengths (natural units, mean 0 among models that are connected by votes) from `wins`.

    `wins`: shape (n, n), or (k, n, n) for k fits at once; wins[i, j] is how often i won over j, a tie 0.5 in both places; the diagonal
    does not count. Returns shape (n,) or (k, n): always finite and unique. ValueError: a `prior` below LEAST_PRIOR.
    """
    import numpy as np

    if prior < LEAST_PRIOR:
        raise ValueError(f"the prior must be at least {LEAST_PRIOR}")
    tables = np.array(wins, dtype=np.float64, ndmin=3)
    diagonal = np.arange(tables.shape[-1])
    tables[:, diagonal, diagonal] = 0.0
    strengths = np.zeros(tables.shape[:2])
    at_work = np.arange(len(tables))
    for _ in range(_STEPS):
        if not at_work.size:
            break
        found, moved = _step(tables[at_work], strengths[at_work], prior)
        strengths[at_work] = found
        at_work = at_work[moved > _EXACT]
    return strengths[0] if np.ndim(wins) == 2 else strengths


def covariance(wins: Floats, strengths: Floats, *, prior: float = PRIOR) -> Floats:
    """How sure `strengths` (shape (n,)) are by the votes of `wins` (shape (n, n)): the normal approximation at their place, shape (n, n).

    In natural units squared, and still with the doubt about the common level of all models, which says nothing of their differences.
    """
    import numpy as np

    return np.asarray(np.linalg.inv(_curvature(wins[None], strengths[None], prior)[0]), dtype=np.float64)


def _step(tables: Floats, strengths: Floats, prior: float) -> tuple[Floats, Floats]:
    """One step of Newton for each table, halved until it makes things better; the new strengths, and how far the farthest moved."""
    import numpy as np

    slope = _slope(tables, strengths, prior)
    steps = np.linalg.solve(_curvature(tables, strengths, prior), slope[..., None])[..., 0]
    gain = np.einsum("ki,ki->k", slope, steps)
    before = _loss(tables, strengths, prior)
    share = np.ones(len(tables))
    for _ in range(_HALVINGS):
        worse = _loss(tables, strengths - share[:, None] * steps, prior) > before - 1e-4 * share * gain + 1e-12 * np.abs(before)
        worse &= np.abs(slope).max(axis=1) > _FLAT
        if not worse.any():
            break
        share[worse] /= 2
    steps = share[:, None] * steps
    return strengths - steps, np.abs(steps).max(axis=1, initial=0.0)


def _differences(strengths: Floats) -> Floats:
    return strengths[:, :, None] - strengths[:, None, :]


def _loss(tables: Floats, strengths: Floats, prior: float) -> Floats:
    """The negative logarithm of the posterior, but for a constant; shape (k,)."""
    import numpy as np

    votes = np.einsum("kij,kij->k", tables, np.logaddexp(0.0, -_differences(strengths)))
    return np.asarray(votes + prior * (strengths**2).sum(axis=1))


def _slope(tables: Floats, strengths: Floats, prior: float) -> Floats:
    """The gradient of the loss; shape (k, n). A vote counts by how unexpected it was."""
    import numpy as np

    unexpected = tables * _chance(-_differences(strengths))
    return np.asarray(unexpected.sum(axis=1) - unexpected.sum(axis=2) + 2 * prior * strengths)


def _curvature(tables: Floats, strengths: Floats, prior: float) -> Floats:
    """The second derivatives of the loss; shape (k, n, n), positive definite."""
    import numpy as np

    chance = _chance(_differences(strengths))
    weights = (tables + tables.transpose(0, 2, 1)) * chance * (1 - chance)
    curvature = -weights
    diagonal = np.arange(tables.shape[-1])
    curvature[:, diagonal, diagonal] += weights.sum(axis=2) + 2 * prior
    return np.asarray(curvature)


def _chance(differences: Floats) -> Floats:
    """1 / (1 + exp(-d)), without overflow."""
    import numpy as np

    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * differences)))
