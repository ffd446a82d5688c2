"""The page on which staff watch a site's hits arrive."""

from __future__ import annotations

from typing import Final

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from reports.debugger import WORDS
from sites.models import Site
from visits.ingestion import watching
from visits.ingestion.hit import DropReason
from visits.ingestion.tally import MALFORMED, STORED
from visits.ingestion.watching import REPEATED
from visits.models import WatchedHit
from visits.tests.hits import Sender

HITS: Final = "/admin/sites/site/{}/hits/"


@pytest.fixture(autouse=True)
def _own_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test share its second with another."""
    monkeypatch.setattr(watching, "_second", 0)
    return


def test_every_verdict_has_words() -> None:
    assert set(WORDS) == {STORED, REPEATED, MALFORMED, *(reason.value for reason in DropReason)}


def test_staff_watch_hits_arrive(staff: Client, site: Site, send: Sender) -> None:
    url = HITS.format(site.pk)
    assert "Nobody watches" in staff.get(url).text
    send(u="https://example.com/before")

    assert staff.post(url, follow=True).status_code == 200
    send(u="https://example.com/pricing", p={"plan": "pro"})
    send(user_agent="curl/8.5.0")

    page = staff.get(url).text
    assert "Watched until" in page
    assert "/before" not in page
    assert page.index('<span class="verdict">bot') < page.index('<span class="verdict">stored')
    for words in ("example.com/pricing", "property plan", "the connection", "Chrome", "curl/8.5.0"):
        assert words in page


def test_the_page_asks_for_newer_rows(staff: Client, site: Site, send: Sender) -> None:
    url = HITS.format(site.pk)
    staff.post(url)
    send()
    newest = WatchedHit.objects.get().pk

    answer = staff.get(url, {"after": str(newest + 1000)})
    assert (answer["X-Watched"], answer.text.strip()) == ("yes", "")
    assert f'data-id="{newest}"' in staff.get(url, {"after": str(newest)}).text
    for wrong in ("x", "-1", "9" * 40, "²"):
        assert staff.get(url, {"after": wrong}).status_code == 200

    staff.post(url, {"stop": "yes"})
    assert staff.get(url, {"after": "0"})["X-Watched"] == "no"
    assert not WatchedHit.objects.exists()


def test_what_hits_say_is_text(staff: Client, site: Site, send: Sender) -> None:
    staff.post(HITS.format(site.pk))
    send(n="<script>alert(1)</script>", p={"<b>": "</dd><img src=x onerror=alert(1)>"})

    page = staff.get(HITS.format(site.pk)).text
    assert "<script>alert" not in page
    assert "<img" not in page


def test_only_who_may_change_a_site_watches_it(client: Client, site: Site) -> None:
    url = HITS.format(site.pk)
    assert client.get(url).status_code == 302
    looker = get_user_model().objects.create_user("looker", is_staff=True)
    client.force_login(looker)
    assert client.get(url).status_code == 403
    looker.user_permissions.add(Permission.objects.get(codename="view_site"))

    assert client.get(url).status_code == 200
    assert client.post(url).status_code == 403
    assert client.get(HITS.format(site.pk + 1)).status_code == 404
