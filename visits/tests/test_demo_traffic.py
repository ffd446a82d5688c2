"""The demo's year: what happens in it, counted over one sample of 40,000 events."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest

from visits.bulk import PastVisit
from visits.demo.arrivals import ARRIVALS, Stream, read_origin
from visits.demo.browsers import BROWSERS, safari_version
from visits.demo.draws import draws, heavy_tailed
from visits.demo.journeys import BANNER_SHOWN, DOWNLOADED, LEFT_BY_LINK, SIGNED_UP
from visits.demo.pages import LANDING, PAGES, SPIKE
from visits.demo.story import Story, hours_of, tell_story
from visits.demo.traffic import make_traffic
from visits.ingestion.bots import is_declared_bot
from visits.ingestion.devices import read_device
from visits.joining import ENGAGEMENT, PAGEVIEW, VISIT_GAP

BERLIN = ZoneInfo("Europe/Berlin")
END = datetime(2026, 11, 22, 17, 31, 7, tzinfo=UTC)
EVENTS = 40_000


def make(*, events: int = EVENTS, seed: int = 1, days: int = 365) -> list[PastVisit]:
    """Return the visits of a demo that ends at END."""
    traffic = make_traffic(
        events=events, end=END, days=days, zone=BERLIN, domain="demo.example.com", seed=seed
    )
    return list(traffic)


@pytest.fixture(scope="module")
def visits() -> list[PastVisit]:
    """The sample."""
    return make()


@pytest.fixture(scope="module")
def story() -> Story:
    """What befell the site in the sample."""
    return tell_story(end=END, days=365, zone=BERLIN)


def share(part: int, whole: int) -> float:
    """Return the part of the whole."""
    return part / whole


@pytest.mark.parametrize("events", [0, 1, 7, 500, 2345])
def test_makes_exactly_the_events_asked_for(events: int) -> None:
    made = make(events=events)

    assert sum(len(visit.events) for visit in made) == events
    assert all(visit.events for visit in made)


@pytest.mark.parametrize("days", [1, 7, 40])
def test_a_shorter_time_is_filled_too(days: int) -> None:
    made = make(events=3000, days=days)

    assert sum(len(visit.events) for visit in made) == 3000
    assert made[0].events[0].happened_at >= END - timedelta(days=days)


def test_the_same_seed_makes_the_same_visits() -> None:
    assert make(events=2000) == make(events=2000)
    assert make(events=2000) != make(events=2000, seed=2)


def test_a_visit_begins_with_a_pageview_and_has_no_long_gap(visits: list[PastVisit]) -> None:
    for visit in visits:
        assert visit.events[0].name == PAGEVIEW
        for earlier, later in pairwise(visit.events):
            assert timedelta(0) <= later.happened_at - earlier.happened_at < VISIT_GAP


def test_visits_of_one_visitor_are_more_than_the_gap_apart(visits: list[PastVisit]) -> None:
    last_event_at: dict[int, datetime] = {}
    repeated = 0
    for visit in visits:
        if before := last_event_at.get(visit.visitor):
            assert visit.events[0].happened_at - before > VISIT_GAP
            repeated += 1
        last_event_at[visit.visitor] = visit.events[-1].happened_at
    assert repeated


def test_visits_come_in_order_and_end_by_the_end(visits: list[PastVisit]) -> None:
    starts = [visit.events[0].happened_at for visit in visits]

    assert starts == sorted(starts)
    assert starts[0] >= END - timedelta(days=365)
    assert max(visit.events[-1].happened_at for visit in visits) <= END
    assert END - starts[-1] < timedelta(hours=6)


def test_about_45_percent_bounce(visits: list[PastVisit]) -> None:
    bounces = 0
    for visit in visits:
        names = Counter(event.name for event in visit.events if event.interactive)
        bounces += names[PAGEVIEW] == 1 and not set(names) - {PAGEVIEW, ENGAGEMENT}

    assert 0.42 < share(bounces, len(visits)) < 0.50


def test_the_outage_is_a_hole(visits: list[PastVisit], story: Story) -> None:
    times = [event.happened_at for visit in visits for event in visit.events]

    assert story.outage.end - story.outage.start == timedelta(hours=19)
    assert not [at for at in times if at in story.outage]
    day = timedelta(days=1)
    assert len([at for at in times if at - day in story.outage]) > 20


def test_hacker_news_makes_one_day_stand_out(visits: list[PastVisit], story: Story) -> None:
    by_day = Counter(visit.events[0].happened_at.astimezone(BERLIN).date() for visit in visits)
    ((highest, count), _, (_, third)) = by_day.most_common(3)

    assert highest == story.spike.start.astimezone(BERLIN).date()
    assert count > 2 * third
    readers = [v for v in visits if v.facts["source"] == "Hacker News"]
    of_spike = [v for v in readers if v.events[0].happened_at in story.spike]
    assert share(len(of_spike), len(readers)) > 0.6
    assert Counter(v.events[0].page for v in of_spike).most_common(1)[0][0] == SPIKE.path


def test_the_campaign_lasts_a_month_and_has_its_page(visits: list[PastVisit], story: Story) -> None:
    campaign = [v for v in visits if v.facts["utm_campaign"] == "larkspur-3"]

    assert story.campaign.end - story.campaign.start == timedelta(days=30)
    assert len(campaign) > 100
    assert {v.events[0].page for v in campaign} == {LANDING.path}
    hour = timedelta(hours=1)
    for visit in campaign:
        assert story.campaign.start <= visit.events[0].happened_at < story.campaign.end + hour


def test_traffic_grows_and_rests_at_weekends_and_at_night(visits: list[PastVisit]) -> None:
    starts = [visit.events[0].happened_at.astimezone(BERLIN) for visit in visits]
    first = sum(at < END - timedelta(days=275) for at in starts)
    last = sum(at >= END - timedelta(days=90) for at in starts)
    weekdays = Counter(at.weekday() for at in starts)
    hours = Counter(at.hour for at in starts)

    assert last > 1.3 * first
    assert weekdays[5] + weekdays[6] < 0.7 * (weekdays[0] + weekdays[4])
    assert hours[4] < 0.3 * hours[10]


def test_some_visits_go_on_across_midnight() -> None:
    days = (
        {event.happened_at.astimezone(BERLIN).date() for event in visit.events}
        for visit in make(events=60_000, days=30)
    )

    assert any(len(in_visit) == 2 for in_visit in days)


def test_pages_are_about_forty_and_heavy_tailed(visits: list[PastVisit]) -> None:
    pages = Counter(e.page for v in visits for e in v.events if e.name == PAGEVIEW)
    titles = {e.title for v in visits for e in v.events if e.name == PAGEVIEW}

    assert 36 <= len(pages) <= 45
    assert share(sum(count for _, count in pages.most_common(8)), pages.total()) > 0.5
    assert "دليل البدء السريع" in titles
    assert "" not in titles
    assert max(map(len, pages)) > 400
    assert len(pages) == sum(map(len, PAGES.values()))


def test_custom_events_carry_properties(visits: list[PastVisit]) -> None:
    custom = [e for v in visits for e in v.events if e.name not in {PAGEVIEW, ENGAGEMENT}]

    assert {e.name for e in custom} == {SIGNED_UP, DOWNLOADED, LEFT_BY_LINK, BANNER_SHOWN}
    assert all(e.props for e in custom)
    assert {e.interactive for e in custom if e.name == BANNER_SHOWN} == {False}
    paid = {e.props["plan"]: e.revenue_amount for e in custom if e.name == SIGNED_UP}
    assert paid["free"] is None
    assert paid["solo"]


def test_engagement_has_time_and_depth(visits: list[PastVisit]) -> None:
    engagements = [e for v in visits for e in v.events if e.name == ENGAGEMENT]

    assert len(engagements) > EVENTS / 4
    for event in engagements:
        assert event.engagement_ms is not None
        assert 0 <= event.engagement_ms < VISIT_GAP / timedelta(milliseconds=1)
        assert event.scroll_depth is not None
        assert 0 <= event.scroll_depth <= 100


def test_sources_have_their_channels(visits: list[PastVisit]) -> None:
    channels = {(v.facts["source"], v.facts["utm_medium"]): v.facts["channel"] for v in visits}

    expected = {
        ("", ""): "Direct",
        ("Google", ""): "Organic Search",
        ("Google", "cpc"): "Paid Search",
        ("Bing", ""): "Organic Search",
        ("X", ""): "Organic Social",
        ("ChatGPT", ""): "AI Assistants",
        ("newsletter", "email"): "Email",
        ("LinkedIn", "paid-social"): "Paid Social",
        ("YouTube", ""): "Organic Video",
        ("GitHub", ""): "Referral",
    }
    assert expected.items() <= channels.items()
    assert "Unassigned" not in channels.values()


def test_an_arrival_s_referrer_is_stored_as_the_pipeline_does() -> None:
    by_x = next(a for a in ARRIVALS[Stream.USUAL] if a.referrer.startswith("https://t.co"))

    origin = read_origin("demo.example.com", by_x)

    assert (origin["referrer"], origin["source"]) == ("t.co/x8Rk2Lq0aB", "X")


def test_what_is_not_known_is_empty(visits: list[PastVisit]) -> None:
    for name in ("country", "city", "language"):
        known = share(sum(bool(visit.facts[name]) for visit in visits), len(visits))
        assert 0.5 < known < 1, name
    countries = Counter(visit.facts["country"] for visit in visits)
    assert countries.most_common(1)[0][0] == "DE"
    assert len(countries) > 20


def test_devices_are_in_plausible_shares(visits: list[PastVisit]) -> None:
    devices = Counter(visit.facts["device"] for visit in visits)
    browsers = Counter(visit.facts["browser"] for visit in visits)

    assert 0.5 < share(devices["desktop"], len(visits)) < 0.75
    assert 0.25 < share(devices["mobile"], len(visits)) < 0.45
    assert [name for name, _ in browsers.most_common(3)] == ["Chrome", "Safari", "Firefox"]
    assert all(visit.facts["browser_version"] for visit in visits)
    assert all(visit.facts["screen_width"] for visit in visits)


@pytest.mark.parametrize("browser", BROWSERS, ids=lambda browser: browser.template[:60])
def test_user_agents_are_those_of_browsers(browser: object) -> None:
    user_agent = next(b for b in BROWSERS if b is browser).user_agent(date(2026, 11, 1), 0)

    device = read_device(user_agent)
    assert not is_declared_bot(user_agent)
    assert device.browser
    assert device.browser_version
    assert device.operating_system


@pytest.mark.parametrize(
    ("on", "behind", "version"),
    [
        (date(2024, 9, 20), 0, "18.0"),
        (date(2025, 3, 1), 0, "18.3"),
        (date(2025, 9, 20), 0, "26.0"),
        (date(2025, 9, 20), 1, "18.5"),
        (date(2026, 8, 31), 0, "26.5"),
    ],
)
def test_safari_takes_the_name_of_the_year_to_come(on: date, behind: int, version: str) -> None:
    assert safari_version(on, behind) == version


def test_hours_cover_the_time_but_the_outage(story: Story) -> None:
    hours = list(hours_of(story, Random(1)))

    covered = sum((hour.ends_at - hour.starts_at for hour in hours), timedelta())
    assert covered == timedelta(days=365) - (story.outage.end - story.outage.start)
    assert all(hour.weight > 0 for hour in hours)


def test_draws_follow_their_weights() -> None:
    drawn = Counter(islice(draws(Random(1), heavy_tailed(["a", "b", "c"])), 6000))

    assert drawn["a"] == pytest.approx(2 * drawn["b"], rel=0.1)
    assert drawn["a"] == pytest.approx(3 * drawn["c"], rel=0.1)
