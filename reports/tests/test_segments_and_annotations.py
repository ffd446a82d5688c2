"""What readers keep with a site: filters under a name, notes on days; theirs, or everybody's."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from reports.models import Annotation, Segment
from reports.tests.histories import view
from reports.tests.pages import KINDS, Page
from sites.models import Membership, Site
from visits.tests.hits import DAY, NOON

OVERVIEW: Final = KINDS["overview"]
SEGMENTS: Final = "/reports/example.com/segments/"
ANNOTATIONS: Final = "/reports/example.com/annotations/"
FILTERED: Final = f"{OVERVIEW}?period=7d&f=is,source,Google"


@pytest.fixture(autouse=True)
def visits(site: Site, at_noon: None) -> None:
    """One visit a day, for a week."""
    for days in range(7):
        view(site, NOON - days * DAY, visitor=days, source="Google")


@pytest.fixture
def colleague(site: Site, at_noon: None) -> Client:
    """Somebody else who may see example.com."""
    user = get_user_model().objects.create_user("bob")
    site.members.add(user)
    client = Client()
    client.force_login(user)
    return client


def keep_segment(client: Client, name: str = "Searchers", **fields: Any) -> Any:
    """Keep the filter on Google, as the form of a filtered page sends it."""
    sent = {"name": name, "f": ["is,source,Google"], "next": FILTERED, **fields}
    return client.post(SEGMENTS, sent)


def annotate(client: Client, text: str = "New prices", day: str = "2026-03-08", **more: Any) -> Any:
    """Keep a note on a day, as the form below a chart sends it."""
    return client.post(ANNOTATIONS, {"happened_on": day, "text": text, "next": OVERVIEW, **more})


def menu(client: Client, address: str = OVERVIEW) -> dict[str, tuple[str, bool]]:
    """Return the segments that a page offers: where each leads, and whether it is the page's."""
    links = _within(client.get(address).content.decode(), "segments")
    return {
        link.text: (link.attributes["href"], "aria-current" in link.attributes) for link in links
    }


def _within(html: str, name: str) -> list[Any]:
    start = html.find(f'class="{name}"')
    part = html[start : html.find("</ul>", start)] if start >= 0 else ""
    return [one for one in Page(f"<p {part}").elements if one.tag == "a"]


def noted(client: Client, **query: str) -> dict[str, str]:
    """Return the marks of the chart that have notes, with these."""
    page = Page.of(client.get(OVERVIEW, query))
    marks = [one.attributes for one in page.elements if "data-notes" in one.attributes]
    return {mark["data-label"]: mark["data-notes"] for mark in marks}


def test_a_segment_leads_to_the_page_with_its_filters(member: Client) -> None:
    answer = keep_segment(member)

    assert (answer.status_code, answer["Location"]) == (302, FILTERED)
    assert menu(member, f"{OVERVIEW}?period=7d") == {
        "Searchers yours": ("?period=7d&f=is,source,Google", False)
    }
    assert menu(member, f"{FILTERED}&f=is,page,/") == {
        "Searchers yours": ("?period=7d&f=is,source,Google", False)
    }
    assert menu(member, FILTERED)["Searchers yours"][1]


def test_a_page_offers_to_keep_its_filters_and_none_without(member: Client) -> None:
    forms = {
        address: [
            one
            for one in Page.of(member.get(address)).elements
            if one.attributes.get("action") == SEGMENTS
        ]
        for address in (OVERVIEW, FILTERED)
    }

    assert [len(found) for found in forms.values()] == [0, 1]


def test_under_the_same_name_the_filters_are_replaced(member: Client) -> None:
    keep_segment(member)
    keep_segment(member, f=["is,page,/", "contains,title,A\\,b"])

    (segment,) = Segment.objects.all()
    assert segment.filters == ["is,page,/", "contains,title,A\\,b"]


@pytest.mark.parametrize("shared", [False, True])
def test_they_are_seen_by_whoever_made_them_or_by_everybody(
    member: Client, colleague: Client, staff: Client, shared: bool
) -> None:
    Membership.objects.filter(user__username="ada").update(role=Membership.Role.EDITOR)
    more = {"is_shared": "on"} if shared else {}
    keep_segment(member, **more)
    annotate(member, **more)

    seen = [
        (bool(menu(client)), bool(noted(client, period="7d")))
        for client in (member, colleague, staff)
    ]

    assert seen == [(True, True), (shared, shared), (shared, shared)]


@pytest.mark.parametrize(("shared", "statuses"), [(False, (404, 404, 302)), (True, (404, 302))])
def test_they_are_removed_by_whoever_made_them_and_what_is_everybodys_by_staff(
    member: Client, colleague: Client, staff: Client, shared: bool, statuses: tuple[int, ...]
) -> None:
    Membership.objects.filter(user__username="ada").update(role=Membership.Role.EDITOR)
    more = {"is_shared": "on"} if shared else {}
    keep_segment(member, **more)
    annotate(member, **more)
    segment, annotation = Segment.objects.get(), Annotation.objects.get()
    addresses = [
        f"{SEGMENTS}{segment.pk}/remove/",
        f"{ANNOTATIONS}{annotation.pk}/remove/",
    ]

    for address in addresses:
        clients = (colleague, staff, member)[: len(statuses)]
        assert tuple(client.post(address).status_code for client in clients) == statuses
    assert not Segment.objects.exists()
    assert not Annotation.objects.exists()


def test_a_viewer_keeps_for_nobody_else(member: Client, colleague: Client) -> None:
    keep_segment(member, is_shared="on")
    annotate(member, is_shared="on")

    assert not Segment.objects.get().is_shared
    assert not Annotation.objects.get().is_shared
    assert "For everybody who sees this site" not in member.get(FILTERED).text


def test_an_editor_removes_what_is_for_everybody(
    member: Client, colleague: Client, staff: Client
) -> None:
    keep_segment(staff, is_shared="on")
    address = f"{SEGMENTS}{Segment.objects.get().pk}/remove/"

    assert colleague.post(address).status_code == 404
    Membership.objects.filter(user__username="ada").update(role=Membership.Role.EDITOR)
    assert member.post(address).status_code == 302


def test_what_is_of_another_site_is_not_found_there(staff: Client, other_site: Site) -> None:
    keep_segment(staff)

    pk = Segment.objects.get().pk

    assert staff.post(f"/reports/other.example/segments/{pk}/remove/").status_code == 404
    assert menu(staff, "/reports/other.example/") == {}


@pytest.mark.parametrize("address", [SEGMENTS, ANNOTATIONS])
def test_nobody_else_keeps_anything(address: str, outsider: Client, member: Client) -> None:
    sent = {"name": "x", "f": "is,page,/", "happened_on": "2026-03-08", "text": "x"}

    assert outsider.post(address, sent).status_code == 404
    assert Client().post(address, sent).status_code == 302
    assert member.get(address).status_code == 405
    assert not Segment.objects.exists()
    assert not Annotation.objects.exists()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": ""}, "Name: This field is required."),
        ({"name": "x" * 81}, "Ensure this value has at most 80 characters"),
        ({"f": []}, "Filter the page first"),
        ({"f": ["is,colour,red"]}, "There is no dimension"),
    ],
)
def test_a_segment_that_says_nothing_is_refused(
    member: Client, fields: dict[str, Any], says: str
) -> None:
    answer = keep_segment(member, **fields)

    assert answer.status_code == 400
    assert says in Page.of(answer).text
    assert Page.of(answer).links("/reports/example.com/") == [FILTERED]
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    ("day", "text", "says"),
    [
        ("2026-02-30", "x", "Day: Enter a valid date."),
        ("", "x", "Day: This field is required."),
        ("1999-12-31", "x", "Reports reach from 2000-01-01"),
        ("2100-01-01", "x", "Reports reach from 2000-01-01"),
        ("2026-03-08", "", "What happened: This field is required."),
        ("2026-03-08", "x" * 201, "at most 200 characters"),
    ],
)
def test_an_annotation_that_says_nothing_is_refused(
    member: Client, day: str, text: str, says: str
) -> None:
    answer = annotate(member, text, day)

    assert answer.status_code == 400
    assert says in Page.of(answer).text
    assert not Annotation.objects.exists()


def test_a_sign_that_no_store_takes_is_left_out(member: Client) -> None:
    keep_segment(member, name="a\0b")
    annotate(member, "c\0d")

    assert (Segment.objects.get().name, Annotation.objects.get().text) == ("ab", "cd")


@pytest.mark.parametrize("elsewhere", ["https://example.org/", "//example.org", "javascript:0"])
def test_it_leads_back_to_our_own_pages_alone(member: Client, elsewhere: str) -> None:
    assert keep_segment(member, next=elsewhere)["Location"] == "/reports/"


@pytest.mark.parametrize(
    ("query", "marks"),
    [
        ({"period": "7d"}, {"Sun 8 Mar 2026": "New prices · Sale"}),
        ({"period": "28d", "interval": "week"}, {"Week of 2 Mar 2026": "New prices · Sale"}),
        ({"from": "2026-03-08", "to": "2026-03-08"}, {"Sun 8 Mar, 00:00": "New prices · Sale"}),
        ({"from": "2026-03-09", "to": "2026-03-10"}, {}),
    ],
)
def test_a_chart_shows_what_happened_on_its_days(
    member: Client, query: dict[str, str], marks: dict[str, str]
) -> None:
    annotate(member)
    annotate(member, "Sale")

    assert noted(member, **query) == marks


def test_a_segment_that_is_no_longer_understood_is_left_out(site: Site, member: Client) -> None:
    Segment.objects.create(site=site, name="Old", filters=["is,colour,red"], is_shared=True)
    keep_segment(member)

    assert list(menu(member)) == ["Searchers yours"]


def test_what_somebody_kept_for_everybody_outlives_their_account(
    member: Client, colleague: Client
) -> None:
    Membership.objects.filter(user__username="ada").update(role=Membership.Role.EDITOR)
    keep_segment(member, is_shared="on")
    annotate(member, is_shared="on")
    get_user_model().objects.get(username="ada").delete()

    assert menu(colleague)
    assert noted(colleague, period="7d")
