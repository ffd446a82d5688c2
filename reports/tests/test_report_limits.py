"""A report that takes too long or too much is stopped, and its page says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from time import monotonic

import duckdb
import pytest
from django.test import Client
from pytest_django import Settings

from reports.dates import DateRange
from reports.exceptions import ReportTooLargeError, ReportTooSlowError
from reports.metrics import VISITS
from reports.queries import ReportQuery, summarise
from reports.sql import Statement
from reports.tests.histories import view
from reports.tests.pages import KINDS, Page
from reports.warehouse.embedded import EmbeddedWarehouse, open_warehouse
from sites.models import Site
from visits.tests.hits import HOUR, NOON

#: A question that takes hours, and one that takes more memory than there is.
FOR_HOURS = Statement(
    "SELECT count(*) FROM range(10_000_000_000) r(n) WHERE regexp_matches(n::VARCHAR, '7+8+9+x')"
)
TOO_MUCH = Statement(
    "SELECT list(n || 'a long text that is no other') FROM range(100_000_000) r(n)"
)
#: Pages that ask the warehouse.
ASKING = [KINDS[kind] for kind in KINDS if kind not in {"visits", "visit"}]


@pytest.fixture
def warehouse(site: Site) -> Iterator[EmbeddedWarehouse]:
    """A warehouse with one visit; its limits are set before."""
    view(site, NOON - HOUR)
    with open_warehouse(site) as opened:
        yield opened


@pytest.fixture
def one_second(settings: Settings) -> None:
    """Reports may take a second."""
    settings.REPORT_SECONDS = 1


@pytest.fixture
def little_memory(settings: Settings) -> None:
    """Reports may take 64 MB."""
    settings.REPORT_MEMORY_MB = 64


@pytest.fixture
def no_time(settings: Settings) -> None:
    """Reports may take no time at all."""
    settings.REPORT_SECONDS = 0


@pytest.fixture
def question(site: Site) -> ReportQuery:
    """A question that takes no time."""
    days = DateRange(first_day=date(2026, 3, 10), end_day=date(2026, 3, 11), zone=site.zone)
    return ReportQuery(site=site, range=days, metrics=(VISITS,))


def test_a_question_is_stopped_when_its_time_is_over(
    one_second: None, warehouse: EmbeddedWarehouse
) -> None:
    started = monotonic()

    with pytest.raises(ReportTooSlowError, match="longer than 1 seconds"):
        warehouse.rows(FOR_HOURS)

    assert monotonic() - started > 0.99  # a timer's clock is another one


def test_all_questions_of_a_page_share_its_time(
    one_second: None, warehouse: EmbeddedWarehouse, question: ReportQuery
) -> None:
    assert summarise(warehouse, question) == {"visits": 1}
    with pytest.raises(ReportTooSlowError):
        warehouse.rows(FOR_HOURS)

    with pytest.raises(ReportTooSlowError):
        summarise(warehouse, question)


def test_the_next_report_has_its_own_time(
    one_second: None, site: Site, warehouse: EmbeddedWarehouse, question: ReportQuery
) -> None:
    with pytest.raises(ReportTooSlowError):
        warehouse.rows(FOR_HOURS)

    with open_warehouse(site) as another:
        assert summarise(another, question) == {"visits": 1}


def test_a_question_is_stopped_that_needs_too_much_memory(
    little_memory: None, warehouse: EmbeddedWarehouse
) -> None:
    with pytest.raises(ReportTooLargeError, match="more than 64 MB of memory"):
        warehouse.rows(TOO_MUCH)


@pytest.mark.parametrize("address", ASKING)
def test_the_page_says_what_was_stopped_and_what_helps(
    address: str, site: Site, at_noon: None, no_time: None, member: Client
) -> None:
    view(site, NOON - HOUR)

    response = member.get(address, {"period": "12mo"})
    page = Page.of(response)

    assert response.status_code == 503
    assert "This report was stopped" in page.headings
    assert "would take longer than 0 seconds and was stopped." in page.text
    assert "Ask for fewer days or a simpler filter." in page.text
    assert "It was to show Last 12 months." in page.text
    assert 'href="/reports/example.com/?period=7d"' in page.html


def test_the_log_tells_of_it_once_and_of_no_error(
    site: Site,
    at_noon: None,
    no_time: None,
    member: Client,
    caplog: pytest.LogCaptureFixture,
) -> None:
    view(site, NOON - HOUR)

    member.get(KINDS["overview"])

    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith("A report of example.com was stopped: ")


def test_an_error_of_the_program_is_none_of_the_asker(
    site: Site, at_noon: None, member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    view(site, NOON - HOUR)

    def fail(*_: object) -> None:
        raise duckdb.BinderException("no such column")

    monkeypatch.setattr(EmbeddedWarehouse, "answer_ahead", fail)
    with pytest.raises(duckdb.BinderException):
        member.get(KINDS["overview"])
