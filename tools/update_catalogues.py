"""Collect the messages of tui/ into tui/locales/modeltrain.pot and bring every catalogue up to date.

    python tools/update_catalogues.py           writes the files
    python tools/update_catalogues.py --check   writes nothing; fails when a file would change or a translation has other placeholders

Translations are kept; new messages come in empty, vanished ones are dropped.
"""

from __future__ import annotations

import ast
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ROOT / "tui" / "locales"
#: The functions of tui/i18n.py, and how many of their arguments are messages.
KEYWORDS = {"_": 1, "N_": 1, "ngettext": 2}
HEADER = "# Messages of modeltrain."


def collect() -> Catalog:
    """The template: every message of tui/ with where it stands."""
    catalogue = Catalog(project="modeltrain", version="1", charset="utf-8")
    for path in sorted((ROOT / "tui").rglob("*.py")):
        for message in messages(path.read_text(encoding="utf-8")):
            # Without line numbers, so that a catalogue changes only when its messages do.
            catalogue.add(message, None, [(path.relative_to(ROOT).as_posix(), None)])
    return catalogue


def messages(source: str) -> Iterator[str | tuple[str, str]]:
    """What `source` marks for translation, in order. Babel's own extractor reads tokens: it misses what stands inside an f-string."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        arguments = call.args[: KEYWORDS.get(call.func.id, 0)]  # type: ignore[attr-defined]
        texts = [argument.value for argument in arguments if isinstance(argument, ast.Constant) and isinstance(argument.value, str)]
        if texts and len(texts) == len(arguments):
            yield texts[0] if len(texts) == 1 else (texts[0], texts[1])


def placeholders(text: str) -> set[str]:
    """The named fields of a format string. Raises ValueError for an unbalanced brace."""
    return {name for _text, name, _spec, _conversion in Formatter().parse(text) if name is not None}


def wrong_placeholders(message: Message) -> str:
    """What is wrong with a translated message's placeholders; "" if nothing is."""
    originals = message.id if isinstance(message.id, (list, tuple)) else (message.id,)
    translations = message.string if isinstance(message.string, (list, tuple)) else (message.string,)
    try:
        wanted = set().union(*(placeholders(original) for original in originals))
        for translation in translations:
            if translation and placeholders(translation) != wanted:
                return f"{originals[0]!r}: {sorted(placeholders(translation))} in place of {sorted(wanted)}"
    except ValueError as error:
        # A message that is no format string (JSON, for example) may hold single braces; its translation must not add some.
        if any(translation.count("{") != originals[0].count("{") for translation in translations if translation):
            return f"{originals[0]!r}: {error}"
    return ""


def update(template: Catalog, path: Path) -> tuple[bytes, list[str], int]:
    """The catalogue at `path` brought up to date: its bytes, its faults, and how many messages have no translation."""
    with path.open("rb") as reader:
        catalogue = read_po(reader, locale=path.parts[-3])
    catalogue.update(template, no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    faults, missing = [], 0
    for message in catalogue:
        if not message.id:
            continue
        if message.fuzzy:  # Babel's guess for a message that got a plural, for example
            message.string, message.flags = "", message.flags - {"fuzzy"}
        translated = all(message.string) if isinstance(message.string, (list, tuple)) else bool(message.string)
        missing += not translated
        if fault := wrong_placeholders(message):
            faults.append(f"{path}: {fault}")
    return written(catalogue), faults, missing


def written(catalogue: Catalog) -> bytes:
    buffer = io.BytesIO()
    catalogue.fuzzy = False
    if not catalogue.header_comment.startswith(HEADER):  # what is below the first line, such as a glossary, is the translators'
        catalogue.header_comment = HEADER
    write_po(buffer, catalogue, width=120, include_lineno=False, ignore_obsolete=True, sort_by_file=True)
    # Dates would change the file although no message did; nobody in particular is the translator.
    dropped = (b'"POT-Creation-Date', b'"PO-Revision-Date', b'"Last-Translator', b'"Report-Msgid-Bugs-To', b'"Language-Team')
    return b"".join(line for line in buffer.getvalue().splitlines(keepends=True) if not line.startswith(dropped))


def main() -> int:
    check = "--check" in sys.argv[1:]
    template = collect()
    results: dict[Path, bytes] = {}
    faults: list[str] = []
    for path in sorted(LOCALES.glob("*/LC_MESSAGES/*.po")):
        results[path], wrong, missing = update(template, path)
        faults += wrong
        print(f"{path.relative_to(ROOT)}: {missing} of {len(template)} messages without translation")
    for path, content in results.items():
        if check and path.read_bytes() != content:
            faults.append(f"{path.relative_to(ROOT)} is not up to date: run make catalogues")
        elif not check:
            path.write_bytes(content)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
