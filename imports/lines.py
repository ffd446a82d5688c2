"""A file's lines, each with its place, whatever their length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

#: Bytes of a line, as of a live hit's body; a longer one is not read.
MAX_LINE: Final = 64 * 1024

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line: its number, from 1; the bytes on which it begins and the next one does; its text.

    The text is None where it is too long.
    """

    number: int
    start: int
    end: int
    text: bytes | None


def read_lines(file: BinaryIO, *, until: int, start: int = 0, number: int = 0) -> Iterator[Line]:
    """Yield the lines that begin at byte `start` and after, but none beyond `until`.

    `number` is that of the line before. Empty lines are yielded too: they count. A line that is too
    long is passed over without being held in memory.
    """
    file.seek(start)
    while start < until:
        number += 1
        text: bytes | None = file.readline(min(MAX_LINE + 1, until - start))
        assert text is not None  # noqa: S101 -- for the type checker
        if not text:
            return
        size = len(text)
        if size > MAX_LINE and not text.endswith(b"\n"):
            size += _pass_over(file, until - start - size)
            text = None
        elif start == 0:
            text = text.removeprefix(_BYTE_ORDER_MARK)
        yield Line(number, start, start + size, text)
        start += size


def _pass_over(file: BinaryIO, most: int) -> int:
    """Read on to the end of the line, at most so many bytes; return how many it were."""
    passed = 0
    while passed < most:
        rest = file.readline(min(MAX_LINE, most - passed))
        passed += len(rest)
        if not rest or rest.endswith(b"\n"):
            break
    return passed
