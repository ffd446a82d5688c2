"""What browser tests of report pages share: a server with sites, a browser, somebody signed in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from playwright.sync_api import Browser, Page

from trackingsite.tests.browser import LOOKS
from trackingsite.tests.live import RunningServer

PASSWORD: Final = "spade-and-fork-7"
DEMO: Final = "/reports/demo.example.com/"

#: A site without a hit, and one whose page and titles are as long as they may be, in two scripts.
SITES: Final = """
from django.contrib.auth.models import User
from django.utils import timezone
from reports.models import Annotation, Goal, Segment, ShareLink, ShownProperty
from sites.models import Membership, Site
from sites.services import add_site, invite
from visits.services import add_event, add_visit
add_site(domain="empty.example.com")
add_site(domain="first.example.com")
now = timezone.now()
site = add_site(domain="long.example.com", name="Ein sehr langer Name " * 4)
for visitor, title in enumerate(["مرحبا بكم في موقعنا " * 20, "Donaudampfschifffahrt" * 20]):
    visit = add_visit(site=site, visitor=visitor, started_at=now, source="s" * 200, country="DE")
    add_event(visit=visit, page="/" + "path" * 499, title=title, happened_at=now)
    props = {"מפתח": "ערך" * 99}
    add_event(visit=visit, page="/שלום", name="x" * 100, props=props, happened_at=now)
for one in (site, Site.objects.get(domain="demo.example.com")):
    for text in ("New prices", "مرحبا بكم في موقعنا " * 10, "x" * 200):
        day = timezone.now().date()
        Annotation.objects.create(site=one, happened_on=day, text=text[:200], is_shared=True)
        filters = ["is,source,Google"]
        Segment.objects.create(site=one, name=text[:80], filters=filters, is_shared=True)
        Goal.objects.create(site=one, name=text[:100], kind="event", event="signup")
        ShareLink.objects.create(site=one, name=text[:80])
        person, _ = User.objects.get_or_create(username=text[:150])
        Membership.objects.create(site=one, user=person)
        invite(site=one, by=person, role="viewer", note=text[:100])
    for name in ("plan", "מפתח", "x" * 300):
        ShownProperty.objects.create(site=one, name=name)
"""


#: Cookies of somebody who has signed in, by the server's address: signing in takes a second.
_signed_in: dict[str, Any] = {}


@contextmanager
def reading(
    browser: Browser, server: RunningServer, look: str = "desktop", **options: Any
) -> Iterator[Page]:
    """Give a page of the administrator's, who has just signed in."""
    if server.url not in _signed_in:
        _signed_in[server.url] = _sign_in(browser, server)
    context = browser.new_context(**LOOKS[look], storage_state=_signed_in[server.url], **options)
    page = context.new_page()
    page.goto(f"{server.url}/reports/")
    try:
        yield page
    finally:
        context.close()


def _sign_in(browser: Browser, server: RunningServer) -> Any:
    page = browser.new_page()
    page.goto(f"{server.url}/login/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/reports/")
    state = page.context.storage_state()
    page.close()
    return state
