"""Conditions on events as SQL. Values, names of properties among them, become parameters."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from reports.dimensions import Dimension
from reports.filters import AllOf, AnyOf, Condition, Filter, HasDone, Not, Operator

if TYPE_CHECKING:
    from reports.queries import ReportQuery

Parameters = dict[str, Any]


def add_parameter(parameters: Parameters, value: Any) -> str:
    """Add a value under a new name, and return how SQL refers to it."""
    name = f"value_{len(parameters)}"
    parameters[name] = value
    return f"${name}"


def write_expression(dimension: Dimension, parameters: Parameters) -> str:
    """Return a dimension's value of an event."""
    if dimension.argument is None:
        return dimension.expression
    return dimension.expression.format(argument=add_parameter(parameters, dimension.argument))


def write_conditions(query: ReportQuery, parameters: Parameters) -> str:
    """Return which events are asked about: in the range, in some group, that meet the filters."""
    conditions = [_write_range(query, parameters)]
    conditions += [dimension.condition for dimension in query.dimensions if dimension.condition]
    conditions += [write_condition(condition, parameters, query) for condition in query.filters]
    return " AND ".join(conditions)


def _write_range(query: ReportQuery, parameters: Parameters) -> str:
    """The site's events on the range's days, also where it is asked for a second time."""
    days = query.range
    parameters |= {"site": query.site.pk, "first_day": days.first_day, "end_day": days.end_day}
    conditions = ["site_id = $site", "happened_on >= $first_day", "happened_on < $end_day"]
    if days.since is not None:
        parameters["since"] = days.since.astimezone(UTC).replace(tzinfo=None)
        conditions.append("happened_at >= $since")
    if days.until is not None:
        parameters["until"] = days.until.astimezone(UTC).replace(tzinfo=None)
        conditions.append("happened_at < $until")
    return " AND ".join(conditions)


def write_condition(
    condition: Condition, parameters: Parameters, query: ReportQuery | None = None
) -> str:
    """Return whether an event meets the condition.

    `query` says on which days visitors have done what HasDone asks about.
    """
    match condition:
        case Filter():
            return _write_filter(condition, parameters)
        case AllOf(parts):
            return _joined(
                [write_condition(part, parameters, query) for part in parts], " AND ", "true"
            )
        case AnyOf(parts):
            return _joined(
                [write_condition(part, parameters, query) for part in parts], " OR ", "false"
            )
        case Not(part):
            return f"NOT ({write_condition(part, parameters, query)})"
        case HasDone(part, negated):
            assert query is not None, "only for conditions of a question"  # noqa: S101 -- see above
            within = (
                f"{_write_range(query, parameters)} AND {write_condition(part, parameters, query)}"
            )
            negation = "NOT " if negated else ""
            return f"visitor {negation}IN (SELECT visitor FROM events WHERE {within})"  # noqa: S608 -- our names


def _write_filter(condition: Filter, parameters: Parameters) -> str:
    if not condition.values:  # and no parameter that nothing would name
        return "true" if condition.negated else "false"
    value = write_expression(condition.dimension, parameters)
    negation = "NOT " if condition.negated else ""
    match condition.operator:
        case Operator.IS:
            return negation + _write_is(condition, value, parameters)
        case Operator.CONTAINS:
            terms = [
                _write_contains(condition, value, text, parameters) for text in condition.values
            ]
        case Operator.MATCHES:
            flags = "" if condition.case_sensitive else "(?i)"
            patterns = [add_parameter(parameters, flags + pattern) for pattern in condition.values]
            terms = [f"regexp_matches({value}, {pattern})" for pattern in patterns]
    return f"{negation}({' OR '.join(terms)})"


def _write_is(condition: Filter, value: str, parameters: Parameters) -> str:
    if condition.case_sensitive:
        # So written, the engine leaves out parts of files that have none of the values.
        values = ", ".join(add_parameter(parameters, each) for each in condition.values)
        return f"{value} IN ({values})"
    values = add_parameter(parameters, list(condition.values))
    # The engine makes both small, so that it and Python need not agree on what that is.
    return f"list_contains(list_transform({values}, lambda v: lower(v)), lower({value}))"


def _write_contains(condition: Filter, value: str, text: str, parameters: Parameters) -> str:
    part = add_parameter(parameters, text)
    if condition.case_sensitive:
        return f"contains({value}, {part})"
    return f"contains(lower({value}), lower({part}))"


def _joined(terms: list[str], word: str, nothing: str) -> str:
    return f"({word.join(terms) or nothing})"
