"""A file's lines are found with their places, whatever they hold."""

from __future__ import annotations

import io

import pytest

from imports.lines import MAX_LINE, Line, read_lines

LONG = b"x" * (MAX_LINE + 1)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a\nbc\n", [(1, 0, 2, b"a\n"), (2, 2, 5, b"bc\n")]),
        (b"a\nbc", [(1, 0, 2, b"a\n"), (2, 2, 4, b"bc")]),
        (b"a\n\nb\n", [(1, 0, 2, b"a\n"), (2, 2, 3, b"\n"), (3, 3, 5, b"b\n")]),
        (b"\xef\xbb\xbfa\nb\n", [(1, 0, 5, b"a\n"), (2, 5, 7, b"b\n")]),
        (LONG[1:] + b"\n", [(1, 0, MAX_LINE + 1, LONG[1:] + b"\n")]),
        (LONG + b"\nb\n", [(1, 0, MAX_LINE + 2, None), (2, MAX_LINE + 2, MAX_LINE + 4, b"b\n")]),
        (LONG * 3, [(1, 0, len(LONG) * 3, None)]),
    ],
)
def test_lines_and_their_places(
    content: bytes, lines: list[tuple[int, int, int, bytes | None]]
) -> None:
    file = io.BytesIO(content)

    assert list(read_lines(file, until=len(content))) == [Line(*each) for each in lines]


def test_goes_on_from_a_line_and_ends_before_what_was_appended() -> None:
    file = io.BytesIO(b"a\nb\nc\nd\n")

    assert list(read_lines(file, start=2, until=6, number=1)) == [
        Line(2, 2, 4, b"b\n"),
        Line(3, 4, 6, b"c\n"),
    ]
