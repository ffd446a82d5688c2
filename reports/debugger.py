"""The live debugger of the admin: a site's hits of the last minutes, each with its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from reports.left_out import REASONS
from sites.models import Site
from visits.ingestion.hit import DropReason
from visits.ingestion.tally import MALFORMED, STORED
from visits.ingestion.watching import (
    KEPT_TIME,
    MOST_PER_SECOND,
    REPEATED,
    WATCH_TIME,
    stop_watching,
    watch,
)
from visits.models import WatchedHit

#: Hits that the page shows.
MOST_ROWS: Final = 200
#: A row that another process commits later may have a lower id than one that was shown.
OVERLAP: Final = 50

WORDS: Final[dict[str, str]] = {
    STORED: "counted",
    REPEATED: "the site has an event of this id already; nothing is stored twice",
    MALFORMED: "answered with 400: it says nothing that could be counted",
    **{reason.value: words for reason, words in REASONS.items()},
}
#: Drops that staff can do something about, or that are no visitor's: shown as wrong.
_WRONG: Final = {
    MALFORMED,
    DropReason.UNKNOWN_SITE,
    DropReason.SITE_PAUSED,
    DropReason.RATE_LIMITED,
    DropReason.SALT_GONE,
}
_GROUPS: Final = (
    ("refused", "What is wrong with it"),
    ("sent", "Sent"),
    ("address", "Visitor's address"),
    ("derived", "Derived"),
)


@dataclass(frozen=True, slots=True)
class Group:
    """Facts of a hit that belong together, each with its name."""

    title: str
    facts: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HitRow:
    """A hit as the page shows it; `kind` is stored, left-out or wrong."""

    hit: WatchedHit
    kind: str
    words: str
    groups: list[Group]


def read_hits(site: Site, *, after: int = 0) -> list[HitRow]:
    """Return the site's hits that are kept, the newest first, at most MOST_ROWS.

    `after` leaves out those whose id is lower by more than OVERLAP: they were shown before.
    """
    hits = WatchedHit.objects.filter(site=site, received_at__gt=timezone.now() - KEPT_TIME)
    newest = hits.filter(pk__gt=after - OVERLAP).order_by("-received_at", "-pk")
    return [_row_of(hit) for hit in newest[:MOST_ROWS]]


def show_hits(request: HttpRequest, site: Site, context: dict[str, Any]) -> HttpResponse:
    """Return the page; with `after` in the query the newer rows alone, as the page asks for."""
    now = timezone.now()
    is_watched = bool(site.watched_until and site.watched_until > now)
    after = request.GET.get("after", "")
    wants_rows = after.isascii() and after.isdigit() and len(after) < 19
    rows = {"rows": read_hits(site, after=int(after) if wants_rows else 0)}
    if wants_rows:
        template = "admin/sites/site/hit_rows.html"
        headers = {"X-Watched": "yes" if is_watched else "no"}
        return TemplateResponse(request, template, rows, headers=headers)
    more = {
        "site": site,
        "is_watched": is_watched,
        "watched_until": site.watched_until,
        "watch_minutes": WATCH_TIME.seconds // 60,
        "kept_minutes": KEPT_TIME.seconds // 60,
        "most_per_second": MOST_PER_SECOND,
    }
    return TemplateResponse(request, "admin/sites/site/hits.html", context | rows | more)


def change_watch(request: HttpRequest, site: Site) -> HttpResponse:
    """Begin to watch, anew where it goes on, or end it and forget; back to the page."""
    if "stop" in request.POST:
        stop_watching(site)
    else:
        watch(site, timezone.now())
    return HttpResponseRedirect(request.path)


def _row_of(hit: WatchedHit) -> HitRow:
    groups = [
        Group(title, list(hit.facts[name].items())) for name, title in _GROUPS if name in hit.facts
    ]
    wrong = "wrong" if hit.verdict in _WRONG else "left-out"
    return HitRow(hit, STORED if hit.verdict == STORED else wrong, WORDS[hit.verdict], groups)
