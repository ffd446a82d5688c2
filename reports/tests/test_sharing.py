"""Links that share a site's reports: what they show, to whom, until when; what they never tell."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from reports.models import Segment, ShareLink
from reports.tests.histories import view
from reports.tests.pages import Page
from sites.models import Membership, Site
from sites.tokens import draw_token, hash_token
from visits.tests.hits import DAY, HOUR, NOON

SHARING: Final = "/reports/example.com/sharing/"


@pytest.fixture(autouse=True)
def visits(site: Site, at_noon: None) -> None:
    """Three visits of today: two to /docs, one of them from Google, and one to /."""
    view(site, NOON - HOUR, visitor=1, page="/docs", source="Google")
    view(site, NOON - HOUR, visitor=2, page="/docs")
    view(site, NOON - HOUR, visitor=3, page="/")


@pytest.fixture
def owner(member: Client) -> Client:
    """Somebody who owns example.com."""
    Membership.objects.update(role=Membership.Role.OWNER)
    return member


def make_link(site: Site, **fields: Any) -> ShareLink:
    """Return a new link to the site's reports."""
    return ShareLink.objects.create(site=site, name="for the board", **fields)


def open_link(link: ShareLink, page: str = "example.com/", **query: str) -> Any:
    """Return what somebody without an account gets below the link's address."""
    return Client().get(f"{link.get_absolute_url()}{page}", query)


def test_a_token_is_256_random_bits_and_found_by_its_hash(site: Site) -> None:
    tokens = {draw_token() for _ in range(100)}

    assert len(tokens) == 100
    assert all(re.fullmatch(r"[\w-]{43}", token) for token in tokens)
    link = make_link(site)
    assert link.token_hash == hash_token(link.token)
    assert "token_hash" in {field.name for field in ShareLink._meta.fields if field.unique}


def test_the_link_leads_to_the_overview(site: Site) -> None:
    link = make_link(site)

    answer = Client().get(link.get_absolute_url(), follow=True)

    assert answer.redirect_chain == [(f"{link.get_absolute_url()}example.com/", 302)]
    assert Page.of(answer).headline["Unique visitors"].startswith("3")


def test_every_address_on_its_pages_is_below_the_link_or_a_file(site: Site) -> None:
    link = make_link(site)
    waiting, seen = [f"{link.get_absolute_url()}example.com/"], set[str]()
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        answer = Client().get(address)
        assert answer.status_code == 200, address
        if not answer["Content-Type"].startswith("text/html"):
            answer.getvalue()
            continue
        for found in re.findall(r'(?:href|src|action)="([^"]*)"', answer.text):
            path = found.partition("?")[0]
            if not path or path.startswith(("#", "/static/")):
                continue
            assert path.startswith(link.get_absolute_url()), (address, found)
            if path != link.get_absolute_url():
                waiting.append(path)
    assert len(seen) > 40


def test_nothing_is_set_and_the_address_is_told_nobody(site: Site) -> None:
    answer = open_link(make_link(site))

    assert not answer.cookies
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Robots-Tag"] == "noindex"
    assert answer["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    "page",
    [
        "other.example/",
        "example.com/visits/",
        "example.com/visits/1/",
        "example.com/events.csv",
        "example.com/events.parquet",
        "example.com/sharing/",
        "example.com/segments/",
        "example.com/annotations/",
        "example.com/nowhere/",
        "admin/",
        "../../admin/",
        "\0",
    ],
)
def test_what_a_link_does_not_show_is_not_there(site: Site, other_site: Site, page: str) -> None:
    assert open_link(make_link(site), page).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
@pytest.mark.parametrize("page", ["", "example.com/", "example.com/annotations/"])
def test_a_link_writes_nothing(site: Site, staff: Client, method: str, page: str) -> None:
    link = make_link(site)
    sent = {"happened_on": "2026-03-10", "text": "x", "name": "x", "f": "is,page,/"}

    for client in (Client(), staff):  # also where staff follow it
        answer = getattr(client, method)(f"{link.get_absolute_url()}{page}", sent)
        assert answer.status_code in {404, 405}
    assert not Segment.objects.exists()


def test_who_is_signed_in_sees_by_a_link_what_anybody_does(site: Site, staff: Client) -> None:
    link = make_link(site)

    page = staff.get(f"{link.get_absolute_url()}example.com/").text

    assert "Sign out" not in page
    assert staff.get(f"{link.get_absolute_url()}example.com/visits/").status_code == 404


def test_an_expired_or_revoked_link_is_not_there(site: Site, owner: Client) -> None:
    link = make_link(site, expires_at=NOON + timedelta(seconds=1))
    assert open_link(link).status_code == 200
    ShareLink.objects.update(expires_at=NOON)
    assert open_link(link).status_code == 404

    link = make_link(site)
    assert open_link(link).status_code == 200
    assert owner.post(f"{SHARING}{link.pk}/revoke/").status_code == 302
    assert open_link(link).status_code == 404
    assert owner.post(f"{SHARING}{link.pk}/revoke/").status_code == 302


def test_a_link_shows_its_segment_alone(site: Site) -> None:
    segment = Segment.objects.create(site=site, name="docs", filters=["is,page,/docs"])
    link = make_link(site, segment=segment)

    assert Page.of(open_link(link)).headline["Unique visitors"].startswith("2")
    narrowed = Page.of(open_link(link, f="is,source,Google"))
    assert narrowed.headline["Unique visitors"].startswith("1")
    others = Page.of(open_link(link, f="is,page,/"))
    assert others.headline["Unique visitors"].startswith("0")
    assert "current visitor" not in open_link(link).text
    csv = open_link(link, "example.com/pageviews/page.csv")
    assert "/docs" in (text := b"".join(csv.streaming_content).decode())
    assert "\r\n/," not in text
    assert open_link(link, "example.com/explain/visitors/").status_code == 404

    segment.delete()  # rather none than one that shows more
    assert open_link(link).status_code == 404


def test_a_link_shows_its_pages_alone(site: Site) -> None:
    link = make_link(site, pages=["pageviews", "visits"])

    answer = Client().get(link.get_absolute_url(), follow=True)

    assert answer.redirect_chain[-1][0].endswith("/example.com/pageviews/")
    tabs = set(Page.of(answer).links(f"{link.get_absolute_url()}example.com/"))
    assert not any("/visitors/" in address or "/realtime/" in address for address in tabs)
    for page, status in {
        "": 404,
        "realtime/": 404,
        "visitors/": 404,
        "visitors/source/": 404,
        "visitors/source.csv": 404,
        "visitors.zip": 404,
        "overview.zip": 404,
        "explain/visitors/": 404,
        "pageviews/page/": 200,
        "visits/": 200,
    }.items():
        answer = open_link(link, f"example.com/{page}")
        if answer.streaming:
            b"".join(answer.streaming_content)
        assert answer.status_code == status, page


def test_no_link_shows_visits_of_a_site_that_shows_none(site: Site) -> None:
    Site.objects.update(shows_visits=False)
    link = make_link(site, pages=["visits", "overview"])

    assert open_link(link, "example.com/visits/").status_code == 404


# Passwords


def test_a_password_is_asked_for_and_remembered_for_this_link(site: Site) -> None:
    link = make_link(site, password=make_password("spade-and-fork-7"))
    other = make_link(site, password=make_password("spade-and-fork-8"))
    client, url = Client(), link.get_absolute_url()

    assert "Unique visitors" not in client.get(f"{url}example.com/").text
    assert client.post(url, {"password": "wrong"}).status_code == 403
    answer = client.post(url, {"password": "spade-and-fork-7"}, follow=True)

    assert Page.of(answer).headline["Unique visitors"].startswith("3")
    (cookie,) = client.cookies.values()
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (url, True, "Lax")
    assert "Unique visitors" not in client.get(f"{other.get_absolute_url()}example.com/").text
    link.password = make_password("another-one-9")
    link.save()
    assert "Unique visitors" not in client.get(f"{url}example.com/").text


def test_a_cookie_that_was_made_up_opens_nothing(site: Site) -> None:
    link = make_link(site, password=make_password("spade-and-fork-7"))
    client = Client()
    client.cookies[f"share_{link.pk}"] = "2026-03-10T12:00:00:x:y"

    assert "Unique visitors" not in client.get(f"{link.get_absolute_url()}example.com/").text


def test_passwords_can_be_tried_ten_times(site: Site, time_machine: Any) -> None:
    link = make_link(site, password=make_password("spade-and-fork-7"))
    url = link.get_absolute_url()

    statuses = [Client().post(url, {"password": f"wrong {n}"}).status_code for n in range(10)]
    assert statuses == [403] * 10
    blocked = Client().post(url, {"password": "spade-and-fork-7"})
    assert (blocked.status_code, blocked["Retry-After"]) == (429, "900")

    ShareLink.objects.update(failed_since=NOON - timedelta(minutes=15))
    assert Client().post(url, {"password": "spade-and-fork-7"}).status_code == 302


# Pages of others


def test_a_page_may_stand_in_another_where_its_link_says_so(site: Site) -> None:
    answer = open_link(make_link(site, may_be_embedded=True, theme=ShareLink.Theme.DARK))

    assert "X-Frame-Options" not in answer
    assert "frame-ancestors *" in answer["Content-Security-Policy"]
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert '<html lang="en" data-theme="dark">' in answer.text


# Public sites


def test_everybody_sees_a_public_site_but_no_visits(site: Site, outsider: Client) -> None:
    Site.objects.filter(pk=site.pk).update(is_public=True)

    for client in (Client(), outsider):
        answer = client.get("/reports/example.com/")
        assert Page.of(answer).headline["Unique visitors"].startswith("3")
        assert "Annotate" not in answer.text
        for page in ("visits/", "visits/1/", "events.csv", "sharing/"):
            assert client.get(f"/reports/example.com/{page}").status_code in {302, 404}
        assert client.post("/reports/example.com/annotations/").status_code in {302, 404}
    assert outsider.get("/reports/").text.count("example.com") == 0


# Those who make links


def test_an_owner_makes_a_link_and_sees_it_used(owner: Client, site: Site) -> None:
    form = {"name": "for the board", "pages": ["overview", "visitors"], "theme": "auto"}
    answer = owner.post(SHARING, form, follow=True)
    link = ShareLink.objects.get()

    assert f"http://testserver{link.get_absolute_url()}" in answer.text
    assert "never used" in answer.text
    assert open_link(link).status_code == 200
    assert "last used" in owner.get(SHARING).text
    assert link.created_by is not None


def test_the_last_day_of_a_link_is_the_sites(owner: Client, site: Site) -> None:
    Site.objects.update(timezone="America/New_York")
    form = {"name": "x", "pages": ["overview"], "theme": "auto", "last_day": "2026-03-10"}
    owner.post(SHARING, form)

    expires_at = ShareLink.objects.get().expires_at
    assert expires_at is not None
    assert expires_at.isoformat() == "2026-03-11T04:00:00+00:00"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": ""}, "This field is required."),
        ({"pages": []}, "This field is required."),
        ({"pages": ["nowhere"]}, "Select a valid choice."),
        ({"password": "123"}, "This password is too short."),
        ({"password": "spade-and-fork-7", "may_be_embedded": "on"}, "cannot ask for a password"),
        ({"segment": "4711"}, "Select a valid choice."),
        ({"last_day": "2026-02-30"}, "Enter a valid date."),
    ],
)
def test_a_link_that_could_not_work_is_refused(
    owner: Client, fields: dict[str, Any], says: str
) -> None:
    form = {"name": "x", "pages": ["overview"], "theme": "auto"} | fields
    answer = owner.post(SHARING, form)

    assert answer.status_code == 400
    assert says in Page.of(answer).text
    assert not ShareLink.objects.exists()


def test_nobody_shares_by_anothers_segment(owner: Client, staff: Client, site: Site) -> None:
    other = Segment.objects.create(site=site, name="a", filters=[], created_by_id=None)
    form = {"name": "x", "pages": ["overview"], "theme": "auto", "segment": str(other.pk)}

    assert owner.post(SHARING, form).status_code == 400


@pytest.mark.parametrize("role", [Membership.Role.VIEWER, Membership.Role.EDITOR])
def test_only_owners_share(member: Client, site: Site, role: Membership.Role) -> None:
    Membership.objects.update(role=role)
    link = make_link(site)

    assert member.get(SHARING).status_code == 404
    assert member.post(SHARING).status_code == 404
    assert member.post(f"{SHARING}{link.pk}/revoke/").status_code == 404
    assert "Sharing" not in member.get("/reports/example.com/").text


def test_a_link_of_another_site_is_not_revoked(owner: Client, other_site: Site) -> None:
    link = make_link(other_site)

    assert owner.post(f"{SHARING}{link.pk}/revoke/").status_code == 404
    assert ShareLink.objects.get().revoked_at is None


def test_annotations_that_are_not_for_everybody_stay_with_their_maker(
    owner: Client, site: Site
) -> None:
    for text, shared in (("secret plan", ""), ("new release", "on")):
        fields = {"happened_on": f"{NOON - DAY:%Y-%m-%d}", "text": text}
        owner.post(
            "/reports/example.com/annotations/", fields | ({"is_shared": "on"} if shared else {})
        )

    page = open_link(make_link(site), period="7d").text

    assert "secret plan" not in page
    assert "new release" in page
