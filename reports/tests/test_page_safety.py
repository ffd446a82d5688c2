"""What strangers send, pages hold as text; they load nothing inline and nothing from afar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.staticfiles import finders
from django.test import Client

from reports.dimensions import DIMENSIONS
from reports.models import Annotation, Goal, Segment, ShareLink, ShownProperty
from reports.tests.pages import BREAKDOWNS, KINDS, Page
from sites.keys import make_key
from sites.models import Exclusion, GroupMembership, Membership, Site
from sites.services import invite
from visits.models import VISIT_FACTS, Event, Visit
from visits.services import add_event, add_visit
from visits.tests.hits import HOUR, NOON, Sender

SCRIPT: Final = "<script>alert(1)</script>"
IMAGE: Final = '"><img src=x onerror=alert(1)>'
QUOTE: Final = "' onmouseover='alert(1)' x=\""
TEMPLATE: Final = "{{ 7|add:7 }}{% debug %}"
ARABIC: Final = "عنوان الصفحة"
EMOJI: Final = "👩🏽‍🚀 <b>"
LONG: Final = "/" + "x" * 1999

HOSTILE: Final = (SCRIPT, IMAGE, QUOTE, TEMPLATE, ARABIC, EMOJI, LONG)

ADMIN: Final = (
    "/admin/",
    "/admin/sites/site/",
    "/admin/sites/site/add/",
    "/admin/sites/site/{site}/change/",
    "/admin/visits/visit/",
    "/admin/visits/visit/{visit}/change/",
    "/admin/visits/event/",
    "/admin/visits/event/{event}/change/",
)
#: Where stands what people have named.
NAMED: Final = (
    "/account/",
    "/reports/example.com/goals/",
    "/reports/example.com/people/",
    "/reports/example.com/sharing/",
    "/admin/sites/site/{site}/changes/",
    "/admin/sites/site/{site}/delete/",
    "/admin/sites/site/{site}/history/",
    "/admin/sites/site/import/",
    "/admin/sites/apikey/",
    "/admin/admin/logentry/",
    "/admin/auth/user/",
    "/admin/auth/group/",
    "/admin/reports/goal/",
    "/admin/reports/shownproperty/",
    "/admin/reports/segment/",
    "/admin/reports/annotation/",
    "/admin/reports/sharelink/",
)
ALL: Final = (*KINDS.values(), *BREAKDOWNS, "/reports/", *ADMIN, *NAMED)


def fit(model: type[Visit | Event | Site], field: str, text: str) -> str:
    """Return as much of the text as the field holds."""
    held = {each.name: each.max_length for each in model._meta.concrete_fields}
    return text[: held[field]]


@pytest.fixture
def sent(site: Site, at_noon: None) -> None:
    """Hits that hold what is hostile in every field that a page or a visitor can set."""
    hostile_visit(site, 0, SCRIPT)
    for visitor, text in enumerate(HOSTILE, start=1):
        hostile_visit(site, visitor, text)
    Site.objects.filter(pk=site.pk).update(name=IMAGE)
    site.metadata.create(key=SCRIPT, value=IMAGE)
    named_by_people(site)


def named_by_people(site: Site) -> None:
    """Add one of everything that people name, by a hostile name."""
    person = get_user_model().objects.create_user(QUOTE, email=f"{QUOTE}@example.com")
    group = Group.objects.create(name=SCRIPT)
    Membership.objects.create(site=site, user=person)
    GroupMembership.objects.create(site=site, group=group)
    for number, text in enumerate(HOSTILE):
        name = f"{number}{text}"[:80]
        Goal.objects.create(site=site, name=name, kind="event", event=text[:100])
        ShownProperty.objects.create(site=site, name=text[:300])
        Segment.objects.create(site=site, name=name, filters=["is,source,x"], is_shared=True)
        Annotation.objects.create(
            site=site, text=text[:200], happened_on=NOON.date(), is_shared=True
        )
        ShareLink.objects.create(site=site, name=name)
        Exclusion.objects.create(site=site, kind="path", value=f"/{text}"[:400])
        invite(site=site, by=person, role="viewer", note=name)
        make_key(name=name, person=person, can_read=True)
        LogEntry.objects.log_actions(
            user_id=person.pk, queryset=[site], action_flag=CHANGE, change_message=text
        )


def hostile_visit(site: Site, visitor: int, text: str) -> None:
    """Add a visit every text of which is hostile."""
    facts: dict[str, Any] = {
        name: fit(Visit, name, text) for name in VISIT_FACTS if name != "screen_width"
    }
    at = NOON - HOUR
    visit = add_visit(
        site=site, visitor=visitor, started_at=at, hostname=fit(Visit, "hostname", text), **facts
    )
    shown: dict[str, Any] = {name: fit(Event, name, text) for name in ("page", "title")}
    add_event(visit=visit, happened_at=at, **shown)
    add_event(
        visit=visit,
        name=fit(Event, "name", text),
        happened_at=at,
        props={text: text},
        **shown,
    )


def addresses(*templates: str) -> Iterator[str]:
    """Yield the addresses; one with the id of a visit or an event for every visit."""
    site = Site.objects.get(domain="example.com")
    for template in templates:
        if "{visit}" in template or "{event}" in template:
            for visit in Visit.objects.all():
                event = visit.events.earliest("pk")
                yield template.format(visit=visit.pk, event=event.pk)
        else:
            yield template.format(site=site.pk)


def read(client: Client, address: str) -> Page:
    """Return the page at an address that must be there."""
    answer = client.get(address)
    assert answer.status_code == 200, address
    return Page.of(answer)


def assert_nothing_runs(page: Page) -> None:
    """Fail where the policy would block the page, or where a text became an element."""
    names = {element.tag for element in page.elements}
    assert not names & {"style", "iframe", "object", "embed", "base", "b"}
    for element in page.elements:
        assert not [name for name in element.attributes if name == "style" or name[:2] == "on"]
        if element.tag == "script":
            assert element.attributes["src"]
            assert not element.text
        assert (element.tag, element.attributes.get("src")) != ("img", "x")
        for name in ("href", "src", "action", "formaction", "data", "poster"):
            assert is_own(element.attributes.get(name, "")), element


def is_own(address: str) -> bool:
    """Whether an address leads to this server."""
    return not re.match(r"\s*(?!http://testserver/)([a-z][a-z0-9+.-]*:|//)", address, re.IGNORECASE)


@pytest.mark.parametrize("template", ALL)
def test_what_strangers_send_is_text(template: str, sent: None, staff: Client) -> None:
    for address in addresses(template):
        page = read(staff, address)

        assert_nothing_runs(page)
        assert SCRIPT not in page.html
        assert "<img src=x" not in page.html


@pytest.mark.parametrize("address", [each for each in BREAKDOWNS if "/screen/" not in each])
def test_a_breakdown_shows_what_was_sent_letter_by_letter(
    address: str, sent: None, staff: Client
) -> None:
    dimension = DIMENSIONS[address.split("/")[-2]]
    of_events = {"page": "page", "title": "title", "hostname": "hostname", "event": "name"}
    model = Event if dimension.name in of_events else Visit
    field = of_events.get(dimension.name, dimension.name)

    labels = {row[0].casefold() for row in read(staff, address).table(dimension.label)}

    for text in HOSTILE:
        shown = fit(model, field, text)
        assert " ".join(shown.split()).casefold() in labels


@pytest.mark.parametrize("address", [KINDS["overview"], KINDS["visits"], KINDS["engagement"]])
def test_a_sites_name_is_text(address: str, sent: None, member: Client) -> None:
    assert read(member, address).headings[0] == IMAGE


def test_a_visits_page_shows_what_was_sent(sent: None, member: Client) -> None:
    for address in addresses(KINDS["visit"]):
        visit = Visit.objects.get(pk=address.split("/")[-2])
        page = read(member, address)

        assert page.with_class("page")[0].text == " ".join(visit.entry_page.split())
        event = visit.events.exclude(name="pageview").get()
        (told,) = page.with_class("own-event")
        assert told.text == " ".join(
            f"{event.name} {key}: {value}" for key, value in event.props.items()
        )


def test_hits_through_the_door_are_text_as_well(site: Site, send: Sender, staff: Client) -> None:
    answer = send(
        u=f"https://{SCRIPT.replace('/', '')}/{SCRIPT}?utm_source={IMAGE}&utm_campaign={SCRIPT}",
        t=IMAGE,
        r=f"https://evil.example/{SCRIPT}",
        l=SCRIPT,
        tz=SCRIPT,
        user_agent=f"Mozilla/5.0 {SCRIPT} Firefox/140.0 {IMAGE}",
        p={IMAGE: SCRIPT},
        n=SCRIPT,
    )
    assert (answer.status_code, "X-Tracking-Dropped" in answer) == (202, False)

    for address in addresses(*ALL):
        page = read(staff, address)
        assert_nothing_runs(page)
        assert SCRIPT not in page.html


@pytest.mark.parametrize("template", [*KINDS.values(), "/reports/", *ADMIN])
def test_a_page_names_only_static_files_that_are_there(
    template: str, sent: None, staff: Client
) -> None:
    page = read(staff, next(addresses(template)))

    named = {
        address.removeprefix("/static/").partition("#")[0]
        for element in page.elements
        for address in (element.attributes.get("src", ""), element.attributes.get("href", ""))
        if address.startswith("/static/")
    }

    assert named
    assert [name for name in named if finders.find(name) is None] == []


STATIC: Final = sorted((Path(__file__).parents[1] / "static").rglob("*.*"))


@pytest.mark.parametrize("path", STATIC, ids=lambda path: path.name)
def test_our_own_static_files_lead_nowhere_else(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")

    assert not re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}|@import|eval\(|innerHTML", text)


@pytest.mark.parametrize("path", ["/reports/nowhere.example/", "/nowhere/"])
def test_a_page_that_is_not_there_runs_nothing_either(path: str, staff: Client) -> None:
    answer = staff.get(path)

    assert answer.status_code == 404
    assert_nothing_runs(Page.of(answer))


@pytest.mark.parametrize("address", ["/login/", "/admin/login/"])
def test_the_way_in_runs_nothing_inline(address: str, db: None, client: Client) -> None:
    assert_nothing_runs(Page.of(client.get(address, {"next": IMAGE})))


def test_a_wrong_address_is_shown_as_text(site: Site, member: Client) -> None:
    answer = member.get(KINDS["overview"], {"period": SCRIPT + IMAGE})

    assert answer.status_code == 400
    page = Page.of(answer)
    assert_nothing_runs(page)
    assert f"{SCRIPT}{IMAGE} is not one of the available choices" in page.text
