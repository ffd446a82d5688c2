"""No text of a file is a formula, and each can be had as it was."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reports.exports.formulas import STARTS, disarm, take_off, write_disarmed
from reports.exports.sheets import ENCODING, open_sheet

#: Texts that are made of what matters more often than chance would have it.
TEXTS = st.text(st.one_of(st.sampled_from(STARTS + "'\", ;aä"), st.characters(codec="utf-8")))


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine that has no table."""
    with duckdb.connect() as connection:
        yield connection


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", ""),
        ("Google", "Google"),
        ("1=1", "1=1"),
        ("a-b", "a-b"),
        ("/=1", "/=1"),
        ("'tis", "'tis"),
        ('=HYPERLINK("https://evil.example")', '\'=HYPERLINK("https://evil.example")'),
        ("=1+1", "'=1+1"),
        ("+49 30 1", "'+49 30 1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("\uff1d1", "'\uff1d1"),
        ("\uff0b1", "'\uff0b1"),
        ("\uff0d1", "'\uff0d1"),
        ("\uff20SUM", "'\uff20SUM"),
        ("'=1", "''=1"),
        ("''=1", "'''=1"),
    ],
)
def test_what_would_be_a_formula_begins_with_a_mark(
    text: str, written: str, engine: duckdb.DuckDBPyConnection
) -> None:
    assert disarm(text) == written
    assert take_off(written) == text
    assert by_engine(engine, text) == written


@given(TEXTS)
@example("'=")
def test_the_mark_can_be_taken_off_each(text: str) -> None:
    assert take_off(disarm(text)) == text
    assert not disarm(text).startswith(tuple(STARTS))


@given(text=TEXTS)
def test_the_engine_writes_the_same(text: str, engine: duckdb.DuckDBPyConnection) -> None:
    assert by_engine(engine, text) == disarm(text)


@given(st.lists(st.tuples(TEXTS, st.one_of(st.none(), st.integers(), st.floats(-1e9, 1e9)))))
@example([("=1", -1), ("", 2**53 + 1), ('"\r', None)])
def test_a_file_read_back_has_the_values(rows: list[tuple[str, float | None]]) -> None:
    file = io.BytesIO()
    with open_sheet(file, ["page", "visitors"]) as write:
        for row in rows:
            write(row)

    read = csv.reader(io.StringIO(file.getvalue().decode(ENCODING), newline=""))

    assert next(read) == ["page", "visitors"]
    assert [(take_off(text), number) for text, number in read] == [
        (text, "" if number is None else str(number)) for text, number in rows
    ]


def by_engine(engine: duckdb.DuckDBPyConnection, text: str) -> str:
    """Return the text as files have it that the engine writes."""
    ((written,),) = engine.execute(f"SELECT {write_disarmed('$text')}", {"text": text}).fetchall()
    return str(written)
