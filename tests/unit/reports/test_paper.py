"""PDF: lines, fonts, and what is said where no font has a sign."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.batches.reports import pdf
from core.documents.fonts import Face, Fonts, find
from core.documents.paper import ROOM, Paper
from core.documents.press import Script, run
from tests.unit.reports.world import BEGAN, answers, report, sample, words

NONE = Fonts(None, None, chinese=False)
DEJAVU = find()  # what this machine has
CHINESE = pytest.mark.skipif(not DEJAVU.chinese, reason="no font with Chinese signs on this machine")


@pytest.fixture(scope="module")
def plain() -> Paper:
    """In the fonts that every reader brings."""
    return Paper("test", "en", BEGAN, "{page}", NONE)


@pytest.fixture(scope="module")
def paper() -> Paper:
    """In the fonts of this machine."""
    return Paper("test", "zh-CN", BEGAN, "{page}")


def streams(data: bytes) -> bytes:
    """What the file's streams say."""
    found = b""
    for part in re.findall(rb"stream\n(.*?)\nendstream", data, re.DOTALL):
        try:
            found += zlib.decompress(part)
        except zlib.error:
            found += part
    return found


def test_a_report_in_fonts_that_every_reader_brings_says_what_it_cannot_show() -> None:
    file = io.BytesIO()
    notes = pdf.write(report(list(answers(6))), words(), file, NONE)
    ((key, fields),) = notes
    assert key == "no_chinese_font" and fields["sign"] == "?" and fields["count"] > 50
    text = streams(file.getvalue())
    assert b"No font with Chinese signs is on the machine" in text
    assert b"Install Noto Sans CJK there" in text
    assert file.getvalue().startswith(b"%PDF-1.")


@pytest.fixture(scope="module")
def made() -> bytes:
    file = io.BytesIO()
    assert pdf.write(sample(9), words(), file) == ()
    return file.getvalue()


@CHINESE
def test_chinese_is_set_in_a_font_that_is_in_the_file(made: bytes) -> None:
    assert b"/Lang (en)" in made and b"/FontFile" in made and b"/ToUnicode" in made
    assert len(made) < 400_000
    # ToUnicode: what is copied out of the file, or read aloud, is Chinese.
    assert f"<{ord('翻'):04X}>".encode() in streams(made).upper()


@CHINESE
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="no pdftotext")
def test_its_text_can_be_copied(made: bytes) -> None:
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=made, capture_output=True, check=True)
    text = done.stdout.decode()
    assert "三个模型 vs. one another" in text
    assert "把“今天下午三点开会”翻译成英文" in text
    assert "We will meet at three this afternoon. 这里用将来时" in text
    pages = [int(page) for page in re.findall(r"Page (\d+) of", text)]
    assert pages == list(range(1, len(pages) + 1)) and len(pages) > 3
    assert f"of {len(pages)}" in text


def test_of_many_answers_the_failed_and_the_lowest_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MOST_ANSWERS", 12)
    data = sample(60)
    shown = pdf._chosen(data)
    assert len(shown) == 12
    assert sum(each.state == "failed" for each in shown) == min(12, data.batch.failed)
    assert [each.question.number for each in shown] == sorted(each.question.number for each in shown)


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("ab de，。（）《》中文字—“”.,!😀\n\t"), max_size=300), st.sampled_from([20.0, 45.0, 120.0]))
def test_no_line_is_wider_than_its_room_and_nothing_is_lost(paper: Paper, text: str, width: float) -> None:
    lines = paper.lines(text, width, 10)
    assert all(paper.width(line, 10) <= width + 0.01 for line in lines)
    assert "".join("".join(lines).split()) == "".join(paper.shown(text.expandtabs(4)).split())


@CHINESE
def test_no_line_begins_with_a_closing_mark(paper: Paper) -> None:
    text = "学习率已经到达下限，数据重复。（见《说明》第三章）于是损失不再下降！" * 6
    for width in (30.0, 37.0, 44.0, 61.0):
        lines = paper.lines(text, width, 10)
        assert not any(line.startswith(tuple("，。）》！")) for line in lines)
        assert not any(line.endswith(tuple("（《")) for line in lines)


def test_words_are_kept_whole_and_long_ones_cut(plain: Paper) -> None:
    assert plain.lines("one two three", 14, 10) == ["one two", "three"]
    parts = plain.lines("x" * 400, ROOM, 10)
    assert len(parts) > 1 and "".join(parts) == "x" * 400
    assert plain.lines("a\n\nb", 50, 10) == ["a", "", "b"]
    assert plain.lines("a b c d e f", 5, 10, most=2)[-1].endswith("...")


def test_what_no_font_has_is_counted(plain: Paper) -> None:
    before = plain.missing
    assert plain.shown("“café” – 中文 ★") == '"café" - ?? *'
    assert plain.missing - before == 2
    plain.table(["Name", "中"], [["a", "文"]], right=[False, False])
    assert plain.missing - before == 4, "each once, though they are measured before they are shown"


@CHINESE
def test_signs_that_join_or_are_invisible_are_not_missing(paper: Paper) -> None:
    before = paper.missing
    assert paper.shown("a\ufe0fb\u200dc") == "abc"
    assert paper.missing == before
    assert paper.shown("x\U000f0000y") == "x□y"
    assert paper.missing == before + 1


def test_the_head_of_a_table_is_on_every_page_and_nothing_is_cut() -> None:
    script = Script("t", "en", BEGAN, "", NONE)
    rows = [[f"row {index}", "a long text that has to be broken into several lines " * 3, "1"] for index in range(60)]
    script.add("table", ["Name", "Text", "Number"], rows, right=[False, False, True])
    found = streams(run(script).data)
    pages = found.count(b"(Number)")
    assert pages >= 3
    assert all(f"(row {index})".encode() in found for index in range(60))


def test_fonts_are_found_by_name_and_what_is_none_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "NotoSansCJK-Regular.ttc").write_bytes(b"not a font")
    (tmp_path / "deep/er/simhei.ttf").write_bytes(b"")
    assert find((tmp_path, tmp_path / "missing")) == NONE
    if DEJAVU.main is not None:
        real = DEJAVU.main.path
        shutil.copy(real, tmp_path / "deep/er" / real.name)
        found = find((tmp_path / "deep",))
        assert isinstance(found.main, Face) and found.main.path.name == real.name
