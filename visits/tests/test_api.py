"""From the door to the store: every answer of the ingestion endpoint, and what is kept by then."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from sites.models import Site
from sites.services import add_site
from visits.api import MAX_BODY
from visits.models import Event, Visit
from visits.tests.hits import ADDRESS, CHROME, Sender, on_another_connection

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

GOOGLEBOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
HIT: Final = {"n": "pageview", "u": "https://example.com/", "d": "example.com"}


def post_body(client: Client, body: str | bytes, content_type: str = "application/json") -> Answer:
    """Post `body` as it is and return the answer."""
    return client.generic(
        "POST", "/api/event", body, content_type=content_type, headers={"User-Agent": CHROME}
    )


def get_pixel(
    client: Client, query: dict[str, str], headers: dict[str, str] | None = None
) -> Answer:
    """Load the picture with `query` as a browser does and return the answer."""
    return client.get(
        f"/pixel.gif?{urlencode(query)}", headers={"User-Agent": CHROME} | (headers or {})
    )


# 202: stored


def test_a_hit_is_answered_with_ok_and_stored(site: Site, send: Sender) -> None:
    answer = send(u="https://example.com/pricing", t="Prices")

    assert (answer.status_code, answer.content) == (202, b"ok")
    assert answer["Content-Type"].startswith("text/plain")
    assert "X-Tracking-Dropped" not in answer
    assert "X-Tracking-Cut" not in answer
    event = Event.objects.get()
    assert (event.site, event.name, event.page, event.title) == (
        site,
        "pageview",
        "/pricing",
        "Prices",
    )
    assert (event.visit.browser, event.visit.pageviews) == ("Chrome", 1)


@pytest.mark.django_db(transaction=True)
def test_what_was_answered_with_ok_is_committed(site: Site, send: Sender) -> None:
    assert send().status_code == 202

    assert on_another_connection(Event.objects.count) == 1
    assert on_another_connection(Visit.objects.count) == 1


@pytest.mark.django_db
def test_a_commit_is_on_disk_when_it_returns() -> None:
    statement, durable = {
        "sqlite": ("PRAGMA synchronous", "2"),  # FULL
        "postgresql": ("SHOW synchronous_commit", "on"),
    }[connection.vendor]

    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert str(cursor.fetchone()[0]) == durable


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/plain;charset=UTF-8",
        "application/json",
        "application/json; charset=utf-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "nonsense",
        "",
    ],
)
def test_a_hit_is_json_whatever_its_content_type_says(
    site: Site, client: Client, content_type: str
) -> None:
    answer = post_body(client, json.dumps(HIT), content_type)

    assert (answer.status_code, answer.content) == (202, b"ok")
    assert Event.objects.count() == 1


@pytest.mark.parametrize("accept", ["*/*", "application/json", "image/png", "nonsense"])
def test_the_answer_is_negotiated_with_nobody(site: Site, send: Sender, accept: str) -> None:
    answer = send(headers={"Accept": accept})

    assert (answer.status_code, answer.content) == (202, b"ok")


@pytest.mark.parametrize(
    "domain", ["example.com", "www.example.com", "WWW.Example.COM.", " example.com"]
)
def test_a_site_is_found_by_every_way_to_write_its_domain(
    site: Site, send: Sender, domain: str
) -> None:
    assert "X-Tracking-Dropped" not in send(d=domain)
    assert site.events.count() == 1


IN_ASCII: Final = "xn--mnchen-3ya.example"
SPELLINGS: Final = ["münchen.example", "www.MÜNCHEN.Example", IN_ASCII, IN_ASCII.upper()]


@pytest.mark.parametrize("stored", SPELLINGS)
@pytest.mark.parametrize("sent", SPELLINGS)
def test_a_site_of_other_letters_is_one_site_in_both_its_spellings(
    db: None, send: Sender, stored: str, sent: str
) -> None:
    site = add_site(domain=stored)
    page = f"https://{sent}/"

    assert "X-Tracking-Dropped" not in send(d=sent, u=page, r=f"https://{stored}/before")
    assert "X-Tracking-Dropped" not in send(d=stored, u=page, r=f"https://shop.{sent}/before")
    visit = site.visits.get()
    assert (visit.hostname, visit.referrer, visit.source) == (IN_ASCII, "", "")
    assert (site.domain, str(site)) == (IN_ASCII, "münchen.example")


def test_one_hit_may_be_several_sites(site: Site, other_site: Site, send: Sender) -> None:
    answer = send(d="example.com, www.other.example,www.example.com", id="a-1")

    assert (answer.status_code, "X-Tracking-Dropped" in answer) == (202, False)
    assert (site.events.count(), other_site.events.count()) == (1, 1)
    assert site.visits.get().visitor != other_site.visits.get().visitor


def test_a_hit_sent_again_is_answered_the_same_and_stored_once(site: Site, send: Sender) -> None:
    for _ in range(3):
        answer = send(id="a-1")
        assert (answer.status_code, "X-Tracking-Dropped" in answer) == (202, False)

    assert Event.objects.count() == 1


def test_what_was_cut_is_named(site: Site, send: Sender) -> None:
    answer = send(t="t" * 600, r="https://news.example/" + "r" * 2000)

    assert (answer.status_code, answer["X-Tracking-Cut"]) == (202, "referrer, title")
    assert Event.objects.get().title == "t" * 500


def test_a_page_its_engagement_and_an_event_are_one_visit(site: Site, send: Sender) -> None:
    send(u="https://example.com/?utm_source=newsletter&utm_medium=email", tz="Europe/Vienna")
    send(n="engagement", e=12_000, sd=80)
    send(n="signup", p='{"plan": "pro"}', revenue={"currency": "EUR", "amount": "12.30"})

    visit = Visit.objects.get()
    assert (visit.pageviews, visit.interactive_events) == (1, 1)
    assert (visit.source, visit.channel, visit.country) == ("newsletter", "Email", "AT")
    assert list(
        visit.events.order_by("pk").values_list(
            "name", "engagement_ms", "scroll_depth", "props", "revenue_currency"
        )
    ) == [
        ("pageview", None, None, {}, ""),
        ("engagement", 12_000, 80, {}, ""),
        ("signup", None, None, {"plan": "pro"}, "EUR"),
    ]


def test_text_that_engines_refuse_is_stored_clean(site: Site, send: Sender) -> None:
    send(u="https://example.com/a%00b", t="nul\x00 \u202etitle", p={"ke\x00y": "val\x00ue"})

    event = Event.objects.get()
    assert (event.page, event.title, event.props) == ("/ab", "nul title", {"key": "value"})


def test_the_address_is_that_of_the_peer(site: Site, send: Sender) -> None:
    site.address_kept = Site.AddressKept.WHOLE
    site.save()

    send(address=ADDRESS, headers={"X-Forwarded-For": "198.51.100.1"})

    assert Visit.objects.get().address == ADDRESS


def test_behind_a_trusted_proxy_the_address_is_that_which_it_forwards(
    site: Site, send: Sender, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8")]
    site.address_kept = Site.AddressKept.WHOLE
    site.save()

    send(address="10.0.0.1", headers={"X-Forwarded-For": "1.1.1.1, 198.51.100.1"})

    assert Visit.objects.get().address == "198.51.100.1"


# 202: dropped


@pytest.mark.parametrize(
    ("hit", "reason"),
    [
        ({"headers": {"Sec-Purpose": "prefetch"}}, "prefetch"),
        ({"headers": {"Sec-Purpose": "prefetch;prerender"}}, "prefetch"),
        ({"headers": {"Purpose": "prefetch"}}, "prefetch"),
        ({"headers": {"X-Moz": "prefetch"}}, "prefetch"),
        ({"user_agent": GOOGLEBOT}, "bot"),
        ({"user_agent": ""}, "bot"),
        ({"d": "unknown.example"}, "unknown_site"),
        ({"d": "paused.example"}, "site_paused"),
        ({"n": "engagement", "e": 1000}, "no_visit"),
        ({"d": "unknown.example,paused.example"}, "unknown_site, site_paused"),
        ({"d": "a.example,b.example"}, "unknown_site"),
    ],
)
def test_a_dropped_hit_is_answered_with_ok_and_the_reason(
    site: Site, other_site: Site, send: Sender, hit: dict[str, Any], reason: str
) -> None:
    other_site.domain, other_site.collects = "paused.example", False
    other_site.save()

    answer = send(**hit)

    assert (answer.status_code, answer.content) == (202, b"ok")
    assert answer["X-Tracking-Dropped"] == reason
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("hit", "reason"),
    [
        ({"headers": {"Sec-GPC": "1"}}, "gpc"),
        ({"headers": {"DNT": "1"}}, "dnt"),
        ({"gpc": True}, "gpc"),
        ({"dnt": 1}, "dnt"),
        ({"headers": {"DNT": "0", "Sec-GPC": "0"}, "gpc": False}, None),
    ],
)
def test_a_browsers_wish_is_read_from_its_headers_or_from_who_passes_them_on(
    site: Site, send: Sender, hit: dict[str, Any], reason: str | None
) -> None:
    assert "X-Tracking-Dropped" not in send(**hit)
    site.respects_gpc = site.respects_dnt = True
    site.save()

    assert send(**hit).get("X-Tracking-Dropped") == reason


def test_of_several_sites_the_known_one_stores_and_the_others_are_told(
    site: Site, send: Sender
) -> None:
    answer = send(d="example.com,unknown.example")

    assert answer["X-Tracking-Dropped"] == "unknown_site"
    assert Event.objects.count() == 1


# 400


def test_a_malformed_hit_is_answered_with_every_error_by_field(site: Site, send: Sender) -> None:
    answer = send(u="", p=[1], sd=-1, at="2026-03-10T12:00:00Z")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/json"
    assert json.loads(answer.content) == {
        "at": ["Only a sender with an API key may set this."],
        "url": ["This field is required."],
        "props": ["Send an object, or JSON text of one."],
        "scroll_depth": ["Send a number from 0 to 100."],
    }
    assert not Event.objects.exists()


def test_a_malformed_hit_of_an_unknown_site_is_malformed(site: Site, send: Sender) -> None:
    assert send(d="unknown.example", n="").status_code == 400


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("{", "Send JSON in UTF-8."),
        ("n=pageview", "Send JSON in UTF-8."),
        (b'{"n": "\xff"}', "Send JSON in UTF-8."),
        (r'{"n": "\ud800"}', "Send JSON in UTF-8."),
        ('{"n": NaN}', "Send JSON in UTF-8."),
        ("[" * 2000 + "]" * 2000, "Send JSON in UTF-8."),
        ("[]", "Send one JSON object."),
        ("null", "Send one JSON object."),
        ('"pageview"', "Send one JSON object."),
        ("5", "Send one JSON object."),
    ],
)
@pytest.mark.django_db
def test_a_body_that_is_no_object_is_refused(client: Client, body: str | bytes, error: str) -> None:
    answer = post_body(client, body)

    assert (answer.status_code, json.loads(answer.content)) == (400, {"body": [error]})


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
@pytest.mark.django_db
def test_an_empty_body_lacks_what_is_required(client: Client, content_type: str) -> None:
    answer = post_body(client, "", content_type)

    assert answer.status_code == 400
    assert json.loads(answer.content).keys() == {"name", "url", "domain"}


# 413


@pytest.mark.parametrize(("over", "status"), [(0, 202), (1, 413), (MAX_BODY, 413)])
def test_a_hit_has_at_most_64_kilobytes(site: Site, client: Client, over: int, status: int) -> None:
    body = json.dumps(HIT).ljust(64 * 1024 + over)

    assert post_body(client, body).status_code == status
    assert Event.objects.count() == (status == 202)


class BrokenBody(BytesIO):
    """A body whose client leaves before its end."""

    def read(self, size: int | None = -1) -> bytes:
        """Break off."""
        raise ConnectionResetError


@pytest.mark.parametrize(
    ("path", "body", "meta", "status", "errors"),
    [
        ("/api/event", b" " * (MAX_BODY + 1), {}, 413, {"body": ["At most 64 KB."]}),
        ("/api/event", b"[" + b"{}," * 20_000, {}, 413, {"body": ["Too many values."]}),
        ("/api/events", b" " * (4 * 2**20 + 1), {}, 413, {"body": ["At most 4096 KB."]}),
        (
            "/api/events",
            b"[" + b"{}," * 1000 + b"{}]",
            {},
            413,
            {"body": ["At most 1,000 hits, not 1,001."]},
        ),
        (
            "/api/events",
            b"{}",
            {"CONTENT_LENGTH": "abc"},
            400,
            {"body": ["Send an array of hits."]},
        ),
        (
            "/api/event",
            b"{}",
            {"CONTENT_LENGTH": "10", "wsgi.input": BrokenBody()},
            400,
            {"body": ["The body broke off."]},
        ),
    ],
)
@pytest.mark.django_db
def test_without_the_front_too_a_refusal_is_an_object_of_messages_by_field(
    client: Client,
    path: str,
    body: bytes,
    meta: dict[str, Any],
    status: int,
    errors: dict[str, list[str]],
) -> None:
    answer = client.generic("POST", path, body, content_type="text/plain", **meta)

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json")
    assert json.loads(answer.content) == errors


# 503


@contextmanager
def store_that_only_reads() -> Iterator[None]:
    """Make the database refuse to write on this connection."""
    off, on = {
        "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        "postgresql": (
            "SET default_transaction_read_only = on",
            "SET default_transaction_read_only = off",
        ),
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(off)
        try:
            yield
        finally:
            cursor.execute(on)


@contextmanager
def store_that_others_hold() -> Iterator[None]:
    """Hold the lock that a writer needs on another connection, and let this one wait briefly."""
    impatient, hold, patient = {
        "sqlite": ("PRAGMA busy_timeout = 50", "BEGIN IMMEDIATE", "PRAGMA busy_timeout = 5000"),
        "postgresql": (
            "SET lock_timeout = '50ms'",
            "BEGIN; LOCK TABLE visits_event IN ACCESS EXCLUSIVE MODE",
            "SET lock_timeout = 0",
        ),
    }[connection.vendor]
    other = connection.copy()
    with connection.cursor() as cursor, other.cursor() as holder:
        cursor.execute(impatient)
        holder.execute(hold)
        try:
            yield
        finally:
            holder.execute("ROLLBACK")
            cursor.execute(patient)
    other.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trouble", [store_that_only_reads, store_that_others_hold])
def test_a_hit_that_cannot_be_stored_is_asked_for_again(
    site: Site, client: Client, send: Sender, caplog: pytest.LogCaptureFixture, trouble: Any
) -> None:
    with trouble():
        answer = send(id="a-1")
        picture = get_pixel(client, {**HIT, "id": "a-2"})

    assert answer.status_code == picture.status_code == 503
    assert answer["Retry-After"] == picture["Retry-After"] == "5"
    assert answer["Access-Control-Allow-Origin"] == "*"
    logged = [
        record.message for record in caplog.records if record.name == "visits.ingestion.queue"
    ]
    assert [line.partition(":")[0] for line in logged] == ["Hits could not be stored"] * 2
    assert not Visit.objects.exists()

    assert send(id="a-1").status_code == 202
    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_sender_is_told_to_come_again_within_a_second(site: Site, send: Sender) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has many writers; a hit waits for those of its visitor alone.")
    other = connection.copy()
    with other.cursor() as holder:
        holder.execute("BEGIN IMMEDIATE")
        started_at = time.monotonic()
        answer = send()
        waited_seconds = time.monotonic() - started_at
        holder.execute("ROLLBACK")
    other.close()

    assert answer.status_code == 503
    assert 0.5 < waited_seconds < 1.5
    with connection.cursor() as cursor:  # the admin may wait for longer
        assert cursor.execute("PRAGMA busy_timeout").fetchone() == (5000,)


@pytest.mark.django_db(transaction=True)
def test_hits_of_several_sites_are_stored_all_or_none(
    site: Site, other_site: Site, send: Sender
) -> None:
    with store_that_others_hold():
        assert send(d="example.com,other.example").status_code == 503

    assert not Event.objects.exists()


def test_a_hit_whose_salt_cannot_be_stored_is_asked_for_again(
    site: Site, client: Client, send: Sender, data_dir: Path
) -> None:
    (data_dir / "salts").write_text("a file where the folder should be")

    answer, picture = send(), get_pixel(client, HIT)

    assert answer.status_code == picture.status_code == 503
    assert answer["Retry-After"] == picture["Retry-After"] == "5"

    (data_dir / "salts").unlink()
    assert send().status_code == 202


# 405 and CORS


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
@pytest.mark.django_db
def test_the_endpoint_takes_posts_only(client: Client, method: str) -> None:
    answer = client.generic(method, "/api/event")

    assert answer.status_code == 405
    assert answer["Allow"] == "POST, OPTIONS"


@pytest.mark.django_db
def test_a_page_of_any_origin_may_ask_to_send(client: Client) -> None:
    answer = client.options(
        "/api/event",
        headers={
            "Origin": "https://example.com",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert answer["Access-Control-Allow-Headers"] == "Content-Type, Authorization"
    assert answer["Access-Control-Max-Age"] == "86400"
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("POST", json.dumps(HIT), 202),
        ("POST", "{}", 400),
        ("POST", " " * 2 * MAX_BODY, 413),
        ("GET", "", 405),
        ("OPTIONS", "", 204),
    ],
)
def test_every_answer_can_be_read_by_any_page_and_sets_no_cookie(
    site: Site, client: Client, method: str, body: str, status: int
) -> None:
    answer = client.generic(method, "/api/event", body, headers={"Origin": "https://example.com"})

    assert answer.status_code == status
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Access-Control-Expose-Headers"] == (
        "X-Tracking-Dropped, X-Tracking-Cut, Retry-After"
    )
    assert "Access-Control-Allow-Credentials" not in answer
    assert not answer.cookies


def test_a_page_needs_no_csrf_token(site: Site) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies["sessionid"] = "of the admin, from the same browser"

    assert post_body(client, json.dumps(HIT), "text/plain").status_code == 202
    assert Event.objects.count() == 1


# The pixel


def test_the_pixel_counts_a_pageview_and_is_a_picture(site: Site, client: Client) -> None:
    answer = get_pixel(client, {"d": "example.com", "u": "https://example.com/old"})

    assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
    assert answer.content.startswith(b"GIF89a")
    assert answer["Cache-Control"] == "no-store"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "X-Tracking-Dropped" not in answer
    assert not answer.cookies
    assert list(Event.objects.values_list("name", "page")) == [("pageview", "/old")]


def test_the_pixel_counts_the_page_that_shows_it(site: Site, client: Client) -> None:
    get_pixel(client, {"d": "example.com"}, {"Referer": "https://example.com/plain"})

    assert Event.objects.get().page == "/plain"


def test_the_pixel_takes_the_fields_of_the_contract(site: Site, client: Client) -> None:
    get_pixel(
        client,
        {
            "n": "404",
            "d": "example.com",
            "u": "https://example.com/#/cart",
            "h": "1",
            "i": "0",
            "w": "1280",
            "t": "2026",
            "id": "17",
            "p": '{"plan": "pro"}',
            "r": "",
        },
    )

    event = Event.objects.get()
    assert (event.name, event.page, event.title, event.event_id) == ("404", "/#/cart", "2026", "17")
    assert (event.interactive, event.props, event.visit.screen_width) == (
        False,
        {"plan": "pro"},
        1280,
    )


@pytest.mark.parametrize(
    ("sent", "is_interactive"),
    [("true", True), ("1", True), ("false", False), ("0", False), ("False", False)],
)
def test_the_pixel_reads_truth_values(
    site: Site, client: Client, sent: str, is_interactive: bool
) -> None:
    hit = {"n": "x", "d": "example.com", "u": "https://example.com/", "l": "1", "tz": "2"}

    assert get_pixel(client, {**hit, "i": sent}).status_code == 200
    assert Event.objects.get().interactive is is_interactive


@pytest.mark.parametrize(
    ("query", "headers", "reason"),
    [
        ({"d": "unknown.example"}, {}, "unknown_site"),
        ({"d": "example.com"}, {"User-Agent": GOOGLEBOT}, "bot"),
        ({"d": "example.com"}, {"Sec-Purpose": "prefetch"}, "prefetch"),
    ],
)
def test_the_pixel_says_why_it_dropped(
    site: Site, client: Client, query: dict[str, str], headers: dict[str, str], reason: str
) -> None:
    answer = get_pixel(client, {"u": "https://example.com/", **query}, headers)

    assert (answer.status_code, answer["X-Tracking-Dropped"]) == (200, reason)
    assert answer["Content-Type"] == "image/gif"
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({}, {"domain", "url"}),
        ({"d": "example.com"}, {"url"}),
        ({f"a{number}": "1" for number in range(1200)}, {"query"}),
        ({"d": "example.com", "u": "https://example.com/", "w": "wide"}, {"screen_width"}),
        ({"d": "example.com", "u": "https://example.com/", "w": "1" * 5000}, {"screen_width"}),
        ({"d": "example.com", "u": "https://example.com/", "user_id": "ada"}, {"user_id"}),
    ],
)
@pytest.mark.django_db
def test_a_malformed_pixel_is_answered_with_its_errors(
    client: Client, query: dict[str, str], wrong: set[str]
) -> None:
    answer = get_pixel(client, query)

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/json")
    assert json.loads(answer.content).keys() == wrong


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE"])
@pytest.mark.django_db
def test_the_pixel_can_only_be_loaded(client: Client, method: str) -> None:
    assert client.generic(method, "/pixel.gif").status_code == 405
