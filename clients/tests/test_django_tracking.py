"""The Django client: who is counted, what the tag says, and what the checks find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine
from django.test import RequestFactory
from django_tracking import track
from django_tracking.checks import MIDDLEWARE, check_settings
from django_tracking.events import settle
from django_tracking.middleware import tracking_middleware
from pytest_django import Settings
from tracking_client.testing import Outbox, settlers

ENGINE = Engine(libraries={"tracking": "django_tracking.templatetags.tracking"})
TEMPLATE = ENGINE.from_string("{% load tracking %}{% tracking_code %}")
TAG = '<script defer data-domain="shop.example" src="https://stats.example/js/script.js"></script>'


@pytest.fixture(autouse=True)
def shop(settings: Settings) -> None:
    """The settings of a shop."""
    settings.TRACKING_BACKEND_URL = "https://stats.example"
    settings.TRACKING_DOMAIN = "shop.example"
    settings.TRACKING_KEY = "key"


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    """The events of this test."""
    outbox = Outbox()
    outbox.start()
    settlers.append(settle)
    yield outbox
    settlers.remove(settle)
    outbox.stop()


def open_page(**meta: Any) -> HttpRequest:
    """Return what a visitor's browser asks for."""
    headers = {"accept": "text/html", "user-agent": "Firefox"}
    request = RequestFactory().get("/prices/", headers=headers, **meta)
    request.user = AnonymousUser()
    return request


def render(request: HttpRequest | None, **context: Any) -> str:
    return TEMPLATE.render(Context({"request": request, **context}))


def test_the_tag_is_for_visitors() -> None:
    staff, out = open_page(), open_page()
    staff.user = User(is_staff=True)
    out.COOKIES["trackingsite_ignore"] = "1"

    assert render(open_page()) == TAG
    assert render(staff) == render(out) == render(None) == ""


def test_the_tag_is_silent_with_debug_on_and_for_staff_unless_asked(settings: Settings) -> None:
    settings.DEBUG = True
    assert render(open_page()) == ""
    settings.TRACKING_IN_DEBUG = settings.TRACKING_STAFF = True
    staff = open_page()
    staff.user = User(is_staff=True)

    assert render(staff) == TAG


def test_the_tag_has_the_pages_nonce_and_escapes_what_is_set(settings: Settings) -> None:
    settings.TRACKING_DOMAIN = '"><b>'
    request = open_page()
    request.csp_nonce = "abc"  # type: ignore[attr-defined]

    tag = render(request)
    assert 'nonce="abc"' in tag
    assert 'data-domain="&quot;&gt;&lt;b&gt;"' in tag
    assert 'nonce="of-django"' in render(request, csp_nonce="of-django")


def test_where_the_server_counts_pages_the_script_does_not(
    settings: Settings, outbox: Outbox
) -> None:
    settings.TRACKING_SERVER_SIDE = True
    middleware = tracking_middleware(lambda request: HttpResponse("<p>"))
    middleware(
        open_page(REMOTE_ADDR="203.0.113.7", HTTP_DNT="1", HTTP_REFERER="https://a.example/")
    )
    tracking_middleware(lambda request: HttpResponse(status=404))(open_page())

    event = outbox.assert_tracked("pageview", url="/prices/", count=1)
    assert (event.address, event.user_agent, event.dnt) == ("203.0.113.7", "Firefox", True)
    assert event.referrer == "https://a.example/"
    assert "data-manual" in render(open_page())


def test_without_its_setting_the_middleware_counts_nothing(outbox: Outbox) -> None:
    tracking_middleware(lambda request: HttpResponse("<p>"))(open_page())

    outbox.assert_not_tracked("pageview")


@pytest.mark.django_db
def test_an_event_goes_with_its_transaction(outbox: Outbox) -> None:
    with transaction.atomic():
        track(open_page(), "purchase", revenue=("12.30", "EUR"))
    with transaction.atomic():
        track(open_page(), "refund")
        transaction.set_rollback(True)

    assert outbox == []  # the test itself is a transaction
    assert outbox.assert_tracked("purchase", count=1).revenue == ("12.30", "EUR")
    outbox.assert_not_tracked("refund")


def test_settings_that_are_as_they_should_be() -> None:
    assert check_settings() == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"TRACKING_BACKEND_URL": ""}, "tracking.E001"),
        ({"TRACKING_BACKEND_URL": "stats.example"}, "tracking.E001"),
        ({"TRACKING_DOMAIN": ""}, "tracking.E002"),
        ({"TRACKING_SERVER_SIDE": True}, "tracking.E003"),
        (
            {"TRACKING_SERVER_SIDE": True, "MIDDLEWARE": [MIDDLEWARE], "TRACKING_KEY": ""},
            "tracking.E004",
        ),
        ({"MIDDLEWARE": [MIDDLEWARE]}, "tracking.W001"),
    ],
)
def test_what_a_check_finds(changes: dict[str, Any], found: str, settings: Settings) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)

    (message,) = check_settings()
    assert message.id == found
    assert message.hint
