"""Files of questions in every form that people have them in: nothing is lost, and what is wrong is named with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import InvalidInput, NotFound
from core.questions.reading import read_questions
from core.questions.types import QuestionDraft
from tests.unit.questions.samples import read, read_bytes, read_text, rules, texts

CHINESE = '问题,答案,类型\r\n"中国的首都\r\n是哪里？",北京,地理\r\n三加四等于几？,7,算术\r\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_chinese_in_every_encoding(encoding: str) -> None:
    questions, problems = read_bytes(CHINESE.encode(encoding))
    assert problems == []
    assert texts(questions) == ["中国的首都\n是哪里？", "三加四等于几？"]
    assert [(each.expected, each.type, each.source_line) for each in questions] == [("北京", "地理", 2), ("7", "算术", 4)]


def test_the_encoding_is_said(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_bytes(CHINESE.encode("gbk"))
    with read_questions(path) as items:
        assert (items.format, items.encoding) == ("csv", "gb18030")
    path.write_bytes("question\nWie heißt die Straße?\nOù est l'élève?\n".encode("cp1252"))
    with read_questions(path) as items:
        assert items.encoding == "windows-1252"


def test_an_encoding_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "q.txt"
    path.write_bytes("日本の首都はどこですか".encode("shift_jis"))
    assert texts(read(path, "shift_jis")[0]) == ["日本の首都はどこですか"]
    for wrong in ("nonsense", "base64", "rot13"):
        with pytest.raises(InvalidInput) as refused:
            read(path, wrong)
        assert refused.value.rule == "unknown_encoding"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(delimiter: str) -> None:
    rows = [["Question", "Expected Answer", "Weight"], ["One, two; three?", "yes", "2"], ["Four?", "no", ""]]
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    questions, problems = read_text(text)
    assert problems == []
    assert [(each.text, each.expected, each.weight) for each in questions] == [("One, two; three?", "yes", 2.0), ("Four?", "no", 1.0)]


def test_what_spreadsheets_put_first() -> None:
    questions, problems = read_text("sep=;\nquestion;expected\nA, or B?;B\n")
    assert (texts(questions), questions[0].expected, questions[0].source_line, problems) == (["A, or B?"], "B", 3, [])


def test_headings_in_both_languages_and_any_case() -> None:
    questions, problems = read_text("系统提示词,题目,标准答案,评分方式,权重,题型\n简短回答,1+1?,2,numeric,0.5,算术\n")
    assert problems == []
    assert questions == [QuestionDraft("1+1?", "2", "算术", "numeric", 0.5, {}, "简短回答", {}, 2)]


def test_other_columns_are_variables_and_fill_the_text() -> None:
    questions, problems = read_text("question,country,expected,note\nCapital of {{country}}?,France,Paris,easy\nOf {{country}}?,,x,\n")
    assert problems == []
    assert questions[0].variables == {"country": "France", "note": "easy"}
    assert questions[1].variables == {"country": ""}
    ready = [question.missing_variables for question in questions]
    assert ready == [(), ()]


def test_a_variable_that_nothing_is_said_of_is_a_remark() -> None:
    questions, problems = read_text("Translate {{text}} into {{language}}.\n", "q.txt")
    assert texts(questions) == ["Translate {{text}} into {{language}}."]
    assert [(each.line, each.rule, each.fields["names"], each.left_out) for each in problems] == [
        (1, "variable_missing", "text, language", False)
    ]


def test_ragged_rows_and_missing_cells() -> None:
    text = "question,expected,type\nshort\ntoo,long,row,here\n,answer,x\nfine,yes,t,,\n"
    questions, problems = read_text(text)
    assert [(each.text, each.expected) for each in questions] == [("short", None), ("fine", "yes")]
    assert rules(problems) == [(3, "extra_cells"), (4, "question_missing")]
    assert problems[0].fields == {"found": 4, "expected": 3}


def test_one_column_needs_no_quotes() -> None:
    questions, problems = read_text("question\nOne, two, three?\nFour; five?\n")
    assert (texts(questions), problems) == (["One, two, three?", "Four; five?"], [])


def test_no_column_is_the_question() -> None:
    questions, problems = read_text("name,age\nann,5\n")
    assert questions == []
    assert [(each.line, each.rule, each.fields["columns"]) for each in problems] == [(None, "no_question_column", "name, age")]


def test_a_quote_that_nobody_closed() -> None:
    questions, problems = read_text('question,expected\nfine,1\n"broken,2\nnever read,3\n')
    assert texts(questions) == ["fine"]
    assert rules(problems) == [(3, "unclosed_quote")]


def test_a_quote_within_a_cell_is_a_character() -> None:
    questions, problems = read_text('question,expected\nA 5" pipe?,12 cm\nlast 3" one?,7')
    assert (texts(questions), problems) == (['A 5" pipe?', 'last 3" one?'], [])


def test_broken_bytes_are_named_and_the_rest_is_read() -> None:
    rows = [b"question,expected", "éins?,1".encode(), b"tw\xffo?,2", "drei über?,3".encode(), "fünf?,5".encode()]
    questions, problems = read_bytes(b"\n".join(rows))
    assert texts(questions) == ["éins?", "drei über?", "fünf?"]
    assert rules(problems) == [(3, "broken_text")]


def test_every_wrong_value_is_named() -> None:
    rows: list[object] = [
        {"question": "a", "weight": "much"},
        {"question": "b", "weight": -1},
        {"question": ["c"]},
        {"question": "d", "scorer": "magic"},
        {"question": "e", "scorer": "regex", "pattern": "("},
        {"question": "f", "variables": "x"},
        {"question": "g", "options": [1]},
        {"question": "h\x00"},
        {"question": "i\ud800"},
        {"expected": "no question"},
        7,
        {"question": "j" * 1_000_001},
        {"question": "fine", "weight": 3, "expected": 5},
    ]
    text = "\n".join(json.dumps(row) for row in rows) + '\n{"question": "cut\n'
    questions, problems = read_text(text, "q.jsonl")
    assert [(each.text, each.weight, each.expected) for each in questions] == [("g", 1.0, None), ("fine", 3.0, "5")]
    assert questions[0].variables == {"options": "[1]"}
    assert rules(problems) == [
        (1, "bad_number"), (2, "bad_number"), (3, "wrong_type"), (4, "unknown_scorer"), (5, "bad_option"), (6, "bad_json"),
        (8, "broken_text"), (9, "broken_text"), (10, "question_missing"), (11, "not_a_question"), (12, "too_long"), (14, "malformed"),
    ]  # fmt: skip


def test_several_accepted_answers() -> None:
    rows = [
        {"question": "a", "expected": ["one", "two"]},
        {"question": "b", "expected": ["x"], "scorer": "json"},
        {"question": "c", "expected": [1, 2]},
        {"question": "d", "expected": {"k": "中"}},
        {"question": "e", "expected": True},
        {"question": "f", "expected": "p", "alternatives": "q"},
    ]
    questions, problems = read_text("\n".join(json.dumps(row) for row in rows), "q.jsonl")
    assert problems == []
    assert [each.accepted for each in questions] == [("one", "two"), ('["x"]',), ("[1, 2]",), ('{"k": "中"}',), ("true",), ("p", "q")]
    cells, _ = read_text('question,expected,accepted\na,1,"2|3"\nb,1,"[""2"", ""3|4""]"\n')
    assert [each.accepted for each in cells] == [("1", "2", "3"), ("1", "2", "3|4")]


def test_json_lists_objects_and_texts() -> None:
    for text in ('["one?", {"question": "two?"}]', '{"name": "n", "questions": ["one?", {"prompt": "two?"}]}', '"one?"\n"two?"\n'):
        questions, problems = read_text(text, "q.json" if text[0] != '"' else "q.jsonl")
        assert (texts(questions), problems) == (["one?", "two?"], []), text
    assert texts(read_text('{"question": "alone?",\n "expected": "1"}', "q.json")[0]) == ["alone?"]


def test_alpacas_samples() -> None:
    questions, _ = read_text('[{"instruction": "Translate.", "input": "Haus", "output": "house"}]', "q.json")
    assert [(each.text, each.expected) for each in questions] == [("Translate.\n\nHaus", "house")]


def test_json_that_breaks_off_keeps_what_came_before() -> None:
    questions, problems = read_text('[\n{"question": "one"},\n{"question": "two"},\n{"question": oops}]', "q.json")
    assert texts(questions) == ["one", "two"]
    assert rules(problems) == [(4, "malformed_rest")]
    assert rules(read_text("[" * 100_000, "q.json")[1])[-1][1] == "malformed_rest"


def test_long_lists_are_read_piece_by_piece() -> None:
    rows = [{"question": f"第{number}个问题？" + "长" * (number % 7) * 3000} for number in range(300)]
    questions, problems = read_text(json.dumps(rows, ensure_ascii=False, indent=1), "q.json")
    assert problems == []
    assert texts(questions) == [row["question"] for row in rows]
    assert questions[299].source_line == 2 + 299 * 3


def test_plain_text() -> None:
    assert texts(read_text("\ufeffone?\n\n  two?  \r\n　\nthree?", "q.txt")[0]) == ["one?", "two?", "three?"]
    several = "first\nin two lines\n---\n\nsecond\n\nwith a gap\n---\n---\nthird\n"
    assert texts(read_text(several, "q.txt")[0]) == ["first\nin two lines", "second\n\nwith a gap", "third"]


def test_the_same_question_twice_is_remarked() -> None:
    questions, problems = read_text("one?\ntwo?\none?\n", "q.txt")
    assert len(questions) == 3
    assert [(each.line, each.rule, each.fields) for each in problems] == [(3, "duplicate", {"line": 1})]


@pytest.mark.parametrize(
    ("data", "name", "rule"),
    [
        (b"", "q.csv", "empty_file"),
        (b"\n \n\n\n\n\n\n\n\n\n", "q.txt", "no_questions"),
        (b"[]          ", "q.json", "no_questions"),
        (b'{"name": "nothing in it"}', "q.json", "no_questions"),
        (b"PK\x03\x04 and so on", "q.csv", "spreadsheet"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x01", "q.txt", "not_text"),
        (b"question,expected\n", "q.csv", "no_questions"),
    ],
)
def test_files_without_questions(data: bytes, name: str, rule: str) -> None:
    questions, problems = read_bytes(data, name)
    assert questions == []
    assert [(each.line, each.rule) for each in problems] == [(None, rule)]


def test_a_question_of_200_000_characters() -> None:
    long = "字" * 200_000
    questions, problems = read_text(f"question,expected\n{long},ok\n")
    assert problems == []
    assert questions[0].text == long


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_questions(tmp_path / "missing.csv")
    with pytest.raises(InvalidInput) as refused:
        read_questions(tmp_path)
    assert refused.value.rule == "not_a_file"
    with pytest.raises(InvalidInput):
        read_questions("a\x00b")


def test_a_hundred_thousand_questions_with_lines_in_their_cells() -> None:
    rows = "".join(f'"Say\nnumber {number}",number {number}\r\n' for number in range(100_000))
    found, problems = read_text(f"\ufeffquestion,expected\r\n{rows}", "q.csv")
    assert (len(found), problems) == (100_000, [])
    assert (found[-1].text, found[-1].expected) == ("Say\nnumber 99999", "number 99999")
