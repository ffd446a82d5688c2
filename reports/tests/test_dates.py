"""Ranges, presets and buckets, on the days and in the zones where clocks do something odd."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.dates import PRESETS, Bucket, DateRange, Interval, midnight, preset_range, today_in
from visits.tests.hits import DAY, HOUR, MINUTE

BERLIN = ZoneInfo("Europe/Berlin")
KOLKATA = ZoneInfo("Asia/Kolkata")  # half an hour off
KIRITIMATI = ZoneInfo("Pacific/Kiritimati")  # 14 hours ahead, the first to begin a day
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # its summer is half an hour ahead
APIA = ZoneInfo("Pacific/Apia")  # had no 30 December 2011

zones = st.sampled_from(
    [
        ZoneInfo("UTC"),
        BERLIN,
        KOLKATA,
        KIRITIMATI,
        LORD_HOWE,
        APIA,
        ZoneInfo("America/Havana"),  # has a midnight twice
        ZoneInfo("Africa/Cairo"),  # has a day without midnight
        ZoneInfo("Asia/Kathmandu"),  # a quarter of an hour off
    ]
)


def span(first_day: str, end_day: str, zone: ZoneInfo = BERLIN) -> DateRange:
    """Return the days [first_day, end_day), whole."""
    return DateRange(
        first_day=date.fromisoformat(first_day), end_day=date.fromisoformat(end_day), zone=zone
    )


@st.composite
def ranges(draw: st.DrawFn, longest: int = 800) -> DateRange:
    """Some days, in some zone."""
    first_day = draw(st.dates(date(2000, 1, 1), date(2099, 1, 1)))
    width = draw(st.integers(1, longest))
    return DateRange(first_day=first_day, end_day=first_day + width * DAY, zone=draw(zones))


@pytest.mark.parametrize(
    ("name", "first_day", "end_day"),
    [
        ("day", "2026-03-30", "2026-03-31"),
        ("yesterday", "2026-03-29", "2026-03-30"),
        ("7d", "2026-03-24", "2026-03-31"),
        ("28d", "2026-03-03", "2026-03-31"),
        ("30d", "2026-03-01", "2026-03-31"),
        ("91d", "2025-12-30", "2026-03-31"),
        ("month", "2026-03-01", "2026-03-31"),
        ("last_month", "2026-02-01", "2026-03-01"),
        ("year", "2026-01-01", "2026-03-31"),
        ("12mo", "2025-04-01", "2026-03-31"),
    ],
)
def test_presets_in_berlin_half_an_hour_into_the_day_after_clocks_changed(
    name: str, first_day: str, end_day: str
) -> None:
    now = datetime(2026, 3, 29, 22, 30, tzinfo=UTC)

    assert preset_range(name, BERLIN, now) == span(first_day, end_day)


@pytest.mark.parametrize(
    ("name", "first_day", "end_day"),
    [
        ("day", "2028-02-29", "2028-03-01"),
        ("yesterday", "2028-02-28", "2028-02-29"),
        ("7d", "2028-02-23", "2028-03-01"),
        ("28d", "2028-02-02", "2028-03-01"),
        ("30d", "2028-01-31", "2028-03-01"),
        ("91d", "2027-12-01", "2028-03-01"),
        ("month", "2028-02-01", "2028-03-01"),
        ("last_month", "2028-01-01", "2028-02-01"),
        ("year", "2028-01-01", "2028-03-01"),
        ("12mo", "2027-03-01", "2028-03-01"),
    ],
)
def test_presets_in_kolkata_a_quarter_into_a_leap_day(
    name: str, first_day: str, end_day: str
) -> None:
    now = datetime(2028, 2, 28, 18, 45, tzinfo=UTC)

    assert preset_range(name, KOLKATA, now) == span(first_day, end_day, KOLKATA)


@pytest.mark.parametrize(
    ("name", "first_day", "end_day"),
    [
        ("day", "2027-01-01", "2027-01-02"),
        ("yesterday", "2026-12-31", "2027-01-01"),
        ("7d", "2026-12-26", "2027-01-02"),
        ("28d", "2026-12-05", "2027-01-02"),
        ("30d", "2026-12-03", "2027-01-02"),
        ("91d", "2026-10-03", "2027-01-02"),
        ("month", "2027-01-01", "2027-01-02"),
        ("last_month", "2026-12-01", "2027-01-01"),
        ("year", "2027-01-01", "2027-01-02"),
        ("12mo", "2026-02-01", "2027-01-02"),
    ],
)
def test_presets_in_kiritimati_where_the_year_is_new_and_in_utc_it_is_old(
    name: str, first_day: str, end_day: str
) -> None:
    now = datetime(2026, 12, 31, 10, 30, tzinfo=UTC)

    assert preset_range(name, KIRITIMATI, now) == span(first_day, end_day, KIRITIMATI)


def test_a_preset_is_known_by_its_own_name() -> None:
    assert [name for name, preset in PRESETS.items() if preset.name != name] == []
    with pytest.raises(KeyError):
        preset_range("fortnight", BERLIN, datetime(2026, 3, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("zone", "today"),
    [(KIRITIMATI, date(2026, 3, 11)), (KOLKATA, date(2026, 3, 10)), (BERLIN, date(2026, 3, 10))],
)
def test_today_is_the_zones(zone: ZoneInfo, today: date) -> None:
    assert today_in(zone, datetime(2026, 3, 10, 12, tzinfo=UTC)) == today


def test_a_range_holds_its_first_day_and_not_its_end_day() -> None:
    week = span("2026-03-23", "2026-03-30")

    assert week.days == 7
    assert week.last_day == date(2026, 3, 29)
    # Clocks change on its last day: it begins in winter and ends in summer.
    assert week.starts_at.astimezone(UTC) == datetime(2026, 3, 22, 23, tzinfo=UTC)
    assert week.ends_at.astimezone(UTC) == datetime(2026, 3, 29, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "first_day", "end_day", "until"),
    [
        # At 10:15 in Berlin, today is beside yesterday until 10:15 in Berlin.
        ("2026-03-10T09:15Z", "2026-03-10", "2026-03-11", "2026-03-09T10:15"),
        # The same on the day after clocks changed: the same time of day, not 24 hours before.
        ("2026-03-30T08:15Z", "2026-03-30", "2026-03-31", "2026-03-29T10:15"),
        # Seven days up to now are beside the seven before, up to this time of the last of them.
        ("2026-03-10T09:15Z", "2026-03-04", "2026-03-11", "2026-03-03T10:15"),
        # A range that reaches into the future is as far along as the one before it.
        ("2026-03-10T09:15Z", "2026-03-09", "2026-03-13", "2026-03-06T10:15"),
        # At its first instant a day is unfinished; at the instant it ends it is whole.
        ("2026-03-09T23:00Z", "2026-03-10", "2026-03-11", "2026-03-09T00:00"),
        ("2026-03-10T23:00Z", "2026-03-10", "2026-03-11", None),
        # What lies behind, or ahead, is beside whole days.
        ("2026-03-10T09:15Z", "2026-02-01", "2026-03-01", None),
        ("2026-03-10T09:15Z", "2026-04-01", "2026-04-03", None),
    ],
)
def test_the_range_before_is_as_long_and_as_far_along(
    now: str, first_day: str, end_day: str, until: str | None
) -> None:
    days = span(first_day, end_day)

    before = days.previous(datetime.fromisoformat(now))

    assert before.end_day == days.first_day
    assert before.days == days.days
    assert before.zone is days.zone
    assert before.until == (
        None if until is None else datetime.fromisoformat(until).replace(tzinfo=BERLIN)
    )


@given(ranges(), st.integers(-DAY // MINUTE, 400 * DAY // MINUTE))
def test_the_range_before_ends_within_itself(days: DateRange, minutes: int) -> None:
    now = days.starts_at.astimezone(UTC) + minutes * MINUTE
    before = days.previous(now)

    assert (before.days, before.end_day) == (days.days, days.first_day)
    if days.starts_at.astimezone(UTC) <= now < days.ends_at.astimezone(UTC):
        assert before.until is not None
        assert before.first_day <= before.until.date() < before.end_day
        assert before.until.time() == now.astimezone(days.zone).time()
    else:
        assert before.until is None


@pytest.mark.parametrize(
    ("days", "intervals"),
    [
        (1, ["hour", "day"]),
        (2, ["hour", "day"]),
        (3, ["day", "hour"]),
        (7, ["day", "hour"]),
        (8, ["day", "week"]),
        (92, ["day", "week"]),
        (93, ["week", "day", "month"]),
        (400, ["week", "day", "month"]),
        (401, ["month", "week"]),
        (36525, ["month", "week"]),
    ],
)
def test_the_buckets_that_make_a_readable_chart(days: int, intervals: list[str]) -> None:
    first_day = date(2000, 1, 1)
    width = DateRange(first_day=first_day, end_day=first_day + days * DAY, zone=BERLIN)

    assert list(width.intervals()) == intervals


@pytest.mark.parametrize(
    ("zone", "day", "count", "clocks"),
    [
        # 02:00 becomes 03:00: 23 hours.
        (BERLIN, "2026-03-29", 23, ["00:00", "01:00", "03:00", "04:00"]),
        # 03:00 becomes 02:00: 25 hours, two of which read 02:00.
        (BERLIN, "2026-10-25", 25, ["00:00", "01:00", "02:00", "02:00", "03:00"]),
        # 02:00 becomes 02:30: the day's last bucket is half an hour.
        (LORD_HOWE, "2026-10-04", 24, ["00:00", "01:00", "02:30", "03:30"]),
        # 02:00 becomes 01:30: half an hour more.
        (LORD_HOWE, "2026-04-05", 25, ["00:00", "01:00", "01:30", "02:30"]),
        (KOLKATA, "2026-03-29", 24, ["00:00", "01:00", "02:00", "03:00"]),
        # 00:00 becomes 01:00: the day begins at one o'clock.
        (ZoneInfo("Africa/Cairo"), "2026-04-24", 23, ["01:00", "02:00", "03:00"]),
        # 01:00 becomes 00:00: midnight is there twice.
        (ZoneInfo("America/Havana"), "2026-11-01", 25, ["00:00", "00:00", "01:00"]),
    ],
)
def test_hours_pass_as_a_clock_runs(
    zone: ZoneInfo, day: str, count: int, clocks: list[str]
) -> None:
    only = date.fromisoformat(day)
    hours = DateRange(first_day=only, end_day=only + DAY, zone=zone).buckets(Interval.HOUR)

    assert len(hours) == count
    assert [f"{hour.starts_at:%H:%M}" for hour in hours[: len(clocks)]] == clocks


def test_a_range_that_begins_in_an_hour_that_comes_twice_has_both() -> None:
    """01:30, the first time: the bucket that ends at the second 01:00 meets it."""
    zone = ZoneInfo("America/New_York")
    day = DateRange(first_day=date(2026, 11, 1), end_day=date(2026, 11, 2), zone=zone)
    cut = replace(day, since=datetime(2026, 11, 1, 1, 30, tzinfo=zone))

    beginnings = [f"{bucket.key:%H:%M}" for bucket in cut.buckets(Interval.HOUR)]
    assert beginnings[:3] == ["05:00", "06:00", "07:00"]


def test_an_hours_key_is_its_beginning_in_utc() -> None:
    first, second, *_ = span("2026-03-10", "2026-03-11", KOLKATA).buckets(Interval.HOUR)

    assert [first.key, second.key] == [
        datetime(2026, 3, 9, 18, 30, tzinfo=UTC).replace(tzinfo=None),
        datetime(2026, 3, 9, 19, 30, tzinfo=UTC).replace(tzinfo=None),
    ]
    assert first.ends_at == second.starts_at == datetime(2026, 3, 10, 1, tzinfo=KOLKATA)


def test_the_last_hour_of_a_day_ends_with_the_day() -> None:
    last = span("2026-10-04", "2026-10-05", LORD_HOWE).buckets(Interval.HOUR)[-1]

    assert f"{last.starts_at:%H:%M}" == "23:30"
    assert lasting(last) == 30 * MINUTE


def test_a_day_that_a_zone_left_out_has_no_hours() -> None:
    assert span("2011-12-30", "2011-12-31", APIA).buckets(Interval.HOUR) == []


@pytest.mark.parametrize(
    ("interval", "keys"),
    [
        (Interval.DAY, ["2026-02-26", "2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]),
        # Thursday to Monday: the first week begins on the Monday before the range.
        (Interval.WEEK, ["2026-02-23", "2026-03-02"]),
        (Interval.MONTH, ["2026-02-01", "2026-03-01"]),
    ],
)
def test_days_weeks_and_months_are_those_that_meet_the_range(
    interval: Interval, keys: list[str]
) -> None:
    buckets = span("2026-02-26", "2026-03-03").buckets(interval)

    assert [str(bucket.key) for bucket in buckets] == keys


@pytest.mark.parametrize(
    ("week_begins", "keys"),
    [
        (1, ["2026-02-23", "2026-03-02"]),
        (6, ["2026-02-21", "2026-02-28"]),
        (7, ["2026-02-22", "2026-03-01"]),
    ],
)
def test_weeks_begin_on_the_day_that_is_asked_for(week_begins: int, keys: list[str]) -> None:
    buckets = span("2026-02-26", "2026-03-03").buckets(Interval.WEEK, week_begins)

    assert [str(bucket.key) for bucket in buckets] == keys


def test_months_are_as_long_as_the_calendars() -> None:
    months = span("2027-12-01", "2028-04-01").buckets(Interval.MONTH)

    assert [str(month.key) for month in months] == [
        "2027-12-01",
        "2028-01-01",
        "2028-02-01",
        "2028-03-01",
    ]
    # March has the 29 days between, a 30th, and one that is an hour shorter.
    assert [lasting(month) for month in months] == [31 * DAY, 31 * DAY, 29 * DAY, 31 * DAY - HOUR]


@given(ranges(longest=40))
def test_hours_tile_the_range(days: DateRange) -> None:
    hours = days.buckets(Interval.HOUR)

    assert_tiled(hours, days.starts_at, days.ends_at)
    assert all(timedelta(0) < lasting(hour) <= HOUR for hour in hours)
    assert sum((lasting(hour) for hour in hours), timedelta(0)) == days.ends_at.astimezone(
        UTC
    ) - days.starts_at.astimezone(UTC)


@given(ranges(longest=40))
def test_the_hours_of_days_are_the_hours_of_the_range(days: DateRange) -> None:
    each_day = [
        DateRange(first_day=day.key, end_day=day.key + DAY, zone=days.zone)
        for day in days.buckets(Interval.DAY)
    ]

    assert [hour for day in each_day for hour in day.buckets(Interval.HOUR)] == days.buckets(
        Interval.HOUR
    )


@given(ranges())
def test_days_tile_the_range_and_each_has_its_key(days: DateRange) -> None:
    buckets = days.buckets(Interval.DAY)

    assert len(buckets) == days.days
    assert_tiled(buckets, days.starts_at, days.ends_at)
    assert [bucket.key for bucket in buckets] == [
        days.first_day + place * DAY for place in range(days.days)
    ]


@given(ranges(), st.sampled_from([Interval.WEEK, Interval.MONTH]), st.sampled_from([1, 6, 7]))
def test_weeks_and_months_cover_the_range_with_none_to_spare(
    days: DateRange, interval: Interval, week_begins: int
) -> None:
    buckets = days.buckets(interval, week_begins)
    first, last = buckets[0], buckets[-1]

    assert_tiled(buckets, first.starts_at, last.ends_at)
    assert first.key <= days.first_day < first.ends_at.date()
    assert last.key < days.end_day <= last.ends_at.date()
    assert all(
        bucket.key.isoweekday() == week_begins if interval is Interval.WEEK else bucket.key.day == 1
        for bucket in buckets
    )


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), zones)
def test_a_day_begins_with_its_first_instant(day: date, zone: ZoneInfo) -> None:
    begins_at = midnight(day, zone).astimezone(UTC)

    assert (begins_at - timedelta(microseconds=1)).astimezone(zone).date() < day
    # The day that Apia left out begins with the one after it.
    left_out = (zone, day) == (APIA, date(2011, 12, 30))
    assert begins_at.astimezone(zone).date() == (day + DAY if left_out else day)
    assert left_out or begins_at.astimezone(zone).time() <= time(1)


def lasting(bucket: Bucket) -> timedelta:
    """Return how long a bucket lasts: by UTC, since clocks may change within it."""
    return bucket.ends_at.astimezone(UTC) - bucket.starts_at.astimezone(UTC)


def assert_tiled(buckets: list[Bucket], start: datetime, end: datetime) -> None:
    """Fail where the buckets leave a gap, overlap, or do not reach from start to end."""
    edges = [bucket.ends_at.astimezone(UTC) for bucket in buckets]
    beginnings = [bucket.starts_at.astimezone(UTC) for bucket in buckets]
    assert [start.astimezone(UTC), *edges] == [*beginnings, end.astimezone(UTC)]


#: A moment in no range here.
LONG_AFTER = datetime(2040, 1, 1, tzinfo=UTC)


def through(first_day: str, last_day: str, zone: ZoneInfo = BERLIN) -> DateRange:
    """Return the days from the first to the last, both whole."""
    return span(first_day, str(date.fromisoformat(last_day) + DAY), zone)


@pytest.mark.parametrize(
    ("first", "last", "expected_first", "expected_last"),
    [
        ("2026-03-10", "2026-03-10", "2026-03-03", "2026-03-03"),
        ("2026-03-09", "2026-03-15", "2026-03-02", "2026-03-08"),
        # Thirty days, moved by thirty-five: the fewest weeks that leave no overlap.
        ("2026-03-01", "2026-03-30", "2026-01-25", "2026-02-23"),
    ],
)
def test_the_period_before_may_match_weekdays(
    first: str, last: str, expected_first: str, expected_last: str
) -> None:
    days = through(first, last).previous(LONG_AFTER, match_weekdays=True)

    assert (str(days.first_day), str(days.last_day)) == (expected_first, expected_last)
    assert days.first_day.weekday() == date.fromisoformat(first).weekday()


@pytest.mark.parametrize(
    ("first", "last", "expected_first", "expected_last"),
    [
        ("2026-03-10", "2026-03-12", "2025-03-10", "2025-03-12"),
        ("2024-02-01", "2024-02-29", "2023-02-01", "2023-02-28"),
        ("2024-02-29", "2024-03-01", "2023-02-28", "2023-03-01"),
        ("2025-01-01", "2025-12-31", "2024-01-01", "2024-12-31"),
    ],
)
def test_a_year_before_has_the_same_dates(
    first: str, last: str, expected_first: str, expected_last: str
) -> None:
    days = through(first, last).year_before(LONG_AFTER)

    assert (str(days.first_day), str(days.last_day)) == (expected_first, expected_last)


def test_a_year_before_may_match_weekdays() -> None:
    days = through("2026-03-10", "2026-03-12").year_before(LONG_AFTER, match_weekdays=True)

    assert (str(days.first_day), str(days.last_day)) == ("2025-03-11", "2025-03-13")


def test_an_unfinished_day_is_compared_with_as_much_of_its_day_a_year_before() -> None:
    now = datetime(2026, 3, 10, 10, 15, tzinfo=BERLIN)

    days = through("2026-03-01", "2026-03-10", BERLIN).year_before(now)

    assert days.until == datetime(2025, 3, 10, 10, 15, tzinfo=BERLIN)


def test_a_range_between_instants_has_the_days_that_it_touches() -> None:
    since = datetime(2026, 3, 10, 20, 0, tzinfo=UTC)  # 01:30 on the 11th in Kolkata
    days = DateRange.between(since, since + timedelta(hours=22, minutes=30), KOLKATA)

    assert (str(days.first_day), str(days.last_day)) == ("2026-03-11", "2026-03-11")
    assert [bucket.key for bucket in days.buckets(Interval.DAY)] == [date(2026, 3, 11)]
    hours = days.buckets(Interval.HOUR)
    assert (hours[0].starts_at.hour, hours[-1].starts_at.hour) == (1, 23)


def test_before_a_range_between_instants_is_one_as_long() -> None:
    since, until = (datetime(2026, 3, 10, hour, 30, tzinfo=UTC) for hour in (9, 13))
    days = DateRange.between(since, until, BERLIN)

    assert (days.previous(LONG_AFTER).since, days.previous(LONG_AFTER).until) == (
        since - timedelta(hours=4),
        since,
    )
    assert days.previous(LONG_AFTER, match_weekdays=True).since == since - timedelta(days=7)
    assert days.year_before(LONG_AFTER).until == datetime(2025, 3, 10, 13, 30, tzinfo=UTC)


def test_minutes_are_as_many_as_pass() -> None:
    """In the night in which clocks go forward by half an hour."""
    assert (
        len(through("2026-10-04", "2026-10-04", LORD_HOWE).buckets(Interval.MINUTE)) == 23 * 60 + 30
    )


@pytest.mark.parametrize(
    ("first", "last", "before", "after"),
    [
        ("2026-03-10", "2026-03-10", ("2026-03-09", "2026-03-09"), ("2026-03-11", "2026-03-11")),
        ("2026-03-02", "2026-03-08", ("2026-02-23", "2026-03-01"), ("2026-03-09", "2026-03-15")),
        ("2026-03-01", "2026-03-31", ("2026-02-01", "2026-02-28"), ("2026-04-01", "2026-04-30")),
        ("2025-12-01", "2025-12-31", ("2025-11-01", "2025-11-30"), ("2026-01-01", "2026-01-31")),
        ("2026-03-01", "2026-03-30", ("2026-01-30", "2026-02-28"), ("2026-03-31", "2026-04-29")),
    ],
)
def test_days_beside_others_are_as_many_or_a_whole_month(
    first: str, last: str, before: tuple[str, str], after: tuple[str, str]
) -> None:
    days = through(first, last)

    assert days.beside(-1) == through(*before)
    assert days.beside(1) == through(*after)


@pytest.mark.parametrize(
    ("first_day", "days", "zone", "offsets"),
    [
        (date(2026, 3, 10), 1, "UTC", [(None, 0)]),
        (date(2026, 1, 1), 31, "Asia/Kolkata", [(None, 19_800)]),
        (
            date(2026, 1, 1),
            365,
            "Europe/Berlin",
            [("2026-03-29T01:00", 3600), ("2026-10-25T01:00", 7200), (None, 3600)],
        ),
        # Half an hour, and the day of the change alone.
        (
            date(2026, 4, 5),
            1,
            "Australia/Lord_Howe",
            [("2026-04-04T15:00", 39_600), (None, 37_800)],
        ),
        # A day that was left out.
        (date(2011, 12, 28), 5, "Pacific/Apia", [("2011-12-30T10:00", -36_000), (None, 50_400)]),
    ],
)
def test_offsets_change_where_clocks_do(
    first_day: date, days: int, zone: str, offsets: list[tuple[str | None, int]]
) -> None:
    span = DateRange(first_day=first_day, end_day=first_day + days * DAY, zone=ZoneInfo(zone))

    assert [(until and f"{until:%Y-%m-%dT%H:%M}", offset) for until, offset in span.offsets()] == (
        offsets
    )
