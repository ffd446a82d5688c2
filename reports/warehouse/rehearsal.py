"""A warehouse without events, from which a page learns what it is going to ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from reports.queries import ReportQuery


@dataclass(slots=True)
class Rehearsal:
    """It answers every question with nothing, and remembers them all."""

    kept_from: date | None
    questions: list[ReportQuery] = field(default_factory=list)

    def answer_ahead(self, *questions: ReportQuery) -> None:
        """Do nothing."""

    def expecting(self, *questions: ReportQuery) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()

    def stream(self, query: ReportQuery) -> Iterator[list[tuple[Any, ...]]]:
        """Return nothing but what `answer` does."""
        return iter([self.answer(query)])

    def answer(self, query: ReportQuery) -> list[tuple[Any, ...]]:
        """Return what there is where nothing happened: no row, without dimensions an empty one."""
        self.questions.append(query)
        return [] if query.dimensions else [(None,) * (len(query.metrics) + 1)]
