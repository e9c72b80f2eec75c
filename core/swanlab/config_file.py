"""`files/config.yaml` of an experiment: what the run was started with. SwanLab writes {name: {desc, sort, value}}."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

_LARGEST: Final = 1 << 20
#: More entries than a person reads, and the end of what a file of aliases could grow into.
_MOST: Final = 3000
_LONGEST_VALUE: Final = 500
_DEEPEST: Final = 8
_OUTPUT = re.compile(rb"^output_dir:\n(?:  (?:desc|sort): [^\n]*\n)*  value: ([^\n]+)$", re.MULTILINE)


def _file(experiment: Path) -> Path:
    return experiment / "files" / "config.yaml"


def _read(experiment: Path) -> bytes:
    """At most a megabyte of it; b"" where there is none."""
    path = _file(experiment)
    try:
        if path.is_symlink() or not path.is_file():
            return b""
        with path.open("rb") as reader:
            return reader.read(_LARGEST)
    except OSError:
        return b""


def output_folder(experiment: Path) -> str:
    """The output folder of the run that wrote the experiment, "" where it is not told. Cheap: the YAML is not parsed where it need not."""
    found = _OUTPUT.search(_read(experiment))
    if found is None:
        return ""
    text = found.group(1).decode("utf-8", "replace").strip()
    if text[:1] in "'\"|>&*!{[":
        value = _parsed(text.encode())
        return value if isinstance(value, str) else ""
    return text


def configuration(experiment: Path) -> tuple[tuple[tuple[str, str], ...], str]:
    """Dotted names with values as text, in SwanLab's order, and what is wrong: "", "missing" or "damaged"."""
    raw = _read(experiment)
    if not raw:
        return (), "missing"
    found = _parsed(raw)
    if not isinstance(found, Mapping):
        return (), "damaged"
    entries = sorted(found.items(), key=lambda item: _place(item[1]))
    lines: list[tuple[str, str]] = []
    for name, entry in entries:
        value = entry["value"] if isinstance(entry, Mapping) and "value" in entry else entry
        for line in _flat(str(name), value, 0):
            if len(lines) == _MOST:
                return tuple(lines), ""
            lines.append(line)
    return tuple(lines), ""


def _parsed(raw: bytes) -> Any:
    import yaml

    try:
        return yaml.load(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        return None


def _place(entry: Any) -> int:
    place = entry.get("sort") if isinstance(entry, Mapping) else None
    return place if isinstance(place, int) else 1 << 30


def _flat(name: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value and depth < _DEEPEST:
        for inner, what in value.items():
            yield from _flat(f"{name}.{inner}", what, depth + 1)
    else:
        yield name, _short(value)


def _short(value: Any) -> str:
    if value is None or value == {}:
        return ""  # SwanLab writes {} for None
    if isinstance(value, list):
        shown = ", ".join(str(item)[:_LONGEST_VALUE] if not isinstance(item, (list, dict)) else "…" for item in value[:50])
        return shown[:_LONGEST_VALUE]
    return str(value)[:_LONGEST_VALUE] if not isinstance(value, dict) else "…"
