"""Fonts of this machine that have Chinese signs, to be embedded into PDF; what they cannot show is told, never dropped."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: File of the regular face, file of the bold one beside it ("" for none), in the order of preference. Names as installers give them.
_CHINESE: Final = (
    ("NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc"),
    ("NotoSansCJKsc-Regular.otf", "NotoSansCJKsc-Bold.otf"),
    ("NotoSansSC-Regular.otf", "NotoSansSC-Bold.otf"),
    ("NotoSansSC-Regular.ttf", "NotoSansSC-Bold.ttf"),
    ("SourceHanSansSC-Regular.otf", "SourceHanSansSC-Bold.otf"),
    ("SourceHanSansCN-Regular.otf", "SourceHanSansCN-Bold.otf"),
    ("SourceHanSans.ttc", ""),
    ("PingFang.ttc", ""),
    ("Hiragino Sans GB.ttc", ""),
    ("STHeiti Light.ttc", "STHeiti Medium.ttc"),
    ("msyh.ttc", "msyhbd.ttc"),
    ("simhei.ttf", ""),
    ("wqy-microhei.ttc", ""),
    ("wqy-zenhei.ttc", ""),
    ("NotoSerifCJK-Regular.ttc", "NotoSerifCJK-Bold.ttc"),
    ("DroidSansFallbackFull.ttf", ""),
    ("DroidSansFallback.ttf", ""),
    ("simsun.ttc", ""),
    ("uming.ttc", ""),
)
_OTHERS: Final = (
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
    ("Arial.ttf", "Arial Bold.ttf"),
    ("arial.ttf", "arialbd.ttf"),
)
#: Folders below one of these that are looked through, at most.
_DEPTH: Final = 4
#: Chinese fonts that have no Latin letters.
_WITHOUT_LATIN: Final = ("DroidSansFallback.ttf", "DroidSansFallbackFull.ttf")


@dataclass(frozen=True, slots=True)
class Face:
    """A font's file and, in a collection, its number. `bold`: the same of the bold one, None where there is none."""

    path: Path
    number: int = 0
    bold: Path | None = None
    bold_number: int = 0


@dataclass(frozen=True, slots=True)
class Fonts:
    """`main` first, then what it lacks from `other`. Both None: only the fonts that every reader of PDF brings, without Chinese."""

    main: Face | None
    other: Face | None
    chinese: bool


def folders() -> tuple[Path, ...]:
    """Where fonts are on this kind of machine; the person's own first."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")
    if sys.platform == "win32":
        return (Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts",)
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share")
    return data / "fonts", home / ".fonts", Path("/usr/local/share/fonts"), Path("/usr/share/fonts")


def find(places: tuple[Path, ...] | None = None) -> Fonts:
    """The best fonts in `places` (default: `folders`). Reads some folders and at most a few files."""
    files: dict[str, Path] = {}
    for place in folders() if places is None else places:
        for path in _fonts_below(place, _DEPTH):
            files.setdefault(path.name, path)
    chinese, other = _first(files, _CHINESE), _first(files, _OTHERS)
    if chinese is not None and chinese.path.name not in _WITHOUT_LATIN:
        return Fonts(chinese, other, chinese=True)
    return Fonts(other or chinese, chinese if other is not None else None, chinese=chinese is not None)


def _fonts_below(folder: Path, depth: int) -> Iterator[Path]:
    """Font files, in a fixed order. Folders that cannot be read hold none."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.lower().endswith((".ttf", ".otf", ".ttc")):
            yield Path(entry.path)
        elif depth > 1 and entry.is_dir():
            yield from _fonts_below(Path(entry.path), depth - 1)


def _first(files: dict[str, Path], wanted: tuple[tuple[str, str], ...]) -> Face | None:
    for regular, bold in wanted:
        path = files.get(regular)
        number = _number(path) if path is not None else None
        if path is not None and number is not None:
            heavy = files.get(bold)
            heavy_number = _number(heavy) if heavy is not None else None
            return Face(path, number, heavy if heavy_number is not None else None, heavy_number or 0)
    return None


def _number(path: Path) -> int | None:
    """Which face of a collection is the one for simplified Chinese; 0 for a file of one face, None for what is no font.

    Only names are read: the tables of signs of such a font take some ten MB.
    """
    from fontTools.ttLib import TTCollection, TTFont, TTLibError

    try:
        if path.suffix.lower() != ".ttc":
            with path.open("rb") as file, TTFont(file, lazy=True) as font:
                return 0 if "cmap" in font else None
        with path.open("rb") as file, TTCollection(file, lazy=True) as collection:
            names = [str(font["name"].getDebugName(4) or "") for font in collection.fonts]
    except (OSError, TTLibError, KeyError, ValueError, AssertionError):
        return None
    fit = [index for index, name in enumerate(names) if name.split()[-1:] in (["SC"], ["GB"]) or " SC " in f"{name} "]
    return next((index for index in fit if "Mono" not in names[index]), fit[0] if fit else 0)
