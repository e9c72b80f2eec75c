"""From what somebody asks for to what will run: configuration, datasets, rights and paths become one value (planning.ResolvedRun)."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.auth.principal import Principal
from core.errors import InvalidInput
from core.persistence import Store
from core.settings import Settings
from core.training.configurations_checks import clean_name
from core.training.configurations_fields import SWANLAB_MODES
from core.training.configurations_options import draft_from_options, draft_options, imported
from core.training.configurations_store import version_draft
from core.training.configurations_types import Remark, TrainingDraft
from core.training.environment_types import Catalogue
from core.training.options import OURS, PATHS, check_options
from core.training.options_paths import Reach, resolve_options
from core.training.options_rules import conflicts
from core.training.planning import ResolvedRun

if TYPE_CHECKING:
    from core.datasets.service import Datasets
    from core.datasets.types import Dataset
    from core.training.gpus import Gpu
    from core.training.types import RunRequest

#: What an export may be told; the rest is ours.
EXPORT_OPTIONS: Final = frozenset(
    str.split(
        "model_name_or_path adapter_name_or_path template finetuning_type stage infer_dtype export_size export_device export_legacy_format "
        "export_quantization_bit export_quantization_nsamples export_quantization_maxlen trust_remote_code quantization_bit resize_vocab"
    )
)
#: GPUs before Ampere have no bf16: by what NVIDIA calls them.
_OLD_GPU: Final = re.compile(r"\b(V100|P100|P40|P4|T4|K80|M60|M40|GTX|RTX 20\d\d|Quadro RTX|TITAN)\b")
_ID: Final = re.compile(r"[0-9a-f]{32}")
_UNSAFE_NAME: Final = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with its draft: `dataset_ids` are those to train on. `before`: what the run that is tried again was made of, with its
    changes; then its data are as they were."""

    draft: TrainingDraft
    dataset_ids: tuple[str, ...]
    remarks: tuple[Remark, ...] = ()
    before: tuple[ResolvedRun, Mapping[str, Any]] | None = None


def unrestricted(principal: Principal) -> bool:
    """Whether somebody sits at the machine, or administers it: then nothing is closed that the machine itself does not close."""
    return principal.is_admin or not principal.served


def is_old(gpu: Gpu) -> bool:
    """Whether it has no bf16."""
    return _OLD_GPU.search(gpu.name) is not None


class Resolver:
    """`gpus()` gives those of this machine, and blocks shortly."""

    def __init__(self, settings: Settings, store: Store, datasets: Datasets, gpus: Callable[[], tuple[Gpu, ...]]) -> None:
        self._settings = settings
        self._store = store
        self._datasets = datasets
        self._gpus = gpus

    async def asked(self, principal: Principal, request: RunRequest, catalogue: Catalogue) -> Asked:
        """The draft of a request. Raises NotFound(configuration, dataset), InvalidInput("yaml", ...), Forbidden."""
        reader = principal.require_user("run.start")
        if request.configuration_id is not None:
            wanted, number = request.configuration_id, request.version
            draft, _ = await self._store.read(lambda uow: version_draft(uow, reader, wanted, number))
            return Asked(draft, request.dataset_ids or draft.dataset_ids)
        if request.yaml_text is None:
            raise InvalidInput("configuration_id", "empty")
        found = await asyncio.to_thread(imported, request.yaml_text, catalogue, unrestricted=unrestricted(principal))
        ids = request.dataset_ids
        if not ids:
            ids = tuple([(await self._datasets.dataset(principal, name)).id for name in found.dataset_names])
        return Asked(replace(found.draft, name=clean_name(request.name)), ids, found.remarks)

    async def asked_again(self, principal: Principal, run: ResolvedRun, changes: Mapping[str, Any]) -> Asked:
        """What another attempt asks for. A file of it that is neither there nor a dataset any more stands for itself."""
        draft = _changed_draft(run, changes)
        ids = draft.dataset_ids
        if not ids:
            paths = [str(entry.get("file_name", "")) for entry in run.datasets.values()]
            known = await self._datasets.ids_of(principal, paths)
            ids = tuple([known.get(path, path) for path in paths if path in known or not await asyncio.to_thread(os.path.exists, path)])
        return Asked(draft, ids, before=(run, changes))

    async def resolve(self, principal: Principal, request: RunRequest, catalogue: Catalogue) -> ResolvedRun:
        """Raises InvalidInput, NotFound, Forbidden, Conflict(what="dataset_unusable")."""
        if request.kind == "export":
            return await self._export(principal, request, catalogue)
        asked = await self.asked(principal, request, catalogue)
        if (error := next((remark for remark in asked.remarks if remark.level == "error"), None)) is not None:
            raise _as_error(error)
        there = await asyncio.to_thread(self._gpus)
        # Without any GPU here the scheduler gives a run the CPU, however many it would like.
        gpus = len(request.gpu_uuids) or (request.gpus if there else 0)
        return await self.resolved(principal, asked, catalogue, gpus=gpus)

    async def resolved(self, principal: Principal, asked: Asked, catalogue: Catalogue, *, gpus: int) -> ResolvedRun:
        draft = asked.draft
        if draft.stage == "ppo":
            raise InvalidInput("stage", "ppo_not_in_this_version")
        if not draft.model_name_or_path.strip():
            raise InvalidInput("model_name_or_path", "empty")
        if not asked.dataset_ids:
            raise InvalidInput("dataset_ids", "empty")
        if draft.deepspeed != "none" and not gpus:
            raise InvalidInput("deepspeed", "needs_gpu")
        _may_log(principal, draft)
        options = checked(draft_options(draft), catalogue, unrestricted=unrestricted(principal))
        options = await asyncio.to_thread(self._with_precision, options, draft)
        options, paths = await self._with_paths(principal, options)
        datasets, rows = await self._entries(principal, asked.dataset_ids)
        eval_datasets, _ = await self._entries(principal, draft.eval_dataset_ids, taken=datasets)
        return ResolvedRun(
            kind="train",
            options=options,
            datasets=datasets,
            eval_datasets=eval_datasets,
            rows=rows,
            deepspeed=draft.deepspeed,
            swanlab=draft.swanlab,
            swanlab_mode=draft.swanlab_mode,
            paths=paths,
            offline=_offline(options),
            stage=draft.stage,
            method=draft.method,
            model=draft.model_name_or_path,
            template=draft.template,
            confined=not unrestricted(principal),
        )

    async def changed(self, principal: Principal, run: ResolvedRun, changes: Mapping[str, Any], catalogue: Catalogue) -> ResolvedRun:
        """The run with other values, its datasets as they were unless `dataset_ids` names others."""
        free = unrestricted(principal)
        if run.kind == "export":
            options = {key: value for key, value in (dict(run.options) | dict(changes)).items() if value is not None}
            return await self._as_export(principal, options, catalogue)
        draft = _changed_draft(run, changes)
        _may_log(principal, draft)
        options = checked(draft_options(draft), catalogue, unrestricted=free)
        if draft.precision == "auto" and not (options.get("bf16") or options.get("fp16")):
            options = await asyncio.to_thread(self._with_precision, options, draft)
        options, paths = await self._with_paths(principal, options)
        datasets, rows = run.datasets, run.rows
        if draft.dataset_ids:
            datasets, rows = await self._entries(principal, draft.dataset_ids)
        return replace(
            run,
            options=options,
            datasets=datasets,
            rows=rows,
            deepspeed=draft.deepspeed,
            swanlab=draft.swanlab,
            swanlab_mode=draft.swanlab_mode,
            paths=paths,
            offline=_offline(options),
            stage=draft.stage,
            method=draft.method,
            model=draft.model_name_or_path,
            template=draft.template,
            confined=not unrestricted(principal),
        )

    async def _export(self, principal: Principal, request: RunRequest, catalogue: Catalogue) -> ResolvedRun:
        return await self._as_export(principal, dict(request.extra.get("options") or {}), catalogue)

    async def _as_export(self, principal: Principal, options: dict[str, Any], catalogue: Catalogue) -> ResolvedRun:
        free = unrestricted(principal)
        for key in options:
            if key not in EXPORT_OPTIONS or (key == "trust_remote_code" and not free):
                raise InvalidInput(key, "denied", key=key)
        # They are administrators' options in a file; here the application gives them.
        clean = checked(options, catalogue, unrestricted=True)
        clean, paths = await self._with_paths(principal, clean)
        model = str(clean.get("model_name_or_path", ""))
        if not model:
            raise InvalidInput("model_name_or_path", "empty")
        template = str(clean.get("template", ""))
        return ResolvedRun(
            "export",
            clean,
            paths=paths,
            offline=_offline(clean),
            method="export",
            model=model,
            template=template,
            confined=not free,
        )

    # Rights --------------------------------------------------------------------------------------------------------

    async def reach(self, principal: Principal, texts: tuple[str, ...]) -> Reach:
        """What this person's options may name. `texts`: in which names of runs may be."""
        runs = self._settings.data_dir / "runs"
        owner = principal.user_id
        candidates = await asyncio.to_thread(_run_ids, texts)
        owned = await self._store.read(lambda uow: {each for each in candidates if owner and uow.runs.get(owner, each) is not None})
        return Reach(
            home=self._settings.data_dir / "users" / owner if owner else None,
            folders=self._settings.training.model_folders + self._settings.training.dataset_folders,
            runs=runs,
            owns_run=owned.__contains__,
            anywhere=unrestricted(principal),
        )

    async def _with_paths(self, principal: Principal, options: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        reach = await self.reach(principal, tuple(str(options[key]) for key in PATHS if options.get(key)))
        return await asyncio.to_thread(resolve_options, options, reach)

    # Data ----------------------------------------------------------------------------------------------------------

    async def _entries(
        self, principal: Principal, ids: tuple[str, ...], taken: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Mapping[str, Any]], tuple[int | None, ...]]:
        """Entries of dataset_info.json by name, and how many samples each has."""
        entries: dict[str, Mapping[str, Any]] = {}
        rows: list[int | None] = []
        for dataset_id in dict.fromkeys(ids):
            dataset = await self._datasets.dataset(principal, dataset_id)
            entry = await self._datasets.info_entry(principal, dataset.id)
            entries[entry_name(dataset.name, {*entries, *(taken or {})})] = entry
            rows.append(_rows(dataset))
        return entries, tuple(rows)

    def _with_precision(self, options: dict[str, Any], draft: TrainingDraft) -> dict[str, Any]:
        """Mixed precision as the GPUs here can: bf16, or fp16 on old ones. On the CPU the plan takes it back."""
        if draft.precision != "auto" or any(options.get(name) for name in ("bf16", "fp16", "pure_bf16")):
            return options
        gpus = self._gpus()
        return options | ({"fp16": True} if gpus and all(is_old(gpu) for gpu in gpus) else {"bf16": True})


def _changed_draft(run: ResolvedRun, changes: Mapping[str, Any]) -> TrainingDraft:
    return draft_from_options(run.options, changes, deepspeed=run.deepspeed, swanlab=run.swanlab, swanlab_mode=run.swanlab_mode)


def _may_log(principal: Principal, draft: TrainingDraft) -> None:
    """SwanLab's cloud is reached by the account of whoever runs this machine."""
    if draft.swanlab_mode not in SWANLAB_MODES:
        raise InvalidInput("swanlab_mode", "not_a_choice", choices=SWANLAB_MODES)
    if draft.swanlab and draft.swanlab_mode == "cloud" and not unrestricted(principal):
        raise InvalidInput("swanlab_mode", "denied", key="swanlab_mode")


def checked(options: dict[str, Any], catalogue: Catalogue, *, unrestricted: bool) -> dict[str, Any]:
    """The options as LLaMA-Factory takes them. Raises InvalidInput for the first that is wrong, denied or the application's own."""
    clean, remarks = check_options({key: value for key, value in options.items() if value != ""}, catalogue, unrestricted=unrestricted)
    for remark in (*remarks, *conflicts(clean)):
        if remark.level == "error":
            raise _as_error(remark)
    return {key: value for key, value in clean.items() if key not in OURS}


def _as_error(remark: Remark) -> InvalidInput:
    return InvalidInput(remark.key, remark.rule, **{key: value for key, value in remark.fields.items() if key not in ("field", "rule")})


def _offline(options: Mapping[str, Any]) -> bool:
    """Whether everything is on this disk: then no hub is asked, which takes a minute where there is no network."""
    texts = [text for key in PATHS if options.get(key) for text in str(options[key]).split(",")]
    return all(os.path.isabs(text) for text in texts)  # noqa: PTH117


def _run_ids(texts: tuple[str, ...]) -> set[str]:
    """What may be ids of runs in paths, before and after their links are followed."""
    found: set[str] = set()
    for text in texts:
        for part in text.split(","):
            found |= set(_ID.findall(part))
            try:
                found |= set(_ID.findall(str(Path(part).resolve())))
            except (OSError, RuntimeError, ValueError):
                continue
    return set(sorted(found)[:100])


def _rows(dataset: Dataset) -> int | None:
    summary = dataset.current.summary
    return summary.usable if summary is not None and not dataset.current.stale else None


def entry_name(name: str, taken: set[str]) -> str:
    """A dataset's name as LLaMA-Factory can take it: without commas and blanks, and only once."""
    base = _UNSAFE_NAME.sub("_", name).strip("_.")[:60] or "dataset"
    count, candidate = 1, base
    while candidate in taken:
        count += 1
        candidate = f"{base}_{count}"
    return candidate
