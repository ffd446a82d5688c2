"""People's own accounts: the password, and keys of their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client

from sites import keys
from sites.keys import find_key
from sites.models import ApiKey, Membership, Site
from visits.tests.hits import NOON, Sender


@pytest.fixture
def ada(site: Site) -> Client:
    """A member of example.com with the password open, signed in."""
    user = get_user_model().objects.create_user("ada", password="open")
    site.members.add(user)
    client = Client()
    client.force_login(user)
    return client


def shown_key(answer: Any) -> str:
    key: str = answer.context["key"]
    return key


def test_a_key_of_ones_own_reads_what_one_may_see(
    ada: Client, site: Site, other_site: Site
) -> None:
    answer = ada.post("/account/keys/", {"name": "my sheet", "site": ""})
    key = shown_key(answer)
    row = find_key(key)

    assert answer["Cache-Control"] == "no-store"
    assert row is not None
    assert (row.can_read, row.can_send) == (True, False)
    assert [row.allows(site), row.allows(other_site)] == [True, False]
    page = ada.get("/account/").content.decode()
    assert "my sheet" in page
    assert key not in page


def test_a_key_for_one_of_them(ada: Client, site: Site, other_site: Site) -> None:
    other_site.members.add(get_user_model().objects.get())

    row = find_key(shown_key(ada.post("/account/keys/", {"name": "a", "site": f"{site.pk}"})))

    assert row is not None
    assert [row.allows(site), row.allows(other_site)] == [True, False]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "a", "site": "other"},
        {"name": "a\0"},
        {"name": "a", "last_day": "2020-01-01"},
        {"name": "a", "last_day": "soon"},
    ],
)
def test_a_key_that_could_not_be_good_is_not_made(
    fields: dict[str, str], ada: Client, other_site: Site
) -> None:
    if "site" in fields:
        fields = fields | {"site": f"{other_site.pk}"}

    answer = ada.post("/account/keys/", fields)

    assert answer.status_code == 400
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(("role", "status"), [("viewer", 400), ("editor", 202), ("owner", 202)])
def test_a_key_sends_to_sites_that_its_person_edits(
    role: str, status: int, ada: Client, site: Site, send: Sender
) -> None:
    Membership.objects.update(role=role)
    key = shown_key(ada.post("/account/keys/", {"name": "a", "can_send": "on"}))

    answer = send(headers={"Authorization": f"Bearer {key}"})

    assert answer.status_code == status
    Membership.objects.update(role="viewer")
    keys._known.clear()
    assert send(headers={"Authorization": f"Bearer {key}"}).status_code == 400


def test_a_key_ends_with_its_last_day(ada: Client, site: Site) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        key = shown_key(ada.post("/account/keys/", {"name": "a", "last_day": "2026-03-10"}))
        before = find_key(key)
        page = ada.get("/account/").content.decode()
        clock.shift(timedelta(hours=12))
        after = find_key(key)

    assert before is not None
    assert after is None
    assert "ends 2026-03-10" in page


def test_a_key_is_replaced_and_the_old_one_ends_in_a_week(ada: Client, site: Site) -> None:
    fields = {"name": "a", "site": f"{site.pk}", "can_send": "on"}
    with time_machine.travel(NOON, tick=False) as clock:
        old = shown_key(ada.post("/account/keys/", fields))
        row = ApiKey.objects.get()
        new = shown_key(ada.post(f"/account/keys/{row.pk}/replace/"))
        both = [find_key(key) for key in (old, new)]
        clock.shift(timedelta(days=8))
        later = [find_key(key) for key in (old, new)]

    assert None not in both
    assert later[0] is None
    assert later[1] is not None
    assert (later[1].is_limited, later[1].can_send, later[1].person_id) == (
        True,
        True,
        row.person_id,
    )


def test_nobody_elses_key_is_replaced(ada: Client) -> None:
    ada.post("/account/keys/", {"name": "a"})
    eve = Client()
    eve.force_login(get_user_model().objects.create_user("eve"))

    assert eve.post(f"/account/keys/{ApiKey.objects.get().pk}/replace/").status_code == 404
    assert ApiKey.objects.count() == 1


def test_revoking_ends_ones_own_key_and_nobody_elses(ada: Client) -> None:
    key = shown_key(ada.post("/account/keys/", {"name": "mine"}))
    row = ApiKey.objects.get()
    eve = Client()
    eve.force_login(get_user_model().objects.create_user("eve"))

    assert eve.post(f"/account/keys/{row.pk}/revoke/").status_code == 404
    assert find_key(key) is not None
    assert ada.post(f"/account/keys/{row.pk}/revoke/").status_code == 302
    assert find_key(key) is None
    assert "mine" not in ada.get("/account/").content.decode()


def test_the_password_is_changed_with_the_old_one(ada: Client) -> None:
    new = {"new_password1": "a-new-one-4711", "new_password2": "a-new-one-4711"}

    wrong = ada.post("/account/password/", {"old_password": "shut", **new})
    right = ada.post("/account/password/", {"old_password": "open", **new})

    assert (wrong.status_code, right.status_code) == (200, 302)
    assert "The password is changed." in ada.get("/account/").content.decode()
    assert Client().login(username="ada", password="a-new-one-4711")
