"""Patterns are RE2's, and a wrong one says why."""

from __future__ import annotations

import pytest

from reports.patterns import InvalidPatternError, check_patterns


@pytest.mark.parametrize(
    "pattern",
    ["", "^/docs", "a|b", r"\d+$", "(?i)größe", r"\pL", "[[:alpha:]]", "a\0b", "(" * 9 + ")" * 9],
)
def test_takes_what_re2_takes(pattern: str) -> None:
    check_patterns([pattern])


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "missing )"),
        ("[a", "missing ]"),
        ("*", "no argument for repetition operator"),
        (r"(a)\1", "invalid escape sequence"),
        ("(?=a)", "invalid perl operator"),
        ("(a{1000}){1000}", "invalid repetition size"),
        ("(((a{100}){100}){100})", "invalid repetition size"),
        (r"\pX", "invalid character class range"),
    ],
)
def test_a_wrong_one_says_why(pattern: str, reason: str) -> None:
    with pytest.raises(InvalidPatternError) as caught:
        check_patterns(["^fine$", pattern])

    assert caught.value.pattern == pattern
    assert reason in str(caught.value)
