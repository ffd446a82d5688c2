"""For pytest: no test sends an event; `tracking_outbox` has them, `assert_tracked` asks for one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tracking_client.client import Client
from tracking_client.events import Event
from tracking_client.testing import Outbox
from tracking_client.web import SCRIPT


@pytest.fixture(autouse=True)
def tracking_outbox() -> Iterator[Outbox]:
    """The events of this test, which are not sent."""
    outbox = Outbox()
    outbox.start()
    yield outbox
    outbox.stop()


@pytest.fixture
def assert_tracked(tracking_outbox: Outbox) -> Callable[..., Event]:
    """`assert_tracked("signup", props={"plan": "pro"}, url="/welcome/", count=1)`."""
    return tracking_outbox.assert_tracked


@pytest.fixture
def assert_not_tracked(tracking_outbox: Outbox) -> Callable[..., None]:
    """`assert_not_tracked("signup")`."""
    return tracking_outbox.assert_not_tracked


@pytest.fixture
def tracking_page(request: pytest.FixtureRequest, tracking_outbox: Outbox) -> Any:
    """pytest-playwright's page, whose script is ours and whose hits come into the outbox.

    No server of trackingsite is needed, nor reached.
    """
    page = request.getfixturevalue("page")
    client = Client("http://tracking.invalid", "tests", "none")

    def take(route: Any) -> None:
        hit = json.loads(route.request.post_data or "{}")
        headers = route.request.headers
        client.forward(hit, address="127.0.0.1", user_agent=headers.get("user-agent", ""))
        route.fulfill(status=202, body="ok", headers={"Access-Control-Allow-Origin": "*"})

    # Tests run on the developer's own machine, which is left out elsewhere.
    page.context.add_init_script(
        "window.trackingsite = function () {"
        " (trackingsite.q = trackingsite.q || []).push(arguments) };"
        "trackingsite.o = {local: true};"
    )
    page.context.route(
        "**/js/script.js",
        lambda route: route.fulfill(body=SCRIPT, content_type="text/javascript"),
    )
    page.context.route("**/api/event", take)
    return page
