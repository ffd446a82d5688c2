"""Any authentication back end of Django's signs people in: names and passwords kept elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest
from django.test import Client
from pytest_django import Settings

from sites.models import Site
from sites.services import invite


class Directory(BaseBackend):
    """A directory of people that knows carol, as one of LDAP would."""

    def authenticate(
        self, request: HttpRequest | None, username: Any = None, password: Any = None, **_: Any
    ) -> Any:
        """Return the account of who is in the directory, made when they first come."""
        if (username, password) != ("carol", "from-the-directory"):
            return None
        return get_user_model().objects.get_or_create(username="carol")[0]

    def get_user(self, user_id: int) -> Any:
        """Return the account of a session."""
        return get_user_model().objects.filter(pk=user_id).first()


@pytest.fixture
def directory(settings: Settings, db: None) -> None:
    """Both the directory and this server's own accounts sign in."""
    backends = [*django_settings.AUTHENTICATION_BACKENDS, f"{__name__}.Directory"]
    settings.AUTHENTICATION_BACKENDS = backends


def sign_in(name: str, password: str) -> tuple[Client, Any]:
    """Return a client, and the answer to the name and password that it sent."""
    client = Client()
    return client, client.post("/login/", {"username": name, "password": password})


@pytest.mark.usefixtures("directory")
def test_who_is_in_a_directory_signs_in_by_it(site: Site) -> None:
    client, answer = sign_in("carol", "from-the-directory")
    before = client.get("/reports/example.com/").status_code
    site.members.add(get_user_model().objects.get(username="carol"))

    assert answer["Location"] == "/reports/"
    assert (before, client.get("/reports/example.com/").status_code) == (404, 200)
    get_user_model().objects.create_user("dan", password="open")
    assert sign_in("dan", "open")[1].status_code == 302


@pytest.mark.usefixtures("directory")
def test_guesses_at_it_are_counted_too() -> None:
    answers = [sign_in("carol", "guess")[1].status_code for _ in range(11)]

    assert answers[-2:] == [429, 429]
    assert sign_in("carol", "from-the-directory")[1].status_code == 429


@pytest.mark.usefixtures("directory")
def test_who_is_signed_in_by_it_takes_an_invitation_up(site: Site) -> None:
    owner = get_user_model().objects.create_user("ada")
    _, token = invite(site=site, by=owner, role="viewer", note="Carol")
    client, _ = sign_in("carol", "from-the-directory")

    client.post(f"/invitations/{token}/")

    assert client.get("/reports/example.com/").status_code == 200
