"""Properties that a site's reports show: chosen by editors, also for the past."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.test import Client

from reports.models import ShownProperty
from reports.tests.histories import send_actions
from reports.tests.oracle import Action
from reports.tests.pages import Page
from reports.views.properties import MOST_PROPERTIES
from sites.models import Membership, Site
from visits.tests.hits import MINUTE, NOON

GOALS: Final = "/reports/example.com/goals/"
SHOW: Final = "/reports/example.com/properties/"


@pytest.fixture
def editor(member: Client) -> Client:
    """Ada, who edits example.com."""
    Membership.objects.update(role=Membership.Role.EDITOR)
    return member


def show(client: Client, name: str) -> Any:
    """Return the answer to the form."""
    return client.post(SHOW, {"name": name, "next": GOALS})


def sign_up(person: str, **props: str) -> Action:
    """Return a sign-up with these properties, an hour ago."""
    return Action(person=person, at=NOON - 60 * MINUTE, name="signup", props=props)


def test_its_values_are_those_of_the_past_too(site: Site, editor: Client) -> None:
    send_actions(
        site,
        [
            Action(person="5", at=NOON - 61 * MINUTE),  # who sees a page and has no plan
            sign_up("1", plan="pro"),
            sign_up("2", plan="pro"),
            sign_up("2", plan="pro"),
            sign_up("3", plan="free"),
            sign_up("4", other="pro"),
        ],
    )

    answer = show(editor, "plan")
    page = Page.of(editor.get(GOALS, {"period": "day"}))

    assert answer["Location"] == GOALS
    assert page.table("plan") == [["pro", "2", "3"], ["free", "1", "1"]]
    link = next(link for link in page.links("?") if "plan" in link and "pro" in link)
    filtered = Page.of(editor.get(f"/reports/example.com/{link}"))
    assert filtered.headline["Unique visitors"] == "2"


def test_a_property_that_nothing_has(site: Site, editor: Client) -> None:
    show(editor, "size")

    assert "Nothing in this period." in editor.get(GOALS).text


def test_it_is_shown_no_more(site: Site, editor: Client) -> None:
    show(editor, "plan")
    shown = ShownProperty.objects.get()

    answer = editor.post(f"{SHOW}{shown.pk}/remove/", {"next": GOALS})

    assert answer["Location"] == GOALS
    assert not ShownProperty.objects.exists()


@pytest.mark.parametrize("name", ["", " ", "\0", "x" * 301, "plan"])
def test_a_name_that_is_none_or_there_is_refused(name: str, site: Site, editor: Client) -> None:
    show(editor, "plan")

    answer = show(editor, name)

    assert answer.status_code == 400
    assert "This was not saved" in answer.text
    assert [shown.name for shown in ShownProperty.objects.all()] == ["plan"]


def test_there_is_an_end_to_them(site: Site, editor: Client) -> None:
    for number in range(MOST_PROPERTIES):
        show(editor, f"{number}")

    answer = show(editor, "one more")

    assert "20 properties at most" in answer.text
    assert ShownProperty.objects.count() == MOST_PROPERTIES


def test_viewers_see_them_and_change_none(site: Site, editor: Client) -> None:
    show(editor, "plan")
    Membership.objects.update(role=Membership.Role.VIEWER)

    page = editor.get(GOALS)

    assert "plan" in Page.of(page).headings
    assert "Show a property" not in page.text
    assert show(editor, "size").status_code == 404


def test_nothing_of_another_site(site: Site, other_site: Site, editor: Client) -> None:
    shown = ShownProperty.objects.create(site=other_site, name="secret")

    assert "secret" not in editor.get(GOALS).text
    assert editor.post(f"{SHOW}{shown.pk}/remove/").status_code == 404
