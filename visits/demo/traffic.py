"""The demo site's visits: what happened in its year, by chance but the same for the same seed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from visits.bulk import PastEvent, PastVisit
from visits.demo.arrivals import ARRIVALS, Arrival, Stream, read_origin
from visits.demo.browsers import BEHIND, BROWSERS
from visits.demo.draws import chances, draws
from visits.demo.journeys import Journeys
from visits.demo.pages import Page
from visits.demo.people import CITY_KNOWN, COUNTRIES
from visits.demo.story import Hour, Story, hours_of, tell_story
from visits.ingestion.devices import read_device
from visits.joining import VISIT_GAP

_DEVICE_FACTS: Final = (
    "browser",
    "browser_version",
    "operating_system",
    "operating_system_version",
    "device",
)


def make_traffic(
    *, events: int, end: datetime, days: int, zone: ZoneInfo, domain: str, seed: int
) -> Iterator[PastVisit]:
    """Return visits with `events` events in all, in order of their start, none after `end`.

    Exactly that many: the last visit is left early where the number demands it. The same
    arguments give the same visits. Nothing for 0 events.
    """
    rng = Random(seed)  # noqa: S311 -- play, and it must come out the same again
    story = tell_story(end=end, days=days, zone=zone)
    hours = list(hours_of(story, rng))
    year_weight = sum(hour.weight for hour in hours)
    crowd = _Crowd(rng, story, domain)
    made, weight = 0, 0.0
    for hour in hours:
        weight += hour.weight
        wanted = round(events * min(weight / year_weight, 1)) if hour is not hours[-1] else events
        visits = []
        while made < wanted:
            visit = crowd.visit(hour)
            visits.append(visit._replace(events=visit.events[: events - made]))
            made += len(visits[-1].events)
        yield from sorted(visits, key=lambda visit: visit.events[0].happened_at)


class _Person(NamedTuple):
    visitor: int
    facts: dict[str, Any]
    last_event_at: datetime


class _Crowd:
    """Everybody who may come: who they are, how they arrive, what they do."""

    def __init__(self, rng: Random, story: Story, domain: str) -> None:
        self._rng = rng
        self._story = story
        self._journeys = Journeys(rng)
        self._countries = draws(rng, {code: country.share for code, country in COUNTRIES.items()})
        self._languages = {code: draws(rng, c.languages) for code, c in COUNTRIES.items()}
        self._places = {code: draws(rng, _place_weights(code)) for code in COUNTRIES}
        self._browsers = draws(rng, {browser: browser.share for browser in BROWSERS})
        self._behind = draws(rng, BEHIND)
        self._arrivals = {
            stream: draws(rng, {_Way(rng, domain, arrival): arrival.share for arrival in arrivals})
            for stream, arrivals in ARRIVALS.items()
        }
        self._comes_back = chances(rng, 0.09)
        self._today = date.min
        self._gone: deque[_Person] = deque()

    def visit(self, hour: Hour) -> PastVisit:
        """Return a visit that begins in the hour."""
        rng, streams = self._rng, hour.streams
        stream = Stream.USUAL
        if len(streams) > 1:
            (stream,) = rng.choices(list(streams), list(streams.values()))
        way = next(self._arrivals[stream])
        length_ms = (hour.ends_at - hour.starts_at) // timedelta(milliseconds=1)
        at = hour.starts_at + timedelta(milliseconds=int(rng.random() * length_ms))
        visitor, facts = self._somebody(hour)
        page = way.page or self._journeys.page_in(way.sections)
        events = self._received(self._journeys.walk(page, at, one_page=next(way.sees_one_page)))
        self._gone.append(_Person(visitor, facts, events[-1].happened_at))
        return PastVisit(visitor, events, facts | way.facts)

    def _received(self, events: list[PastEvent]) -> list[PastEvent]:
        """Return the events that arrived: none after the end, none once tracking was out."""
        outage = self._story.outage.start
        silent_from = outage if events[0].happened_at < outage else self._story.end
        if events[-1].happened_at < silent_from:
            return events
        return [event for event in events if event.happened_at < silent_from]

    def _somebody(self, hour: Hour) -> tuple[int, dict[str, Any]]:
        """Return a new visitor, or now and then one whose visit earlier that day has ended."""
        today = hour.starts_at.astimezone(self._story.zone).date()
        if today != self._today:
            self._today = today
            self._gone.clear()
        if next(self._comes_back) and self._gone:
            person = self._gone.popleft()
            if person.last_event_at + VISIT_GAP < hour.starts_at:
                return person.visitor, person.facts
        return self._rng.getrandbits(64) - (1 << 63), self._new_facts(today)

    def _new_facts(self, today: date) -> dict[str, Any]:
        country = next(self._countries)
        region, city = next(self._places[country])
        browser = next(self._browsers)
        device = read_device(browser.user_agent(today, next(self._behind)))
        facts: dict[str, Any] = {name: getattr(device, name) for name in _DEVICE_FACTS}
        facts["country"], facts["region"], facts["city"] = country, region, city
        facts["language"] = next(self._languages[country])
        facts["screen_width"] = self._rng.choice(browser.screens)
        return facts


class _Way:
    """An arrival with what is drawn for it."""

    def __init__(self, rng: Random, domain: str, arrival: Arrival) -> None:
        leads_to = arrival.leads_to
        self.facts = read_origin(domain, arrival)
        self.page = leads_to if isinstance(leads_to, Page) else None
        self.sections = draws(rng, {} if isinstance(leads_to, Page) else leads_to)
        self.sees_one_page = chances(rng, arrival.one_page)


def _place_weights(code: str) -> dict[tuple[str, str], float]:
    cities = COUNTRIES[code].cities
    if not cities:
        return {("", ""): 1.0}
    ranks = [1 / rank for rank in range(1, len(cities) + 1)]
    known = dict(zip(cities, (CITY_KNOWN * rank / sum(ranks) for rank in ranks), strict=True))
    return {("", ""): 1 - CITY_KNOWN, **known}
