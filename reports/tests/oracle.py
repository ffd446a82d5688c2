"""The oracle: every figure again, from what people did, in slow and plain Python.

It shares no code with the pipeline, the writer or the engine; of conditions it takes how they are
written down. It reads the definitions of docs/metrics.md and nothing else, so that where it agrees
with a report, two authors agree.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from reports.dimensions import DIMENSIONS
from reports.filters import AllOf, AnyOf, Condition, Filter, HasDone, Not

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
    screen_width: int | None = None
    props: dict[str, str] = field(default_factory=dict)
    #: Amount and currency.
    revenue: tuple[str, str] | None = None


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
    def screen(self) -> str:
        width = self.actions[0].screen_width
        if width is None:
            return ""
        sizes = {576: "0-575", 992: "576-991", 1440: "992-1439"}
        return next((size for limit, size in sizes.items() if width < limit), "1440+")

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
    def duration_us(self) -> int:
        return (self.actions[-1].at - self.actions[0].at) // timedelta(microseconds=1)

    @property
    def bounced(self) -> bool:
        own = [a for a in self.actions if a.name not in {"pageview", "engagement"}]
        return len(self.views) == 1 and not any(action.interactive for action in own)

    @property
    def engaged(self) -> bool:
        return self.duration_us >= 10_000_000 or len(self.views) >= 2


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
#: What tells the group that an action and its visit belong to; None: to none.
Group = Callable[[OracleVisit, Action], Hashable | None]

GROUPS: dict[str, Group] = {
    "page": lambda visit, action: action.page,
    "title": lambda visit, action: action.title or None,
    "event": lambda visit, action: None if action.name == "engagement" else action.name,
    "entry_page": lambda visit, action: visit.entry_page or None,
    "exit_page": lambda visit, action: visit.exit_page or None,
    "source": lambda visit, action: visit.source,
    "screen": lambda visit, action: visit.screen,
    "property:plan": lambda visit, action: action.props.get("plan", ""),
}
#: What is compared by conditions, where that is not the group.
VALUES: dict[str, Group] = GROUPS | {
    "title": lambda visit, action: action.title,
    "event": lambda visit, action: action.name,
    "entry_page": lambda visit, action: visit.entry_page,
    "exit_page": lambda visit, action: visit.exit_page,
}
#: Dimensions that tell what was done.
ACTIONS = {"event", "property:plan"}


def figures(occurrences: list[Occurrence]) -> dict[str, Any]:
    """Return every metric that needs nothing beside the occurrences; None over nothing."""
    visits = visits_of(occurrences)
    actions = [action for _, action in occurrences]
    views = sum(action.name == "pageview" for action in actions)
    milliseconds: dict[tuple[int, str], int] = defaultdict(int)
    depths: dict[tuple[int, str], int] = {}
    for visit, action in occurrences:
        if action.name != "engagement":
            continue
        stay = (id(visit), action.page)
        if action.engagement_ms:
            milliseconds[stay] += action.engagement_ms
        if action.scroll_depth is not None:
            depths[stay] = max(depths.get(stay, 0), action.scroll_depth)
    return {
        "visitors": count_visitors(occurrences),
        "visits": len(visits),
        "pageviews": views,
        "events": sum(action.name != "engagement" for action in actions),
        "views_per_visit": ratio(views, len(visits)),
        "bounce_rate": ratio(sum(visit.bounced for visit in visits), len(visits)),
        "visit_duration": ratio(sum(v.duration_us for v in visits) / 1e6, len(visits)),
        "engagement_rate": ratio(sum(visit.engaged for visit in visits), len(visits)),
        "time_on_page": ratio(sum(milliseconds.values()) / 1e3, len(milliseconds)),
        "scroll_depth": ratio(sum(depths.values()), len(depths)),
        **revenue(actions),
    }


def visits_of(occurrences: list[Occurrence]) -> list[OracleVisit]:
    """Return the visits that the occurrences are of, each once."""
    return list({id(visit): visit for visit, _ in occurrences}.values())


def count_visitors(occurrences: list[Occurrence]) -> int:
    """Return how many people the occurrences are of."""
    return len({visit.visitor for visit, _ in occurrences})


def revenue(actions: list[Action]) -> dict[str, Any]:
    """Return the total and the mean of what was paid; None for nothing or several currencies."""
    paid = [action.revenue for action in actions if action.revenue]
    if len({currency for _, currency in paid}) != 1:
        return {"total_revenue": None, "average_revenue": None}
    total = sum((Decimal(amount) for amount, _ in paid), Decimal())
    mean = (total / len(paid)).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    return {"total_revenue": (total, paid[0][1]), "average_revenue": (mean, paid[0][1])}


def ratio(amount: float, count: int) -> float | None:
    """Return the one divided by the other; None over nothing."""
    return amount / count if count else None


def answer(
    occurrences: list[Occurrence],
    conditions: Iterable[Condition] = (),
    groups: Iterable[tuple[str, Group]] = (),
) -> dict[tuple[Hashable, ...], dict[str, Any]]:
    """Return every metric for each group of what meets the conditions.

    `groups` are what to group by, with its name. Without them there is one group, also of nothing.
    """
    conditions, groups = list(conditions), list(groups)
    chosen = meeting(occurrences, conditions)
    by_group = grouped(chosen, groups)
    anyhow = meeting(occurrences, [part for part in conditions if not on_action(part)])
    kept = [place for place, (name, _) in enumerate(groups) if name not in ACTIONS]
    anyhow_by_group = grouped(anyhow, [groups[place] for place in kept])
    viewed = grouped(
        meeting(occurrences, [of_page(part) for part in conditions]),
        [("page", GROUPS["page"]) if name == "exit_page" else (name, of) for name, of in groups],
    )
    return {
        key: figures(members)
        | {
            "exit_rate": ratio(count_exits(members), count_views(viewed.get(key, []))),
            "percentage": ratio(count_visitors(members), count_visitors(chosen)),
            "conversion_rate": ratio(count_visitors(members), count_visitors(anyhow)),
            "group_conversion_rate": ratio(
                count_visitors(members),
                count_visitors(anyhow_by_group.get(tuple(key[place] for place in kept), [])),
            ),
        }
        for key, members in by_group.items()
    }


def grouped(
    occurrences: list[Occurrence], groups: list[tuple[str, Group]]
) -> dict[tuple[Hashable, ...], list[Occurrence]]:
    """Return the occurrences of each group; without groups one, also of nothing."""
    members: dict[tuple[Hashable, ...], list[Occurrence]] = defaultdict(list)
    if not groups:
        members[()] = []
    for visit, action in occurrences:
        key = tuple(of(visit, action) for _, of in groups)
        if None not in key:
            members[key].append((visit, action))
    return members


def count_views(occurrences: list[Occurrence]) -> int:
    """Return how many of the occurrences are pageviews."""
    return sum(action.name == "pageview" for _, action in occurrences)


def count_exits(occurrences: list[Occurrence]) -> int:
    """Return how many visits left from a page of whose views one is among the occurrences."""
    return len(
        {
            id(v)
            for v, action in occurrences
            if (action.name, action.page) == ("pageview", v.exit_page)
        }
    )


def meeting(occurrences: list[Occurrence], conditions: list[Condition]) -> list[Occurrence]:
    """Return the occurrences that meet each condition."""
    return [one for one in occurrences if all(meets(one, c, occurrences) for c in conditions)]


def meets(one: Occurrence, condition: Condition, everything: list[Occurrence]) -> bool:
    """Return whether an occurrence meets a condition; `everything` is all that the range has."""
    match condition:
        case AllOf(parts):
            return all(meets(one, part, everything) for part in parts)
        case AnyOf(parts):
            return any(meets(one, part, everything) for part in parts)
        case Not(part):
            return not meets(one, part, everything)
        case HasDone(part, negated):
            own = [other for other in everything if other[0].visitor == one[0].visitor]
            return any(meets(other, part, everything) for other in own) != negated
        case Filter():
            value = str(VALUES[condition.dimension.name](*one))
            return any(compares(condition, value, given) for given in condition.values) != (
                condition.negated
            )


def compares(condition: Filter, value: str, given: str) -> bool:
    """Return whether one value compares with one that a filter gives."""
    if condition.operator == "matches":
        flags = 0 if condition.case_sensitive else re.IGNORECASE
        return re.search(given, value, flags) is not None
    if not condition.case_sensitive:
        value, given = value.lower(), given.lower()
    return given in value if condition.operator == "contains" else given == value


def on_action(condition: Condition) -> bool:
    """Return whether a condition names what was done, other than by what a visitor has done."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return any(on_action(part) for part in parts)
        case Not(part):
            return on_action(part)
        case Filter():
            return condition.dimension.name in ACTIONS
    return False


def of_page(condition: Condition) -> Condition:
    """Return the condition with the page where the exit page stands."""
    match condition:
        case AllOf(parts):
            return AllOf(tuple(of_page(part) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(of_page(part) for part in parts))
        case Not(part):
            return Not(of_page(part))
        case HasDone(part, negated):
            return HasDone(of_page(part), negated)
        case Filter() if condition.dimension.name == "exit_page":
            return replace(condition, dimension=DIMENSIONS["page"])
    return condition


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


def local_clock(zone: ZoneInfo, width: timedelta) -> Callable[[OracleVisit, Action], datetime]:
    """Return what tells an action's hour or minute: as a clock runs from local midnight on."""

    def hour(visit: OracleVisit, action: Action) -> datetime:
        local = action.at.astimezone(zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
        passed = (action.at.astimezone(UTC) - midnight) // width
        return (midnight + passed * width).replace(tzinfo=None)

    return hour


def local_day(zone: ZoneInfo) -> Callable[[OracleVisit, Action], date]:
    """Return what tells an action's day."""
    return lambda visit, action: action.at.astimezone(zone).date()


def local_week(begins: str) -> Callable[[ZoneInfo], Callable[[OracleVisit, Action], date]]:
    """Return what tells the first day of an action's week, which is a "Monday", or another day."""

    def of_zone(zone: ZoneInfo) -> Callable[[OracleVisit, Action], date]:
        day = local_day(zone)

        def first(visit: OracleVisit, action: Action) -> date:
            at = day(visit, action)
            while f"{at:%A}" != begins:
                at -= timedelta(days=1)
            return at

        return first

    return of_zone


def local_month(zone: ZoneInfo) -> Callable[[OracleVisit, Action], date]:
    """Return what tells the first day of an action's month."""
    day = local_day(zone)
    return lambda visit, action: day(visit, action).replace(day=1)


def local_weekday(zone: ZoneInfo) -> Callable[[OracleVisit, Action], int]:
    """Return what tells an action's day of the week, 1 for Monday."""
    day = local_day(zone)
    return lambda visit, action: day(visit, action).isoweekday()


def local_hour_of_day(zone: ZoneInfo) -> Callable[[OracleVisit, Action], int]:
    """Return what tells the hour that a clock on the wall showed."""
    return lambda visit, action: action.at.astimezone(zone).hour
