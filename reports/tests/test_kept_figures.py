"""Days of which daily figures are all there is: what pages say of them, and what erasing leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final

import pytest
from django.test import Client

from archive.erasure.plan import make_plan
from archive.erasure.requests import note, of_all, of_days, of_path
from archive.erasure.steps import carry_out
from archive.folder import change_archive
from archive.models import ArchiveFile, Erasure, KeptEvents
from archive.upkeep import keep_up
from reports.activity import find_first_hit
from reports.dates import DateRange
from reports.dimensions import ENTRY_PAGE, PAGE, property_dimension
from reports.exceptions import EventsDroppedError
from reports.filters import Filter
from reports.metrics import PAGEVIEWS, VISITORS, VISITS
from reports.queries import ReportQuery, break_down, summarise
from reports.tests.histories import view
from reports.tests.pages import Page
from reports.warehouse.embedded import open_warehouse
from sites.models import Site
from visits.ingestion.visitors import identify_user
from visits.tests.hits import DAY, HOUR, MINUTE, NOON

TODAY: Final = NOON.date()
#: The first day of which events are kept.
KEPT_FROM: Final = TODAY - 10 * DAY


@pytest.fixture(autouse=True)
def every_dimension(monkeypatch: pytest.MonkeyPatch) -> None:
    """Roll up by every dimension, however few the events."""
    monkeypatch.setattr("reports.rolling_up.STAYS_PER_ROW", 0)


@pytest.fixture
def site(site: Site) -> Site:
    """Three visits: /old and /secret on the 24th of February; /secret on the 27th at ten to
    midnight, ten minutes past it and so on the 28th, from which day on events are kept; and /new
    yesterday."""
    site.keep_events_days = 10
    site.save()
    old = NOON - 14 * DAY
    view(site, old, visitor=1, page="/old")
    view(site, old + HOUR, visitor=2, page="/secret")
    night = NOON - 11 * DAY + 12 * HOUR
    view(site, night - 10 * MINUTE, night + 10 * MINUTE, visitor=3, page="/secret")
    view(site, NOON - DAY, visitor=4, page="/new")
    keep_up(NOON)
    assert KeptEvents.objects.get().first_day == KEPT_FROM
    return site


def days(first: date, last: date, **fields: Any) -> DateRange:
    return DateRange(first_day=first, end_day=last + DAY, zone=fields.pop("zone"), **fields)


def ask(site: Site, first: date, last: date, *filters: Filter) -> tuple[int, ...]:
    """Return visitors, visits and pageviews of the days."""
    query = ReportQuery(
        site=site,
        range=days(first, last, zone=site.zone),
        metrics=(VISITORS, VISITS, PAGEVIEWS),
        filters=filters,
    )
    with open_warehouse(site) as warehouse:
        return tuple(summarise(warehouse, query).values())


def pages(site: Site, first: date, last: date) -> dict[str, int]:
    """Return the pageviews of each page."""
    query = ReportQuery(
        site=site,
        range=days(first, last, zone=site.zone),
        metrics=(PAGEVIEWS,),
        dimensions=(PAGE,),
    )
    with open_warehouse(site) as warehouse:
        rows = break_down(warehouse, query).rows
    return {row.dimensions[0]: row.figures["pageviews"] for row in rows}


FEBRUARY: Final = (date(2026, 2, 1), date(2026, 2, 28))


def test_figures_are_told_as_they_were(site: Site) -> None:
    assert ask(site, *FEBRUARY) == (3, 3, 4)
    assert ask(site, KEPT_FROM - DAY, KEPT_FROM) == (1, 1, 2)
    assert ask(site, KEPT_FROM, TODAY) == (2, 2, 2)
    assert pages(site, date(2026, 2, 1), TODAY) == {"/old": 1, "/secret": 3, "/new": 1}
    assert find_first_hit(site) == NOON - 14 * DAY


def test_a_question_that_needs_events_is_refused(site: Site) -> None:
    plan = Filter(property_dimension("plan"), ("free",))

    with pytest.raises(EventsDroppedError, match="Events are kept from 28 February 2026 on"):
        ask(site, *FEBRUARY, plan)

    assert ask(site, KEPT_FROM, TODAY, plan) == (0, 0, 0)
    assert ask(site, date(2026, 1, 1), date(2026, 1, 31), plan) == (0, 0, 0)  # before the first


def test_a_part_of_a_day_is_refused(site: Site) -> None:
    until = NOON - 14 * DAY + 30 * MINUTE
    range_ = days(TODAY - 14 * DAY, TODAY - 14 * DAY, zone=site.zone, until=until)
    query = ReportQuery(site=site, range=range_, metrics=(VISITS,))

    with open_warehouse(site) as warehouse, pytest.raises(EventsDroppedError):
        summarise(warehouse, query)


def test_visitors_who_are_users_cannot_be_told(site: Site) -> None:
    user = identify_user(site, "4711").id
    view(site, NOON - 13 * DAY, visitor=user)
    KeptEvents.objects.all().delete()
    ArchiveFile.objects.rollups().delete()
    keep_up(NOON)

    with pytest.raises(EventsDroppedError):
        ask(site, *FEBRUARY)


def erase(erasure: Erasure) -> None:
    erasure.requested_at = NOON
    note(erasure, make_plan(erasure))
    with change_archive():
        carry_out(erasure)
    keep_up(NOON)


def test_a_path_goes_from_figures_that_are_all_there_is(site: Site) -> None:
    erase(of_path(site, "/secret"))

    assert pages(site, date(2026, 2, 1), TODAY) == {"/old": 1, "/new": 1}
    assert ask(site, *FEBRUARY) == (3, 3, 3)  # the totals of days without events stay
    assert ask(site, KEPT_FROM, TODAY) == (1, 1, 1)
    query = ReportQuery(
        site=site,
        range=days(date(2026, 2, 1), TODAY, zone=site.zone),
        metrics=(VISITS,),
        dimensions=(ENTRY_PAGE,),
    )
    with open_warehouse(site) as warehouse:
        rows = break_down(warehouse, query).rows
    assert sorted(row.dimensions for row in rows) == [("/new",), ("/old",)]


def test_days_go_from_figures_that_are_all_there_is(site: Site) -> None:
    erase(of_days(site, TODAY - 14 * DAY, KEPT_FROM - DAY))

    assert ask(site, *FEBRUARY) == (1, 1, 1)  # of the visit across midnight its second day
    assert ask(site, date(2026, 2, 1), TODAY) == (2, 2, 2)
    assert find_first_hit(site) == NOON - 11 * DAY + 12 * HOUR  # the midnight after them


def test_everything_goes_with_the_figures(site: Site) -> None:
    erase(of_all(site))

    assert ask(site, date(2026, 2, 1), TODAY) == (0, 0, 0)
    assert not ArchiveFile.objects.exists()
    assert not KeptEvents.objects.exists()
    assert find_first_hit(site) is None


# Pages


@pytest.fixture
def get(member: Client) -> Callable[..., str]:
    def page(path: str, status: int = 200) -> str:
        answer = member.get(f"/reports/example.com/{path}")
        assert answer.status_code == status
        return answer.content.decode()

    return page


def test_a_page_over_such_days_says_so_and_shows_what_there_is(
    site: Site, get: Callable[..., str]
) -> None:
    page = get("?from=2026-02-01&to=2026-02-28")

    assert "Events are kept from 28 Feb 2026 on" in page
    assert "/old" in page
    assert "Events are kept" not in get("?from=2026-02-28&to=2026-03-10")


def test_a_table_that_needs_events_says_so(
    site: Site, get: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in ArchiveFile.objects.rollups():
        file.dimensions.remove("browser")
        file.save()

    page = get("?from=2026-02-01&to=2026-02-28")

    assert page.count("Not kept for days before 28 Feb 2026.") == 1
    breakdown = get("visitors/browser/?from=2026-02-01&to=2026-02-28")
    assert "Not kept for days before 28 Feb 2026." in breakdown


def test_one_such_day_is_charted_whole(site: Site, get: Callable[..., str]) -> None:
    page = get("?from=2026-02-24&to=2026-02-24&interval=hour")

    assert not any("interval=hour" in link for link in Page(page).links())
    assert "/old" in page


def test_a_page_that_cannot_be_told_says_why(site: Site, get: Callable[..., str]) -> None:
    ArchiveFile.objects.rollups().update(has_users=True)

    page = get("?from=2026-02-01&to=2026-02-28", status=410)

    assert "Only daily figures are kept of these days" in page
    assert "Events are kept from 28 February 2026 on" in page
    assert "/old" not in page


def test_a_filtered_page_that_cannot_be_told_offers_to_clear_the_filters(
    site: Site, get: Callable[..., str]
) -> None:
    page = get("?from=2026-02-01&to=2026-02-28&f=contains,page,o&f=is,country,", status=410)

    assert "Only daily figures are kept of these days" in page
    assert '<a href="?from=2026-02-01&amp;to=2026-02-28">Clear the filters</a>' in page
    assert "/new" in get("?from=2026-02-28&to=2026-03-10&f=contains,page,n&f=is,country,")


def test_no_comparison_is_made_up(site: Site, get: Callable[..., str]) -> None:
    """The days before are refused; the page's own are told."""
    ArchiveFile.objects.rollups().filter(last_day__lt=KEPT_FROM).update(has_users=True)

    get("?from=2026-02-28&to=2026-03-10")


def test_a_kept_visit_is_shown_in_the_visitor_log(site: Site, get: Callable[..., str]) -> None:
    assert "/new" in get("visits/")
