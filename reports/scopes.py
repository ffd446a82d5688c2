"""The question that a component of another scope is counted of, derived from the one asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reports.components import Scope
from reports.dimensions import EXIT_PAGE, PAGE
from reports.filters import put_in_place, tells_action

if TYPE_CHECKING:
    from reports.queries import ReportQuery


def derive(query: ReportQuery, scope: Scope) -> ReportQuery:
    """Return the question that the scope is about: its range, dimensions and conditions count."""
    match scope:
        case Scope.GROUP:
            return query
        case Scope.WHOLE:
            return replace(query, dimensions=())
        case Scope.EVERYONE:
            return replace(_whatever_was_done(query), dimensions=())
        case Scope.GROUP_EVERYONE:
            return _whatever_was_done(query)
        case Scope.PAGES:
            return _of_pages(query)


def shared_groups(query: ReportQuery, scope: Scope) -> list[tuple[int, int]]:
    """Return the places of the dimensions that both questions have: in the query, in the other."""
    match scope:
        case Scope.WHOLE | Scope.EVERYONE:
            kept = []
        case Scope.GROUP_EVERYONE:
            kept = [i for i, dimension in enumerate(query.dimensions) if not dimension.tells_action]
        case Scope.GROUP | Scope.PAGES:
            kept = list(range(len(query.dimensions)))
    return [(here, there) for there, here in enumerate(kept)]


def _whatever_was_done(query: ReportQuery) -> ReportQuery:
    """Without the dimensions, and without each condition of the top, that are on actions."""
    return replace(
        query,
        dimensions=tuple(d for d in query.dimensions if not d.tells_action),
        filters=tuple(part for part in query.filters if not tells_action(part)),
    )


def _of_pages(query: ReportQuery) -> ReportQuery:
    """With the page where the exit page stands: its views by all, not only by those who left."""
    return replace(
        query,
        dimensions=tuple(PAGE if d is EXIT_PAGE else d for d in query.dimensions),
        filters=tuple(put_in_place(part, EXIT_PAGE, PAGE) for part in query.filters),
    )
