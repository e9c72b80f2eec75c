"""Paths as people give them: whatever is asked for, nothing above the root can be named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.files.names import DEEPEST, acceptable, is_unfinished, parse, shown

PIECES = st.sampled_from(
    ["..", ".", "", "~", "datasets", "images", "a", "..\\..", "%2e%2e", "..;", "\x00", "．．", "etc", "passwd", "...", "a\n"]
)
PATHS = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("/".join), st.binary())


@given(PATHS)
def test_a_path_is_plain_names_or_refused(path: str | bytes) -> None:
    try:
        names = parse(path)
    except InvalidInput as error:
        assert error.rule in {"not_utf8", "too_long", "too_deep", "control_characters"}
        return
    assert all(name not in ("", ".", "..") and "/" not in name and "\x00" not in name and acceptable(name) for name in names)
    assert len(names) <= DEEPEST
    assert parse(shown(names)) == names or names[:1] == ("~",)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("", ()), (".", ()), ("/", ()), ("~", ()), ("~/", ()), ("../../..", ()),
        ("datasets/a", ("datasets", "a")), ("/datasets/a", ("datasets", "a")), ("~/datasets/a", ("datasets", "a")),
        ("datasets/../images/./x", ("images", "x")), ("datasets//a/", ("datasets", "a")), ("../../etc/passwd", ("etc", "passwd")),
        ("datasets/..a", ("datasets", "..a")), (b"datasets/\xe6\x96\x87", ("datasets", "文")), ("datasets/a\\b", ("datasets", "a\\b")),
    ],
)  # fmt: skip
def test_what_paths_mean(path: str | bytes, names: tuple[str, ...]) -> None:
    assert parse(path) == names


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        (b"datasets/\xff", "not_utf8"), ("datasets/\ud800", "not_utf8"), ("datasets/a\x00b", "control_characters"),
        ("datasets/\x1b[31m", "control_characters"), ("datasets/a\u2028b", "control_characters"), ("datasets/" + "文" * 86, "too_long"),
        ("a/" * 2100, "too_long"), ("a/" * (DEEPEST + 1), "too_deep"),
    ],
)  # fmt: skip
def test_what_no_file_may_be_called(path: str | bytes, rule: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(path)
    assert caught.value.rule == rule


def test_names_that_say_that_a_file_is_not_whole() -> None:
    assert is_unfinished("a.part") and is_unfinished("b.csv.filepart")
    assert not is_unfinished(".part") and not is_unfinished("part") and not is_unfinished("a.parts")
