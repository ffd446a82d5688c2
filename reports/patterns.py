"""Regular expressions that askers write: RE2's, which takes time in proportion to the text.

They are checked before anything is asked, so that a wrong one is the asker's error.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb


class InvalidPatternError(ValueError):
    """A pattern that is no regular expression; its text is RE2's reason."""

    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(reason)
        self.pattern = pattern


def matching(pattern: str, texts: Iterable[str]) -> list[str]:
    """Return those of the texts that the pattern is found in."""
    with duckdb.connect(":memory:", config={"threads": 1}) as engine:
        found = engine.execute(
            "SELECT text FROM (SELECT unnest($texts) AS text) WHERE regexp_matches(text, $pattern)",
            {"texts": list(texts), "pattern": pattern},
        )
        return [text for (text,) in found.fetchall()]


def check_patterns(patterns: Iterable[str]) -> None:
    """Raise InvalidPatternError for the first of the patterns that the engine cannot read."""
    with duckdb.connect(":memory:", config={"threads": 1}) as engine:
        for pattern in patterns:
            try:
                engine.execute("SELECT regexp_matches('', $pattern)", {"pattern": pattern})
            except duckdb.InvalidInputException as error:
                reason = str(error).removeprefix("Invalid Input Error: ")
                raise InvalidPatternError(pattern, reason) from None
