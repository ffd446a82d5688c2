"""What addresses of reports mean, and the sentence that each wrong one gets."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from reports.dates import EARLIEST_DAY, LATEST_DAY, PRESETS, Interval
from reports.forms import ReportForm, ReportPeriod
from visits.tests.hits import DAY, MINUTE

KOLKATA: Final = ZoneInfo("Asia/Kolkata")
#: Tuesday 10 March in UTC, and Wednesday 11 March in Kolkata.
NOW: Final = datetime(2026, 3, 10, 19, tzinfo=UTC)
LONG_AGO: Final = datetime(2025, 6, 1, tzinfo=UTC)


def fill(query: str, first_hit_at: datetime | None = LONG_AGO) -> ReportForm:
    """Return the form of an address's query string, on a site whose days are Kolkata's."""
    return ReportForm(QueryDict(query), zone=KOLKATA, now=NOW, first_hit_at=first_hit_at)


def read(query: str, first_hit_at: datetime | None = LONG_AGO) -> ReportPeriod:
    """Return the period of a right address."""
    form = fill(query, first_hit_at)
    assert form.is_valid(), form.errors
    return form.read()


@pytest.mark.parametrize(
    ("query", "name", "first_day", "last_day", "interval"),
    [
        ("", "28d", "2026-02-12", "2026-03-11", "day"),
        ("period=", "28d", "2026-02-12", "2026-03-11", "day"),
        ("period=day", "day", "2026-03-11", "2026-03-11", "hour"),
        ("period=yesterday", "yesterday", "2026-03-10", "2026-03-10", "hour"),
        ("period=7d", "7d", "2026-03-05", "2026-03-11", "day"),
        ("period=28d", "28d", "2026-02-12", "2026-03-11", "day"),
        ("period=30d", "30d", "2026-02-10", "2026-03-11", "day"),
        ("period=91d", "91d", "2025-12-11", "2026-03-11", "day"),
        ("period=month", "month", "2026-03-01", "2026-03-11", "day"),
        ("period=last_month", "last_month", "2026-02-01", "2026-02-28", "day"),
        ("period=year", "year", "2026-01-01", "2026-03-11", "day"),
        ("period=12mo", "12mo", "2025-04-01", "2026-03-11", "week"),
        ("period=all", "all", "2025-06-01", "2026-03-11", "week"),
        ("from=2026-03-01&to=2026-03-04", "custom", "2026-03-01", "2026-03-04", "day"),
        ("from=2026-03-01&to=2026-03-01", "custom", "2026-03-01", "2026-03-01", "hour"),
        (
            "period=custom&from=2026-03-01&to=2026-03-04",
            "custom",
            "2026-03-01",
            "2026-03-04",
            "day",
        ),
        # Days that are named win over a period's name, and may lie ahead.
        ("period=7d&from=2026-03-01&to=2027-03-04", "custom", "2026-03-01", "2027-03-04", "week"),
        ("from=2000-01-01&to=2099-12-31", "custom", "2000-01-01", "2099-12-31", "month"),
        ("period=7d&interval=hour", "7d", "2026-03-05", "2026-03-11", "hour"),
        ("period=12mo&interval=month", "12mo", "2025-04-01", "2026-03-11", "month"),
        # A width that belongs to another period is left out.
        ("period=day&interval=month", "day", "2026-03-11", "2026-03-11", "hour"),
        ("period=12mo&interval=hour", "12mo", "2025-04-01", "2026-03-11", "week"),
        # Of a key that stands twice the last counts; of others nothing.
        ("period=7d&period=day", "day", "2026-03-11", "2026-03-11", "hour"),
        ("period=day&page=3&metric=visits", "day", "2026-03-11", "2026-03-11", "hour"),
    ],
)
def test_reads_addresses(
    query: str, name: str, first_day: str, last_day: str, interval: str
) -> None:
    period = read(query)

    assert period.name == name
    assert (str(period.range.first_day), str(period.range.last_day)) == (first_day, last_day)
    assert period.interval == interval
    assert (period.range.zone, period.range.until) == (KOLKATA, None)


@pytest.mark.parametrize(
    ("first_hit_at", "name"),
    [
        (None, "day"),
        (NOW, "day"),
        # Half past midnight in Kolkata, still the same day there.
        (datetime(2026, 3, 10, 18, 30, tzinfo=UTC), "day"),
        (datetime(2026, 3, 10, 18, 29, tzinfo=UTC), "28d"),
        (LONG_AGO, "28d"),
    ],
)
def test_a_site_begins_with_today(first_hit_at: datetime | None, name: str) -> None:
    assert read("", first_hit_at).name == name


@pytest.mark.parametrize(
    ("first_hit_at", "first_day"),
    [
        (None, date(2026, 3, 11)),
        (NOW - DAY, date(2026, 3, 10)),
        # A hit whose clock is ahead makes no range that ends before it begins.
        (NOW + 3 * DAY, date(2026, 3, 11)),
    ],
)
def test_all_time_is_from_the_first_hit_to_today(
    first_hit_at: datetime | None, first_day: date
) -> None:
    days = read("period=all", first_hit_at).range

    assert (days.first_day, days.last_day) == (first_day, date(2026, 3, 11))


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        ("from=2026-03-01", "to", "Give both days, such as from=2026-03-01&to=2026-03-31."),
        ("to=2026-03-01", "from", "Give both days, such as from=2026-03-01&to=2026-03-31."),
        ("period=custom", "to", "Give both days, such as from=2026-03-01&to=2026-03-31."),
        ("from=yesterday&to=2026-03-01", "from", "Give a day like this: from=2026-03-01."),
        ("from=2026-03-01&to=2026-02-30", "to", "Give a day like this: to=2026-03-31."),
        ("from=01.03.2026&to=2026-03-04", "from", "Give a day like this: from=2026-03-01."),
        (
            "from=2026-03-04&to=2026-03-01",
            "from",
            "2026-03-04 is after 2026-03-01: exchange the two.",
        ),
        (
            "from=1999-12-31&to=2026-03-01",
            "from",
            "Reports reach from 2000-01-01 to 2099-12-31.",
        ),
        (
            "from=2026-03-01&to=2100-01-01",
            "from",
            "Reports reach from 2000-01-01 to 2099-12-31.",
        ),
        (
            "from=0001-01-01&to=9999-12-31",
            "from",
            "Reports reach from 2000-01-01 to 2099-12-31.",
        ),
        (
            "period=fortnight",
            "period",
            "Select a valid choice. fortnight is not one of the available choices.",
        ),
        (
            "interval=second",
            "interval",
            "Select a valid choice. second is not one of the available choices.",
        ),
        (f"from={'9' * 5000}&to=2026-03-01", "from", "Give a day like this: from=2026-03-01."),
        ("from=2026-03-01%00&to=2026-03-02", "from", "Give a day like this: from=2026-03-01."),
        (
            "from=2026-03-01&from=soon&to=2026-03-02",
            "from",
            "Give a day like this: from=2026-03-01.",
        ),
    ],
)
def test_says_what_is_wrong(query: str, field: str, sentence: str) -> None:
    assert fill(query).errors == {field: [sentence]}


@pytest.mark.parametrize("field", ["period", "interval", "from", "to"])
@pytest.mark.parametrize(
    "value",
    ["9" * 5000, "\0", "day\0", "\ud800", "1e999", "-1", "2026-02-30", "<script>", "0000-00-00"],
    ids=["long", "nul", "nul-after", "surrogate", "float", "minus", "unreal", "tag", "zeros"],
)
def test_no_value_is_an_exception(field: str, value: str) -> None:
    form = fill(f"{field}={quote(value, errors='surrogatepass')}")

    assert not form.is_valid()
    assert all(form.errors.values())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["period", "interval", "from", "to", "f", "filter_by", "filter_value"]),
            st.one_of(
                st.sampled_from([*PRESETS, *Interval, "all", "custom", "", "is,page,/", "page"]),
                st.dates().map(str),
                st.text(max_size=20),
            ),
        ),
        max_size=6,
    ),
    st.none() | st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 -- bounds, aware by `timezones`
)
def test_every_address_gives_a_period_or_a_sentence(
    pairs: list[tuple[str, str]], first_hit_at: datetime | None
) -> None:
    form = fill(urlencode(pairs, errors="replace"), first_hit_at)

    if not form.is_valid():
        assert all(errors and all(errors) for errors in form.errors.values())
        return
    period = form.read()
    assert EARLIEST_DAY <= period.range.first_day < period.range.end_day <= LATEST_DAY
    assert period.interval in period.range.intervals()


@pytest.mark.parametrize(
    ("query", "label"),
    [
        ("period=12mo", "Last 12 months"),
        ("period=all", "All time"),
        ("from=2026-03-01&to=2026-03-04", "1 Mar 2026 – 4 Mar 2026"),
        ("from=2025-12-31&to=2025-12-31", "31 Dec 2025"),
    ],
)
def test_a_period_has_a_name_to_read(query: str, label: str) -> None:
    assert read(query).label == label


@pytest.mark.parametrize("query", ["period=12mo", "period=all", "from=2026-03-01&to=2026-03-04"])
def test_a_period_gives_its_address_back(query: str) -> None:
    period = read(query + "&interval=week")

    assert urlencode(period.parameters) == query
    assert read(urlencode(period.parameters)).range == period.range


def test_a_hit_at_this_very_moment_leaves_the_site_on_its_first_day() -> None:
    assert read("", NOW + MINUTE).name == "day"
