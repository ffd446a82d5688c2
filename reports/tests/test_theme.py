"""Light or dark: by the device, or as the reader chose on any page."""

from __future__ import annotations

import pytest
from django.test import Client

from reports.tests.pages import KINDS, Page
from sites.models import Site

OVERVIEW = KINDS["overview"]


def theme_of(page: Page) -> tuple[str | None, list[str]]:
    """Return what the page is set to, and the choices that are pressed."""
    html = next(element for element in page.elements if element.tag == "html")
    buttons = [each for each in page.elements if each.attributes.get("name") == "theme"]
    pressed = [each for each in buttons if each.attributes["aria-pressed"] == "true"]
    return html.attributes.get("data-theme"), [each.attributes["value"] for each in pressed]


def test_without_a_choice_the_device_decides(site: Site, member: Client) -> None:
    assert theme_of(Page.of(member.get(OVERVIEW))) == (None, ["auto"])


@pytest.mark.parametrize(("theme", "shown"), [("dark", "dark"), ("light", "light"), ("auto", None)])
def test_a_choice_is_kept_for_all_pages(
    site: Site, member: Client, theme: str, shown: str | None
) -> None:
    left = f"{OVERVIEW}?period=7d"
    answer = member.post("/theme/", {"theme": theme, "next": left})

    assert (answer.status_code, answer["Location"]) == (302, left)
    for address in (OVERVIEW, "/reports/"):
        assert theme_of(Page.of(member.get(address))) == (shown, [theme])


@pytest.mark.parametrize(
    "elsewhere", ["", "https://example.org/", "//example.org", "javascript:alert(1)"]
)
def test_it_leads_to_pages_of_ours_alone(site: Site, member: Client, elsewhere: str) -> None:
    answer = member.post("/theme/", {"theme": "dark", "next": elsewhere})

    assert answer["Location"] == "/reports/"


def test_what_is_no_theme_is_told(site: Site, member: Client) -> None:
    answer = member.post("/theme/", {"theme": "<b>"})

    assert (answer.status_code, answer.content) == (400, b"A theme is one of auto, light, dark.\n")
    assert theme_of(Page.of(member.get(OVERVIEW))) == (None, ["auto"])


def test_a_choice_is_sent_by_a_form_of_a_reader(site: Site, member: Client) -> None:
    assert member.get("/theme/").status_code == 405
    assert Client().post("/theme/", {"theme": "dark"})["Location"].startswith("/login/")
