"""Saved segments as a page shows them: links that filter it so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from reports.filters import Filter
from reports.models import Kept, Segment
from reports.page_filters import read_filters
from reports.reading.values import QuestionError


@dataclass(frozen=True, slots=True)
class ShownSegment:
    """A segment in a menu; `is_chosen`: its filters are the page's, and all of them."""

    pk: int
    name: str
    is_shared: bool
    url: str
    is_chosen: bool
    is_removable: bool


def list_segments(
    segments: Iterable[Segment],
    filters: tuple[Filter, ...],
    url_of: Callable[[tuple[Filter, ...]], str],
    may_remove: Callable[[Kept], bool],
) -> list[ShownSegment]:
    """Return the segments for a reader's page with these filters; `url_of` leads to it with others.

    One that cannot be read, since a later version does not know its dimension, is left out.
    """
    shown = []
    for segment in segments:
        with suppress(QuestionError):
            own = read_filters(segment.filters)
            shown.append(
                ShownSegment(
                    pk=segment.pk,
                    name=segment.name,
                    is_shared=segment.is_shared,
                    url=url_of(own),
                    is_chosen=set(own) == set(filters),
                    is_removable=may_remove(segment),
                )
            )
    return shown
