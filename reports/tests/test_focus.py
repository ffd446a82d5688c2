"""Which of a page's questions share one table of events, and what is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from archive.archiver import archive_finished
from archive.live import process_rows
from archive.upkeep import keep_up
from reports.dates import DateRange, Interval
from reports.dimensions import COUNTRY, ENTRY_PAGE, PAGE, SOURCE, TIME
from reports.filters import Filter, HasDone
from reports.metrics import BOUNCE_RATE, PAGEVIEWS, VISITORS
from reports.queries import ReportQuery
from reports.tests.histories import view
from reports.warehouse.writing import Writer
from sites.models import Site
from visits.tests.hits import DAY, HOUR, MINUTE, NOON

FROM_NEWS = Filter(SOURCE, ("news",))


@pytest.fixture
def question(site: Site, monkeypatch: pytest.MonkeyPatch) -> ReportQuery:
    """A question after 10 March 2026 and who came from the news.

    Ann did, once to / and once to /a; Bob came otherwise, and saw / three times. Ann had come from
    the news the day before too. All of it is archived, no day of it rolled up. Two questions are
    enough for a table.
    """
    monkeypatch.setattr("reports.warehouse.expectation.FEW_QUESTIONS", 1)
    view(site, NOON - DAY, visitor=1, source="news")
    view(site, NOON, visitor=1, source="news")
    view(site, NOON + HOUR, visitor=1, source="news", page="/a")
    view(site, NOON, NOON + MINUTE, NOON + 2 * MINUTE, visitor=2)
    archive_finished(site.pk, NOON + DAY)
    days = DateRange(first_day=date(2026, 3, 10), end_day=date(2026, 3, 11), zone=site.zone)
    return ReportQuery(site=site, range=days, metrics=(VISITORS, PAGEVIEWS), filters=(FROM_NEWS,))


@contextmanager
def writer_for(*questions: ReportQuery) -> Iterator[Writer]:
    """Give a writer that these questions share."""
    with process_rows().state(questions[0].site.pk) as state:
        yield Writer(state, state.engine, questions)


def table_of(writer: Writer, question: ReportQuery) -> str:
    """Return which table the question is answered from; empty where it reads files itself."""
    found = re.search(r"FROM (table_\d+)", writer.write(question).statement.sql)
    return found.group(1) if found else ""


def ask(writer: Writer, question: ReportQuery) -> tuple[Any, ...]:
    """Return the figures of a question without dimensions."""
    statement = writer.write(question).statement
    (row,) = writer.tables.engine.execute(statement.sql, statement.parameters).fetchall()
    return row[:-1]


def test_questions_about_the_same_days_and_filters_share_a_table(question: ReportQuery) -> None:
    by_page = replace(question, dimensions=(PAGE,))
    with writer_for(question, by_page) as writer:
        assert table_of(writer, question) == table_of(writer, by_page) != ""
        assert ask(writer, question) == (1, 2)


def test_a_few_questions_read_files_themselves(question: ReportQuery) -> None:
    by_page = replace(question, metrics=(VISITORS,), dimensions=(PAGE,))
    with writer_for(by_page) as writer:
        assert table_of(writer, by_page) == ""


def test_earlier_days_have_a_table_of_their_own(question: ReportQuery) -> None:
    monday = replace(question.range, first_day=date(2026, 3, 9), end_day=date(2026, 3, 10))
    earlier = replace(question, range=monday)
    by_page = replace(question, dimensions=(PAGE,))
    with writer_for(question, by_page, earlier, replace(by_page, range=monday)) as writer:
        assert table_of(writer, question) != table_of(writer, earlier) != ""
        assert ask(writer, earlier) == (1, 1)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"dimensions": (COUNTRY,)}, id="another column"),
        pytest.param({"metrics": (BOUNCE_RATE,)}, id="another metric"),
        pytest.param({"filters": ()}, id="events without the filter"),
        pytest.param({"filters": (HasDone(FROM_NEWS),)}, id="what other events decide"),
        pytest.param(
            {"filters": (FROM_NEWS, HasDone(Filter(PAGE, ("/a",))))}, id="also what others decide"
        ),
    ],
)
def test_a_question_that_was_not_expected_reads_files(
    question: ReportQuery, change: dict[str, Any]
) -> None:
    with writer_for(question, replace(question, dimensions=(PAGE,))) as writer:
        assert table_of(writer, question) != ""
        assert table_of(writer, replace(question, **change)) == ""


def test_a_further_filter_is_asked_of_the_same_table(question: ReportQuery) -> None:
    narrower = replace(question, filters=(FROM_NEWS, Filter(PAGE, ("/a",))))
    with writer_for(question, narrower) as writer:
        assert table_of(writer, narrower) == table_of(writer, question) != ""
        assert ask(writer, narrower) == (1, 1)


def test_the_one_value_that_a_filter_leaves_is_not_stored(question: ReportQuery) -> None:
    by_source = replace(question, dimensions=(SOURCE,))
    with writer_for(question, by_source) as writer:
        table = table_of(writer, by_source)
        statement = writer.write(by_source).statement
        engine = writer.tables.engine

        assert engine.execute(statement.sql, statement.parameters).fetchall() == [("news", 1, 2, 1)]
        assert "source" not in [row[0] for row in engine.execute(f"DESCRIBE {table}").fetchall()]


def test_what_is_known_of_visits_is_asked_of_a_table_of_visits(
    question: ReportQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside Ann's two visits of one pageview there is one of Cleo's, with two."""
    monkeypatch.setattr("reports.warehouse.expectation.MANY_EVENTS", 0)
    view(question.site, NOON, NOON + MINUTE, visitor=3, source="news")
    of_visits = replace(question, metrics=(VISITORS, BOUNCE_RATE))
    by_country = replace(of_visits, dimensions=(COUNTRY,))
    by_entry = replace(of_visits, dimensions=(ENTRY_PAGE,))
    by_page = replace(of_visits, dimensions=(PAGE,))
    by_day = replace(of_visits, dimensions=(TIME[Interval.DAY],))
    cut = replace(of_visits, range=replace(question.range, until=NOON + HOUR))
    questions = (question, of_visits, by_country, by_entry, by_page, by_day, cut)
    with writer_for(*questions) as writer:
        tables = [table_of(writer, each) for each in questions]
        visits, events = tables[1], tables[0]

        assert tables == [events, visits, visits, visits, events, events, events]
        assert visits != events
        rows = writer.tables.engine.execute(f"SELECT count(*) FROM {visits}").fetchall()
        assert rows == [(3,)]
        assert ask(writer, question) == (2, 4)
        assert ask(writer, of_visits) == (2, pytest.approx(2 / 3))


def test_without_a_filter_what_has_daily_figures_is_left_to_them(question: ReportQuery) -> None:
    keep_up(NOON + 10 * DAY)
    unfiltered = replace(question, filters=())
    by_page = replace(unfiltered, dimensions=(PAGE,), metrics=(BOUNCE_RATE, PAGEVIEWS))
    by_both = replace(by_page, dimensions=(PAGE, SOURCE))
    with writer_for(unfiltered, by_page, by_both) as writer:
        assert writer.write(unfiltered).sources == {"daily figures"}
        assert table_of(writer, unfiltered) == ""


def test_many_filtered_events_are_read_for_what_has_no_daily_figures(
    question: ReportQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.warehouse.expectation.FEW_EVENTS", 0)
    monkeypatch.setattr("reports.rolling_up.STAYS_PER_ROW", 0)
    keep_up(NOON + 10 * DAY)
    by_page = replace(question, dimensions=(PAGE,))
    by_both = replace(question, dimensions=(PAGE, SOURCE))
    with writer_for(question, by_page, by_both, replace(by_page, metrics=(PAGEVIEWS,))) as writer:
        assert writer.write(question).sources == {"daily figures"}
        assert table_of(writer, by_page) == table_of(writer, by_both) != ""


def test_too_many_events_are_left_in_their_files(
    question: ReportQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.warehouse.expectation.VALUES_PER_MB", 0)
    with writer_for(question, replace(question, dimensions=(PAGE,))) as writer:
        assert table_of(writer, question) == ""
        assert ask(writer, question) == (1, 2)


def test_events_are_counted_where_the_filter_may_leave_few(
    question: ReportQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its days the file has three of them; two meet the filter, with five columns each."""
    monkeypatch.setattr("reports.warehouse.expectation.VALUES_PER_MB", 10 / 1024)
    with writer_for(question, replace(question, dimensions=(PAGE,))) as writer:
        assert table_of(writer, question) != ""
