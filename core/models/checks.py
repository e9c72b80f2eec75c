"""The rules for what a person fills in for a configuration. Pure: the form calls them at each key, the service before it saves.

Every rule is an InvalidInput: its `field` is a name of ConfigurationDraft or Parameters, its `rule` and fields make the sentence.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from core.errors import InvalidInput
from core.llm.presets import Preset, profile_for
from core.llm.request import Parameters
from core.models.access import effective_endpoint, known_preset
from core.models.types import KEEP, Configuration, ConfigurationDraft, ProviderInfo
from core.sanitise import one_line, sanitise

NAME_LIMIT: Final = 100
MODEL_LIMIT: Final = 200
NOTE_LIMIT: Final = 2_000
PROMPT_LIMIT: Final = 100_000
KEY_LIMIT: Final = 4_000
STOP_COUNT: Final = 16
STOP_LIMIT: Final = 200
EXTRA_LIMIT: Final = 20_000
EXTRA_DEPTH: Final = 16
#: What `extra` may not replace: they are what an answer is made of, not how.
RESERVED: Final = frozenset({"model", "messages", "prompt", "stream"})
#: Largest value of a signed 32-bit and 64-bit integer: what servers read counts and seeds into.
_INT32: Final = 2**31 - 1
_INT64: Final = 2**63 - 1

_FLOATS: Final[Mapping[str, tuple[float, float]]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "timeout_s": (1, 3600),
}
_INTEGERS: Final[Mapping[str, tuple[int, int]]] = {
    "top_k": (0, _INT32),
    "max_tokens": (1, _INT32),
    "seed": (-_INT64 - 1, _INT64),
}
#: Rules that are worth saying but do not keep a draft from being saved: about the key, and about what is sent otherwise than written.
ADVICE: Final = frozenset({"key_needed", "key_for_another_endpoint", "lowered"})
Problems = dict[str, InvalidInput]


def check_draft(
    draft: ConfigurationDraft,
    *,
    provider: ProviderInfo | None = None,
    current: Configuration | None = None,
    taken_names: Collection[str] = (),
) -> Problems:
    """Everything that can be said about a draft without the database and the network, by field. Never raises.

    `provider`: its state here (default endpoint, shared key); without it the preset is all that is known. `current`: the stored
    configuration that is edited. `taken_names`: names of the owner's other configurations. Rules in ADVICE do not stop a save.
    """
    problems = check_texts(draft)
    if "name" not in problems and clean_name(draft.name) in taken_names:
        problems["name"] = InvalidInput("name", "taken", value=clean_name(draft.name))
    try:
        wanted = known_preset(draft.provider_id)
        endpoint = effective_endpoint(wanted, provider.endpoint if provider is not None else wanted.endpoint, draft.endpoint)
        _collect(problems, _check_key_there, wanted, endpoint, draft, provider, current)
        _collect(problems, check_lowered, wanted, draft.model.strip(), draft.parameters.temperature)
    except InvalidInput as problem:
        problems[problem.field] = problem
    return problems


def _check_key_there(
    wanted: Preset, endpoint: str, draft: ConfigurationDraft, provider: ProviderInfo | None, current: Configuration | None
) -> None:
    if isinstance(draft.key, str) and draft.key.strip():
        return
    if draft.key is KEEP and current is not None and current.has_key:
        if endpoint != current.endpoint:
            raise InvalidInput("key", "key_for_another_endpoint")
        return
    shared = provider is not None and provider.has_shared_key and provider.shared_key_endpoint == endpoint
    if wanted.needs_key and not shared:
        raise InvalidInput("key", "key_needed", provider=wanted.name)


def check_lowered(wanted: Preset, model: str, temperature: float | None) -> None:
    """Raise InvalidInput("temperature", "lowered") where the provider's scale ends below `temperature`: then its highest is sent."""
    highest = profile_for(wanted, model).max_temperature
    if temperature is not None and temperature > highest:
        raise InvalidInput("temperature", "lowered", maximum=f"{highest:g}")


def clean_name(text: str) -> str:
    """`text` as a name is stored: one line, in one way of composing characters, without what a terminal would act on."""
    return unicodedata.normalize("NFC", one_line(text))


def check_parameters(parameters: Parameters) -> Problems:
    """The rules for sampling parameters; None always passes."""
    problems: Problems = {}
    for field in (*(name for name in _FLOATS if name != "timeout_s"), *_INTEGERS):
        if (value := getattr(parameters, field)) is not None:
            _collect(problems, check_number, field, value)
    _collect(problems, _check_stop, parameters.stop)
    _collect(problems, check_extra, parameters.extra)
    return problems


def check_texts(draft: ConfigurationDraft) -> Problems:
    """The rules for everything in a draft that needs no look at the provider."""
    problems = check_parameters(draft.parameters)
    _collect(problems, check_name, draft.name)
    _collect(problems, check_model, draft.model)
    _collect(problems, check_number, "timeout_s", draft.timeout_s)
    _collect(problems, _check_long, "note", draft.note, NOTE_LIMIT)
    _collect(problems, _check_long, "system_prompt", draft.system_prompt, PROMPT_LIMIT)
    if isinstance(draft.key, str):
        _collect(problems, check_key, draft.key)
    return problems


def _collect(problems: Problems, check: Callable[..., None], *arguments: Any) -> None:
    try:
        check(*arguments)
    except InvalidInput as problem:
        problems.setdefault(problem.field, problem)


def check_name(name: str) -> None:
    cleaned = clean_name(name)
    if not cleaned:
        raise InvalidInput("name", "required")
    if len(cleaned) > NAME_LIMIT:
        raise InvalidInput("name", "too_long", limit=NAME_LIMIT)


def check_model(model: str) -> None:
    """A model's name goes to the provider as it is, so it is refused rather than repaired."""
    name = model.strip()
    if not name:
        raise InvalidInput("model", "required")
    if len(name) > MODEL_LIMIT:
        raise InvalidInput("model", "too_long", limit=MODEL_LIMIT)
    if name != sanitise(name) or "\n" in name or "\t" in name:
        raise InvalidInput("model", "control_characters")


def check_key(key: str) -> None:
    """A key travels in an HTTP header: visible ASCII."""
    if len(key) > KEY_LIMIT:
        raise InvalidInput("key", "too_long", limit=KEY_LIMIT)
    if not all("!" <= character <= "~" for character in key.strip()):
        raise InvalidInput("key", "control_characters")


def check_number(field: str, value: object) -> None:
    """`value` for the numeric `field`. NaN and the infinities are outside every range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(field, "not_a_number")
    if field in _INTEGERS and not isinstance(value, int):
        raise InvalidInput(field, "not_an_integer")
    minimum, maximum = _INTEGERS[field] if field in _INTEGERS else _FLOATS[field]
    if not minimum <= value <= maximum:
        bounds = {"minimum": minimum} if maximum == _INT32 else {"minimum": minimum, "maximum": maximum}
        raise InvalidInput(field, "out_of_range", **bounds)


def _check_stop(stop: tuple[str, ...]) -> None:
    if len(stop) > STOP_COUNT:
        raise InvalidInput("stop", "too_many", limit=STOP_COUNT)
    for sequence in stop:
        if not sequence:
            raise InvalidInput("stop", "required")
        _check_long("stop", sequence, STOP_LIMIT)


def _check_long(field: str, value: str, limit: int) -> None:
    if len(value) > limit:
        raise InvalidInput(field, "too_long", limit=limit)
    if not _storable(value):
        raise InvalidInput(field, "control_characters")


def _storable(text: str) -> bool:
    """Whether every database and UTF-8 take it: no NUL, no lone surrogate."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def check_extra(extra: object) -> None:
    """Extra JSON is an object, of finite numbers, not deep, not large, and replaces nothing of what makes the request."""
    if not isinstance(extra, Mapping):
        raise InvalidInput("extra", "not_an_object")
    if not extra:
        return
    _check_value(extra, EXTRA_DEPTH)
    for name in sorted(RESERVED):
        if name in extra:
            raise InvalidInput("extra", "reserved", value=name)
    if len(json.dumps(extra, ensure_ascii=False)) > EXTRA_LIMIT:
        raise InvalidInput("extra", "too_long", limit=EXTRA_LIMIT)


def _check_value(value: object, depth: int) -> None:
    if depth < 0:
        raise InvalidInput("extra", "too_deep", limit=EXTRA_DEPTH)
    if isinstance(value, str):
        _check_long("extra", value, EXTRA_LIMIT)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidInput("extra", "not_finite")
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if not isinstance(name, str):
                raise InvalidInput("extra", "not_json")
            _check_value(name, depth)
            _check_value(item, depth - 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_value(item, depth - 1)
    elif value is not None and not isinstance(value, int):
        raise InvalidInput("extra", "not_json")
