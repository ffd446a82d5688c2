"""Signing in at a provider of identities: whose account it is, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.test import Client
from pytest_django import Settings

from people.second_factor import confirm, draft_device
from people.tests.identities import Provider, running_provider
from people.tests.test_second_factor import code_of
from sites.models import Site


@pytest.fixture
def provider(db: None, settings: Settings) -> Iterator[Provider]:
    """A provider that this server knows."""
    with running_provider() as provider:
        for name, value in provider.settings().items():
            setattr(settings, name, value)
        backends = [*django_settings.AUTHENTICATION_BACKENDS, "people.provider.ProviderBackend"]
        settings.AUTHENTICATION_BACKENDS = backends
        settings.OIDC_NAME = "Example ID"
        yield provider


@pytest.fixture
def ada(provider: Provider) -> Any:
    """A member's account, with the address that the provider tells."""
    return get_user_model().objects.create_user("ada", email="Ada@example.com", password="open")


def sign_in(provider: Provider, client: Client, address: str = "/login/provider/") -> Any:
    """Return the answer to who comes back from the provider."""
    return client.get(provider.sign_in(client.get(address)["Location"]))


def signed_in_as(client: Client) -> str | None:
    """Return the name of the account whose page the client sees; None when it is not signed in."""
    page = client.get("/account/")
    return page.context["user"].username if page.status_code == 200 else None


def test_the_whole_way(provider: Provider, ada: Any, site: Site) -> None:
    site.members.add(ada)
    client = Client()

    assert "Sign in with Example ID" in client.get("/login/").content.decode()
    answer = sign_in(provider, client, "/login/provider/?next=/reports/example.com/")

    assert answer["Location"] == "/reports/example.com/"
    assert client.get("/reports/example.com/").status_code == 200
    assert signed_in_as(client) == "ada"


def test_somebody_new_gets_an_account_that_sees_nothing(provider: Provider, site: Site) -> None:
    client = Client()

    sign_in(provider, client)

    user = get_user_model().objects.get()
    assert (user.username, user.email) == ("ada@example.com", "ada@example.com")
    assert not user.is_staff
    assert not user.has_usable_password()
    assert client.get("/reports/example.com/").status_code == 404


def test_nobody_new_where_accounts_are_made_by_hand(provider: Provider, settings: Settings) -> None:
    settings.OIDC_CREATE_USER = False
    client = Client()

    answer = sign_in(provider, client)

    assert answer["Location"] == "/login/"
    assert not get_user_model().objects.exists()
    assert "did not work" in client.get("/login/").content.decode()


@pytest.mark.parametrize("verified", [False, None, "false", 0, "no"])
def test_an_address_that_was_not_verified_is_nobodys(
    verified: Any, provider: Provider, ada: Any
) -> None:
    provider.claims["email_verified"] = verified
    client = Client()

    sign_in(provider, client)

    assert signed_in_as(client) is None


def test_two_accounts_with_the_address_are_neither(provider: Provider, ada: Any) -> None:
    get_user_model().objects.create_user("bob", email="ada@example.com")
    client = Client()

    sign_in(provider, client)

    assert signed_in_as(client) is None


def test_a_name_that_looks_like_the_address_is_not_taken_over(provider: Provider) -> None:
    get_user_model().objects.create_user("Ada@Example.com", password="open")
    client = Client()

    sign_in(provider, client)

    assert signed_in_as(client) is None
    assert get_user_model().objects.count() == 1


def test_an_account_that_is_switched_off_stays_so(provider: Provider, ada: Any) -> None:
    get_user_model().objects.update(is_active=False)
    client = Client()

    sign_in(provider, client)

    assert signed_in_as(client) is None


def _signed_by_another(provider: Provider) -> None:
    provider.signs_with = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _for_another(provider: Provider) -> None:
    provider.token["aud"] = "another-client"


def _too_old(provider: Provider) -> None:
    provider.token["exp"] = 1


def _with_another_nonce(provider: Provider) -> None:
    provider.token["nonce"] = "another"


def _about_another(provider: Provider) -> None:
    provider.claims["sub"] = "4712"


def _away(provider: Provider) -> None:
    provider.is_away = True


def _of_nobody(provider: Provider) -> None:
    provider.claims.clear()


@pytest.mark.parametrize(
    "spoil",
    [
        _signed_by_another,
        _for_another,
        _too_old,
        _with_another_nonce,
        _about_another,
        _away,
        _of_nobody,
    ],
)
def test_what_is_not_right_signs_nobody_in(spoil: Any, provider: Provider, ada: Any) -> None:
    spoil(provider)
    client = Client()

    answer = sign_in(provider, client)

    assert (answer.status_code, answer["Location"]) == (302, "/login/")
    assert signed_in_as(client) is None
    assert "did not work" in client.get("/login/").content.decode()


def test_a_way_back_that_nobody_asked_for(provider: Provider, ada: Any) -> None:
    asked = Client()
    back = provider.sign_in(asked.get("/login/provider/")["Location"])
    other = Client()

    answers = [
        other.get(back),  # of another browser
        other.get("/login/provider/back/?code=x&state=y"),
        other.get("/login/provider/back/?error=access_denied"),
        other.get("/login/provider/back/"),
    ]

    assert [answer.status_code for answer in answers] == [302] * 4
    assert signed_in_as(other) is None


def test_a_way_back_is_good_once(provider: Provider, ada: Any) -> None:
    client = Client()
    back = provider.sign_in(client.get("/login/provider/")["Location"])

    client.get(back)
    client.post("/logout/")
    client.get(back)

    assert signed_in_as(client) is None


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:x"])
def test_nobody_is_led_away_from_here(target: str, provider: Provider, ada: Any) -> None:
    answer = sign_in(provider, Client(), f"/login/provider/?next={target}")

    assert answer["Location"] == "/reports/"


def test_a_second_factor_is_asked_for_here_too(provider: Provider, ada: Any) -> None:
    device = draft_device(ada)
    assert confirm(device, code_of(ada)) is not None
    client = Client()

    sign_in(provider, client)

    assert signed_in_as(client) is None
    assert client.get("/login/")["Location"].startswith("/login/code/")


def test_without_a_provider_there_is_no_such_way(db: None) -> None:
    assert "provider" not in Client().get("/login/").content.decode()
    assert Client().get("/login/provider/").status_code == 404
    assert Client().get("/login/provider/back/").status_code == 404
