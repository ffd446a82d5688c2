"""A question as programs send it, JSON, read strictly: into a ReportQuery or into what is wrong.

What is wrong is a sentence that says where: `#/metrics/1: There is no metric "visitor".` The place
is a JSON pointer. Nothing is guessed and nothing left aside: names that are not known, values of
another kind, questions too deep or too large are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from reports.dates import DateRange, Interval
from reports.dimensions import INTERVALS, Dimension, time_dimension
from reports.filters import tells_action
from reports.goals import goal_conditions
from reports.metrics import (
    CONVERSION_RATE,
    GROUP_CONVERSION_RATE,
    METRICS,
    PERCENTAGE,
    Metric,
)
from reports.queries import Order, ReportQuery
from reports.reading.conditions import ConditionReader, read_term
from reports.reading.ranges import Asker, read_range
from reports.reading.values import (
    QuestionError,
    check_once,
    quote,
    read_array,
    read_flag,
    read_number,
    read_object,
    read_text,
    read_texts,
)
from reports.vocabulary import Term, find_interval

_REQUIRED: Final = ("site_id", "metrics", "date_range")
_KEYS: Final = frozenset((*_REQUIRED, "dimensions", "filters", "order_by", "include", "pagination"))

MAX_DIMENSIONS: Final = 8
MAX_ROWS: Final = 10_000
MAX_OFFSET: Final = 1_000_000_000
#: The longest ranges that are told by minutes and by hours.
MOST_DAYS: Final = {Interval.MINUTE: 2, Interval.HOUR: 400}


@dataclass(frozen=True, slots=True)
class Include:
    """What an answer has beside its rows."""

    imports: bool = False
    time_labels: bool = False
    total_rows: bool = False
    trim_relative_date_range: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that was read: what to ask, how its parts are named, and what was sent.

    For each dimension there is its name and either its term or, where it is of time, its interval.
    `filters` and `sent_include` are as they were sent; `earlier` is the range to compare with.
    """

    query: ReportQuery
    names: tuple[str, ...]
    terms: tuple[Term | None, ...]
    intervals: tuple[Interval | None, ...]
    filters: list[Any]
    include: Include
    sent_include: dict[str, Any]
    earlier: DateRange | None = None


def read_site_id(data: object) -> str:
    """Return the domain that a question is about. Raises QuestionError."""
    question = read_object(data, "#")
    if "site_id" not in question:
        raise QuestionError("#/site_id", "Name the site by its domain.")
    return read_text(question["site_id"], "#/site_id")


def read_question(data: object, asker: Asker) -> Question:
    """Return the question that `data` asks. Raises QuestionError."""
    sent = read_object(data, "#", _KEYS)
    for name in _REQUIRED:
        if name not in sent:
            raise QuestionError(f"#/{name}", "This is required.")
    include, compared = _read_include(sent.get("include", {}))
    days = read_range(
        sent["date_range"], "#/date_range", asker, trim=include.trim_relative_date_range
    )
    metrics = _read_metrics(sent["metrics"])
    names = _read_names(sent.get("dimensions", []))
    found = [_read_dimension(name, place, days, asker) for place, name in enumerate(names)]
    filters = ConditionReader(lambda: goal_conditions(asker.site)).read(sent.get("filters", []))
    dimensions = tuple(dimension for dimension, _, _ in found)
    limit, offset = _read_pagination(sent.get("pagination", {}))
    query = ReportQuery(
        site=asker.site,
        range=days,
        metrics=metrics,
        dimensions=dimensions,
        filters=filters,
        order_by=_read_order(sent.get("order_by"), metrics, names, dimensions),
        limit=limit,
        offset=offset,
    )
    _check(query, include)
    return Question(
        query=query,
        names=tuple(names),
        terms=tuple(term for _, term, _ in found),
        intervals=tuple(interval for _, _, interval in found),
        filters=sent.get("filters", []),
        include=include,
        sent_include=sent.get("include", {}),
        earlier=_read_comparison(compared, days, asker),
    )


def _read_metrics(value: object) -> tuple[Metric, ...]:
    names = read_texts(value, "#/metrics")
    if not names:
        raise QuestionError("#/metrics", "Ask for one metric at least.")
    check_once(names, "#/metrics")
    for place, name in enumerate(names):
        if name not in METRICS:
            raise QuestionError(f"#/metrics/{place}", f"There is no metric {quote(name)}.")
    return tuple(METRICS[name] for name in names)


def _read_names(value: object) -> list[str]:
    names = read_texts(value, "#/dimensions", most=MAX_DIMENSIONS)
    check_once(names, "#/dimensions")
    return names


def _read_dimension(
    name: str, number: int, days: DateRange, asker: Asker
) -> tuple[Dimension, Term | None, Interval | None]:
    """The dimension of a name, with its term or, if it is of time, its interval."""
    place = f"#/dimensions/{number}"
    if interval := find_interval(name, days):
        most = MOST_DAYS.get(interval, days.days)
        if days.days > most:
            raise QuestionError(place, f"By {interval}s a range has {most} days at most.")
        return time_dimension(interval, asker.site.week_begins), None, interval
    term = read_term(name, place)
    return term.dimension, term, None


def _read_order(
    value: object,
    metrics: tuple[Metric, ...],
    names: list[str],
    dimensions: tuple[Dimension, ...],
) -> tuple[Order, ...]:
    """As asked; by default by time, the earliest first, then the first metric's greatest first."""
    if value is None:
        by_time = [Order(d, descending=False) for d in dimensions if d in INTERVALS]
        return (*by_time, Order(metrics[0]))
    keys: dict[str, Metric | Dimension] = {metric.name: metric for metric in metrics}
    keys |= dict(zip(names, dimensions, strict=True))
    orders = []
    for number, entry in enumerate(read_array(value, "#/order_by", most=len(keys))):
        place = f"#/order_by/{number}"
        pair = read_texts(entry, place)
        if len(pair) != 2 or pair[1] not in ("asc", "desc"):
            raise QuestionError(place, 'Write [a metric or dimension, "asc" or "desc"].')
        if pair[0] not in keys:
            sentence = f"{quote(pair[0])} is none of the question's metrics and dimensions."
            raise QuestionError(f"{place}/0", sentence)
        orders.append(Order(keys[pair[0]], descending=pair[1] == "desc"))
    return tuple(orders)


def _read_include(value: object) -> tuple[Include, object]:
    """What else is asked for; the comparison as it was sent."""
    flags = ("imports", "time_labels", "total_rows", "trim_relative_date_range")
    sent = read_object(value, "#/include", frozenset((*flags, "comparisons")))
    include = Include(
        **{name: read_flag(sent.get(name, False), f"#/include/{name}") for name in flags}
    )
    return include, sent.get("comparisons")


def _read_comparison(value: object, days: DateRange, asker: Asker) -> DateRange | None:
    if value is None:
        return None
    place = "#/include/comparisons"
    sent = read_object(value, place, frozenset(("mode", "date_range", "match_day_of_week")))
    weekdays = read_flag(sent.get("match_day_of_week", False), f"{place}/match_day_of_week")
    mode = read_text(sent.get("mode", ""), f"{place}/mode")
    if (mode == "custom") != ("date_range" in sent):
        raise QuestionError(place, 'A date_range goes with the mode "custom", and with no other.')
    match mode:
        case "previous_period":
            return days.previous(asker.now, match_weekdays=weekdays)
        case "year_over_year":
            return days.year_before(asker.now, match_weekdays=weekdays)
        case "custom":
            other = read_array(sent["date_range"], f"{place}/date_range")
            return read_range(other, f"{place}/date_range", asker)
    raise QuestionError(f"{place}/mode", "Take previous_period, year_over_year or custom.")


def _read_pagination(value: object) -> tuple[int, int]:
    sent = read_object(value, "#/pagination", frozenset(("limit", "offset")))
    limit = read_number(sent.get("limit", MAX_ROWS), "#/pagination/limit", 1, MAX_ROWS)
    return limit, read_number(sent.get("offset", 0), "#/pagination/offset", 0, MAX_OFFSET)


def _check(query: ReportQuery, include: Include) -> None:
    """Refuse what has no meaning, though each part has one."""
    if PERCENTAGE in query.metrics and not query.dimensions:
        raise QuestionError("#/metrics", "A percentage needs dimensions.")
    names_action = any(map(tells_action, query.filters))
    names_action = names_action or any(d.tells_action for d in query.dimensions)
    if {CONVERSION_RATE, GROUP_CONVERSION_RATE} & set(query.metrics) and not names_action:
        sentence = "A conversion rate needs a condition or dimension on a goal, event or property."
        raise QuestionError("#/metrics", sentence)
    if include.time_labels and not any(d in INTERVALS for d in query.dimensions):
        raise QuestionError("#/include/time_labels", "Labels of time need a dimension of time.")
