"""From the door to the admin: what was left out, and proxies that hide visitors."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from ipaddress import ip_network
from typing import Final

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from reports.tests.pages import Page
from sites.keys import make_key
from sites.models import Exclusion, Site
from visits.daily import Counts, add_to_counts
from visits.tests.hits import ADDRESS, CHROME, DAY, NOON, Sender

SITES: Final = "/admin/sites/site/"
GOOGLEBOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
ALARM: Final = "Visitors cannot be told apart"


def page_of(site: Site, staff: Client) -> Page:
    """Return the site's page in the admin."""
    return Page.of(staff.get(f"{SITES}{site.pk}/change/"))


def marks(staff: Client) -> list[tuple[str, str]]:
    """Return each mark in the list of sites with where it leads."""
    page = Page.of(staff.get(SITES))
    found = page.with_class("alarm-mark") + page.with_class("note-mark")
    return [(element.text, element.attributes["href"]) for element in found]


def code_in(page: Page, section: str) -> list[str]:
    """Return the lines to write that a section shows."""
    html = page.html.partition(f'class="{section}')[2].partition("</section>")[0]
    return [element.text for element in Page(f"<p>{html}").elements if element.tag == "code"]


# What was left out


def test_what_was_left_out_is_told_by_reason(site: Site, send: Sender, staff: Client) -> None:
    for _ in range(3):
        send()
    for agent in (GOOGLEBOT, "curl/8.5.0"):
        send(user_agent=agent)
    send(n="engagement", e=5000, address="198.51.100.1")
    before = NOON.date() - timedelta(days=10)
    add_to_counts({(site.pk, before, "hits"): 94, (site.pk, before, "prefetch"): 2})

    page = page_of(site, staff)

    assert page.table("Reason") == [
        ["prefetch a browser loads the page ahead; nobody has seen it", "0 0%", "0 0%", "2 2.0%"],
        ["bot the user agent names a program, or there is none", "2 33%", "2 33%", "2 2.0%"],
        [
            "no_visit it is engagement with a page whose visit is over",
            *["1 17%", "1 17%", "1 1.0%"],
        ],
        ["All that were left out", "3 50%", "3 50%", "5 5.0%"],
        ["All hits that came", "6", "6", "100"],
    ]
    (row,) = Page.of(staff.get(SITES)).admin_list
    assert row[6:] == ["50%"]


def test_each_exclusion_tells_what_it_left_out(site: Site, send: Sender, staff: Client) -> None:
    for value in ("/internal/*", "/never"):
        Exclusion.objects.create(site=site, kind=Exclusion.Kind.PATH, value=value)
    for _ in range(3):
        answer = send(u="https://example.com/internal/x")
    send()

    page = page_of(site, staff)

    assert answer["X-Tracking-Dropped"] == "excluded"
    assert page.table("Reason")[0][0].startswith("excluded ")
    shown = [one.text for one in page.elements if one.tag == "p" and one.text in {"3", "0"}]
    assert shown[:2] == ["3", "0"]


def test_days_are_the_sites_days(site: Site, send: Sender, staff: Client) -> None:
    site.timezone = "Pacific/Auckland"  # noon in UTC is an hour after midnight there
    site.save()
    send(user_agent=GOOGLEBOT)
    add_to_counts({(site.pk, NOON.date(), "hits"): 9, (site.pk, NOON.date(), "bot"): 0})

    assert page_of(site, staff).table("Reason")[-1] == ["All hits that came", "1", "10", "10"]


def test_who_works_on_the_site_is_told_how_to_leave_a_browser_out(
    site: Site, staff: Client
) -> None:
    assert "opens https://example.com#trackingsite-ignore once" in page_of(site, staff).text


def test_nothing_left_out_is_said_in_a_sentence(site: Site, send: Sender, staff: Client) -> None:
    send()

    assert "No hit was left out in the last 30 days." in page_of(site, staff).text


def test_another_sites_drops_are_not_told(
    site: Site, other_site: Site, send: Sender, staff: Client
) -> None:
    send(user_agent=GOOGLEBOT)

    assert "No hit was left out" in page_of(other_site, staff).text


# Proxies


@pytest.mark.parametrize(
    ("peers", "forwarded", "proxies", "mark", "words", "codes"),
    [
        (
            ["10.0.0.1"],
            "198.51.100.{}",
            [],
            "proxy not trusted",
            "A proxy with a private address stands in front",
            ["TRUSTED_PROXIES=private"],
        ),
        (
            ["10.0.0.1"],
            "",
            [],
            "proxy hides visitors",
            "does not pass on X-Forwarded-For",
            [
                "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
                "TRUSTED_PROXIES=private",
            ],
        ),
        (
            [ADDRESS],
            "198.51.100.{}",
            [],
            "proxy not trusted",
            "such as a CDN or a load balancer",
            ["TRUSTED_PROXIES=<its networks>"],
        ),
        (
            [f"162.158.0.{number}" for number in range(60)],
            "198.51.100.{}",
            [],
            "proxy not trusted",
            "Cloudflare stands in front",
            ["TRUSTED_PROXIES=cloudflare"],
        ),
        # The next proxy in front of the one that is trusted.
        (
            ["127.0.0.1"],
            "198.51.100.{}, 162.158.0.1",
            ["127.0.0.0/8"],
            "proxy not trusted",
            "Cloudflare stands in front",
            ["TRUSTED_PROXIES=…,cloudflare"],
        ),
        (
            [ADDRESS],
            "",
            [],
            "one address",
            "one visitor, an office, a monitor",
            [
                "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
                "TRUSTED_PROXIES=<its networks>",
            ],
        ),
    ],
)
def test_a_proxy_that_hides_visitors_is_told_with_its_cure(
    peers: list[str],
    forwarded: str,
    proxies: list[str],
    mark: str,
    words: str,
    codes: list[str],
    site: Site,
    send: Sender,
    staff: Client,
    settings: Settings,
) -> None:
    settings.TRUSTED_PROXIES = [ip_network(proxy) for proxy in proxies]
    for number in range(60):
        headers = {"X-Forwarded-For": forwarded.format(number)} if forwarded else {}
        send(address=peers[number % len(peers)], headers=headers)

    page = page_of(site, staff)

    assert ALARM in page.text
    assert words in page.text
    assert code_in(page, "finding") == codes
    assert "Judged by 60 hits since 10 March" in page.text
    assert ("one address in common" in page.text) is (len(peers) == 1)
    assert marks(staff) == [(mark, f"{SITES}{site.pk}/change/")]


@pytest.mark.parametrize("forwarded", [True, False])
def test_visitors_who_can_be_told_apart_are_no_finding(
    forwarded: bool, site: Site, send: Sender, staff: Client, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    for number in range(60):
        address = f"198.51.100.{number}"
        if forwarded:
            send(address="10.0.0.1", headers={"X-Forwarded-For": address})
        else:
            send(address=address)

    assert not page_of(site, staff).with_class("finding")
    assert marks(staff) == []


def test_a_developer_on_this_machine_gets_a_calm_note(
    site: Site, send: Sender, staff: Client
) -> None:
    for _ in range(60):
        send(address="127.0.0.1")

    page = page_of(site, staff)

    assert ALARM not in page.text
    assert "which is right while you develop" in page.text
    assert page.with_class("note")
    assert not page.with_class("alarm")
    assert marks(staff) == [("this machine", f"{SITES}{site.pk}/change/")]


def test_the_first_hits_through_a_proxy_are_noted(site: Site, send: Sender, staff: Client) -> None:
    send(address="172.18.0.1", headers={"X-Forwarded-For": ADDRESS})

    page = page_of(site, staff)

    assert ALARM not in page.text
    assert code_in(page, "finding") == ["TRUSTED_PROXIES=private"]
    assert "Judged by 1 hit since 10 March." in page.text


def test_a_sender_that_names_no_visitors_is_told(site: Site, client: Client, staff: Client) -> None:
    _, key = make_key(name="shop", all_sites=True, can_send=True)
    hit = {"n": "pageview", "u": "https://example.com/", "d": "example.com"}
    for address in ({}, {"address": "10.0.0.9"}):  # forgotten, or that of the sender's own proxy
        answer = client.post(
            "/api/events",
            json.dumps([hit | address] * 100),
            content_type="application/json",
            headers={"User-Agent": CHROME, "Authorization": f"Bearer {key}"},
            REMOTE_ADDR="10.0.0.9",
        )
        assert answer.json() == [{"status": 202}] * 100

    page = page_of(site, staff)

    assert "A program with an API key sends most of these hits" in page.text
    assert code_in(page, "finding") == [
        '"address": "<the visitor\'s>", "user_agent": "<the visitor\'s>"'
    ]
    assert "Judged by 200 hits" in page.text


def test_yesterdays_finding_is_over_once_enough_hits_are_right(
    site: Site, send: Sender, staff: Client
) -> None:
    yesterday = NOON.date() - DAY
    names = ("hits", "judged_address", "shared_address", "private_address", "forwarded_ignored")
    add_to_counts({(site.pk, yesterday, name): 1000 for name in names})
    assert ALARM in page_of(site, staff).text
    assert "since 9 March" in page_of(site, staff).text

    for number in range(60):
        send(address=f"198.51.100.{number}")

    assert ALARM not in page_of(site, staff).text


# Who may see it, and what it costs


@pytest.mark.parametrize("address", [SITES, f"{SITES}{{}}/change/"])
def test_neither_outsiders_nor_members_see_it(
    address: str, site: Site, send: Sender, outsider: Client, member: Client
) -> None:
    send(address="172.18.0.1", headers={"X-Forwarded-For": ADDRESS}, user_agent=GOOGLEBOT)

    for somebody in (outsider, member, Client()):
        answer = somebody.get(address.format(site.pk))
        assert answer.status_code == 302
        assert "/login/" in answer["Location"]


def test_staff_without_the_right_to_see_sites_do_not_see_it(site: Site, at_noon: None) -> None:
    clerk = get_user_model().objects.create_user("clerk", is_staff=True)
    client = Client()
    client.force_login(clerk)
    assert client.get(f"{SITES}{site.pk}/change/").status_code == 403

    clerk.user_permissions.add(Permission.objects.get(codename="view_site"))
    assert client.get(f"{SITES}{site.pk}/change/").status_code == 200


def test_pages_ask_one_statement_for_counts_however_many_there_are(
    site: Site, staff: Client
) -> None:
    def statements(address: str) -> tuple[int, int]:
        with CaptureQueriesContext(connection) as asked:
            assert staff.get(address).status_code == 200
        sql = [query["sql"] for query in asked.captured_queries]
        return len(sql), sum("visits_dailycount" in each for each in sql)

    addresses = [SITES, f"{SITES}{site.pk}/change/"]
    few = [statements(address) for address in addresses]
    counts: Counts = Counter()
    for number in range(30):
        other = Site.objects.create(domain=f"{number}.example.com")
        for each in (site, other):
            for days in range(40):
                for name in ("hits", "bot", "judged_address", "private_address"):
                    counts[each.pk, NOON.date() - days * DAY, name] += 60
    add_to_counts(counts)

    assert [statements(address) for address in addresses] == few
    # On a site's own page its exclusions read what each has left out, in one statement too.
    assert [of_counts for _, of_counts in few] == [1, 2]
    assert len(marks(staff)) == 31
