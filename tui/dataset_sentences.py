"""What is wrong with datasets, in words: shared by the screens and the shell commands.

Each rule of core/datasets/rules.py has a title (for "12 × ..."), a sentence for one place, and what a person does about it. Where repair
can mend a rule, the remedy says what repair does. Fields come from the file: they are sanitised and cut here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.datasets.types import Problem
from core.sanitise import one_line
from tui.errors import fill
from tui.i18n import N_, _
from tui.sentence import Candidates

_LONGEST = 80
_MENDS = N_("Repair puts it right.")
_DROPS = N_("Repair takes the row out; or mend it in the file.")
_FILE = N_("Repair writes the file anew, with this put right.")
_NOTHING = N_("Nothing has to be done.")


@dataclass(frozen=True, slots=True)
class Words:
    """`title`: untranslated, for many of a kind; `sentence`: for one; `remedy`: what to do now."""

    title: str
    sentence: Candidates
    remedy: str


def _plain(title: str, remedy: str) -> Words:
    return Words(title, (), remedy)


#: Types of values as people call them.
KINDS = {
    "null": N_("nothing (null)"),
    "boolean": N_("true or false"),
    "number": N_("a number"),
    "text": N_("text"),
    "list": N_("a list"),
    "object": N_("an object"),
}

BY_RULE: dict[str, Words] = {
    # The file ------------------------------------------------------------------------------------------------------------
    "unreadable": Words(
        N_("the file cannot be read"),
        (N_("The file cannot be read: {reason}."), N_("The file cannot be read.")),
        N_("Give the account that runs modeltrain the right to read it, then check again."),
    ),
    "not_a_regular_file": _plain(N_("no ordinary file"), N_("Name an ordinary file: no folder, pipe or device.")),
    "outside_folder": _plain(
        N_("the file leads out of the allowed folders"), N_("Put the file itself into your datasets folder, not a link to it.")
    ),
    "needs_environment": _plain(
        N_("Parquet is read by the training environment, which is missing"),
        N_("Install the training environment (Runs, Environment), then check again; or convert the file to JSONL."),
    ),
    "parquet_unreadable": Words(
        N_("the Parquet file cannot be read"),
        (N_("The Parquet file cannot be read: {reason}."),),
        N_("Write the file anew with the program that made it, then check again."),
    ),
    "empty_file": _plain(N_("the file is empty"), N_("Choose a file with rows in it.")),
    "binary_file": _plain(N_("this is no text"), N_("Unpack or convert it first: JSON, JSONL, CSV, TXT and Parquet are understood.")),
    "encoding": Words(
        N_("the file is not UTF-8"),
        (N_("The file is written in {encoding}, not in UTF-8."), N_("The file is written in {found}, not in UTF-8.")),
        N_("Repair writes it anew in UTF-8."),
    ),
    "bom": _plain(N_("the file begins with a byte order mark"), N_("Repair writes it anew without.")),
    "extension": Words(
        N_("the file has the wrong ending for what is in it"),
        (N_("The file ends in {found} but holds {expected}."),),
        N_("Repair writes a file with the right ending."),
    ),
    "file_changed": _plain(N_("the file changed while it was read"), N_("Wait until nobody writes to it, then check again.")),
    "unknown_format": Words(
        N_("the rows are of no known format"),
        (N_("The rows are of no known format; their keys are {keys}."), N_("The rows are of no known format; their keys are {found}.")),
        N_("Name the keys as in Alpaca (instruction, input, output), ShareGPT (conversations: from, value) or OpenAI (messages)."),
    ),
    "wrapped_array": Words(
        N_("the rows lie inside another object"),
        (N_("The rows lie under “{key}”, not at the top of the file."),),
        N_("Repair writes them as a plain list."),
    ),
    "late_column": Words(
        N_("a key that comes only later in the file"),
        (N_("“{key}” is here for the first time: the loader fails on keys that come late."),),
        N_("Repair gives every row the key, or leaves it out if nothing is trained from it."),
    ),
    "no_usable_rows": _plain(N_("no row can be trained on"), N_("See what is wrong with the rows, and mend the file.")),
    # How a row is written ------------------------------------------------------------------------------------------------
    "malformed": Words(
        N_("a row that is no JSON"),
        (N_("This is no JSON, from “{found}” on."), N_("This is no JSON.")),
        _DROPS,
    ),
    "truncated": Words(
        N_("a row that is cut off"), (N_("The row ends in the middle, after “{found}”."), N_("The row ends in the middle.")), _DROPS
    ),
    "not_utf8": Words(N_("a row that is not UTF-8"), (N_("Byte {byte} is no UTF-8."),), _DROPS),
    "control_character": _plain(N_("a control character inside a text"), N_("Repair writes it as JSON wants it.")),
    "single_quotes": _plain(N_("single quotes instead of double ones"), N_("Repair writes double quotes.")),
    "trailing_comma": _plain(N_("a comma too many"), N_("Repair takes it out.")),
    "lone_surrogate": _plain(N_("half a character (a lone surrogate)"), N_("Repair puts the replacement character there.")),
    "not_a_number": Words(
        N_("NaN or infinity, which JSON does not have"), (N_("“{found}” is no number that JSON knows."),), N_("Repair writes null.")
    ),
    "duplicate_key": Words(
        N_("a key that is there twice"), (N_("“{key}” is there twice in one object."),), N_("Repair keeps the last of the two.")
    ),
    "nested_too_deeply": Words(N_("nested too deeply"), (N_("Lists and objects are nested more than {limit} deep."),), _DROPS),
    "row_too_long": Words(N_("a row that is too long"), (N_("The row has {size}; {limit} is the most."),), _DROPS),
    "not_an_object": Words(N_("a row that is no object"), (N_("A row has to be an object in braces; this is {found}."),), _DROPS),
    "column_type": Words(
        N_("a column whose type changes"),
        (N_("“{key}” is {found} here and {expected} elsewhere: the loader fails on that."),),
        N_("Repair leaves the column out, if nothing is trained from it."),
    ),
    "csv_extra_cells": Words(N_("a row with too many cells"), (N_("{found} cells where there are {expected} columns."),), _DROPS),
    "csv_unclosed_quote": _plain(N_("a quote that is never closed"), _DROPS),
    "csv_missing_cells": Words(N_("a row with too few cells"), (N_("{found} cells where there are {expected} columns."),), _DROPS),
    "csv_null_word": Words(
        N_("a word that the loader takes for nothing"),
        (N_("“{found}” is read as nothing by the loader."),),
        N_("Repair writes JSONL, where it stays a word."),
    ),
    "csv_number_column": Words(
        N_("a column of numbers where text is wanted"),
        (N_("“{key}” holds only numbers, and the loader makes numbers of it."),),
        N_("Repair writes JSONL, where they stay text."),
    ),
    # What a row says -----------------------------------------------------------------------------------------------------
    "other_format": Words(
        N_("a row of another format"),
        (N_("This row is {found}; the others are {expected}."),),
        N_("Repair rewrites it in the format of the others."),
    ),
    "wrong_key": Words(N_("a key with another name"), (N_("“{key}” should be called “{expected}”."),), N_("Repair renames it.")),
    "not_text": Words(
        N_("a value that is no text"),
        (N_("Text belongs here; this is {found}: {value}"), N_("Text belongs here; this is {found}.")),
        N_("Repair makes text of it."),
    ),
    "empty_prompt": _plain(N_("an empty question"), _DROPS),
    "empty_output": _plain(N_("an empty answer"), _DROPS),
    "missing_output": _plain(N_("no answer"), _DROPS),
    "empty_text": _plain(N_("an empty text"), _DROPS),
    "history_shape": Words(
        N_("a history that is no list of pairs"), (N_("The history has to be a list of [question, answer]; this is {found}."),), _DROPS
    ),
    "tools_not_text": Words(
        N_("tools that are no text"), (N_("Tools are to be JSON in a text; this is {found}."),), N_("Repair writes them as text.")
    ),
    "tools_not_json": _plain(N_("tools that are no JSON"), _DROPS),
    "missing_chosen": _plain(N_("no chosen answer"), _DROPS),
    "missing_rejected": _plain(N_("no rejected answer"), _DROPS),
    "same_pair": _plain(N_("chosen and rejected are the same"), _DROPS),
    "pair_as_messages": _plain(N_("an answer written as a list of messages"), _MENDS),
    "missing_kto_tag": _plain(N_("no rating (kto_tag)"), _DROPS),
    "kto_tag_not_boolean": Words(
        N_("a rating that is not true or false"),
        (N_("The rating is “{found}”, not true or false."),),
        N_("Repair makes true or false of it where it is clear."),
    ),
    "no_messages": _plain(N_("a conversation without messages"), _DROPS),
    "messages_not_list": Words(N_("messages that are no list"), (N_("The messages have to be a list; this is {found}."),), _DROPS),
    "message_not_object": Words(N_("a message that is no object"), (N_("A message has to be an object; this is {found}."),), _DROPS),
    "missing_role": Words(N_("a message without a role"), (N_("The message does not say who speaks: “{expected}” is missing."),), _DROPS),
    "missing_content": Words(N_("a message without text"), (N_("The message says nothing: “{expected}” is missing."),), _DROPS),
    "unknown_role": Words(
        N_("an unknown role"),
        (N_("Nobody is called “{found}” here; known are {known}."), N_("Nobody is called “{found}” here.")),
        N_("Repair renames what is clear, and takes the rest out."),
    ),
    "system_not_first": _plain(N_("a system prompt in the middle"), N_("Repair puts it to the front.")),
    "role_order": Words(
        N_("roles that do not take turns"),
        (N_("Turn {turn} is {found}; it should be {expected}."), N_("{found} speaks where {expected} should.")),
        N_("Repair joins turns of the same role, and takes out what still does not fit."),
    ),
    "turn_count": Words(
        N_("a conversation that ends with a question"),
        (N_("{turns} turns: the last question has no answer."),),
        N_("Repair takes the last question out."),
    ),
    "function_call_not_json": _plain(N_("a tool call that is no JSON"), _DROPS),
    "tool_calls_shape": _plain(N_("tool calls in the wrong shape"), _DROPS),
    # Good to know --------------------------------------------------------------------------------------------------------
    "duplicate_row": _plain(N_("a row that was there before"), N_("Taking duplicates out writes a version without them.")),
    "one_sided_kto": _plain(N_("all ratings are the same"), N_("KTO learns from good and bad examples: add some of the other kind.")),
    "blank_line": _plain(N_("a blank line"), _NOTHING),
    "bom_harmless": _plain(N_("a byte order mark, which does no harm here"), _NOTHING),
    "openai_system": _plain(
        N_("LLaMA-Factory adds “detailed thinking off” to the system prompts of messages with tool calls"),
        N_("Nothing can be done about it here; write the calls as ShareGPT (function_call) to avoid it."),
    ),
}


def rule_title(rule: str) -> str:
    """What the rule `rule` is about, for many problems of a kind: "roles that do not take turns"."""
    return _(BY_RULE[rule].title) if rule in BY_RULE else one_line(rule.replace("_", " "), _LONGEST)


def rule_remedy(rule: str) -> str:
    """What to do about it."""
    return _(BY_RULE[rule].remedy) if rule in BY_RULE else ""


def problem_sentence(problem: Problem) -> str:
    """What is wrong at one place, in a sentence without line breaks; safe to draw and to print."""
    words = BY_RULE.get(problem.rule)
    said = fill(words.sentence, _shown(problem.fields)) if words is not None else ""
    title = rule_title(problem.rule)
    return said or _("{title}.").format(title=title[:1].upper() + title[1:])


def _shown(fields: Mapping[str, Any]) -> dict[str, str]:
    """Fields as text; types of values in words; what is empty left out."""
    shown = {}
    for name, value in fields.items():
        text = one_line(str(value), _LONGEST)
        if name in ("found", "expected") and text in KINDS:
            text = _(KINDS[text])
        elif name in ("size", "limit") and isinstance(value, int) and value >= 10_000:
            text = f"{value:,} B"
        if text:
            shown[name] = text
    return shown
