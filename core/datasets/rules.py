"""What is asked of a dataset: each rule with what it costs to break it in LLaMA-Factory 0.9.5 and whether repair can mend it.

What each costs was tried with LLaMA-Factory's own loader (`datasets` 4.0, data/converter.py, data/processor): a line that is no JSON,
a key that is there twice or a column whose type changes fails the whole file; a wrong role or an answer that is no text is skipped
with a warning without a number, or without one. The sentences are in tui/dataset_sentences.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.datasets.types import Level

#: What repair does: "mends" the row, "drops" it, "file": mends by writing the file anew, "no": nothing.
Remedy = Literal["mends", "drops", "file", "no"]


@dataclass(frozen=True, slots=True)
class Rule:
    """`level` as in types.Problem. `usable`: a row that breaks it is trained on all the same."""

    level: Level
    repair: Remedy
    usable: bool = False

    @property
    def mechanical(self) -> bool:
        return self.repair != "no"


RULES: dict[str, Rule] = {
    # The file
    "unreadable": Rule("file", "no"),
    "not_a_regular_file": Rule("file", "no"),
    "outside_folder": Rule("file", "no"),
    "needs_environment": Rule("file", "no"),
    "parquet_unreadable": Rule("file", "no"),
    "empty_file": Rule("file", "no"),
    "binary_file": Rule("file", "no"),
    "encoding": Rule("file", "file"),
    "bom": Rule("file", "file", usable=True),
    "extension": Rule("file", "file", usable=True),
    "file_changed": Rule("file", "no"),
    "unknown_format": Rule("file", "no"),
    "wrapped_array": Rule("file", "file"),
    "late_column": Rule("file", "file"),
    "no_usable_rows": Rule("file", "no"),
    # How a row is written
    "malformed": Rule("file", "drops"),
    "truncated": Rule("file", "drops"),
    "not_utf8": Rule("file", "drops"),
    "control_character": Rule("file", "mends"),
    "single_quotes": Rule("file", "mends"),
    "trailing_comma": Rule("file", "mends"),
    "lone_surrogate": Rule("file", "mends"),
    "not_a_number": Rule("file", "mends"),
    "duplicate_key": Rule("file", "mends"),
    "nested_too_deeply": Rule("file", "drops"),
    "row_too_long": Rule("row", "drops"),
    "not_an_object": Rule("file", "drops"),
    "column_type": Rule("file", "file"),
    "csv_extra_cells": Rule("file", "drops"),
    "csv_unclosed_quote": Rule("file", "drops"),
    "csv_missing_cells": Rule("row", "drops"),
    "csv_null_word": Rule("row", "file"),
    "csv_number_column": Rule("file", "file"),
    # What a row says
    "other_format": Rule("row", "mends"),
    "wrong_key": Rule("row", "mends"),
    "not_text": Rule("row", "mends"),
    "empty_prompt": Rule("row", "drops"),
    "empty_output": Rule("row", "drops"),
    "missing_output": Rule("row", "drops"),
    "empty_text": Rule("row", "drops"),
    "history_shape": Rule("row", "drops"),
    "tools_not_text": Rule("row", "mends"),
    "tools_not_json": Rule("row", "drops"),
    "missing_chosen": Rule("row", "drops"),
    "missing_rejected": Rule("row", "drops"),
    "same_pair": Rule("row", "drops"),
    "pair_as_messages": Rule("row", "mends"),
    "missing_kto_tag": Rule("row", "drops"),
    "kto_tag_not_boolean": Rule("row", "mends"),
    "no_messages": Rule("row", "drops"),
    "messages_not_list": Rule("file", "drops"),
    "message_not_object": Rule("file", "drops"),
    "missing_role": Rule("row", "drops"),
    "missing_content": Rule("row", "drops"),
    "unknown_role": Rule("row", "mends"),
    "system_not_first": Rule("row", "mends"),
    "role_order": Rule("row", "mends"),
    "turn_count": Rule("row", "mends"),
    "function_call_not_json": Rule("row", "drops"),
    "tool_calls_shape": Rule("row", "drops"),
    # Good to know
    "duplicate_row": Rule("remark", "no", usable=True),
    "one_sided_kto": Rule("remark", "no", usable=True),
    "blank_line": Rule("remark", "no", usable=True),
    "bom_harmless": Rule("remark", "file", usable=True),
    "openai_system": Rule("remark", "no", usable=True),
}
