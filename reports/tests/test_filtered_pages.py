"""Pages with filters: their figures, their links, and what is said where nothing is left."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.test import Client

from reports.tests.histories import view
from reports.tests.pages import BREAKDOWNS, KINDS, Page
from reports.tests.test_page_safety import HOSTILE, assert_nothing_runs
from sites.models import Site
from visits.services import add_event
from visits.tests.hits import DAY, HOUR, MINUTE, NOON

OVERVIEW: Final = KINDS["overview"]
PERIODIC: Final = [KINDS[kind] for kind in KINDS if kind not in {"visits", "visit"}]
TODAY: Final = {"period": "day"}


@pytest.fixture
def site(site: Site, at_noon: None) -> Site:
    """Four visits today, one yesterday, one long ago.

    Today Google sent one from Germany to / and /blog, where it signed up, and one from France to
    /blog; Bing one from Germany to /admin; one came by itself to /. Yesterday Google sent one.
    """
    at = NOON - HOUR
    first = view(site, at, visitor=1, page="/", source="Google", country="DE", device="desktop")
    add_event(visit=first, page="/blog", title="Blog, posts", happened_at=at + MINUTE)
    add_event(visit=first, page="/blog", name="signup", happened_at=at + 2 * MINUTE)
    view(site, at, visitor=2, page="/blog", source="Google", country="FR", device="mobile")
    view(site, at, visitor=3, page="/admin", source="Bing", country="DE", device="desktop")
    view(site, at, visitor=4, page="/")
    view(site, at - DAY, visitor=5, page="/", source="Google", country="DE")
    view(site, at - 9 * DAY, visitor=6, page="/")
    return site


def get(client: Client, *filters: str, address: str = OVERVIEW, **parameters: str) -> Page:
    """Return the filtered page of today."""
    answer = client.get(address, {**TODAY, **parameters, "f": filters})
    assert answer.status_code == 200
    return Page.of(answer)


def filters_of(link: str) -> list[str]:
    """The filters that a link's address has."""
    return parse_qs(urlsplit(link).query, keep_blank_values=True).get("f", [])


def link_of(page: Page, text: str) -> str:
    """The address of the first link with this text."""
    return next(e.attributes["href"] for e in page.elements if e.tag == "a" and e.text == text)


@pytest.mark.parametrize(
    ("filters", "visitors", "pageviews"),
    [
        ([], 4, 5),
        (["is,source,Google"], 2, 3),
        (["is,source,Google,Bing"], 3, 4),
        (["is_not,source,Google"], 2, 2),
        (["is,source,"], 1, 1),
        (["is,source,Google", "is,country,DE"], 1, 2),
        (["is,page,/blog"], 2, 2),
        (["contains,page,bl,min"], 3, 3),
        (["contains_not,page,bl"], 3, 3),
        (["matches,page,^/$"], 2, 2),
        (["matches_not,page,^/(blog)?$"], 1, 1),
        ([r"is,title,Blog\, posts"], 1, 1),
        (["is,event,signup"], 1, 0),
        (["contains,country,German"], 2, 3),
        (["is,device,desktop", "is_not,page,/admin"], 1, 2),
        (["is,property:plan,"], 4, 5),
        (["is,property:plan,solo"], 0, 0),
        (["is,screen,"], 4, 5),
    ],
)
def test_the_headline_is_of_what_the_filters_leave(
    filters: list[str], visitors: int, pageviews: int, site: Site, member: Client
) -> None:
    headline = get(member, *filters).headline

    assert (headline["Unique visitors"], headline["Pageviews"]) == (str(visitors), str(pageviews))


def test_all_of_a_page_is_filtered(site: Site, member: Client) -> None:
    page = get(member, "is,source,Google", metric="pageviews")

    assert page.headline == {
        "Unique visitors": "2",
        "Visits": "2",
        "Pageviews": "3",
        "Views per visit": "1.50",
        "Bounce rate": "50%",
        "Engagement rate": "50%",
        "Visit duration": "1m 00s",
    }
    change = page.with_class("change")[0]
    assert (change.text, change.attributes["title"]) == ("+100%", "1 in the period before")
    now = [row[1] for row in page.table("Time")]
    before = [row[2] for row in page.table("Time")]
    assert (now[11], before[11], before.count("1")) == ("3", "1", 1)
    assert page.table("Source") == [["Google", "2", "50%"]]
    assert page.table("Page") == [["/blog", "2", "2"], ["/", "1", "1"]]
    assert page.table("Country") == [["Germany", "1", "0%"], ["France", "1", "100%"]]
    assert page.table("Event") == [["signup", "1", "1", "50%"]]
    assert "50%" in page.text  # a share is of what is left


@pytest.mark.parametrize(
    ("address", "heading", "rows"),
    [
        (KINDS["pageviews"], "Page", [["/", "1", "1", "–"], ["/blog", "1", "1", "–"]]),
        (KINDS["visitors"], "Country", [["Germany", "1", "1", "0%"]]),
        (KINDS["bounce-rates"], "Entry page", [["/", "0%", "1", "2m 00s"]]),
        (KINDS["engagement"], "Event", [["signup", "1", "1"]]),
        (KINDS["breakdown"], "Source", [["Google", "1", "1", "0%"]]),
    ],
)
def test_every_report_is_filtered(
    address: str, heading: str, rows: list[list[str]], site: Site, member: Client
) -> None:
    page = get(member, "is,country,DE", "is,source,Google", address=address)

    assert page.table(heading) == rows


@pytest.mark.parametrize("address", [*PERIODIC, *BREAKDOWNS])
def test_filters_stay_while_one_walks_through_the_pages(
    address: str, site: Site, member: Client
) -> None:
    kept = ["is_not,source,Bing", r"is_not,title,Blog\, posts", "contains,page,/"]
    page = get(member, *kept, address=address, interval="hour")

    links = [link for link in page.links() if urlsplit(link).query]
    removing = {element.attributes["href"] for element in page.with_class("remove")}
    clearing = {link_of(page, "Clear all")}
    assert len(removing) == 3
    assert len(links) > 10
    for link in set(links) - removing - clearing:
        assert filters_of(link)[:3] == kept, link
    hidden = [e.attributes["value"] for e in page.elements if e.attributes.get("name") == "f"]
    # The forms of a filter, a segment, a period, and of a comparison or a search.
    count = 2 if "realtime" in address else 3 if "visits" in address else 4
    assert hidden == kept * count


def test_all_time_is_shown_with_the_filters(site: Site, member: Client) -> None:
    period = {"from": "2026-01-01", "to": "2026-01-02"}
    page = Page.of(member.get(OVERVIEW, {**period, "f": "is,source,Google"}))

    assert "No visits in this period" in page.headings
    assert link_of(page, "Show all time") == "?period=all&f=is,source,Google"


def test_chips_say_what_is_filtered_and_go_one_by_one(site: Site, member: Client) -> None:
    page = get(member, "is,source,Google,", "contains_not,page,/admin", interval="day")

    assert [chip.text for chip in page.with_class("chip")] == [
        "Source is Google or Direct / None",
        "Page does not contain /admin",
    ]
    first, second = page.with_class("remove")
    assert first.attributes["aria-label"] == "Remove filter: Source is Google or Direct / None"
    assert first.attributes["href"] == "?period=day&interval=day&f=contains_not,page,/admin"
    assert second.attributes["href"] == "?period=day&interval=day&f=is,source,Google,"
    assert link_of(page, "Clear all") == "?period=day&interval=day"


def test_without_filters_there_are_no_chips(site: Site, member: Client) -> None:
    page = get(member)

    assert page.with_class("chips") == []
    assert "Clear all" not in page.text
    assert [chip.text for chip in get(member, "is,page,/").with_class("chip")] == ["Page is /"]
    assert "Clear all" not in get(member, "is,page,/").text


@pytest.mark.parametrize(
    ("value", "filters"),
    [
        ("Google", ["is,source,Google"]),
        ("Direct / None", ["is,source,"]),
        ("/blog", ["is,page,/blog"]),
        ("Germany", ["is,country,DE"]),
        ("Desktop", ["is,device,desktop"]),
        ("signup", ["is,event,signup"]),
    ],
)
def test_a_value_of_a_table_leads_to_what_is_about_it_alone(
    value: str, filters: list[str], site: Site, member: Client
) -> None:
    tabs = {"places": "country", "devices": "device"}
    link = link_of(get(member, metric="pageviews", **tabs), value)

    assert filters_of(link) == filters
    assert link.startswith("?period=day&metric=pageviews&places=country&devices=device&f=")
    shown = Page.of(member.get(OVERVIEW + link))
    assert shown.with_class("chip")[0].text.endswith(value)
    assert link_of(shown, value) == link


def test_an_empty_campaign_can_be_filtered_on(site: Site, member: Client) -> None:
    by_medium = "/reports/example.com/visitors/utm_medium/"
    link = link_of(get(member, address=by_medium), "(none)")

    assert filters_of(link) == ["is,utm_medium,"]
    assert Page.of(member.get(by_medium + link)).table("UTM medium")[0][:2] == ["(none)", "4"]


def test_a_value_is_added_to_the_filters_there_are(site: Site, member: Client) -> None:
    page = get(member, "is,source,Google,Bing", "is,country,DE")

    assert filters_of(link_of(page, "/blog")) == [
        "is,source,Google,Bing",
        "is,country,DE",
        "is,page,/blog",
    ]
    assert filters_of(link_of(page, "Bing")) == ["is,country,DE", "is,source,Bing"]


def test_a_value_of_a_breakdown_leads_to_its_first_page(site: Site, member: Client) -> None:
    visit = view(site, NOON - HOUR, visitor=9)
    for number in range(101):
        add_event(visit=visit, page=f"/{number:03}", happened_at=NOON - HOUR)

    page = get(member, "is,source,", address="/reports/example.com/pageviews/page/", page="2")

    assert link_of(page, "/100") == "?period=day&f=is,source,&f=is,page,/100"
    assert link_of(page, "Earlier") == "?period=day&f=is,source,&page=1"


@pytest.mark.parametrize(
    ("sent", "location"),
    [
        ({"filter_by": "source", "filter_value": "Google"}, "f=is,source,Google"),
        (
            {"filter_by": "page", "filter_how": "contains_not", "filter_value": " /a,b "},
            "f=contains_not,page,/a%5C,b",
        ),
        ({"filter_by": "country", "filter_value": "germany"}, "f=is,country,DE"),
        ({"filter_by": "source", "filter_value": ""}, "f=is,source,"),
        (
            {"filter_by": "page", "filter_how": "is", "filter_value": "/", "f": "is,source,Bing"},
            "f=is,source,Bing&f=is,page,/",
        ),
        # One that is there already is not added again.
        ({"filter_by": "page", "filter_value": "/", "f": "is,page,/"}, "f=is,page,/"),
    ],
)
def test_the_form_leads_to_the_page_with_the_filter(
    sent: dict[str, str], location: str, site: Site, member: Client
) -> None:
    answer = member.get(KINDS["breakdown"], {**TODAY, "interval": "day", "page": "1", **sent})

    assert (answer.status_code, answer["Location"]) == (
        302,
        f"?period=day&interval=day&{location}",
    )
    assert member.get(KINDS["breakdown"] + answer["Location"]).status_code == 200


def test_the_form_sends_what_the_page_shows(site: Site, staff: Client) -> None:
    page = get(staff, "is,source,Google", interval="day", metric="visits", pages="title")
    fields = {e.attributes["name"] for e in page.elements if e.tag in {"input", "select"}}

    assert fields == {
        "period",
        "interval",
        "metric",
        "pages",
        "f",
        "filter_by",
        "filter_how",
        "filter_value",
        "from",
        "to",
        "compare_from",
        "compare_to",
        "csrfmiddlewaretoken",
        "next",
        "name",
        "happened_on",
        "text",
        "is_shared",
    }


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"f": "is,sauce,Google"}, 'f: "is,sauce,Google": There is no dimension "sauce"; take'),
        ({"f": "is,source"}, 'f: "is,source": Write an operator, a dimension and values, such as'),
        ({"f": "matches,page,["}, "This is no regular expression of RE2: missing ]: [."),
        ({"f": "is,page,\0"}, "It has a NUL or half a character in it, as no value has."),
        ({"f": ["is,page,/"] * 21}, "f: filters: At most 20, not 21."),
        ({"f": f"is,page,{'9' * 5000}"}, "A value has 2,000 characters at most."),
        ({"f": "is,page,/" * 5000}, "At most 8,000 characters in all."),
        ({"filter_by": "sauce", "filter_value": "x"}, 'filter_by: "is,sauce,x": There is no'),
        ({"filter_by": "page", "filter_how": "was"}, "A filter begins with one of is, is_not,"),
        (
            {"filter_by": "page", "filter_how": "contains"},
            "Say what it contains, such as contains,page,/blog.",
        ),
        ({"filter_by": "page", "filter_how": "matches", "filter_value": "("}, "missing ): (."),
        ({"filter_by": "page", "filter_value": "\0"}, "filter_value: Null characters"),
        ({"filter_by": "page", "filter_value": "x" * 2001}, "A value has 2,000 characters"),
        (
            {"f": [f"is,page,/{n}" for n in range(20)], "filter_by": "page", "filter_value": "/"},
            "filter_by: filters: At most 20, not 21.",
        ),
    ],
)
@pytest.mark.parametrize("address", [OVERVIEW, KINDS["breakdown"]])
def test_a_wrong_filter_is_told(
    address: str, sent: dict[str, str], sentence: str, site: Site, member: Client
) -> None:
    answer = member.get(address, sent)

    assert answer.status_code == 400
    assert Page.of(answer).headings == ["This address is not right"]
    assert sentence in Page.of(answer).text


@pytest.mark.parametrize(
    "text", [b"\xed\xa0\x80", b"\xff\xfe", b"%", b"%00", "\N{PILE OF POO}".encode(), b"\r\nX: y"]
)
@pytest.mark.parametrize("name", ["f=is,page,", "filter_by=page&filter_value=", "filter_by=", "f="])
def test_no_bytes_of_an_address_are_an_error_of_the_server(
    name: str, text: bytes, site: Site, member: Client
) -> None:
    answer = member.get(f"{OVERVIEW}?{name}{quote(text)}")

    assert answer.status_code in {200, 302, 400}


def test_where_no_visit_is_left_the_page_says_so(site: Site, member: Client) -> None:
    page = get(member, "is,source,Nobody", interval="day")

    assert "No visit meets the filter" in page.headings
    assert link_of(page, "Clear the filter") == "?period=day&interval=day"
    assert "No visits in this period" not in page.headings
    report = get(member, "is,source,Nobody", "is,page,/", address=KINDS["visitors"])
    assert "No visit meets the filters" in report.headings
    breakdown = get(member, "is,source,Nobody", address=KINDS["breakdown"])
    assert link_of(breakdown, "Clear the filters") == "?period=day"


def test_before_the_first_hit_there_is_nothing_to_filter(other_site: Site, staff: Client) -> None:
    page = get(staff, "is,source,Google", address="/reports/other.example/")

    assert "Waiting for the first hit" in page.headings
    assert "Add filter" not in page.text
    assert "No visit meets the filter" not in page.headings


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_filtered_on_is_text(text: str, site: Site, member: Client) -> None:
    view(site, NOON - HOUR, visitor=9, page=text, source=text[:200])

    plain = get(member)
    link = link_of(plain, " ".join(text.split()))
    shown = Page.of(member.get(OVERVIEW + link))

    assert_nothing_runs(shown)
    assert shown.headline["Unique visitors"] == "1"
    assert " ".join(text[:200].split()) in shown.with_class("chip")[0].text
    wrong = member.get(OVERVIEW, {"f": f"is,{text},x", "filter_by": text})
    assert wrong.status_code == 400
    assert_nothing_runs(Page.of(wrong))
