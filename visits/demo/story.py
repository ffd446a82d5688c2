"""What befell the demo site in its year, hour by hour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from visits.demo.arrivals import Stream

HOUR: Final = timedelta(hours=1)

# Traffic of each hour of the day and each day of the week, from Monday, in the site's time zone.
_BY_HOUR: Final = (
    22, 15, 11, 9, 9, 12, 22, 42, 70, 92, 100, 98,
    86, 92, 98, 100, 96, 86, 72, 66, 66, 62, 50, 35,
)  # fmt: skip
_BY_WEEKDAY: Final = (1.05, 1.14, 1.12, 1.08, 0.92, 0.52, 0.58)


class Hour(NamedTuple):
    """A full hour, or the part of one at either end, with the weight of each stream in it."""

    starts_at: datetime
    ends_at: datetime
    streams: dict[Stream, float]

    @property
    def weight(self) -> float:
        """The hour's share of the year's traffic, against other hours."""
        return sum(self.streams.values())


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open span of time."""

    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        """Return whether the time is in it."""
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class Story:
    """The year: when it was, when the campaign ran, when tracking fell out, when the news came."""

    start: datetime
    end: datetime
    zone: ZoneInfo
    campaign: Span
    outage: Span
    spike: Span


def tell_story(*, end: datetime, days: int, zone: ZoneInfo) -> Story:
    """Return the story of the `days` before `end`.

    The outage is at a third of the time, from 02:00 to 21:00; the campaign begins at half and
    lasts a twelfth; the spike is a weekday at four fifths, from 14:00 on.
    """
    start = end - timedelta(days=days)

    def day_at(fraction: float) -> date:
        return (start + (end - start) * fraction).astimezone(zone).date()

    def at(day: date, hour: int) -> datetime:
        """Return the hour of the day, on a full hour of UTC in every zone."""
        return datetime.combine(day, time(hour), zone).astimezone(UTC).replace(minute=0)

    outage, campaign, spike = day_at(0.34), day_at(0.5), _workday(day_at(0.8))
    return Story(
        start=start.astimezone(UTC),
        end=end.astimezone(UTC),
        zone=zone,
        campaign=Span(at(campaign, 8), at(campaign, 8) + timedelta(days=max(days // 12, 1))),
        outage=Span(at(outage, 2), at(outage, 21)),
        spike=Span(at(spike, 14), at(spike, 14) + timedelta(hours=22)),
    )


def hours_of(story: Story, rng: Random) -> Iterator[Hour]:
    """Return the hours of the story in order, those of the outage left out."""
    noise: dict[date, float] = {}
    starts_at = story.start
    while starts_at < story.end:
        ends_at = min(starts_at.replace(minute=0, second=0, microsecond=0) + HOUR, story.end)
        if starts_at not in story.outage:
            local = starts_at.astimezone(story.zone)
            if local.date() not in noise:
                noise = {local.date(): rng.lognormvariate(0, 0.07)}
            usual = _usual(story, local) * noise[local.date()] * ((ends_at - starts_at) / HOUR)
            yield Hour(starts_at, ends_at, _streams(story, starts_at, usual))
        starts_at = ends_at


def _usual(story: Story, local: datetime) -> float:
    passed = (local - story.start) / (story.end - story.start)
    growth = 1 + 0.9 * passed
    holidays = 0.55 if (local.month, local.day) >= (12, 23) or local.timetuple().tm_yday <= 2 else 1
    return growth * holidays * _BY_HOUR[local.hour] * _BY_WEEKDAY[local.weekday()]


def _streams(story: Story, at: datetime, usual: float) -> dict[Stream, float]:
    streams = {Stream.USUAL: usual}
    if at in story.campaign:
        streams[Stream.CAMPAIGN] = 0.35 * usual
    if at in story.spike:
        hours = (at - story.spike.start) // HOUR
        # Climbs for three hours, then halves every five.
        streams[Stream.SPIKE] = 1400 * min((hours + 1) / 3, 1) * 0.5 ** (max(hours - 3, 0) / 5)
    return streams


def _workday(day: date) -> date:
    """Return the day, or the Tuesday after it when it is no Tuesday, Wednesday or Thursday."""
    return day if day.weekday() in {1, 2, 3} else day + timedelta(days=(1 - day.weekday()) % 7)
