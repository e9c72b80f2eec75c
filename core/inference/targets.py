"""From runs and folders to the models that can be served. Blocks: run it in a thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from core.inference.scanning import describe, facts, model_id
from core.inference.types import Target
from core.training.results import Artifact, artifacts
from core.training.types import Run


def of_run(run: Run) -> list[Target]:
    """What a run left behind: the final model first, then its checkpoints, the newest first."""
    if run.output_dir is None:
        return []
    return [_target(run, each) for each in artifacts(run.output_dir, export=run.kind == "export")]


def _target(run: Run, found: Artifact) -> Target:
    base = found.base
    if not base and found.kind in ("adapter", "checkpoint") and run.method in ("lora", "oft"):
        base = str(run.options.get("model_name_or_path") or run.model)
    described = describe(found.path)
    return Target(
        id=model_id(found.path),
        kind=found.kind,
        name=run.name if found.step is None else f"{run.name}@{found.step}",
        path=str(found.path),
        base=base,
        run_id=run.id,
        run_name=run.name,
        step=found.step if found.step is not None else (run.step or None),
        complete=found.complete,
        size_bytes=found.size_bytes,
        facts=described.facts if described is not None else facts(found.path),
        metrics=found.metrics,
        template=str(run.options.get("template") or ""),
        finetuning_type=run.method if run.method in ("lora", "oft") else found.method,
        created_at=found.created_at,
    )


def of_folders(found: Iterable[Target]) -> list[Target]:
    """Models of folders, by name."""
    return sorted(found, key=lambda each: (each.kind, each.name.casefold(), each.path))


def with_bases(found: Sequence[Target], runs: Iterable[Run]) -> list[Target]:
    """`found`, and the base models of the runs that are not among them: what was trained can be compared with what it was made of."""
    known = {each.id for each in found}
    more: list[Target] = []
    for run in runs:
        base = str(run.options.get("model_name_or_path") or "")
        if run.kind != "train" or not base or model_id(base) in known:
            continue
        known.add(model_id(base))
        template = str(run.options.get("template") or "")
        described = describe_base(base)
        more.append(replace(described, template=template))
    templates = {model_id(str(run.options.get("model_name_or_path") or "")): str(run.options.get("template") or "") for run in runs}
    return [each if each.template else replace(each, template=templates.get(each.id, "")) for each in (*found, *more)]


def describe_base(base: str) -> Target:
    """A base model by its path or hub name; one that is not there any more is not complete."""
    name = Path(base).name if base.startswith("/") else base
    bare = Target(id=model_id(base), kind="base", name=name, path=base)
    if not base.startswith("/"):
        return bare
    described = describe(Path(base))
    return replace(described, kind="base") if described is not None else replace(bare, complete=False)
