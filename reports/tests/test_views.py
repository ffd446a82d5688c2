"""The pages: who may see them, what they say, and that what they say agrees."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from reports.tests.histories import view
from reports.tests.pages import KINDS, Page
from sites.models import Site
from visits.models import Visit
from visits.services import add_event, add_visit
from visits.tests.hits import DAY, HOUR, MINUTE, NOON, Sender

OVERVIEW = KINDS["overview"]
VISITS = KINDS["visits"]
#: Pages that are there before the first visit.
LASTING = [KINDS[kind] for kind in KINDS if kind != "visit"]
#: Pages over some days, of which a visit's is none.
PERIODIC = [KINDS[kind] for kind in KINDS if kind != "visit"]


@pytest.fixture
def visit(site: Site, at_noon: None) -> Visit:
    """A visit half an hour ago: two pages from a search, a signup, 20 seconds of reading."""
    at = NOON - 30 * MINUTE
    visit = add_visit(
        site=site,
        visitor=1,
        started_at=at,
        source="Google",
        channel="Organic Search",
        country="DE",
        browser="Firefox",
        browser_version="140",
        operating_system="Linux",
        device="desktop",
        language="de",
    )
    add_event(visit=visit, page="/", title="Home", happened_at=at)
    add_event(visit=visit, page="/docs", title="Docs", happened_at=at + MINUTE)
    add_event(
        visit=visit,
        page="/docs",
        name="engagement",
        engagement_ms=20_000,
        scroll_depth=75,
        happened_at=at + 2 * MINUTE,
    )
    add_event(
        visit=visit,
        page="/docs",
        name="signup",
        props={"plan": "solo"},
        happened_at=at + 3 * MINUTE,
    )
    return visit


@pytest.mark.parametrize("address", KINDS.values())
def test_a_sites_pages_are_for_its_members_and_staff(
    address: str, visit: Visit, member: Client, outsider: Client, staff: Client, client: Client
) -> None:
    address = address.format(visit=visit.pk)

    assert member.get(address).status_code == 200
    assert staff.get(address).status_code == 200
    assert outsider.get(address).status_code == 404
    nobody = client.get(address)
    assert (nobody.status_code, nobody["Location"]) == (302, f"/login/?next={quote(address)}")


def test_to_an_outsider_a_site_is_as_if_it_were_not(site: Site, outsider: Client) -> None:
    of_others = outsider.get(OVERVIEW)
    of_none = outsider.get("/reports/nowhere.example/")

    assert of_others.status_code == of_none.status_code == 404
    assert Page.of(of_others).text == Page.of(of_none).text


def test_a_former_member_is_an_outsider(site: Site, member: Client) -> None:
    assert member.get(OVERVIEW).status_code == 200

    site.members.clear()

    assert member.get(OVERVIEW).status_code == 404


def test_a_site_is_found_by_its_domain_however_it_is_written(member: Client) -> None:
    assert member.get("/reports/www.Example.com/").status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/reports/example.com/nonsense/",
        "/reports/example.com/visitors/nonsense/",
        # A dimension, but none that this report breaks down by.
        "/reports/example.com/visitors/page/",
        "/reports/example.com/visitors/time_day/",
        "/reports/example.com/visits/0/",
        "/reports/example.com/visits/nonsense/",
        f"/reports/example.com/visits/{2**63}/",
        f"/reports/example.com/visits/{'9' * 5000}/",
        "/reports/nowhere.example/",
        "/reports/%00/",
        "/reports/example.com%00/",
        "/reports/example.com/%00/",
        "/reports/example.com/visitors/%00/",
    ],
)
def test_what_is_not_there_is_not_found(address: str, visit: Visit, member: Client) -> None:
    assert member.get(address).status_code == 404


def test_a_visit_is_found_on_its_own_site_only(
    visit: Visit, other_site: Site, staff: Client
) -> None:
    assert staff.get(f"/reports/other.example/visits/{visit.pk}/").status_code == 404


@pytest.mark.parametrize("address", LASTING)
def test_before_the_first_hit_a_page_shows_the_snippet(address: str, member: Client) -> None:
    page = Page.of(member.get(address))

    assert "Waiting for the first hit" in page.headings
    assert '<script defer data-domain="example.com" src="http://testserver/js/script.js">' in (
        page.text
    )


@pytest.mark.parametrize("address", LASTING)
def test_after_the_first_hit_it_does_not(address: str, visit: Visit, member: Client) -> None:
    page = Page.of(member.get(address))

    assert "Waiting for the first hit" not in page.headings
    assert "data-domain" not in page.text


def test_a_period_without_visits_says_so_and_shows_dashes(visit: Visit, member: Client) -> None:
    page = Page.of(member.get(OVERVIEW, {"from": "2026-01-01", "to": "2026-01-03"}))

    assert "No visits in this period" in page.headings
    assert page.headline == {
        "Unique visitors": "0",
        "Visits": "0",
        "Pageviews": "0",
        "Views per visit": "–",
        "Bounce rate": "–",
        "Engagement rate": "–",
        "Visit duration": "–",
    }
    assert [row[1:] for row in page.table("Time")] == [["0"], ["0"], ["0"]]
    assert page.text.count("Nothing in this period.") == 4


def test_the_first_hit_is_told_of_by_the_sites_day(site: Site, member: Client) -> None:
    """At 20:00 in UTC on the 1st it is the 2nd in Kolkata."""
    Site.objects.update(timezone="Asia/Kolkata")
    site.refresh_from_db()
    view(site, NOON - 9 * DAY + 8 * HOUR)

    page = Page.of(member.get(OVERVIEW, {"from": "2026-01-01", "to": "2026-01-03"}))

    assert "The first hit of this site arrived on 2 Mar 2026." in page.text


def test_the_overview_of_one_visit(visit: Visit, member: Client) -> None:
    page = Page.of(member.get(OVERVIEW))

    assert page.headings[0] == "example.com"
    assert page.headline == {
        "Unique visitors": "1",
        "Visits": "1",
        "Pageviews": "2",
        "Views per visit": "2.00",
        "Bounce rate": "0%",
        "Engagement rate": "100%",
        "Visit duration": "3m 00s",
    }
    # It is the site's first day: the chart has hours, of which 12:00 has just begun.
    hours = page.table("Time")
    assert [row[1] for row in hours] == [*"0" * 11, "1", "0 so far", *"–" * 11]
    assert hours[11][0] == "Tue 10 Mar, 11:00"
    assert page.table("Source") == [["Google", "1", "0%"]]
    assert page.table("Page") == [["/", "1", "1"], ["/docs", "1", "1"]]
    assert page.table("Country") == [["Germany", "1", "0%"]]
    assert page.table("Browser") == [["Firefox", "1", "0%"]]
    assert page.table("Event") == [["signup", "1", "1", "100%"]]


@pytest.mark.parametrize(
    ("report", "headline", "table", "rows"),
    [
        (
            "pageviews",
            {"Pageviews": "2", "Views per visit": "2.00", "Visits": "1", "Events": "3"},
            "Page",
            [["/", "1", "1", "–"], ["/docs", "1", "1", "20s"]],
        ),
        (
            "visitors",
            {"Unique visitors": "1", "Visits": "1", "Pageviews": "2", "Views per visit": "2.00"},
            "Channel",
            [["Organic Search", "1", "1", "0%"]],
        ),
        (
            "bounce-rates",
            {
                "Bounce rate": "0%",
                "Visits": "1",
                "Views per visit": "2.00",
                "Visit duration": "3m 00s",
            },
            "Entry page",
            [["/", "0%", "1", "3m 00s"]],
        ),
        (
            "engagement",
            {
                "Engagement rate": "100%",
                "Visits": "1",
                "Visit duration": "3m 00s",
                "Time on page": "20s",
                "Scroll depth": "75%",
            },
            "Page",
            [["/", "–", "–", "1"], ["/docs", "20s", "75%", "1"]],
        ),
    ],
)
def test_the_four_reports_of_one_visit(
    report: str,
    headline: dict[str, str],
    table: str,
    rows: list[list[str]],
    visit: Visit,
    member: Client,
) -> None:
    page = Page.of(member.get(KINDS[report]))

    assert page.headline == headline
    assert page.table(table) == rows


@pytest.fixture
def three_days(site: Site, at_noon: None) -> None:
    """Five visitors on three days: 1, 2 and 2; the first reads two pages, the others one."""
    for visitor, days in enumerate((2, 1, 1, 0, 0)):
        source = "Google" if visitor % 2 else "News"
        view(site, NOON - days * DAY - HOUR, visitor=visitor, source=source)
    add_event(
        visit=Visit.objects.get(visitor=0), page="/a", happened_at=NOON - 2 * DAY - HOUR + MINUTE
    )


@pytest.mark.parametrize("interval", ["day", "hour"])
@pytest.mark.parametrize(
    ("metric", "label", "breakdown", "column"),
    [
        ("visitors", "Unique visitors", KINDS["breakdown"], 1),
        ("pageviews", "Pageviews", "/reports/example.com/pageviews/source/", 1),
        ("visits", "Visits", KINDS["breakdown"], 2),
    ],
)
def test_headline_chart_and_breakdown_agree(
    metric: str,
    label: str,
    breakdown: str,
    column: int,
    interval: str,
    three_days: None,
    member: Client,
) -> None:
    period = {"period": "7d", "interval": interval}
    page = Page.of(member.get(OVERVIEW, {**period, "metric": metric}))

    headline = int(page.headline[label])
    chart = [row[1].removesuffix(" so far") for row in page.table("Time")]
    sources = Page.of(member.get(breakdown, period)).table("Source")

    assert headline == (6 if metric == "pageviews" else 5)
    assert sum(int(figure) for figure in chart if figure != "–") == headline
    assert sum(int(row[column]) for row in sources) == headline


def test_the_chart_shows_the_metric_that_the_address_names(visit: Visit, member: Client) -> None:
    def charted(metric: str) -> str:
        page = Page.of(member.get(OVERVIEW, {"metric": metric}))
        (tile,) = (e for e in page.with_class("tile") if "aria-current" in e.attributes)
        return next(label for label in page.headline if tile.text.startswith(label))

    assert charted("bounce_rate") == "Bounce rate"
    assert charted("") == "Unique visitors"
    assert member.get(OVERVIEW, {"metric": "nonsense"}).status_code == 400


def test_a_metric_that_is_not_in_the_headline_can_be_charted_too(
    visit: Visit, member: Client
) -> None:
    page = Page.of(member.get(OVERVIEW, {"metric": "scroll_depth"}))

    assert "Scroll depth" in page.text


def test_figures_stand_beside_those_of_the_period_before(site: Site, member: Client) -> None:
    """Two visitors today before noon; yesterday one before noon, and one after it."""
    for visitor, ago in enumerate((HOUR, 2 * HOUR, DAY + HOUR, DAY - HOUR, 9 * DAY)):
        view(site, NOON - ago, visitor=visitor)

    page = Page.of(member.get(OVERVIEW, {"period": "day"}))

    assert page.headline["Unique visitors"] == "2"
    change = page.with_class("change")[0]
    assert (change.text, change.attributes["title"]) == ("+100%", "1 in the period before")
    assert "good" in change.attributes["class"].split()
    # The chart draws the whole day before, also what lies after noon.
    assert [row[2] for row in page.table("Time")].count("1") == 2


def test_a_period_that_began_before_tracking_has_nothing_beside_it(
    visit: Visit, member: Client
) -> None:
    page = Page.of(member.get(OVERVIEW, {"period": "day"}))

    assert {change.text for change in page.with_class("change")} == {"–"}
    assert page.with_class("legend")[0].text == "Today"


@pytest.mark.parametrize("address", PERIODIC)
def test_a_wrong_address_says_what_is_wrong(address: str, visit: Visit, member: Client) -> None:
    answer = member.get(address, {"from": "2026-03-04", "to": "2026-03-01"})

    assert answer.status_code == 400
    page = Page.of(answer)
    assert page.headings == ["This address is not right"]
    assert "from: 2026-03-04 is after 2026-03-01: exchange the two." in page.text
    assert OVERVIEW in page.links()


@pytest.mark.parametrize("name", ["period", "from", "to", "interval"])
@pytest.mark.parametrize(
    "value", ["9" * 5000, "\0", "<script>alert(1)</script>", "9999-12-31", "-1", "\N{PILE OF POO}"]
)
def test_no_value_of_an_address_is_an_error_of_the_server(
    name: str, value: str, visit: Visit, member: Client
) -> None:
    answer = member.get(OVERVIEW, {name: value})

    assert answer.status_code == 400
    assert b"<script>alert" not in answer.content


@pytest.mark.parametrize("number", ["", "1", "2", "100000", "٣"])
@pytest.mark.parametrize("address", [VISITS, KINDS["breakdown"]])
def test_a_page_beyond_the_last_is_empty(
    address: str, number: str, visit: Visit, member: Client
) -> None:
    assert member.get(address, {"page": number}).status_code == 200


@pytest.mark.parametrize("number", ["0", "-1", "100001", "9" * 5000, "last", "1.5", "\0", "<b>"])
@pytest.mark.parametrize("address", [VISITS, KINDS["breakdown"]])
def test_a_page_number_that_is_none_is_told(
    address: str, number: str, visit: Visit, member: Client
) -> None:
    answer = member.get(address, {"page": number})

    assert answer.status_code == 400
    assert "such as page=2" in answer.content.decode()


@pytest.mark.parametrize("number", ["0", "2", "9" * 5000, "x", "\0"])
def test_the_list_of_sites_has_no_such_page(number: str, visit: Visit, member: Client) -> None:
    assert member.get("/reports/", {"page": number}).status_code == 404


def test_a_breakdown_has_a_hundred_rows_to_a_page(site: Site, member: Client) -> None:
    visit = add_visit(site=site, visitor=1, started_at=NOON - HOUR)
    for number in range(101):
        add_event(visit=visit, page=f"/{number:03}", happened_at=NOON - HOUR)
    by_page = "/reports/example.com/pageviews/page/"

    overview = Page.of(member.get(OVERVIEW))
    first, second, third = (Page.of(member.get(by_page, {"page": n})) for n in (1, 2, 3))

    assert (len(overview.table("Page")), "92 more" in overview.text) == (9, True)
    assert f"{by_page}?period=day" in overview.links()
    assert [row[0] for row in first.table("Page")] == [f"/{number:03}" for number in range(100)]
    assert "1 to 100 of 101" in first.text
    assert first.links("?period=day&page=") == ["?period=day&page=2"]
    assert [row[0] for row in second.table("Page")] == ["/100"]
    assert "101 to 101 of 101" in second.text
    assert second.links("?period=day&page=") == ["?period=day&page=1"]
    assert "Nothing here. Go to the first page" in third.text


def test_the_list_of_visits_has_fifty_to_a_page_the_newest_first(
    site: Site, member: Client
) -> None:
    for visitor in range(51):
        at = NOON - visitor * MINUTE
        view(site, at, visitor=visitor, page=f"/{visitor}", country="DE")

    first, second, third = (Page.of(member.get(VISITS, {"page": n})) for n in (1, 2, 3))

    began = "10 Mar 2026, 12:00"
    unknown = "(unknown)"
    assert first.table("Began")[0] == [began, "/0", "Direct / None", "Germany", unknown, "1", "0s"]
    assert [row[1] for row in first.table("Began")] == [f"/{n}" for n in range(50)]
    assert first.links("?period=day&page=") == ["?period=day&page=2"]
    assert "1 to 50 of 51" in first.text
    assert [row[1] for row in second.table("Began")] == ["/50"]
    assert "51 to 51 of 51" in second.text
    assert second.links("?period=day&page=") == ["?period=day&page=1"]
    assert "No more visits." in third.text


def test_the_list_of_visits_is_of_the_site_alone(
    visit: Visit, other_site: Site, staff: Client
) -> None:
    page = Page.of(staff.get("/reports/other.example/visits/"))

    assert page.links(f"{VISITS}{visit.pk}") == []
    assert "Waiting for the first hit" in page.headings


def test_the_page_of_a_visit(visit: Visit, member: Client) -> None:
    Site.objects.update(timezone="Asia/Kolkata")

    page = Page.of(member.get(KINDS["visit"].format(visit=visit.pk)))

    assert "A visit on 10 March 2026, 17:00" in page.headings
    stays = [element.text for element in page.elements if element.tag == "li"]
    assert stays == [
        "17:00:00 / Home 1m 00s",
        "17:01:00 /docs Docs signup plan: solo 20s · 75% seen",
    ]
    facts = [element.text for element in page.elements if element.tag in {"dt", "dd"}]
    assert dict(zip(facts[::2], facts[1::2], strict=True)) == {
        "Pageviews": "2",
        "Events": "3",
        "Duration": "3m 00s",
        "Bounced": "no",
        "Source": "Google",
        "Channel": "Organic Search",
        "Country": "Germany",
        "Browser": "Firefox 140",
        "Operating system": "Linux",
        "Device": "Desktop",
        "Language": "de",
    }


def test_from_a_hit_to_the_page(site: Site, send: Sender, member: Client) -> None:
    send(u="https://example.com/pricing?utm_source=news", t="Prices")
    send(u="https://example.com/pricing", n="signup", p={"plan": "solo"})

    page = Page.of(member.get(OVERVIEW))

    assert page.headline["Unique visitors"] == "1"
    assert page.table("Page") == [["/pricing", "1", "1"]]
    assert page.table("Event") == [["signup", "1", "1", "100%"]]
    assert "1 current visitor" in page.text


def test_the_list_of_sites_is_the_readers(
    visit: Visit, other_site: Site, member: Client, staff: Client, outsider: Client, client: Client
) -> None:
    assert Page.of(member.get("/reports/")).links("/reports/e") == [OVERVIEW]
    assert Page.of(outsider.get("/reports/")).links("/reports/o") == ["/reports/other.example/"]
    assert OVERVIEW not in Page.of(outsider.get("/reports/")).links()
    cards = [card.text for card in Page.of(staff.get("/reports/")).with_class("site")]
    assert cards == [
        "example.com 1 visitor in 24 hours – last hit 27 minutes ago",
        "other.example 0 visitors in 24 hours – waiting for the first hit",
    ]
    assert client.get("/reports/")["Location"] == "/login/?next=/reports/"


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["example.com", "Shop"]),
        ("EXAMPLE", ["example.com", "Shop"]),
        ("shop", ["Shop"]),
        (" other.ex ", ["Shop"]),
        ("%", []),
        ("\0", ["example.com", "Shop"]),
        ("<script>", []),
    ],
)
def test_sites_are_found_by_domain_and_name(
    search: str, found: list[str], site: Site, other_site: Site, staff: Client
) -> None:
    Site.objects.filter(pk=other_site.pk).update(name="Shop")

    answer = staff.get("/reports/", {"q": search})

    assert answer.status_code == 200
    assert [name.text for name in Page.of(answer).with_class("site-name")] == found
    assert b"<script>" not in answer.content


def test_without_sites_the_list_says_what_to_do(
    outsider: Client, staff: Client, other_site: Site
) -> None:
    other_site.delete()

    assert "Ask a member of staff to add you to a site" in Page.of(outsider.get("/reports/")).text
    page = Page.of(staff.get("/reports/"))
    assert "Add your first site" in page.headings
    assert "/admin/sites/site/add/" in page.links()


def test_many_sites_come_in_pages(staff: Client) -> None:
    Site.objects.bulk_create(Site(domain=f"{n:03}.example.com") for n in range(61))

    first, second = (Page.of(staff.get("/reports/", {"page": n, "q": "ex"})) for n in (1, 2))

    assert (len(first.with_class("site")), len(second.with_class("site"))) == (60, 1)
    assert first.links("?page=") == ["?page=2&sort=name&q=ex"]
    assert second.links("?page=") == ["?page=1&sort=name&q=ex"]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", ["a", "b", "c"]),
        ("visitors", ["c", "b", "a"]),
        ("change", ["b", "a", "c"]),
        ("last_hit", ["a", "c", "b"]),
        ("nonsense", ["a", "b", "c"]),
    ],
)
def test_sites_are_sorted(sort: str, names: list[str], staff: Client) -> None:
    """They have 1, 2 and 3 visitors in 24 hours, and had 1, 1 and 5 in those before."""
    for name, visitors, before in (("a", 1, 1), ("b", 2, 1), ("c", 3, 5)):
        site = Site.objects.create(domain=f"{name}.example.com", name=name)
        at = NOON - {"a": 1, "b": 3, "c": 2}[name] * MINUTE
        for visitor in range(visitors):
            view(site, at, visitor=visitor)
        for visitor in range(before):
            view(site, at - DAY, visitor=10 + visitor)

    page = Page.of(staff.get("/reports/", {"sort": sort}))

    assert [name.text for name in page.with_class("site-name")] == names
    cards = {card.text.split()[0]: card.text for card in page.with_class("site")}
    assert cards["c"].endswith("3 visitors in 24 hours −40% 3 now last hit 2 minutes ago")


def test_sorted_sites_come_in_pages(staff: Client) -> None:
    Site.objects.bulk_create(Site(domain=f"{n:03}.example.com") for n in range(61))

    first, second = (
        Page.of(staff.get("/reports/", {"page": n, "sort": "visitors"})) for n in (1, 2)
    )

    assert (len(first.with_class("site")), len(second.with_class("site"))) == (60, 1)
    assert first.links("?page=") == ["?page=2&sort=visitors&q="]


@pytest.mark.parametrize("address", [*KINDS.values(), "/reports/"])
def test_a_page_asks_the_database_little(
    address: str,
    visit: Visit,
    member: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    """Session, reader, site, first hit, current visitors; the warehouse's: what has changed.

    And an explanation's: what was left out.
    """
    with django_assert_max_num_queries(17):
        assert member.get(address.format(visit=visit.pk)).status_code == 200


def test_the_overview_asks_no_more_for_more_visits(
    site: Site, member: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for visitor in range(60):
        view(site, NOON - visitor * HOUR, visitor=visitor, page=f"/{visitor}")

    with django_assert_max_num_queries(17):  # one asks whether the reader has a second factor
        member.get(OVERVIEW)
