"""Everything that can be wrong in a file of questions, and the limits. tui/sentences_questions.py writes the sentences.

Of a place, no question came of it:

| rule | fields | what it is |
| --- | --- | --- |
| question_missing | | the cell or key of the question is not there or blank |
| wrong_type | field, found | JSON of another kind than the field takes |
| too_long | field, limit | more characters than are kept |
| broken_text | field | bytes that are no text in the file's encoding, half a character, or NUL |
| bad_number | field, found | a weight that is no number from 0 to 1,000,000 |
| bad_json | field, reason | a cell that should hold a JSON object |
| unknown_scorer | found | |
| bad_option | option, reason (a rule of core.scoring) | an option that the scorer does not take |
| malformed | reason | a line that is no JSON |
| malformed_rest | reason | JSON that breaks off here: what follows cannot be told |
| not_a_question | found | JSON that is neither an object nor a text |
| extra_cells | found, expected | more cells than there are headings: a separator inside a text that is not in quotes |
| unclosed_quote | | a quote that is opened here and never closed |

Of the whole file, nothing came of it (`line` None):

| rule | fields |
| --- | --- |
| no_question_column | columns |
| no_questions | |
| empty_file | |
| not_text | |
| spreadsheet | |

Remarks, the question is there:

| rule | fields | what it is |
| --- | --- | --- |
| variable_missing | names | the text uses {{name}}, and nothing says what it is |
| duplicate | line | the same question stands further up, at that line |
"""

from __future__ import annotations

from typing import Final

#: Characters of a question, a right answer, a system prompt; and of all variables or options of one question as JSON.
LONGEST_TEXT: Final = 1_000_000
LONGEST_TYPE: Final = 60
LONGEST_SCORER: Final = 40
LARGEST_WEIGHT: Final = 1_000_000.0
#: Bytes of a file, and questions of a set.
LARGEST_FILE: Final = 256 * 1024 * 1024
MOST_QUESTIONS: Final = 1_000_000
LONGEST_NAME: Final = 100
LONGEST_NOTE: Final = 2000
LONGEST_TAG: Final = 40
MOST_TAGS: Final = 20
#: Of the whole file: nothing at all can be made of it.
OF_THE_FILE: Final = frozenset({"no_question_column", "no_questions", "empty_file", "not_text", "spreadsheet"})
REMARKS: Final = frozenset({"variable_missing", "duplicate"})
