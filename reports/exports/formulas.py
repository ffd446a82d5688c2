"""Texts that a spreadsheet would take for a formula, made harmless.

Anybody can send a hit whose title is `=HYPERLINK(...)`. In a file of CSV such a text begins with
an apostrophe, by which spreadsheets know a text (OWASP, "CSV Injection", read 2025-03-03).
"""

from __future__ import annotations

import re
from typing import Final

from archive.engine import quote

#: With these a formula begins, or a cell in which one does; four of them are full-width forms. In a
#: pattern's brackets a hyphen stands last.
STARTS: Final = "=+@\t\r\n\uff1d\uff0b\uff0d\uff20-"
MARK: Final = "'"

# A text of apostrophes and a formula gets one more, so that each can be taken off again. Python
# and the engine, whose expressions are RE2's, read it alike.
_PATTERN: Final = f"^{MARK}*[{STARTS}]"
_FORMULA: Final = re.compile(_PATTERN)


def disarm(text: str) -> str:
    """Return the text as a file of CSV has it: with a mark before what would be a formula."""
    return MARK + text if _FORMULA.match(text) else text


def take_off(text: str) -> str:
    """Return the text that `disarm` was given."""
    is_marked = text.startswith(MARK) and _FORMULA.match(text)
    return text.removeprefix(MARK) if is_marked else text


def write_disarmed(expression: str) -> str:
    """Return what makes a text harmless, as SQL."""
    is_formula = f"regexp_matches({expression}, {quote(_PATTERN)})"
    return f"CASE WHEN {is_formula} THEN {quote(MARK)} || {expression} ELSE {expression} END"
