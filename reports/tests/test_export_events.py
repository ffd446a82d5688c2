"""Events as files: all that meet the page's days and filters, as they are stored, and no more."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import duckdb
import pytest
from django.test import Client
from pytest_django import Settings

from archive.archiver import archive_finished
from archive.columns import COLUMNS
from archive.folder import spill_folder
from archive.upkeep import keep_up
from reports.dates import DateRange
from reports.exceptions import ExportsBusyError, ReportTooSlowError
from reports.exports import making
from reports.exports.events import EVENT_COLUMNS, StoredEvents
from reports.exports.making import Made, split_days
from reports.exports.sending import Parts, Places, places
from reports.tests.downloads import SITE, column, download, name_of, read_csv
from reports.tests.histories import view
from reports.tests.pages import Page
from sites.models import Site
from trackingsite.settings.environment import BASE_DIR
from visits.models import VISIT_FACTS, Event, Visit
from visits.services import add_event
from visits.tests.hits import DAY, HOUR, MINUTE, NOON, SECOND

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

TODAY: Final = {"period": "day"}
EXPORTS: Final = ["events.csv", "events.parquet"]


@pytest.fixture
def site(site: Site, at_noon: None) -> Site:
    """A visit of yesterday, which is archived, and two of today.

    Yesterday's came from Google to / for 12 seconds. Today somebody from Germany came to /a, read
    it for 4.5 seconds and bought something; the address is kept. Another saw /b, much later.
    """
    at = NOON - HOUR
    first = view(site, at - DAY, visitor=1, source="Google", page="/", screen_width=1280)
    add_event(visit=first, page="/next", happened_at=at - DAY + 12 * SECOND, title="=Next")
    archive_finished(site.pk, NOON)
    second = view(site, at, visitor=-2, country="DE", page="/a", address="203.0.113.7")
    add_event(
        visit=second,
        name="engagement",
        page="/a",
        happened_at=at + 5 * SECOND,
        engagement_ms=4500,
        scroll_depth=80,
    )
    bought = add_event(
        visit=second,
        name="purchase",
        page="/a",
        happened_at=at + MINUTE,
        props={"plan": '=solo, "big"'},
    )
    Event.objects.filter(pk=bought.pk).update(
        revenue_amount=Decimal("-9.5"), revenue_currency="EUR"
    )
    view(site, at + 30 * MINUTE, visitor=3, page="/b")
    return site


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part has four events."""
    monkeypatch.setattr(making, "PART_EVENTS", 4)


def read_parquet(answer: Answer, folder: Path, columns: str = "*") -> list[dict[str, Any]]:
    """The rows of a file in order of time, by the names of its columns."""
    path = folder / "events.parquet"
    path.write_bytes(answer.getvalue())
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        rows = engine.execute(f"SELECT {columns} FROM '{path}' ORDER BY happened_at, event")
        names = [each[0] for each in rows.description or []]
        return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def test_a_row_has_the_event_and_what_is_known_of_its_visit(site: Site, member: Client) -> None:
    headings, _, read, bought, _ = read_csv(download(member, "events.csv").getvalue())
    visit = Visit.objects.get(visitor=-2)

    assert {name: value for name, value in zip(headings, bought, strict=True) if value} == {
        "visit_id": str(visit.pk),
        "happened_at": "2026-03-10T11:01:00.000000Z",
        "happened_on": "2026-03-10",
        "event": "purchase",
        "hostname": "example.com",
        "page": "/a",
        "interactive": "true",
        "props": '{"plan":"=solo, \\"big\\""}',
        "revenue_amount": "-9.5000",
        "revenue_currency": "EUR",
        "visitor": "-2",
        "visit_started_at": "2026-03-10T11:00:00.000000Z",
        "visit_started_on": "2026-03-10",
        "entry_page": "/a",
        "exit_page": "/a",
        "country": "DE",
        "bounced": "false",
        "engaged": "true",
        "visit_duration_seconds": "60.000000",
    }
    rows = [headings, read]
    assert column(rows, "engagement_ms") == ["4500"]
    assert column(rows, "scroll_depth_percent") == ["80"]


def test_parquet_has_the_events_as_they_are_stored(
    site: Site, member: Client, tmp_path: Path
) -> None:
    answer = download(member, "events.parquet", period="all")
    times = [f"{name}::VARCHAR AS {name}" for name in ("happened_at", "visit_started_at")]
    rows = read_parquet(answer, tmp_path, f"* REPLACE ({', '.join(times)})")

    for row, event in zip(rows, Event.objects.order_by("happened_at"), strict=True):
        visit = event.visit
        assert row == {
            "visit_id": visit.pk,
            "happened_at": f"{event.happened_at:%Y-%m-%d %H:%M:%S}+00",
            "happened_on": event.happened_on,
            "event": event.name,
            "hostname": event.hostname,
            "page": event.page,
            "title": event.title,
            "interactive": event.interactive,
            "props": event.props,
            "revenue_amount": event.revenue_amount,
            "revenue_currency": event.revenue_currency,
            "engagement_ms": event.engagement_ms,
            "scroll_depth_percent": event.scroll_depth,
            "visitor": visit.visitor,
            "visit_started_at": f"{visit.started_at:%Y-%m-%d %H:%M:%S}+00",
            "visit_started_on": visit.started_on,
            "entry_page": visit.entry_page,
            "exit_page": visit.exit_page,
            **{
                name: getattr(visit, stored)
                for name, stored in EVENT_COLUMNS.items()
                if stored in VISIT_FACTS
            },
            "bounced": visit.bounced,
            "engaged": visit.duration >= 10 * SECOND or visit.pageviews >= 2,
            "visit_duration_seconds": Decimal(visit.duration // SECOND),
        }


def test_both_files_have_the_same_events(site: Site, member: Client, tmp_path: Path) -> None:
    parquet = read_parquet(
        download(member, "events.parquet", period="all"), tmp_path, "event, page"
    )
    rows = read_csv(download(member, "events.csv", period="all").getvalue())

    assert [*zip(column(rows, "event"), column(rows, "page"), strict=True)] == [
        (row["event"], row["page"]) for row in parquet
    ]
    assert len(parquet) == 6


def test_there_is_no_address_and_nothing_that_the_archive_has_not(
    site: Site, member: Client
) -> None:
    rows = read_csv(download(member, "events.csv", period="all").getvalue())

    assert rows[0] == [*EVENT_COLUMNS]
    assert {*EVENT_COLUMNS.values()} == {*COLUMNS} - {"site_id"}
    assert not any("203.0.113.7" in cell for row in rows for cell in row)


def test_a_text_that_would_be_a_formula_is_none_in_csv(
    site: Site, member: Client, tmp_path: Path
) -> None:
    rows = read_csv(download(member, "events.csv", period="yesterday").getvalue())
    parquet = download(member, "events.parquet", period="yesterday")

    assert column(rows, "title") == ["", "'=Next"]
    assert [row["title"] for row in read_parquet(parquet, tmp_path, "title")] == ["", "=Next"]


@pytest.mark.parametrize(
    ("filters", "events"),
    [
        ([], 4),
        (["is,page,/a"], 3),
        (["is,event,purchase"], 1),
        (["is,country,DE", "is_not,event,purchase"], 2),
        (["contains,country,German"], 3),
        ([r"is,property:plan,=solo\, \"big\""], 1),
        (["is,page,/none"], 0),
    ],
)
def test_events_meet_the_filters_of_the_page(
    filters: list[str], events: int, site: Site, member: Client, tmp_path: Path
) -> None:
    filters = [each.replace('\\"', '"') for each in filters]
    rows = read_csv(download(member, "events.csv", *filters).getvalue())
    parquet = read_parquet(download(member, "events.parquet", *filters), tmp_path, "event")

    assert len(rows) - 1 == len(parquet) == events


def test_it_agrees_with_the_page(site: Site, member: Client) -> None:
    rows = read_csv(download(member, "events.csv", period="7d").getvalue())
    page = Page.of(member.get(SITE, {"period": "7d"}))

    assert page.headline["Pageviews"] == str(column(rows, "event").count("pageview"))
    assert page.headline["Unique visitors"] == str(len({*column(rows, "visitor")}))
    assert page.headline["Visits"] == str(len({*column(rows, "visit_id")}))


def test_many_events_come_in_parts_in_order_of_time(
    site: Site, member: Client, small_parts: None
) -> None:
    view(site, NOON - 4 * DAY, NOON - 4 * DAY + MINUTE, visitor=8)
    answer = download(member, "events.csv", period="all")
    blocks = list(answer)

    times = column(read_csv(b"".join(blocks)), "happened_at")

    assert len(blocks) == 1 + 2
    assert times == sorted(times)
    assert len(times) == 8
    assert "Content-Length" not in answer


def test_ten_thousand_events_are_all_there(site: Site, member: Client, tmp_path: Path) -> None:
    visit = view(site, NOON - 2 * HOUR, visitor=9)
    Event.objects.bulk_create(
        Event(
            site=site,
            visit=visit,
            name="pageview",
            page=f"/{number}",
            happened_at=NOON - 2 * HOUR + number * SECOND / 100,
            happened_on=NOON.date(),
        )
        for number in range(10_000)
    )
    Visit.objects.filter(pk=visit.pk).update(pageviews=10_001)
    chosen = "is,page,/a"

    answer = download(member, "events.csv", "matches,page,^/[0-9]+$")
    rows = read_csv(answer.getvalue())
    parquet = download(member, "events.parquet", "matches,page,^/[0-9]+$")

    assert column(rows, "page") == [f"/{number}" for number in range(10_000)]
    assert len(read_parquet(parquet, tmp_path, "page")) == 10_000
    assert len(download(member, "events.csv", chosen).getvalue().splitlines()) == 4


@pytest.mark.parametrize("address", EXPORTS)
def test_the_size_of_what_is_made_at_once_is_told(address: str, site: Site, member: Client) -> None:
    answer = download(member, address)

    assert answer.streaming
    assert int(answer["Content-Length"]) == len(answer.getvalue())
    assert name_of(answer) == (
        f'attachment; filename="example.com_{address.replace(".", "_2026-03-10_2026-03-10.")}"'
    )


@pytest.mark.parametrize("address", EXPORTS)
def test_no_file_stays(address: str, site: Site, member: Client, small_parts: None) -> None:
    download(member, address, period="all").getvalue()

    assert [*spill_folder().iterdir()] == []


@pytest.mark.parametrize("address", EXPORTS)
def test_there_may_be_too_many_events(
    address: str, site: Site, member: Client, settings: Settings
) -> None:
    settings.EXPORT_EVENTS = 3

    answer = member.get(SITE + address, TODAY)

    assert answer.status_code == 503
    assert "This export would have 4 events; one has 3 at most." in Page.of(answer).text
    assert download(member, address, "is,page,/a").getvalue()


@pytest.mark.parametrize("address", EXPORTS)
def test_as_many_as_may_are_under_way_at_once(
    address: str, site: Site, member: Client, settings: Settings
) -> None:
    settings.EXPORTS_AT_ONCE = 1
    under_way = download(member, address)

    refused = member.get(SITE + address, TODAY)
    assert under_way.getvalue()

    assert refused.status_code == 503
    assert "Other exports are under way." in Page.of(refused).text
    assert download(member, address).getvalue()
    assert places.taken == 0


def test_a_place_is_given_back_once(settings: Settings) -> None:
    settings.EXPORTS_AT_ONCE = 2
    places = Places()
    first = places.take()
    places.take()
    with pytest.raises(ExportsBusyError):
        places.take()

    first()
    first()

    assert places.taken == 1


def test_what_is_not_sent_is_closed_too() -> None:
    part, ended = BytesIO(b"part"), []

    Parts(Made([part], 4), lambda: ended.append(True)).close()

    assert part.closed
    assert ended == [True]


def test_an_export_that_cannot_be_made_holds_no_place(
    site: Site, member: Client, settings: Settings
) -> None:
    settings.EXPORT_SECONDS = 0

    assert member.get(SITE + "events.csv", TODAY).status_code == 503
    assert places.taken == 0


def test_one_that_fails_half_way_breaks_off(
    site: Site, member: Client, monkeypatch: pytest.MonkeyPatch, small_parts: None
) -> None:
    answer = download(member, "events.csv", period="all")

    def fail(_: StoredEvents) -> None:
        raise ReportTooSlowError(1)

    monkeypatch.setattr(StoredEvents, "write_csv", fail)
    with pytest.raises(ReportTooSlowError):
        list(answer)

    assert places.taken == 0


def test_a_range_begins_with_the_days_of_which_events_are_kept(site: Site, member: Client) -> None:
    view(site, NOON - 20 * DAY, visitor=8)
    site.keep_events_days = 10
    site.save()
    keep_up(NOON)

    answer = download(member, "events.csv", period="all")

    assert name_of(answer).endswith('"example.com_events_2026-02-28_2026-03-10.csv"')
    assert len(read_csv(answer.getvalue())) == 1 + 6
    days = {"from": "2026-02-01", "to": "2026-02-20"}
    assert member.get(SITE + "events.csv", days).status_code == 410


@pytest.mark.parametrize(
    ("counts", "parts"),
    [
        ({}, []),
        ({1: 5}, [(1, 2)]),
        ({1: 60, 2: 40, 3: 1}, [(1, 3), (3, 4)]),
        ({1: 100, 2: 1, 9: 99}, [(1, 2), (2, 10)]),
        ({1: 1, 2: 100, 3: 1}, [(1, 2), (2, 3), (3, 4)]),
        ({1: 1, 2: 101, 3: 1}, [(1, 2), (2, 3), (2, 3), (3, 4)]),
    ],
)
def test_days_are_put_together_up_to_a_hundred_events(
    counts: dict[int, int], parts: list[tuple[int, int]]
) -> None:
    by_day = {date(2026, 3, day): events for day, events in counts.items()}

    ranges = split_days(days_of(1, 31), by_day, 100)

    assert [(each.first_day.day, each.end_day.day) for each in ranges] == parts


def test_a_day_of_many_events_is_split_by_its_clock() -> None:
    """Of the day with 23 hours a third is 7 hours 40 minutes."""
    parts = split_days(days_of(28, 30), {date(2026, 3, 29): 201}, 100)

    first, second = (datetime(2026, 3, 29, *at, tzinfo=UTC) for at in ((6, 40), (14, 20)))
    assert [(each.since, each.until) for each in parts] == [
        (None, first),
        (first, second),
        (second, None),
    ]


def test_parts_of_a_day_have_each_event_once(
    site: Site, member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one of a day that has another place by now, as the site's time zone was changed."""
    view(site, NOON - 11 * HOUR, visitor=9)
    whole = download(member, "events.csv", period="all").getvalue()
    monkeypatch.setattr(making, "PART_EVENTS", 1)
    in_parts = list(download(member, "events.csv", period="all"))
    site.timezone = "Pacific/Auckland"
    site.save()
    later = download(member, "events.csv", period="7d").getvalue()

    assert len(in_parts) == 1 + 1 + 2
    assert b"".join(in_parts) == later == whole


def days_of(first: int, last: int) -> DateRange:
    """Days of March 2026 in Berlin."""
    return DateRange(
        first_day=date(2026, 3, first),
        end_day=date(2026, 3, last) + DAY,
        zone=ZoneInfo("Europe/Berlin"),
    )


def test_exports_md_tells_each_column_in_its_order() -> None:
    text = (BASE_DIR / "docs" / "exports.md").read_text(encoding="utf-8")
    table = text.partition("| Column | Type | Holds |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]

    assert [name.strip(" `") for cell in cells for name in cell.split(",")] == [*EVENT_COLUMNS]
