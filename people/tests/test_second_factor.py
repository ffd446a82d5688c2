"""The second factor: set up, asked for, lost; and what a password alone opens, which is nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings

from visits.tests.hits import NOON

SET_UP = "/account/second-factor/"


@pytest.fixture
def ada(db: None) -> Any:
    """Staff with the password open."""
    return get_user_model().objects.create_superuser("ada", password="open")


@pytest.fixture
def clock() -> Any:
    """Noon, until a test shifts it."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def code_of(user: Any) -> str:
    """Return what the user's app shows now."""
    device = TOTPDevice.objects.get(user=user)
    return f"{totp(device.bin_key):06d}"


def turn_on(user: Any, clock: Any) -> list[str]:
    """Set a second factor up as the page does; return the recovery codes."""
    client = Client()
    client.force_login(user)
    client.get(SET_UP)
    answer = client.post(SET_UP, {"code": code_of(user)})
    clock.shift(timedelta(seconds=60))  # a code is good once
    codes: list[str] = answer.context["codes"]
    return codes


def with_password(user: Any, target: str = "") -> tuple[Client, Any]:
    """Return a client that has shown the password, and the answer."""
    client = Client()
    fields = {"username": user.username, "password": "open", "next": target}
    return client, client.post("/login/", fields)


def test_without_one_the_password_is_enough(ada: Any, clock: Any) -> None:
    client, _ = with_password(ada)

    assert client.get("/reports/").status_code == 200


def test_setting_it_up(ada: Any, clock: Any) -> None:
    client = Client()
    client.force_login(ada)

    page = client.get(SET_UP)
    secret = page.context["secret"]
    same = client.get(SET_UP).context["secret"]
    wrong = client.post(SET_UP, {"code": "000000"})
    still_off = TOTPDevice.objects.filter(confirmed=True).exists()
    clock.shift(timedelta(seconds=90))  # after a wrong one
    done = client.post(SET_UP, {"code": code_of(ada)})

    assert "data:image/svg+xml" in page.context["picture"]
    assert secret == same
    assert len(secret) == 32
    assert (wrong.status_code, still_off) == (200, False)
    assert "not right" in wrong.content.decode()
    assert len(set(done.context["codes"])) == 10
    assert client.get("/reports/").status_code == 200  # this browser stays signed in
    assert "10 recovery codes are left" in client.get(SET_UP).content.decode()
    assert LogEntry.objects.filter(change_message__contains="second factor").count() == 1


def test_then_the_password_opens_nothing(ada: Any, clock: Any) -> None:
    turn_on(ada, clock)

    client, answer = with_password(ada, "/admin/sites/site/")
    pages = [
        "/reports/",
        "/admin/",
        "/admin/sites/site/",
        "/account/",
        SET_UP,
        "/account/password/",
    ]
    answers = [client.get(page) for page in pages]
    on_the_way = client.get(answer["Location"], follow=True)

    assert [page.status_code for page in answers] == [302] * len(pages)
    assert all("login/" in page["Location"] for page in answers)
    assert on_the_way.redirect_chain[-1][0].startswith("/login/code/?next=")
    assert client.post("/account/keys/", {"name": "mine"}).status_code == 302


def test_the_code_signs_in_and_leads_on(ada: Any, clock: Any) -> None:
    turn_on(ada, clock)
    client, _ = with_password(ada)

    before = client.session.session_key
    answer = client.post(
        "/login/code/?next=/admin/sites/site/", {"code": code_of(ada), "next": "/admin/sites/site/"}
    )

    assert answer["Location"] == "/admin/sites/site/"
    assert client.get("/admin/sites/site/").status_code == 200
    assert client.session.session_key != before


def test_the_admins_own_way_in_asks_too(ada: Any, clock: Any) -> None:
    turn_on(ada, clock)
    client = Client()

    client.post("/admin/login/", {"username": "ada", "password": "open", "next": "/admin/"})
    asked = client.get("/admin/", follow=True)

    assert asked.redirect_chain[-1][0] == "/login/code/?next=%2Fadmin%2F"


def test_nobody_is_led_away_by_the_code_page(ada: Any, clock: Any) -> None:
    turn_on(ada, clock)
    client, _ = with_password(ada)

    answer = client.post("/login/code/", {"code": code_of(ada), "next": "//evil.example/"})

    assert answer["Location"] == "/reports/"


def test_a_code_is_good_once(ada: Any, clock: Any) -> None:
    turn_on(ada, clock)
    code = code_of(ada)

    first, _ = with_password(ada)
    first.post("/login/code/", {"code": code})
    second, _ = with_password(ada)
    answer = second.post("/login/code/", {"code": code})

    assert first.get("/reports/").status_code == 200
    assert answer.status_code == 200
    assert second.get("/reports/").status_code == 302


def test_guesses_make_the_next_one_wait(ada: Any, clock: Any) -> None:
    turn_on(ada, clock)
    client, _ = with_password(ada)

    for _ in range(8):
        client.post("/login/code/", {"code": "000000"})
        clock.shift(timedelta(hours=1))  # each of them is looked at
    client.post("/login/code/", {"code": "000000"})
    clock.shift(timedelta(seconds=60))
    answer = client.post("/login/code/", {"code": code_of(ada)})

    assert answer.status_code == 200
    assert "wait a bit" in answer.content.decode()
    assert client.get("/reports/").status_code == 302


def test_a_recovery_code_signs_in_once(ada: Any, clock: Any) -> None:
    codes = turn_on(ada, clock)

    first, _ = with_password(ada)
    first.post("/login/code/", {"code": f" {codes[0][:8]} {codes[0][8:].upper()}"})
    second, _ = with_password(ada)
    second.post("/login/code/", {"code": codes[0]})

    assert first.get("/reports/").status_code == 200
    assert second.get("/reports/").status_code == 302
    assert StaticToken.objects.count() == 9


def test_new_recovery_codes_end_the_old_ones(ada: Any, clock: Any) -> None:
    codes = turn_on(ada, clock)
    client, _ = with_password(ada)
    client.post("/login/code/", {"code": codes[0]})

    drawn = client.post(SET_UP, {"code": codes[1]}).context["codes"]
    other, _ = with_password(ada)
    answer = other.post("/login/code/", {"code": codes[2]})

    assert answer.status_code == 200
    assert not set(drawn) & set(codes)


def test_turning_it_off_takes_a_code(ada: Any, clock: Any) -> None:
    codes = turn_on(ada, clock)
    client, _ = with_password(ada)
    client.post("/login/code/", {"code": codes[0]})

    client.post(SET_UP, {"code": "zzzzzzzzzzzzzzzz", "remove": "yes"})
    still_on = TOTPDevice.objects.filter(user=ada).exists()
    clock.shift(timedelta(minutes=5))
    client.post(SET_UP, {"code": codes[1], "remove": "yes"})

    assert still_on
    assert not TOTPDevice.objects.filter(user=ada).exists()
    assert with_password(ada)[0].get("/reports/").status_code == 200


def test_staff_may_have_to_have_one(settings: Settings, ada: Any, clock: Any) -> None:
    settings.STAFF_SECOND_FACTOR = True
    member = get_user_model().objects.create_user("eve", password="open")

    client, _ = with_password(ada)
    admin = client.get("/admin/", follow=True)
    set_up = client.get(SET_UP)
    client.post(SET_UP, {"code": code_of(ada)})

    assert admin.redirect_chain[-1][0] == f"{SET_UP}?next=%2Fadmin%2F"
    assert set_up.status_code == 200
    assert client.get("/admin/").status_code == 200
    assert with_password(member)[0].get("/reports/").status_code == 200


def test_the_way_in_again_for_somebody_else(ada: Any, clock: Any) -> None:
    turn_on(ada, clock)
    get_user_model().objects.create_user("bob", password="open")
    client, _ = with_password(ada)

    form = client.get("/login/?again")
    client.post("/login/", {"username": "bob", "password": "open"})

    assert form.status_code == 200
    assert client.get("/account/").context["user"].username == "bob"


def test_staff_see_no_secret_and_take_a_lost_one_away(ada: Any, clock: Any) -> None:
    codes = turn_on(ada, clock)
    device = TOTPDevice.objects.get()
    staff = Client()
    staff.force_login(get_user_model().objects.create_superuser("root"))
    address = f"/admin/otp_totp/totpdevice/{device.pk}"

    pages = [staff.get(page) for page in (f"{address}/change/", "/admin/otp_totp/totpdevice/")]
    add = staff.get("/admin/otp_totp/totpdevice/add/")
    staff.post(f"{address}/delete/", {"post": "yes"})

    assert [page.status_code for page in pages] == [200, 200]
    assert not any(device.key in page.text or codes[0] in page.text for page in pages)
    assert add.status_code == 403
    assert staff.get("/admin/otp_static/staticdevice/").status_code == 404
    assert (TOTPDevice.objects.count(), StaticToken.objects.count()) == (0, 0)
    assert with_password(ada)[0].get("/reports/").status_code == 200
