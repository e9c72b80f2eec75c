"""The translations: complete, with the same placeholders, loadable; and no text that people read goes past gettext."""

from __future__ import annotations

import ast
import gettext
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from update_catalogues import collect, messages, update, wrong_placeholders  # noqa: E402

TRANSLATED = sorted((ROOT / "tui" / "locales").glob("*/LC_MESSAGES/*.po"))
SOURCES = sorted((ROOT / "tui").rglob("*.py"))

#: What draws its arguments: callable -> the positions and names of the texts among its arguments.
DRAWN: dict[str, tuple[int | str, ...]] = {
    "Binding": (2, "description", "tooltip"),
    "Column": (1,),
    "Field": (0, "hint"),
    "PasswordField": (0, "hint"),
    "Choice": (0,),
    "Toggle": (0,),
    "Rule": (0,),
    "Composer": (0,),
    "ScreenCommand": (0, 2, "help"),
    "Confirm": (0, 1),
    "Decide": (0, 2),
    "Ask": (0, "explanation", "hint"),
    "Choose": (0, "explanation"),
    "Write": (0,),
    "Notice": (1,),
    "Problem": (0, 1, 2),
    "say": (0,),
    "notify": (0, "title"),
    "set_opened": (0,),
    "set_in_hand": (0,),
}
DRAWN_ATTRIBUTES = {"AREA", "HELP", "HEADING", "INTRO"}
MARKERS = {"_", "N_", "ngettext"}
#: The names of the palette's styles: a pair of two texts that ends with one is a text with its style.
STYLES = {"text", "dim", "accent", "good", "warn", "bad", "reasoning", "bold"}
#: Words that are the same in every language.
SAME = {"B", "GB", "GPU", "YAML", "e", "k", "modeltrain", "x"}
WORD = re.compile(r"(?:^|\s)([A-Za-z]+)(?=\s|$)")


def catalogue_at(path: Path) -> Catalog:
    with path.open("rb") as reader:
        return read_po(reader, locale=path.parts[-3])


@pytest.fixture(scope="module")
def template() -> Catalog:
    return collect()


def test_there_is_a_catalogue_and_something_to_translate(template: Catalog) -> None:
    assert [path.parts[-3] for path in TRANSLATED] == ["zh_CN"]
    assert len(template) > 1000


def test_messages_are_found_wherever_they_stand() -> None:
    source = 'f"{sign} {_(\'Inside.\')}"\nN_("In "\n   "two parts")\nngettext("{n} line", "{n} lines", 2)\n_(variable)\nother("No.")\n'
    assert list(messages(source)) == ["Inside.", "In two parts", ("{n} line", "{n} lines")]


@pytest.mark.parametrize("path", TRANSLATED, ids=lambda path: path.parts[-3])
class TestCatalogue:
    def test_every_message_is_translated_and_none_is_left_over(self, path: Path, template: Catalog) -> None:
        catalogue = catalogue_at(path)
        wanted, found = ({message.id for message in each if message.id} for each in (template, catalogue))
        assert found == wanted, "run: make catalogues"
        assert not catalogue.obsolete
        missing = [message.id for message in catalogue if message.id and not all(_forms(message.string))]
        assert missing == []

    def test_no_translation_is_a_guess(self, path: Path, template: Catalog) -> None:
        assert [message.id for message in catalogue_at(path) if message.id and message.fuzzy] == []

    def test_placeholders_are_those_of_the_original(self, path: Path, template: Catalog) -> None:
        assert [fault for message in catalogue_at(path) if message.id and (fault := wrong_placeholders(message))] == []

    def test_paragraphs_and_blank_ends_are_those_of_the_original(self, path: Path, template: Catalog) -> None:
        for message in catalogue_at(path):
            original = _forms(message.id)[0]
            for text in _forms(message.string) if message.id else ():
                assert text.count("\n\n") == original.count("\n\n"), original
                assert text == text.strip("\n\t "), original

    def test_collecting_again_changes_nothing(self, path: Path, template: Catalog) -> None:
        content, faults, missing = update(template, path)
        assert (faults, missing) == ([], 0)
        assert content == path.read_bytes(), "run: make catalogues"

    def test_it_compiles_and_speaks(self, path: Path, template: Catalog) -> None:
        compiled = io.BytesIO()
        catalogue = catalogue_at(path)
        write_mo(compiled, catalogue)
        compiled.seek(0)
        spoken = gettext.GNUTranslations(compiled)
        for message in catalogue:
            if isinstance(message.id, tuple):
                assert spoken.ngettext(*message.id, 5) == _forms(message.string)[-1]
            elif message.id:
                assert spoken.gettext(message.id) == message.string


def _forms(text: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


# Texts that go past gettext -----------------------------------------------------------------------------------------------


def _is_words(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(re.search("[A-Za-z]{2}", node.value))


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch("[a-z_]+", node.value) is not None


def _is_control_sequence(node: ast.JoinedStr) -> bool:
    """Whether it begins with an escape: what a terminal is told, not what people read."""
    first = node.values[0] if node.values else None
    return isinstance(first, ast.Constant) and str(first.value).startswith("\x1b[")


def _called(node: ast.Call) -> str:
    function = node.func
    return function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""


def _texts(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions of `node` itself that will be read by people."""
    if isinstance(node, ast.Call):
        for place in DRAWN.get(_called(node), ()):
            if isinstance(place, int) and place < len(node.args):
                yield node.args[place]
            yield from (keyword.value for keyword in node.keywords if keyword.arg == place)
    elif isinstance(node, ast.Assign):
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        if names & DRAWN_ATTRIBUTES:
            yield node.value
    elif isinstance(node, ast.Tuple) and len(node.elts) == 2:
        style = node.elts[1]
        # A name such as "stream_truncated" is a key of a table, not a text.
        if isinstance(style, ast.Constant) and style.value in STYLES and not _is_name(node.elts[0]):
            yield node.elts[0]


def past_gettext(source: str) -> list[tuple[int, str]]:
    """Line and text of what is drawn, but not marked for translation."""
    found = []
    for node in ast.walk(ast.parse(source)):
        found += [(text.lineno, ast.unparse(text)) for text in _texts(node) if _is_words(text)]
        if isinstance(node, ast.JoinedStr) and not _is_control_sequence(node):
            words = {word for part in node.values if isinstance(part, ast.Constant) for word in WORD.findall(str(part.value))}
            # What stands behind the colon of a field is a JoinedStr too: "g", "05d".
            if words - SAME - STYLES and any(isinstance(part, ast.FormattedValue) for part in node.values):
                found.append((node.lineno, ast.unparse(node)))
    return sorted(found)


def test_the_search_finds_what_is_not_marked() -> None:
    source = (
        'Binding("n", "new", "new one", tooltip=_("New"))\nField(N_("Name"), hint="what you call it")\nAREA = "Chat"\n'
        'show(("Nothing here.", "dim"), (_("But this."), "dim"))\nself.say(f"{count} found")\n'
        'f"field-{name}" f"{value:g}"\nf"\\x1b[{n}D moves"\nColumn("key", "", 3)\nrow("state", "text")\n'
    )
    assert [line for line, _text in past_gettext(source)] == [1, 2, 3, 4, 5]


#: Examples and commands that are the same in every language.
EXAMPLES = {
    "'{\"chat_template_kwargs\": {}}'",
    "'https://host/v1'",
    "'/models/qwen2.5-7b'",
    "'/opt/llamafactory'",
    "f\"scp -P {context.services.settings.serve.port} train.jsonl {_sign_in_name(context)}@{_('SERVER')}:datasets/\"",
    "f'ssh -N -L {service.port}:{service.host}:{service.port} {_account()}@{_host()}'",
    "f\"ssh -N -L {service.port}:{service.host}:{service.port} {_('YOU')}@{_host()}\"",
    "'train.yaml'",
    "f'ssh -p {told.port} register@{reached_at(told.host)}'",
    "f'modeltrain --data {shlex.quote(str(settings.data_dir))} user add EMAIL --nickname NAME --admin'",
}
#: Whose f-strings are for the log, systemd and monitors, which speak English: the processes of the server.
FOR_OPERATORS = {f"tui/ssh/{name}.py" for name in ("crew", "front_desk", "health", "journal", "worker", "worker_process")}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_goes_past_gettext(path: Path) -> None:
    left = [(line, text) for line, text in past_gettext(path.read_text(encoding="utf-8")) if text not in EXAMPLES]
    if path.relative_to(ROOT).as_posix() in FOR_OPERATORS:
        left = [(line, text) for line, text in left if not text.startswith("f")]
    # Numbers in a format specification are no words; everything else must be marked.
    assert [(line, text) for line, text in left if not re.fullmatch(r"f'\.\{\w+\}f'", text)] == []
