"""The answer to a program's question, as JSON: rows of values, what is known of them, the question.

Rates are percentages here, as Plausible has them, and times whole seconds. What is over nothing is
null.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reports.dates import DateRange, Interval
from reports.metrics import BOUNCE_RATE, METRICS, Metric, Unit
from reports.queries import Change, ReportQuery, Row, break_down, compare_rows
from reports.questions import Question
from reports.revenue import REVENUE_EVENTS, describe_money, find_warnings
from reports.warehouse.base import Warehouse

_SECOND: Final = timedelta(seconds=1)


def answer(warehouse: Warehouse, question: Question) -> dict[str, Any]:
    """Return the answer; docs/api.md says what is in it."""
    query = _with_revenue_events(question.query)
    table = break_down(warehouse, query)
    results = [_row(question, row) for row in table.rows]
    if question.earlier is not None:
        changes = compare_rows(warehouse, question.query, table.rows, question.earlier)
        for result, change in zip(results, changes, strict=True):
            result["comparison"] = _comparison(change)
    meta = _meta(question, table.total_rows)
    if warnings := find_warnings(query, table.rows):
        meta["metric_warnings"] = warnings
    return {"results": results, "meta": meta, "query": _query(question)}


def _with_revenue_events(query: ReportQuery) -> ReportQuery:
    if any(metric.unit is Unit.MONEY for metric in query.metrics):
        return replace(query, metrics=(*query.metrics, REVENUE_EVENTS))
    return query


def _row(question: Question, row: Row) -> dict[str, Any]:
    parts = zip(question.terms, question.intervals, row.dimensions, strict=True)
    return {
        "dimensions": [
            term.show(value) if term else _label(value, interval, question.query.range)
            for term, interval, value in parts
        ],
        "metrics": [_figure(m, row.figures[m.name]) for m in question.query.metrics],
    }


def _figure(metric: Metric, value: Any) -> Any:
    """A figure as programs get it."""
    if value is None:
        return None
    match metric.unit:
        case Unit.MONEY:
            return describe_money(value)
        case Unit.RATE if metric is BOUNCE_RATE:
            return round(value * 100)
        case Unit.RATE:
            return round(value * 100, 2)
        case Unit.RATIO:
            return round(value, 2)
        case Unit.SECONDS | Unit.PERCENT:
            return round(value)
    return int(value)


def _comparison(changes: dict[str, Change]) -> dict[str, Any]:
    """The figures before, and by how much each changed: in percent, rates by the difference."""
    return {
        "metrics": [_figure(METRICS[name], change.before) for name, change in changes.items()],
        "change": [
            None if change.difference is None else round(change.difference * _scale(change), 1)
            for change in changes.values()
        ],
    }


def _scale(change: Change) -> int:
    return 1 if change.metric.unit is Unit.PERCENT else 100


def _label(key: Any, interval: Interval | None, days: DateRange) -> str:
    """The name of a bucket: its day, or for hours and minutes the site's time."""
    if interval in (Interval.HOUR, Interval.MINUTE):
        local: datetime = key.replace(tzinfo=UTC).astimezone(days.zone)
        return f"{local:%Y-%m-%d %H:%M:%S}"
    return str(key)


def _meta(question: Question, total_rows: int) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    include, days = question.include, question.query.range
    if include.imports:
        meta |= {"imports_included": False, "imports_skip_reason": "no_imported_data"}
    if include.time_labels:
        interval = next(filter(None, question.intervals))
        keys = (bucket.key for bucket in days.buckets(interval))
        meta["time_labels"] = [_label(key, interval, days) for key in keys]
    if include.total_rows:
        meta["total_rows"] = total_rows
    if question.earlier is not None:
        meta["comparison_date_range"] = _instants(question.earlier)
    return meta


def _query(question: Question) -> dict[str, Any]:
    """The question as it was asked of the data, with its names and what it left out."""
    query = question.query
    names = dict(zip(query.dimensions, question.names, strict=True))
    return {
        "site_id": query.site.domain,
        "metrics": [metric.name for metric in query.metrics],
        "date_range": _instants(query.range),
        "filters": question.filters,
        "dimensions": list(question.names),
        "order_by": [
            [
                order.by.name if isinstance(order.by, Metric) else names[order.by],
                "desc" if order.descending else "asc",
            ]
            for order in query.order_by
        ],
        "include": question.sent_include,
        "pagination": {"limit": query.limit, "offset": query.offset},
    }


def _instants(days: DateRange) -> list[str]:
    """The first and the last second of a range, in the site's time."""
    first = days.since or days.starts_at
    last = (days.until or days.ends_at) - _SECOND
    return [at.astimezone(days.zone).isoformat(timespec="seconds") for at in (first, last)]
