"""The oracle: every figure again, from what people did, in slow and plain Python.

It shares no code with the pipeline, the writer or the engine. It reads the definitions of
docs/metrics.md and nothing else, so that where it agrees with a report, two authors agree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

GAP = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What somebody did: their name, when, which event, on which page, having come from where."""

    person: str
    at: datetime
    name: str = "pageview"
    page: str = "/"
    title: str = ""
    interactive: bool = True
    engagement_ms: int | None = None
    scroll_depth: int | None = None
    source: str = ""


@dataclass(slots=True)
class OracleVisit:
    """A person's actions with no gap over 30 minutes."""

    visitor: tuple[str, date]
    actions: list[Action] = field(default_factory=list)

    @property
    def views(self) -> list[Action]:
        return [action for action in self.actions if action.name == "pageview"]

    @property
    def source(self) -> str:
        return self.actions[0].source

    @property
    def person(self) -> str:
        return self.actions[0].person

    @property
    def entry_page(self) -> str:
        return self.views[0].page if self.views else ""

    @property
    def exit_page(self) -> str:
        return self.views[-1].page if self.views else ""

    @property
    def duration_seconds(self) -> float:
        return (self.actions[-1].at - self.actions[0].at).total_seconds()

    @property
    def bounced(self) -> bool:
        own = [a for a in self.actions if a.name not in {"pageview", "engagement"}]
        return len(self.views) == 1 and not any(action.interactive for action in own)

    @property
    def engaged(self) -> bool:
        return self.duration_seconds >= 10 or len(self.views) >= 2


def split_into_visits(actions: Iterable[Action], zone: ZoneInfo) -> list[OracleVisit]:
    """Return the visits that `actions`, in order of time, make up; engagement starts none."""
    open_visits: dict[str, OracleVisit] = {}
    visits = []
    for action in actions:
        visit = open_visits.get(action.person)
        if visit is None or action.at - visit.actions[-1].at > GAP:
            if action.name == "engagement":
                continue
            visit = OracleVisit((action.person, action.at.astimezone(zone).date()))
            open_visits[action.person] = visit
            visits.append(visit)
        visit.actions.append(action)
    return visits


Occurrence = tuple[OracleVisit, Action]

#: What an action and its visit belong to in each dimension; None: to nothing.
GROUPS: dict[str, Callable[[OracleVisit, Action], Hashable | None]] = {
    "page": lambda visit, action: action.page,
    "title": lambda visit, action: action.title or None,
    "event": lambda visit, action: None if action.name == "engagement" else action.name,
    "entry_page": lambda visit, action: visit.entry_page or None,
    "exit_page": lambda visit, action: visit.exit_page or None,
    "source": lambda visit, action: visit.source,
}


def figures(occurrences: list[Occurrence]) -> dict[str, Any]:
    """Return every metric over the occurrences; None for a rate or mean over nothing."""
    visits = list({id(visit): visit for visit, _ in occurrences}.values())
    actions = [action for _, action in occurrences]
    views = sum(action.name == "pageview" for action in actions)
    seconds: dict[tuple[int, str], float] = defaultdict(float)
    depths: dict[tuple[int, str], int] = {}
    for visit, action in occurrences:
        if action.name != "engagement":
            continue
        stay = (id(visit), action.page)
        if action.engagement_ms:
            seconds[stay] += action.engagement_ms / 1000
        if action.scroll_depth is not None:
            depths[stay] = max(depths.get(stay, 0), action.scroll_depth)
    return {
        "visitors": len({visit.visitor for visit in visits}),
        "visits": len(visits),
        "pageviews": views,
        "events": sum(action.name != "engagement" for action in actions),
        "views_per_visit": views / len(visits) if visits else None,
        "bounce_rate": mean([visit.bounced for visit in visits]),
        "visit_duration": mean([visit.duration_seconds for visit in visits]),
        "engagement_rate": mean([visit.engaged for visit in visits]),
        "time_on_page": mean(list(seconds.values())),
        "scroll_depth": mean(list(depths.values())),
    }


def mean(values: list[Any]) -> float | None:
    """Return the mean; None over nothing."""
    return sum(values) / len(values) if values else None


def between(
    visits: list[OracleVisit], first_day: date, end_day: date, zone: ZoneInfo
) -> list[Occurrence]:
    """Return the actions on the days [first_day, end_day) of the zone, each with its visit."""
    return [
        (visit, action)
        for visit in visits
        for action in visit.actions
        if first_day <= action.at.astimezone(zone).date() < end_day
    ]


def grouped(
    occurrences: list[Occurrence], group: Callable[[OracleVisit, Action], Hashable | None]
) -> dict[Hashable, dict[str, Any]]:
    """Return every metric for each group."""
    groups: dict[Hashable, list[Occurrence]] = defaultdict(list)
    for visit, action in occurrences:
        key = group(visit, action)
        if key is not None:
            groups[key].append((visit, action))
    return {key: figures(members) for key, members in groups.items()}


def local_hour(zone: ZoneInfo) -> Callable[[OracleVisit, Action], datetime]:
    """Return what tells an action's hour: hours pass from local midnight on, as a clock runs."""

    def hour(visit: OracleVisit, action: Action) -> datetime:
        local = action.at.astimezone(zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
        passed = (action.at.astimezone(UTC) - midnight) // timedelta(hours=1)
        return (midnight + passed * timedelta(hours=1)).replace(tzinfo=None)

    return hour


def local_day(zone: ZoneInfo) -> Callable[[OracleVisit, Action], date]:
    """Return what tells an action's day."""
    return lambda visit, action: action.at.astimezone(zone).date()


def local_monday(zone: ZoneInfo) -> Callable[[OracleVisit, Action], date]:
    """Return what tells the Monday of an action's week."""
    day = local_day(zone)
    return lambda visit, action: day(visit, action) - timedelta(days=day(visit, action).weekday())


def local_month(zone: ZoneInfo) -> Callable[[OracleVisit, Action], date]:
    """Return what tells the first day of an action's month."""
    day = local_day(zone)
    return lambda visit, action: day(visit, action).replace(day=1)
