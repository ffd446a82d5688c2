"""Who may tell of visitors: the holder of an API key, of those on the key's sites; nobody else."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from sites.keys import make_key, revoke_keys
from sites.models import ApiKey, Site
from visits import senders
from visits.models import Event, Visit
from visits.tests.hits import ADDRESS, CHROME, DAY, HOUR, MINUTE, NOON, Sender
from visits.tests.processes import other_processes

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

PYTHON: Final = "python-requests/2.32.3"
VISITOR: Final = "198.51.100.1"
#: A hit as a program sends it, of a browser that it serves.
SERVED: Final = {"address": VISITOR, "user_agent": CHROME}

Send = Callable[..., "Answer"]


@pytest.fixture(autouse=True)
def noon() -> Any:
    """It is noon, and stays so."""
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def addresses_kept(site: Site) -> None:
    """The site keeps addresses, so that they can be looked at."""
    site.address_kept = Site.AddressKept.WHOLE
    site.save()


def a_key(*sites: Site, can_send: bool = True) -> str:
    """Return a new key for the sites, to send with or else to read."""
    return make_key(name="shop", sites=sites, can_send=can_send, can_read=not can_send)[1]


def post_as_anyone(client: Client, fields: dict[str, Any]) -> Answer:
    """Post a hit without a key, as a browser does; return the answer."""
    hit = {"n": "pageview", "u": "https://example.com/", "d": "example.com"} | fields
    headers = {"User-Agent": CHROME}
    return client.post("/api/event", json.dumps(hit), content_type="text/plain", headers=headers)


@pytest.fixture
def serve(client: Client, site: Site) -> Send:
    """Sends a hit as a program on a server does, by default with a key of the site's."""
    own_key = a_key(site)

    def post(key: str = own_key, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
        hit = {"n": "pageview", "u": "https://example.com/", "d": "example.com"} | fields
        return client.post(
            "/api/event",
            json.dumps(hit),
            content_type="application/json",
            headers={"User-Agent": PYTHON, "Authorization": f"Bearer {key}", **(headers or {})},
            REMOTE_ADDR=ADDRESS,
        )

    return post


def errors_of(answer: Answer) -> Any:
    """Return the messages by field of a refusal."""
    assert answer.status_code == 400, answer.content
    return json.loads(answer.content)


# Address and user agent


def test_with_a_key_the_visitor_is_whom_the_sender_names(
    site: Site, addresses_kept: None, serve: Send
) -> None:
    answer = serve(**SERVED)

    assert (answer.status_code, "X-Tracking-Dropped" in answer) == (202, False)
    assert list(Visit.objects.values_list("address", "browser")) == [(VISITOR, "Chrome")]


@pytest.mark.parametrize(
    ("fields", "headers", "address", "browser"),
    [
        ({"user_agent": CHROME}, {}, ADDRESS, "Chrome"),
        ({"address": "::ffff:198.51.100.1"}, {"User-Agent": CHROME}, VISITOR, "Chrome"),
        ({"user_agent": CHROME}, {"X-Forwarded-For": VISITOR}, VISITOR, "Chrome"),
        ({"user_agent": CHROME}, {"X-Forwarded-For": f"{VISITOR}, 10.0.0.1"}, VISITOR, "Chrome"),
        ({}, {"X-Forwarded-For": VISITOR, "User-Agent": CHROME}, VISITOR, "Chrome"),
        # What the hit says wins over what its headers say.
        (SERVED, {"X-Forwarded-For": "1.1.1.1", "User-Agent": PYTHON}, VISITOR, "Chrome"),
        ({"address": "2001:DB8::1", "user_agent": CHROME}, {}, "2001:db8::1", "Chrome"),
    ],
)
def test_a_sender_names_the_visitor_in_fields_or_headers(
    site: Site,
    addresses_kept: None,
    serve: Send,
    fields: dict[str, Any],
    headers: dict[str, str],
    address: str,
    browser: str,
) -> None:
    assert serve(headers=headers, **fields).status_code == 202

    assert list(Visit.objects.values_list("address", "browser")) == [(address, browser)]


@pytest.mark.parametrize(
    "agent",
    [
        *("", PYTHON, "Go-http-client/2.0", "curl/8.5.0", "Java/17.0.6", "node", "GuzzleHttp/7"),
        "shop-backend/1.4 (+https://shop.example)",
        "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1",
    ],
)
@pytest.mark.parametrize("fields", [{}, {"address": VISITOR}, {"user_agent": ""}])
def test_the_sender_s_own_agent_is_not_the_visitor_s(
    site: Site, serve: Send, agent: str, fields: dict[str, Any]
) -> None:
    assert "X-Tracking-Dropped" not in serve(headers={"User-Agent": agent}, **fields)

    facts = ("browser", "browser_version", "operating_system", "device")
    assert list(Visit.objects.values_list(*facts)) == [("", "", "", "")]


GOOGLEBOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"user_agent": PYTHON}, {}),
        ({"user_agent": GOOGLEBOT}, {"User-Agent": CHROME}),
        ({"address": VISITOR}, {"User-Agent": GOOGLEBOT}),
    ],
)
def test_a_visitor_whom_the_sender_tells_to_be_a_program_is_dropped(
    serve: Send, fields: dict[str, str], headers: dict[str, str]
) -> None:
    assert serve(headers=headers, **fields)["X-Tracking-Dropped"] == "bot"


def test_without_a_key_a_program_is_one(site: Site, send: Sender) -> None:
    for agent in ("", PYTHON):
        assert send(user_agent=agent)["X-Tracking-Dropped"] == "bot"


def test_without_a_key_a_forwarded_address_is_not_believed(
    site: Site, addresses_kept: None, send: Sender
) -> None:
    send(headers={"X-Forwarded-For": VISITOR})

    assert Visit.objects.get().address == ADDRESS


def test_a_country_that_a_proxy_tells_is_the_peers_and_not_the_visitors(
    site: Site, serve: Send, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network(ADDRESS)]
    settings.COUNTRY_HEADER = "CF-IPCountry"

    serve(headers={"CF-IPCountry": "AT"}, **SERVED)

    assert Visit.objects.get().country == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("address", VISITOR),
        ("user_agent", CHROME),
        ("at", "2026-03-10T11:00:00Z"),
        ("user_id", "ada"),
        ("user_id", ""),
    ],
)
def test_without_a_key_nobody_tells_of_a_visitor(
    site: Site, client: Client, field: str, value: str
) -> None:
    answer = post_as_anyone(client, {field: value})

    assert errors_of(answer) == {field: ["Only a sender with an API key may set this."]}
    assert not Event.objects.exists()


@pytest.mark.parametrize("field", ["address", "user_agent", "at", "user_id"])
def test_null_is_nothing_told(site: Site, client: Client, field: str) -> None:
    assert post_as_anyone(client, {field: None}).status_code == 202


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("address", "localhost", "Send an IPv4 or IPv6 address."),
        ("address", "", "Send an IPv4 or IPv6 address."),
        ("address", 5, "Send text."),
        ("address", "1" * 101, "At most 100 characters, not 101."),
        ("user_agent", 5, "Send text."),
        ("user_id", "u" * 201, "At most 200 characters, not 201."),
        ("user_id", True, "Send text."),
        ("user_id", ["ada"], "Send text."),
    ],
)
def test_what_a_sender_tells_has_its_limits_too(
    serve: Send, field: str, value: object, message: str
) -> None:
    assert errors_of(serve(**{field: value})) == {field: [message]}


def test_a_long_user_agent_is_cut_and_named(serve: Send) -> None:
    assert serve(user_agent=CHROME + "x" * 5000)["X-Tracking-Cut"] == "user_agent"


# Keys


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer wrong", "bearer tsk_" + "0" * 48, "Bearer tsk_é", "Bearer a b"],
)
def test_a_key_that_nobody_has_is_refused(site: Site, send: Sender, header: str) -> None:
    answer = send(headers={"Authorization": header})

    assert errors_of(answer) == {"authorization": ["No API key that may send hits."]}
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert not Event.objects.exists()


@pytest.mark.parametrize("header", ["Basic YTpi", "Digest x", "", "tsk_" + "0" * 48])
def test_other_authorization_is_for_others(site: Site, send: Sender, header: str) -> None:
    """Of a page behind a password, whose proxy passes on what the browser sends."""
    assert send(headers={"Authorization": header}).status_code == 202
    assert Event.objects.count() == 1


def test_a_key_that_was_revoked_is_refused_at_once(site: Site, serve: Send) -> None:
    assert serve(**SERVED).status_code == 202
    revoke_keys(ApiKey.objects.all())

    assert errors_of(serve(**SERVED)).keys() == {"authorization"}
    assert Event.objects.count() == 1


def test_a_key_that_may_only_read_is_refused(site: Site, serve: Send) -> None:
    assert errors_of(serve(a_key(site, can_send=False), **SERVED)).keys() == {"authorization"}


def test_a_key_is_for_its_sites(site: Site, other_site: Site, serve: Send) -> None:
    answers = [
        serve(d="other.example", **SERVED),
        serve(d="example.com,www.other.example", **SERVED),
        serve(a_key(site, other_site), d="example.com,other.example", **SERVED),
        serve(make_key(name="all", all_sites=True, can_send=True)[1], d="other.example", **SERVED),
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 202, 202]
    for refusal in answers[:2]:
        assert errors_of(refusal) == {"domain": ["The API key is not for other.example."]}
    assert (site.events.count(), other_site.events.count()) == (1, 2)


def test_a_site_that_is_none_is_dropped_as_without_a_key(serve: Send) -> None:
    answer = serve(d="unknown.example", **SERVED)

    assert (answer.status_code, answer["X-Tracking-Dropped"]) == (202, "unknown_site")


def test_the_first_use_of_a_day_is_noted_once_the_hit_is_stored(site: Site, serve: Send) -> None:
    assert ApiKey.objects.get().last_used_on is None

    serve(user_id=5.5)  # malformed
    assert ApiKey.objects.get().last_used_on is None

    serve(**SERVED)
    assert ApiKey.objects.get().last_used_on == NOON.date()


def test_a_use_that_cannot_be_noted_is_no_failure(
    site: Site, serve: Send, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(row: ApiKey, at: datetime) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(senders, "note_use", fail)

    assert serve(**SERVED).status_code == 202
    assert Event.objects.count() == 1
    assert "could not be noted: database is locked" in caplog.text


def test_a_batch_may_tell_of_many_visitors(site: Site, other_site: Site, client: Client) -> None:
    hit = {"n": "pageview", "u": "https://example.com/", "d": "example.com", "user_agent": CHROME}
    batch = [
        hit | {"address": VISITOR, "at": "2026-03-10T11:00:00Z"},
        hit | {"address": "198.51.100.2"},
        hit | {"address": VISITOR, "d": "other.example"},
        hit | {"address": "nowhere"},
        hit | {"address": VISITOR, "at": "2026-03-10T11:20:00Z"},
    ]
    answer = client.post(
        "/api/events",
        json.dumps(batch),
        content_type="application/json",
        headers={"Authorization": f"Bearer {a_key(site)}", "User-Agent": PYTHON},
    )

    assert answer.status_code == 202
    assert json.loads(answer.content) == [
        {"status": 202},
        {"status": 202},
        {"status": 400, "errors": {"domain": ["The API key is not for other.example."]}},
        {"status": 400, "errors": {"address": ["Send an IPv4 or IPv6 address."]}},
        {"status": 202},
    ]
    assert list(Visit.objects.order_by("started_at").values_list("started_at", "pageviews")) == [
        (NOON - HOUR, 2),
        (NOON, 1),
    ]


def test_a_batch_with_a_wrong_key_is_refused_whole(site: Site, client: Client) -> None:
    hit = {"n": "pageview", "u": "https://example.com/", "d": "example.com"}
    answer = client.post(
        "/api/events",
        json.dumps([hit]),
        content_type="application/json",
        headers={"Authorization": "Bearer tsk_" + "0" * 48, "User-Agent": CHROME},
    )

    assert errors_of(answer).keys() == {"authorization"}
    assert not Event.objects.exists()


# When it happened


@pytest.mark.parametrize(
    ("age", "message"),
    [
        (timedelta(0), None),
        (timedelta(hours=48), None),
        (timedelta(hours=48, minutes=1), "At most 48 hours back."),
        (30 * DAY, "At most 48 hours back."),
        (-MINUTE, None),
        (-MINUTE - timedelta(seconds=1), "This is in the future."),
        (-DAY, "This is in the future."),
    ],
    ids=str,
)
def test_a_hit_happened_within_the_last_48_hours(
    site: Site, serve: Send, age: timedelta, message: str | None
) -> None:
    answer = serve(at=(NOON - age).isoformat(), **SERVED)

    if message is None:
        assert (answer.status_code, "X-Tracking-Dropped" in answer) == (202, False)
        # A clock that is a little ahead tells of now.
        assert Event.objects.get().happened_at == min(NOON - age, NOON)
    else:
        assert errors_of(answer) == {"at": [message]}


@pytest.mark.parametrize(
    "at",
    [
        "yesterday",
        "",
        "2026-03-10",
        "2026-03-10T11:00:00",  # whose time?
        "11:00Z",
        "2026-02-30T11:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-03-10T11:00:00Z" + " " * 30 + "x",
        1_773_140_400,
        True,
        ["2026-03-10T11:00:00Z"],
    ],
)
def test_what_is_no_time_is_refused(serve: Send, at: object) -> None:
    assert errors_of(serve(at=at, **SERVED)).keys() == {"at"}


@pytest.mark.parametrize(
    "at",
    [
        "2026-03-10T11:00:00Z",
        "2026-03-10T11:00:00.000000+00:00",
        "2026-03-10 12:00+01:00",
        "20260310T110000Z",
        " 2026-03-10T06:00:00-05:00 ",
    ],
)
def test_a_time_is_written_in_any_way_of_iso_8601(site: Site, serve: Send, at: str) -> None:
    assert serve(at=at, **SERVED).status_code == 202

    assert Event.objects.get().happened_at == NOON - HOUR


def test_the_time_decides_visit_and_order(site: Site, serve: Send) -> None:
    """Sent last first: the two of the morning are one visit, that of noon another."""
    for minutes, path in [(0, "noon"), (95, "late"), (120, "early")]:
        at = (NOON - minutes * MINUTE).isoformat()
        serve(at=at, u=f"https://example.com/{path}", **SERVED)

    morning, noon = Visit.objects.order_by("started_at")
    assert (morning.entry_page, morning.exit_page) == ("/early", "/late")
    assert morning.duration == 25 * MINUTE
    assert (noon.entry_page, noon.pageviews) == ("/noon", 1)
    assert morning.visitor == noon.visitor


@pytest.mark.parametrize(
    ("zone", "on"), [("UTC", 9), ("Asia/Kolkata", 10), ("America/St_Johns", 9)]
)
def test_the_time_decides_the_sites_day(site: Site, serve: Send, zone: str, on: int) -> None:
    site.timezone = zone
    site.save()

    serve(at="2026-03-09T20:00:00Z", **SERVED)

    event = Event.objects.get()
    assert event.happened_on.day == event.visit.started_on.day == on


def test_a_visitor_who_is_told_of_late_is_the_one_who_came_in_time(site: Site, serve: Send) -> None:
    with time_machine.travel(NOON - DAY, tick=False):
        serve(**SERVED)
    serve(at=(NOON - DAY + 10 * MINUTE).isoformat(), **SERVED)

    assert Visit.objects.get().pageviews == 2


# Users


def test_a_user_is_one_visitor_over_three_days(site: Site, serve: Send) -> None:
    for day in range(3):
        with time_machine.travel(NOON + day * DAY, tick=False):
            serve(user_id="ada", address=f"198.51.100.{day}", user_agent=CHROME + f" Edg/{day}")

    visits = Visit.objects.order_by("started_at")
    assert [visit.started_on for visit in visits] == [NOON.date() + n * DAY for n in range(3)]
    assert visits.values("visitor").distinct().count() == 1


def test_a_users_phone_and_desk_are_one_visit(site: Site, serve: Send) -> None:
    serve(user_id="ada", **SERVED)
    serve(user_id="ada", address="203.0.113.99", user_agent=CHROME + " Edg/131.0.0.0")
    serve(user_id="bob", **SERVED)
    serve(**SERVED)

    assert sorted(Visit.objects.values_list("pageviews", flat=True)) == [1, 1, 2]


def test_a_user_is_another_visitor_on_another_site(
    site: Site, other_site: Site, serve: Send
) -> None:
    serve(a_key(site, other_site), d="example.com,other.example", user_id="ada", **SERVED)

    assert site.visits.get().visitor != other_site.visits.get().visitor


@pytest.mark.parametrize("user_id", [7, "7"])
def test_a_user_id_may_be_a_number(site: Site, serve: Send, user_id: object) -> None:
    serve(user_id="7", **SERVED)
    serve(user_id=user_id, **SERVED)

    assert Visit.objects.get().pageviews == 2


def test_nothing_of_a_user_is_stored(site: Site, serve: Send) -> None:
    serve(user_id="ada@example.org", **SERVED)

    rows = [*Visit.objects.values(), *Event.objects.values()]
    assert "ada" not in repr(rows)


@pytest.mark.django_db(transaction=True)
def test_a_user_is_the_same_visitor_in_every_process(site: Site, serve: Send) -> None:
    serve(user_id="ada", **SERVED)
    identify = """
from sites.models import Site
from visits.ingestion.visitors import identify_user
print(identify_user(Site.objects.get(), "ada").id)
"""
    with other_processes(identify, count=2) as processes:
        for process in processes:
            process.go()
        found = {process.finish() for process in processes}

    assert found == {str(Visit.objects.get().visitor)}


def test_who_has_a_key_is_asked_for_once(
    site: Site, serve: Send, django_assert_num_queries: Any
) -> None:
    serve(**SERVED)
    with django_assert_num_queries(0):
        refusal = serve(at="never", **SERVED)

    assert errors_of(refusal).keys() == {"at"}
    assert datetime.now(UTC) == NOON
