"""Parameter templates: starting points for what a model is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from core.llm.request import Parameters

#: By id; tui has their names. Only sampling: limits, seed, stop and extra JSON stay as they were.
PARAMETER_TEMPLATES: Final[Mapping[str, Parameters]] = MappingProxyType(
    {
        "precise": Parameters(temperature=0.1, top_p=0.9),
        "balanced": Parameters(temperature=0.7, top_p=0.95),
        "creative": Parameters(temperature=1.1, top_p=0.98, presence_penalty=0.4, frequency_penalty=0.2),
        "code": Parameters(temperature=0.2, top_p=0.95),
    }
)


def apply_template(parameters: Parameters, template: str) -> Parameters:
    """`parameters` with the sampling of `template`; KeyError for an unknown one."""
    wanted = PARAMETER_TEMPLATES[template]
    return replace(
        parameters,
        temperature=wanted.temperature,
        top_p=wanted.top_p,
        top_k=wanted.top_k,
        presence_penalty=wanted.presence_penalty,
        frequency_penalty=wanted.frequency_penalty,
    )
