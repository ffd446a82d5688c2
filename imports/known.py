"""What an import has found out, kept while it reads: most lines repeat what others had."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from visits.ingestion.fields import PAST_READERS, Reader

#: Outcomes that are kept of each kind: of fields some hundred bytes each, of steps a kilobyte.
MAX_KEPT: Final = 30_000

#: Fields that are text as a rule, and whose outcome follows from it alone.
_OFTEN_THE_SAME: Final = (
    "name",
    "url",
    "domain",
    "referrer",
    "title",
    "language",
    "timezone",
    "address",
    "user_agent",
    "user_id",
    "visitor",
)


def known_readers() -> Mapping[str, Reader]:
    """Return readers that do what PAST_READERS do, once for each text that comes again."""
    return PAST_READERS | {name: _keep(PAST_READERS[name]) for name in _OFTEN_THE_SAME}


def _keep(reader: Reader) -> Reader:
    @lru_cache(MAX_KEPT)
    def read_text(text: str) -> tuple[dict[str, Any], list[str]]:
        cut: list[str] = []
        return reader(text, cut), cut

    def read(value: Any, cut: list[str]) -> dict[str, Any]:
        if type(value) is not str:
            return reader(value, cut)
        fields, its_cut = read_text(value)
        cut += its_cut
        return fields

    return read
