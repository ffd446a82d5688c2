"""Text from strangers becomes text that can be stored, grouped and shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from visits.ingestion.text import clean_text

#: Any text at all, lone surrogates included.
ANYTHING = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("sent", "clean"),
    [
        ("plain", "plain"),
        ("  outer blanks \t\n", "outer blanks"),
        ("inner  blanks", "inner  blanks"),
        ("nul\x00byte", "nulbyte"),
        ("line\r\nbreak", "linebreak"),
        ("escape\x1b[31mred", "escape[31mred"),
        ("c1\x85control", "c1control"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("\u2066isolated\u2069", "isolated"),
        ("lone\ud800surrogate", "lonesurrogate"),
        ("cafe\u0301", "caf\u00e9"),
        ("\u212bngstr\u00f6m", "\u00c5ngstr\u00f6m"),
        ("\u00a0non-breaking\u00a0", "non-breaking"),
        ("emoji \U0001f600 stays", "emoji \U0001f600 stays"),
        ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
        (" \x00\u200e ", ""),
        ("", ""),
    ],
)
def test_cleans_text(sent: str, clean: str) -> None:
    assert clean_text(sent) == clean


@given(ANYTHING)
@example("\x00 \u0301")
def test_clean_text_is_not_changed_again(text: str) -> None:
    once = clean_text(text)

    assert clean_text(once) == once


@given(ANYTHING)
def test_clean_text_can_be_stored_anywhere(text: str) -> None:
    clean = clean_text(text)

    clean.encode("utf-8")
    assert "\x00" not in clean
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in clean)
    assert unicodedata.is_normalized("NFC", clean)
    assert clean == clean.strip()
