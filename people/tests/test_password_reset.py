"""A new password by a letter: what leaves, for whom, and that its link leads nowhere else."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from people.password_reset import SECONDS_BETWEEN
from visits.tests.hits import NOON


@pytest.fixture
def ada(db: None, settings: Settings) -> Any:
    """Somebody with an address, on a server that sends mail."""
    settings.SENDS_MAIL = True
    cache.clear()
    return get_user_model().objects.create_user("ada", email="ada@example.com", password="open")


def link_in(letter: Any) -> str:
    """Return the path of the letter's link."""
    found = re.search(r"https?://[^/\s]+(/\S+)", letter.body)
    assert found is not None
    return found[1]


def test_the_whole_way(ada: Any, client: Client) -> None:
    assert "forgotten" in client.get("/login/").content.decode()
    asked = client.post("/login/forgotten/", {"email": "ADA@example.com"}, follow=True)
    form = client.get(link_in(mail.outbox[0]), follow=True)
    new = {"new_password1": "a-new-one-4711", "new_password2": "a-new-one-4711"}
    done = client.post(form.redirect_chain[-1][0], new)
    again = client.get(link_in(mail.outbox[0]), follow=True)

    assert "on its way" in asked.content.decode()
    assert mail.outbox[0].to == ["ada@example.com"]
    assert "http://testserver/login/forgotten/" in mail.outbox[0].body
    assert done["Location"] == "/login/"
    assert client.login(username="ada", password="a-new-one-4711")
    assert "was used" in again.content.decode()


def test_who_has_no_account_sees_the_same(ada: Any, client: Client) -> None:
    known = client.post("/login/forgotten/", {"email": "ada@example.com"}, follow=True)
    unknown = client.post("/login/forgotten/", {"email": "eve@example.com"}, follow=True)

    assert known.content == unknown.content
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "testserver@evil.example", ""])
def test_a_letter_names_no_host_that_the_request_chose(host: str, ada: Any, client: Client) -> None:
    fields = {"email": "ada@example.com"}

    answers = [
        client.post("/login/forgotten/", fields, headers={"Host": host}),
        client.post("/login/forgotten/", fields, headers={"X-Forwarded-Host": "evil.example"}),
    ]

    assert answers[0].status_code == 400
    assert all("evil" not in letter.body for letter in mail.outbox)


def test_nobodys_mailbox_is_filled(ada: Any, client: Client) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        answers = [
            client.post("/login/forgotten/", {"email": address})["Location"]
            for address in ("ada@example.com", "ADA@example.com", "ada@example.com")
        ]
        at_once = len(mail.outbox)
        clock.shift(timedelta(seconds=SECONDS_BETWEEN + 1))
        client.post("/login/forgotten/", {"email": "ada@example.com"})

    assert answers == ["/login/forgotten/sent/"] * 3
    assert (at_once, len(mail.outbox)) == (1, 2)


def test_where_no_mail_is_sent_nothing_is_offered(ada: Any, settings: Settings) -> None:
    settings.SENDS_MAIL = False

    assert "forgotten" not in Client().get("/login/").content.decode()
    assert Client().get("/login/forgotten/").status_code == 404


def test_the_link_does_not_leave_with_the_page(ada: Any, client: Client) -> None:
    client.post("/login/forgotten/", {"email": "ada@example.com"})

    answer = client.get(link_in(mail.outbox[0]))

    # Led on to an address without the token, so that no referrer has it.
    assert answer["Location"].endswith("/set-password/")
    assert answer["Referrer-Policy"] == "same-origin"
