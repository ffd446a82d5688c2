"""The way in and out, and what every page tells the browser to allow."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from sites.models import Site

PAGES = ["/", "/login/", "/reports/", "/admin/", "/admin/login/", "/nowhere/", "/js/script.js"]


@pytest.fixture
def ada(client: Client, db: None) -> Client:
    """A client that is not signed in, while there is an account ada with the password open."""
    get_user_model().objects.create_user("ada", password="open")
    return client


def test_home_is_the_list_of_sites(client: Client) -> None:
    answer = client.get("/")

    assert (answer.status_code, answer["Location"]) == (302, "/reports/")


def test_signing_in_leads_to_the_sites_and_signing_out_back(ada: Client) -> None:
    form = ada.get("/login/")
    assert form.status_code == 200
    assert "csrfmiddlewaretoken" in form.content.decode()

    signed_in = ada.post("/login/", {"username": "ada", "password": "open"})

    assert (signed_in.status_code, signed_in["Location"]) == (302, "/reports/")
    assert ada.get("/reports/").status_code == 200

    signed_out = ada.post("/logout/")

    assert (signed_out.status_code, signed_out["Location"]) == (302, "/login/")
    assert ada.get("/reports/")["Location"] == "/login/?next=/reports/"


@pytest.mark.parametrize(
    ("following", "location"),
    [
        ("/reports/example.com/", "/reports/example.com/"),
        # Nobody is led away from here by a link to the login page.
        ("https://evil.example/", "/reports/"),
        ("//evil.example/", "/reports/"),
        ("javascript:alert(1)", "/reports/"),
    ],
)
def test_signing_in_leads_on_to_where_one_wanted_to_go(
    following: str, location: str, ada: Client
) -> None:
    answer = ada.post("/login/", {"username": "ada", "password": "open", "next": following})

    assert answer["Location"] == location


@pytest.mark.parametrize(
    ("username", "password"), [("ada", "shut"), ("bob", "open"), ("ada", ""), ("ada\0", "open")]
)
def test_a_wrong_password_is_refused(username: str, password: str, ada: Client) -> None:
    answer = ada.post("/login/", {"username": username, "password": password})

    assert answer.status_code == 200
    assert ada.get("/reports/").status_code == 302


def test_who_is_signed_in_does_not_sign_in_again(ada: Client) -> None:
    ada.login(username="ada", password="open")

    assert ada.get("/login/")["Location"] == "/reports/"


def test_a_link_signs_nobody_out(ada: Client) -> None:
    ada.login(username="ada", password="open")

    assert ada.get("/logout/").status_code == 405
    assert ada.get("/reports/").status_code == 200


@pytest.mark.parametrize("address", ["/login/", "/logout/"])
def test_a_form_of_another_site_signs_nobody_in_or_out(address: str, ada: Client) -> None:
    strict = Client(enforce_csrf_checks=True)

    answer = strict.post(address, {"username": "ada", "password": "open"})

    assert answer.status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("address", PAGES)
def test_nothing_inline_and_nothing_from_elsewhere_is_allowed(address: str, client: Client) -> None:
    policy = client.get(address)["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))

    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["frame-ancestors"] == directives["base-uri"] == "'none'"
    assert directives["form-action"] == "'self'"
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "http" not in policy


@pytest.mark.django_db
@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_not_guessed_at_not_framed_and_not_told_of(address: str, client: Client) -> None:
    answer = client.get(address)

    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"


def test_cookies_of_the_session_are_out_of_reach_of_scripts(ada: Client) -> None:
    answer = ada.post("/login/", {"username": "ada", "password": "open"})

    assert answer.cookies["sessionid"]["httponly"]
    assert answer.cookies["sessionid"]["samesite"] == "Lax"


def test_signing_in_is_not_for_the_inactive(ada: Client) -> None:
    get_user_model().objects.update(is_active=False)

    ada.post("/login/", {"username": "ada", "password": "open"})

    assert ada.get("/reports/").status_code == 302


def test_a_member_without_staff_rights_does_not_reach_the_admin(site: Site, ada: Client) -> None:
    ada.login(username="ada", password="open")

    assert ada.get("/admin/sites/site/")["Location"] == "/admin/login/?next=/admin/sites/site/"
