"""Statements: values are parameters, names are the registries', order and limit are as asked."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import duckdb
import pytest

from archive.columns import COLUMNS
from reports.dates import DateRange, Interval
from reports.dimensions import (
    BROWSER,
    COUNTRY,
    DIMENSIONS,
    PAGE,
    TIME,
    Dimension,
    property_dimension,
)
from reports.filters import Filter
from reports.metrics import (
    BOUNCE_RATE,
    METRICS,
    PAGEVIEWS,
    SCROLL_DEPTH,
    TIME_ON_PAGE,
    VISITORS,
    VISITS,
)
from reports.queries import Order, ReportQuery
from reports.sql import write_statement
from sites.models import Site

QUOTES: Final = """'; DROP TABLE events; -- " $site"""

DAYS: Final = DateRange(
    first_day=date(2026, 3, 10), end_day=date(2026, 3, 12), zone=ZoneInfo("Asia/Kolkata")
)
BY_PAGE: Final = ReportQuery(
    site=Site(pk=7), range=DAYS, metrics=(VISITORS, BOUNCE_RATE), dimensions=(PAGE,)
)


@pytest.fixture
def engine() -> duckdb.DuckDBPyConnection:
    """An engine with the one table that statements ask, empty."""
    engine = duckdb.connect(":memory:")
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    engine.execute(f"CREATE TABLE events ({columns})")
    return engine


def test_values_are_nowhere_in_the_sql() -> None:
    statement = write_statement(
        replace(
            BY_PAGE,
            site=Site(pk=987_654),
            dimensions=(PAGE, property_dimension("Firefox'")),
            filters=(Filter(BROWSER, (QUOTES, "Firefox")), Filter(COUNTRY, ("DE",), negated=True)),
            limit=4321,
            offset=8765,
        )
    )

    assert not re.search("DROP|Firefox|DE'|987|4321|8765|2026", statement.sql)
    assert "'" not in statement.sql.replace("'pageview'", "").replace("'engagement'", "").replace(
        "''", ""
    )
    assert statement.parameters == {
        "site": 987_654,
        "first_day": date(2026, 3, 10),
        "end_day": date(2026, 3, 12),
        "value_0": "Firefox'",
        "value_4": QUOTES,
        "value_5": "Firefox",
        "value_6": "DE",
        "limit": 4321,
        "offset": 8765,
    }


def test_another_site_other_days_and_other_values_have_the_same_sql() -> None:
    one = replace(BY_PAGE, filters=(Filter(BROWSER, ("Firefox",)),), limit=9)
    another = replace(
        one,
        site=Site(pk=8),
        range=replace(DAYS, first_day=date(2025, 1, 1)),
        filters=(Filter(BROWSER, (QUOTES,)),),
        limit=100,
        offset=300,
    )

    assert write_statement(one).sql == write_statement(another).sql
    assert write_statement(one).parameters != write_statement(another).parameters


def test_quotes_in_a_value_match_nothing_and_harm_nothing(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    statement = write_statement(replace(BY_PAGE, filters=(Filter(PAGE, (QUOTES,)),)))

    assert engine.execute(statement.sql, statement.parameters).fetchall() == []
    assert engine.execute("SELECT count(*) FROM events").fetchall() == [(0,)]


@pytest.mark.parametrize(
    "dimension",
    [None, *DIMENSIONS.values(), *TIME.values()],
    ids=lambda dimension: dimension.name if dimension else "none",
)
def test_every_metric_can_be_asked_by_every_dimension(
    dimension: Dimension | None, engine: duckdb.DuckDBPyConnection
) -> None:
    """One row without a dimension, none with one, of the columns asked and the number of rows."""
    dimensions = (dimension,) if dimension else ()
    statement = write_statement(
        replace(BY_PAGE, metrics=tuple(METRICS.values()), dimensions=dimensions)
    )

    answer = engine.execute(statement.sql, statement.parameters)

    groups = ["group_0"] if dimension else []
    assert [column[0] for column in answer.description] == [*groups, *METRICS, "total_rows"]
    assert len(answer.fetchall()) == (0 if dimension else 1)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_can_be_asked_alone(name: str, engine: duckdb.DuckDBPyConnection) -> None:
    statement = write_statement(replace(BY_PAGE, metrics=(METRICS[name],), dimensions=()))

    assert len(engine.execute(statement.sql, statement.parameters).fetchall()) == 1


def test_names_are_those_of_the_registries() -> None:
    sql = write_statement(replace(BY_PAGE, metrics=(VISITORS, SCROLL_DEPTH))).sql

    assert f"{PAGE.expression} AS group_0" in sql
    assert f"{VISITORS.expression} AS visitors" in sql
    assert f"{SCROLL_DEPTH.expression} AS scroll_depth" in sql


def test_figures_of_pages_are_read_only_where_they_are_asked_for() -> None:
    assert "stay_level" not in write_statement(BY_PAGE).sql
    assert "stay_level" in write_statement(replace(BY_PAGE, metrics=(VISITS, TIME_ON_PAGE))).sql


@pytest.mark.parametrize(
    ("order_by", "ending"),
    [
        ((), "ORDER BY group_0"),
        ((Order(VISITORS),), "ORDER BY 2 DESC NULLS LAST, group_0"),
        (
            (Order(BOUNCE_RATE, descending=False),),
            "ORDER BY 3 ASC NULLS LAST, group_0",
        ),
        (
            (Order(BOUNCE_RATE), Order(VISITORS)),
            "ORDER BY 3 DESC NULLS LAST, 2 DESC NULLS LAST, group_0",
        ),
    ],
)
def test_orders_by_what_is_asked_and_then_by_the_value(
    order_by: tuple[Order, ...], ending: str
) -> None:
    assert write_statement(replace(BY_PAGE, order_by=order_by)).sql.endswith(ending)


def test_a_metric_that_is_not_asked_for_is_none_to_order_by() -> None:
    with pytest.raises(ValueError, match="is not in list"):
        write_statement(replace(BY_PAGE, order_by=(Order(PAGEVIEWS),)))


def test_without_dimension_or_limit_there_is_neither_order_nor_limit() -> None:
    statement = write_statement(replace(BY_PAGE, dimensions=(), order_by=(Order(VISITORS),)))

    assert "ORDER BY" not in statement.sql
    assert "LIMIT" not in statement.sql
    assert "limit" not in statement.parameters


def test_a_limit_of_none_at_all_is_a_limit() -> None:
    assert write_statement(replace(BY_PAGE, limit=0)).parameters["limit"] == 0


def test_an_unfinished_range_ends_at_its_instant_in_utc() -> None:
    until = datetime(2026, 3, 11, 10, 15, tzinfo=DAYS.zone)

    statement = write_statement(replace(BY_PAGE, range=replace(DAYS, until=until)))

    assert "happened_at < $until" in statement.sql
    assert statement.parameters["until"] == datetime(2026, 3, 11, 4, 45, tzinfo=UTC).replace(
        tzinfo=None
    )
    assert "until" not in write_statement(BY_PAGE).parameters


def test_hours_bring_their_beginnings() -> None:
    statement = write_statement(replace(BY_PAGE, dimensions=(TIME[Interval.HOUR],)))

    assert len(statement.parameters["hours"]) == 48
    assert statement.parameters["first_hour"] == statement.parameters["hours"][0]


def test_a_day_that_a_zone_left_out_can_be_asked_by_hours(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    left_out = DateRange(
        first_day=date(2011, 12, 30), end_day=date(2011, 12, 31), zone=ZoneInfo("Pacific/Apia")
    )
    statement = write_statement(replace(BY_PAGE, range=left_out, dimensions=(TIME[Interval.HOUR],)))

    assert engine.execute(statement.sql, statement.parameters).fetchall() == []
