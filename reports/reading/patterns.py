"""The regular expressions of a question, checked: what they are, how long, and how many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reports.patterns import InvalidPatternError, check_patterns
from reports.reading.values import QuestionError, shorten

MAX_PATTERNS: Final = 50
MAX_PATTERN: Final = 500


class PatternReader:
    """Reads patterns, and counts them in all."""

    def __init__(self) -> None:
        self._count = 0

    def check(self, patterns: Sequence[str], place: str) -> None:
        """Refuse patterns that are too many, too long, or none. Raises QuestionError."""
        self._count += len(patterns)
        if self._count > MAX_PATTERNS:
            raise QuestionError(place, f"At most {MAX_PATTERNS} patterns in a question.")
        if any(len(pattern) > MAX_PATTERN for pattern in patterns):
            raise QuestionError(place, f"A pattern has {MAX_PATTERN} characters at most.")
        try:
            check_patterns(patterns)
        except InvalidPatternError as error:
            place = f"{place}/{patterns.index(error.pattern)}"
            sentence = f"This is no regular expression of RE2: {shorten(str(error))}."
            raise QuestionError(place, sentence) from None
