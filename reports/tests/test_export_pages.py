"""Lists and pages as files: what the page shows, as plain numbers, for its days and filters."""

from __future__ import annotations

from io import BytesIO
from typing import Final
from zipfile import ZipFile

import pytest
from django.test import Client
from pytest_django import Settings

from archive.upkeep import keep_up
from reports.exports.sheets import heading
from reports.metrics import METRICS
from reports.tests.downloads import SITE, column, download, name_of, read_list, read_zip
from reports.tests.histories import view
from reports.tests.pages import BREAKDOWNS, Page
from reports.views.exports import OVERVIEW
from reports.views.four import REPORTS
from sites.models import Site
from visits.models import Event, Visit
from visits.services import add_event
from visits.tests.hits import DAY, HOUR, MINUTE, NOON

LISTS: Final = [f"{address.removeprefix(SITE).rstrip('/')}.csv" for address in BREAKDOWNS]
ZIPS: Final = [f"{name}.zip" for name in (OVERVIEW.name, *REPORTS)]


@pytest.fixture
def site(site: Site, at_noon: None) -> Site:
    """Three visits today, one yesterday.

    Google sent one from Germany to / and, a minute later, to /a, where it signed up; and another,
    from France, to /. One came by itself to a page whose title is a formula. Yesterday's saw /.
    """
    at = NOON - HOUR
    first = view(site, at, visitor=1, page="/", source="Google", country="DE")
    add_event(visit=first, page="/a", happened_at=at + MINUTE)
    add_event(visit=first, page="/a", name="signup", happened_at=at + MINUTE)
    view(site, at, visitor=2, page="/", source="Google", country="FR")
    third = view(site, at, visitor=3, page="/b")
    add_event(visit=third, page="/b", title="=1+1", happened_at=at)
    view(site, at - DAY, visitor=4, page="/", source="Bing")
    return site


def test_a_list_has_the_figures_of_the_page_as_plain_numbers(site: Site, member: Client) -> None:
    assert read_list(member, "bounce-rates/source.csv") == [
        ["source", "bounce_rate", "visits", "visit_duration_seconds"],
        ["Google", "0.5", "2", "30.0"],
        ["", "0.0", "1", "0.0"],
    ]
    page = Page.of(member.get(f"{SITE}bounce-rates/source/", {"period": "day"}))
    assert page.table("Source") == [
        ["Google", "50%", "2", "30s"],
        ["Direct / None", "0%", "1", "0s"],
    ]


def test_countries_are_codes_with_their_names_beside(site: Site, member: Client) -> None:
    rows = read_list(member, "visitors/country.csv", "is,source,Google")

    assert rows == [
        ["country", "country_name", "visitors", "visits", "bounce_rate"],
        ["DE", "Germany", "1", "1", "0.0"],
        ["FR", "France", "1", "1", "1.0"],
    ]


def test_what_is_over_nothing_is_empty(site: Site, member: Client) -> None:
    rows = read_list(member, "engagement/page.csv", "is,page,/b")

    assert rows == [
        ["page", "time_on_page_seconds", "scroll_depth_percent", "visitors"],
        ["/b", "", "", "1"],
    ]


def test_events_are_the_sites_own(site: Site, member: Client) -> None:
    rows = read_list(member, "engagement/event.csv")

    assert rows == [["event", "events", "visitors"], ["signup", "1", "1"]]


def test_a_list_is_searched_and_sorted_as_its_page(site: Site, member: Client) -> None:
    asked = {"period": "7d", "q": "G", "sort": "-source"}

    assert column(read_list(member, "visitors/source.csv", **asked), "source") == ["Google", "Bing"]
    page = Page.of(member.get(f"{SITE}visitors/source/", asked))
    assert page.links(f"{SITE}visitors/source.csv?period=7d&q=G&sort=-source")


def test_a_text_that_would_be_a_formula_is_none(site: Site, member: Client) -> None:
    assert column(read_list(member, "pageviews/title.csv"), "title") == ["'=1+1"]


def test_a_list_is_of_the_days_and_filters_of_the_page(site: Site, member: Client) -> None:
    address = "visitors/source.csv"

    yesterday = read_list(member, address, period="yesterday")
    both = read_list(member, address, period="7d")
    filtered = read_list(member, address, "is_not,source,", "is,page,/a", period="7d")

    assert column(yesterday, "source") == ["Bing"]
    assert column(both, "visitors") == ["2", "1", "1"]
    assert column(filtered, "source") == ["Google"]


@pytest.mark.parametrize("address", LISTS)
def test_each_table_has_a_list_with_its_columns(address: str, site: Site, member: Client) -> None:
    rows = read_list(member, address)
    report, _, name = address.removesuffix(".csv").partition("/")
    metrics = next(
        metrics
        for dimension, metrics in REPORTS[report].breakdowns.items()
        if dimension.name == name
    )

    assert [each for each in rows[0] if each != "country_name"] == [name, *map(heading, metrics)]
    assert {len(row) for row in rows} == {len(rows[0])}


def test_names_of_figures_are_those_of_the_api_with_their_unit() -> None:
    assert {
        name: heading(metric) for name, metric in METRICS.items() if heading(metric) != name
    } == {
        "visit_duration": "visit_duration_seconds",
        "time_on_page": "time_on_page_seconds",
        "scroll_depth": "scroll_depth_percent",
    }


def test_the_file_is_named_for_site_list_and_days(site: Site, member: Client) -> None:
    days = {"from": "2026-03-01", "to": "2026-03-31"}
    answer = member.get(f"{SITE}visitors/source.csv", days)
    content = answer.getvalue()

    assert name_of(answer) == (
        'attachment; filename="example.com_source_2026-03-01_2026-03-31.csv"'
    )
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Length"] == str(len(content))


def test_a_long_list_has_all_of_its_rows(site: Site, member: Client) -> None:
    """More than are in memory at once."""
    visit = view(site, NOON - HOUR, visitor=9)
    Event.objects.bulk_create(
        Event(
            site=site,
            visit=visit,
            name="pageview",
            page=f"/{number}",
            happened_at=NOON - HOUR,
            happened_on=NOON.date(),
        )
        for number in range(12_000)
    )
    Visit.objects.filter(pk=visit.pk).update(pageviews=12_001)

    pages = column(read_list(member, "pageviews/page.csv"), "page")

    assert {f"/{number}" for number in range(12_000)} <= set(pages)
    assert len(pages) == 12_003


def test_a_zip_has_headline_figures_over_time_and_lists(site: Site, member: Client) -> None:
    files = read_zip(download(member, "bounce-rates.zip", period="7d"))

    assert files["headline.csv"] == [
        ["figure", "now", "before"],
        ["bounce_rate", "0.5", ""],
        ["visits", "4", ""],
        ["views_per_visit", "1.5", ""],
        ["visit_duration_seconds", "15.0", ""],
    ]
    over_time = files["over_time.csv"]
    assert over_time[0] == ["day", *column(files["headline.csv"], "figure")]
    assert over_time[-2:] == [
        ["2026-03-09", "1.0", "1", "1.0", "0.0"],
        ["2026-03-10", "0.3333333333333333", "3", "1.6666666666666667", "20.0"],
    ]
    assert over_time[1] == ["2026-03-04", "", "0", "", ""]
    assert files["source.csv"] == read_list(member, "bounce-rates/source.csv", period="7d")
    assert {*files} == {
        "headline.csv",
        "over_time.csv",
        *(f"{dimension.name}.csv" for dimension in REPORTS["bounce-rates"].breakdowns),
    }


def test_the_headline_has_the_period_before(site: Site, member: Client) -> None:
    view(site, NOON - 3 * DAY, visitor=5)

    headline = read_zip(download(member, "visitors.zip"))["headline.csv"]

    assert headline[1] == ["visitors", "3", "1"]


def test_hours_tell_the_time_with_its_offset(site: Site, member: Client) -> None:
    site.timezone = "Asia/Kolkata"
    site.save()

    over_time = read_zip(download(member, "visitors.zip"))["over_time.csv"]

    assert over_time[0][0] == "hour"
    assert over_time[1][0] == "2026-03-10T00:00:00+05:30"
    assert len(over_time) == 1 + 24


def test_the_overviews_zip_has_every_dimension_with_all_of_its_columns(
    site: Site, member: Client
) -> None:
    answer = download(member, "overview.zip", "is,source,Google")
    files = read_zip(answer)

    assert {f"{d.name}.csv" for report in REPORTS.values() for d in report.breakdowns} < {*files}
    assert files["source.csv"] == [
        [
            "source",
            "visitors",
            "visits",
            "bounce_rate",
            "pageviews",
            "views_per_visit",
            "visit_duration_seconds",
            "engagement_rate",
        ],
        ["Google", "2", "2", "0.5", "3", "1.5", "30.0", "0.5"],
    ]
    assert name_of(answer).endswith('"example.com_overview_2026-03-10_2026-03-10.zip"')
    assert answer["Content-Type"] == "application/zip"


def test_what_is_not_kept_of_a_page_is_named(site: Site, member: Client) -> None:
    """So few events are not rolled up by any source."""
    view(site, NOON - 40 * DAY, visitor=7)
    site.keep_events_days = 10
    site.save()
    keep_up(NOON)

    answer = download(member, "overview.zip", period="91d")
    content = answer.getvalue()

    with ZipFile(BytesIO(content)) as folder:
        names = folder.namelist()
        not_kept = dict(
            line.split(": ") for line in folder.read("not_kept.txt").decode().splitlines()
        )
        headline = folder.read("headline.csv").decode()
    assert not_kept["source"].startswith("Events are kept from 28 February 2026 on; of the days")
    assert {f"{name}.csv" for name in not_kept}.isdisjoint(names)
    assert "visitors,5,\r\n" in headline
    days = {"period": "91d"}
    assert member.get(f"{SITE}visitors/source.csv", days).status_code == 410


def test_an_empty_site_has_empty_lists(other_site: Site, staff: Client) -> None:
    other = staff.get("/reports/other.example/visitors/source.csv")
    page = staff.get("/reports/other.example/overview.zip")

    assert other.getvalue().decode("utf-8-sig") == "source,visitors,visits,bounce_rate\r\n"
    assert read_zip(page)["headline.csv"][1] == ["visitors", "0", ""]


@pytest.mark.parametrize("address", [LISTS[0], *ZIPS, "events.csv", "events.parquet"])
class TestWhoMayHaveIt:
    """Members and staff, with an address that is right."""

    def test_a_stranger_gets_nothing(self, address: str, site: Site, outsider: Client) -> None:
        assert outsider.get(SITE + address).status_code == 404

    def test_who_is_not_signed_in_is_asked_to(self, address: str, site: Site) -> None:
        answer = Client().get(SITE + address)

        assert answer.status_code == 302
        assert answer["Location"].startswith("/login")

    def test_staff_get_it(self, address: str, site: Site, staff: Client) -> None:
        assert download(staff, address).getvalue()

    def test_a_wrong_address_is_told(self, address: str, site: Site, member: Client) -> None:
        for wrong in ({"period": "8d"}, {"f": "is,sauce,Google"}, {"from": "2026-03-01"}):
            answer = member.get(SITE + address, wrong)
            assert answer.status_code == 400
            assert "This address is not right" in Page.of(answer).headings

    def test_one_that_takes_too_long_is_stopped(
        self, address: str, site: Site, member: Client, settings: Settings
    ) -> None:
        settings.EXPORT_SECONDS = 0

        answer = member.get(SITE + address)

        assert answer.status_code == 503
        assert "would take longer than 0 seconds and was stopped." in Page.of(answer).text


@pytest.mark.parametrize("address", ["visitors/page.csv", "nothing/source.csv", "nothing.zip"])
def test_there_is_no_file_of_what_has_no_page(address: str, site: Site, member: Client) -> None:
    assert member.get(SITE + address).status_code == 404


def test_pages_link_to_their_files(site: Site, member: Client) -> None:
    kept = "?period=day&f=is,source,Google"
    for address, expected in {
        "": ["visitors/source.csv", "pageviews/page.csv", "overview.zip"],
        "visitors/": ["visitors/source.csv", "visitors/country.csv", "visitors.zip"],
        "visitors/source/": ["visitors/source.csv", "visitors.zip"],
        "explain/visitors/": [],
    }.items():
        links = Page.of(member.get(SITE + address + kept)).links(SITE)
        for file in [*expected, "events.csv", "events.parquet"]:
            assert SITE + file + kept in links
            assert member.get(SITE + file + kept).getvalue()


def test_a_site_without_events_offers_no_files(site: Site, other_site: Site, staff: Client) -> None:
    page = Page.of(staff.get("/reports/other.example/"))

    assert not page.with_class("exports")
