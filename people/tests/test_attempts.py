"""Guessing passwords: how often, from where, and that nobody else is shut out by it."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.conf import settings as django_settings
from django.contrib.auth import authenticate, get_user_model
from django.test import Client
from pytest_django import Settings

from archive.upkeep import keep_up
from people.attempts import client_network, forget_attempts
from visits.tests.hits import NOON

WAYS_IN = ["/login/", "/admin/login/"]


@pytest.fixture
def ada(db: None) -> Any:
    """Staff with the password open."""
    return get_user_model().objects.create_superuser("ada", password="open")


def sign_in(client: Client, address: str = "/login/", password: str = "shut", **extra: Any) -> Any:
    """Return the answer to a name and a password."""
    return client.post(address, {"username": "ada", "password": password}, **extra)


@pytest.mark.parametrize("way_in", WAYS_IN)
def test_after_ten_wrong_passwords_the_right_one_waits_too(way_in: str, ada: Any) -> None:
    client = Client()
    with time_machine.travel(NOON, tick=False) as clock:
        answers = [sign_in(client, way_in).status_code for _ in range(12)]
        blocked = sign_in(client, way_in, "open")
        clock.shift(timedelta(minutes=16))
        later = sign_in(client, way_in, "open")

    assert answers == [200] * 9 + [429] * 3
    assert (blocked.status_code, blocked["Retry-After"]) == (429, "900")
    assert "Too many wrong passwords" in blocked.content.decode()
    assert later.status_code == 302


def test_both_ways_in_count_together(ada: Any) -> None:
    client = Client()

    for turn in range(10):
        sign_in(client, WAYS_IN[turn % 2])

    assert [sign_in(client, way, "open").status_code for way in WAYS_IN] == [429, 429]


def test_from_elsewhere_the_owner_still_signs_in(ada: Any) -> None:
    for _ in range(20):
        sign_in(Client(REMOTE_ADDR="198.51.100.7"))

    assert sign_in(Client(REMOTE_ADDR="203.0.113.9"), password="open").status_code == 302


def test_another_account_of_the_same_office_signs_in(ada: Any) -> None:
    get_user_model().objects.create_user("bob", password="open")
    client = Client()
    for _ in range(20):
        sign_in(client)

    answer = client.post("/login/", {"username": "bob", "password": "open"})

    assert answer.status_code == 302


def test_a_header_that_anybody_may_send_opens_nothing(ada: Any) -> None:
    client = Client()

    addresses = [f"203.0.113.{turn}" for turn in range(15)]
    answers = [
        sign_in(client, headers={"X-Forwarded-For": address, "X-Real-IP": address})
        for address in addresses
    ]

    assert [answer.status_code for answer in answers[9:]] == [429] * 6


def test_behind_a_trusted_proxy_each_visitor_counts_alone(settings: Settings, ada: Any) -> None:
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.0/8")]
    client = Client()
    for _ in range(12):
        sign_in(client, headers={"X-Forwarded-For": "203.0.113.7"})

    answers = [
        sign_in(client, password="open", headers={"X-Forwarded-For": f"203.0.113.{last}"})
        for last in (7, 8)
    ]

    assert [answer.status_code for answer in answers] == [429, 302]


def test_a_machine_with_a_thousand_addresses_is_one_machine(ada: Any) -> None:
    for turn in range(10):
        sign_in(Client(REMOTE_ADDR=f"2001:db8:1:2::{turn}"))

    near = sign_in(Client(REMOTE_ADDR="2001:db8:1:2:ffff::1"), password="open")
    far = sign_in(Client(REMOTE_ADDR="2001:db8:1:3::1"), password="open")

    assert (near.status_code, far.status_code) == (429, 302)


def test_who_signs_in_starts_anew(ada: Any) -> None:
    client = Client()
    for _ in range(9):
        sign_in(client)

    assert sign_in(client, password="open").status_code == 302
    assert [sign_in(Client()).status_code for _ in range(9)] == [200] * 9


@pytest.mark.parametrize(
    ("peer", "network"),
    [("203.0.113.7", "203.0.113.7"), ("2001:db8::1:2:3:4", "2001:db8::"), ("", None), ("x", None)],
)
def test_where_a_request_comes_from(peer: str, network: str | None) -> None:
    request: Any = Client().get("/login/", REMOTE_ADDR="127.0.0.1").wsgi_request
    request.META["REMOTE_ADDR"] = peer

    assert client_network(request) == network


def test_attempts_are_forgotten_with_their_addresses(ada: Any) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        sign_in(Client())
        forget_attempts(NOON)
        kept = AccessAttempt.objects.count()
        clock.shift(django_settings.AXES_COOLOFF_TIME + timedelta(seconds=1))
        keep_up(NOON + django_settings.AXES_COOLOFF_TIME + timedelta(seconds=1))

    assert (kept, AccessAttempt.objects.count()) == (1, 0)


def test_no_password_is_kept(ada: Any) -> None:
    sign_in(Client(), password="a-password-with-a-typing-error")

    attempt = AccessAttempt.objects.get()
    assert "typing-error" not in f"{vars(attempt)}"


def test_a_program_of_ours_asks_without_a_request(ada: Any) -> None:
    assert authenticate(username="ada", password="open") == ada
    assert authenticate(username="ada", password="shut") is None
