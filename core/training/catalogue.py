"""What the installed LLaMA-Factory knows: models and templates read from its source at once, options from itself in the background."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from core.errors import ModeltrainError
from core.training.catalogue_shipped import METHODS, STAGES, shipped
from core.training.environment_folder import packages_folder
from core.training.environment_types import Catalogue, EnvironmentState, KnownModel, Option
from core.training.ranges import RANGES

_log = logging.getLogger(__name__)

Ask = Callable[[EnvironmentState, str, Mapping[str, Any]], Awaitable[Any]]
#: Where the source has what is read from it, below site-packages.
CONSTANTS: Final = Path("llamafactory/extras/constants.py")
TEMPLATES: Final = Path("llamafactory/data/template.py")
#: Hubs in the order in which a model's name is taken from them.
_HUBS: Final = ("DEFAULT", "MODELSCOPE", "OPENMIND")
#: Largest cache file that is believed, in bytes.
_CACHE_LIMIT: Final = 4 << 20


class Catalogues:
    """The catalogue of the environment as it is now. `folder`: of the cache; `ask(state, helper, arguments)` asks a helper."""

    def __init__(self, folder: Path, ask: Ask) -> None:
        self._folder = folder
        self._ask = ask
        self._known: tuple[str, Catalogue] | None = None
        self._reading: dict[str, asyncio.Task[Catalogue]] = {}
        self._failed: set[str] = set()

    async def get(self, state: EnvironmentState) -> Catalogue:
        """What is known without waiting for the options; reading them is started where they are not cached."""
        catalogue = await self.known(state)
        if state.ready and not catalogue.complete and state.fingerprint not in self._failed:
            self._read(state, catalogue)
        return catalogue

    async def known(self, state: EnvironmentState) -> Catalogue:
        """What is known, and nothing is started for more."""
        if not state.ready:
            return shipped()
        if self._known is None or self._known[0] != state.fingerprint:
            self._known = state.fingerprint, await asyncio.to_thread(self._load, state)
        return self._known[1]

    async def whole(self, state: EnvironmentState) -> Catalogue:
        """With the options, read now where they are not cached (some 20 s); what there is without them where that fails."""
        catalogue = await self.get(state)
        task = self._reading.get(state.fingerprint)
        if catalogue.complete or task is None:
            return catalogue
        with contextlib.suppress(ModeltrainError):
            return await asyncio.shield(task)
        return catalogue

    async def close(self) -> None:
        """Stop what is read in the background."""
        tasks = list(self._reading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _load(self, state: EnvironmentState) -> Catalogue:
        catalogue = read_source(state)
        options = read_cache(self._cache_file(state))
        return catalogue if options is None else replace(catalogue, source="environment", options=options)

    def _cache_file(self, state: EnvironmentState) -> Path:
        return self._folder / f"training-options-{state.fingerprint}.json"

    def _read(self, state: EnvironmentState, catalogue: Catalogue) -> None:
        if state.fingerprint not in self._reading:
            task = asyncio.get_running_loop().create_task(self._read_options(state, catalogue), name="training-options")
            self._reading[state.fingerprint] = task
            task.add_done_callback(lambda done: self._was_read(state.fingerprint, done))

    def _was_read(self, fingerprint: str, task: asyncio.Task[Catalogue]) -> None:
        self._reading.pop(fingerprint, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Not tried again before the environment changes: it would take a core all the time.
            self._failed.add(fingerprint)
            _log.warning("the options of the training environment could not be read: %s", error)

    async def _read_options(self, state: EnvironmentState, catalogue: Catalogue) -> Catalogue:
        found = await self._ask(state, "options", {})
        await asyncio.to_thread(write_cache, self._cache_file(state), found)
        whole = replace(catalogue, source="environment", options=options_of(found))
        if self._known is not None and self._known[0] == state.fingerprint:
            self._known = state.fingerprint, whole
        return whole


def read_source(state: EnvironmentState) -> Catalogue:
    """Models and templates from the installed source (0.05 s); what the application knows itself where that cannot be read."""
    base = replace(shipped(), source="partial", version=state.versions.get("llamafactory", ""))
    packages = packages_folder(state.folder)
    if packages is None:
        return base
    try:
        models = tuple(read_models((packages / CONSTANTS).read_text(encoding="utf-8")))
        templates = tuple(read_templates((packages / TEMPLATES).read_text(encoding="utf-8")))
    except (OSError, SyntaxError, ValueError):
        return base
    return replace(base, models=models or base.models, templates=templates or base.templates, stages=STAGES, methods=METHODS)


def read_models(source: str) -> Iterator[KnownModel]:
    """From the calls of `register_model_group` in extras/constants.py."""
    for call in _calls(source, "register_model_group"):
        arguments = {keyword.arg: keyword.value for keyword in call.keywords}
        models, template = arguments.get("models"), _text(arguments.get("template"))
        multimodal = isinstance(found := arguments.get("multimodal"), ast.Constant) and found.value is True
        if not isinstance(models, ast.Dict):
            continue
        for key, hubs in zip(models.keys, models.values, strict=True):
            if (name := _text(key)) and isinstance(hubs, ast.Dict) and (hub := _hub_name(hubs)):
                # As LLaMA-Factory does: a base model gets no template, because it never saw one.
                talks = multimodal or any(part in name for part in ("-Chat", "-Distill", "-Instruct", "-Thinking"))
                yield KnownModel(name, hub, template if talks else "", multimodal)


def read_templates(source: str) -> Iterator[str]:
    """From the calls of `register_template` in data/template.py."""
    seen = set()
    for call in _calls(source, "register_template"):
        name = next((_text(keyword.value) for keyword in call.keywords if keyword.arg == "name"), "")
        if name and name not in seen:
            seen.add(name)
            yield name


def _calls(source: str, function: str) -> Iterator[ast.Call]:
    for statement in ast.parse(source).body:
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == function:
            yield call


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _hub_name(hubs: ast.Dict) -> str:
    found = {key.attr: _text(value) for key, value in zip(hubs.keys, hubs.values, strict=True) if isinstance(key, ast.Attribute)}
    return next((found[hub] for hub in _HUBS if found.get(hub)), "")


def options_of(found: Mapping[str, Any]) -> dict[str, Option]:
    """What the helper told, with the limits that the application knows."""
    options = {}
    for each in found["options"]:
        name = str(each["name"])
        minimum, maximum = RANGES.get(name, (None, None))
        options[name] = Option(
            name=name,
            group=str(each["group"]),
            type=each["type"] if each["type"] in ("bool", "int", "float", "str", "choice", "json") else "str",
            default=each["default"],
            choices=tuple(str(choice) for choice in each["choices"]),
            minimum=minimum,
            maximum=maximum,
            help=str(each["help"]),
            optional=bool(each["optional"]),
        )
    return options


def read_cache(path: Path) -> dict[str, Option] | None:
    """None where there is none, or nothing that makes sense."""
    try:
        with path.open("rb") as file:
            return options_of(json.loads(file.read(_CACHE_LIMIT))) or None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_cache(path: Path, found: Mapping[str, Any]) -> None:
    """Whole or not at all. A cache that cannot be written is no reason to fail."""
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        _log.warning("the options of the training environment could not be kept: %s", error.strerror)
        with contextlib.suppress(OSError):
            part.unlink()
