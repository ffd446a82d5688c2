"""Signing in at a provider of identities, by OpenID Connect.

The protocol is mozilla-django-oidc's. What is ours: whose account it is, what a token has to say,
and that a provider which is away or answers nonsense is a sentence on the page, not an error.
"""

from __future__ import annotations

import logging
from typing import Any

import jwt
import requests
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.translation import gettext
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.views import (
    OIDCAuthenticationCallbackView,
    OIDCAuthenticationRequestView,
)

from sites.trail import note_added

logger = logging.getLogger(__name__)

#: What a provider that is away, or that is none, makes the library raise.
_FAILURES = (
    SuspiciousOperation,
    requests.RequestException,
    jwt.PyJWTError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
)


def is_configured() -> bool:
    """Whether there is a provider to sign in at."""
    return bool(settings.OIDC_RP_CLIENT_ID)


def provider_name() -> str:
    """Return what the provider is called on the page; empty where there is none."""
    return settings.OIDC_NAME if is_configured() else ""


class ProviderBackend(OIDCAuthenticationBackend):
    """Finds the account by an e-mail address that the provider has verified; makes one if told."""

    def verify_token(self, token: str, **kwargs: Any) -> Any:
        """Return what a token says, after its signature and nonce also for whom it was made."""
        payload = super().verify_token(token, **kwargs)
        audience = payload.get("aud")
        if settings.OIDC_RP_CLIENT_ID not in (
            audience if isinstance(audience, list) else [audience]
        ):
            raise SuspiciousOperation("The token was made for somebody else.")
        return payload

    def verify_claims(self, claims: Any) -> bool:
        """Whether an address is there and is said to be the person's own."""
        return bool(claims.get("email")) and claims.get("email_verified") in {True, "true"}

    def get_userinfo(self, access_token: str, id_token: str, payload: Any) -> Any:
        """Return what the provider tells of the person; it has to be the token's."""
        claims = super().get_userinfo(access_token, id_token, payload)
        if not claims.get("sub") or claims["sub"] != payload.get("sub"):
            raise SuspiciousOperation("The provider tells of somebody else than the token.")
        return claims

    def create_user(self, claims: Any) -> User:
        """Return a new account named by its address; it sees no site before it is a member."""
        email = claims["email"]
        if User.objects.filter(username__iexact=email).exists():
            raise SuspiciousOperation("Another account has this address as its name.")
        user = User.objects.create_user(email, email=email)
        note_added(user, user, "By the provider of identities.")
        return user


class ToProviderView(OIDCAuthenticationRequestView):
    """Leads to the provider's page; 404 where none is configured."""

    def __init__(self, **kwargs: Any) -> None:
        if is_configured():
            super().__init__(**kwargs)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer where there is a provider."""
        if not is_configured():
            raise Http404("No provider is configured.")
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response


class FromProviderView(OIDCAuthenticationCallbackView):
    """Takes whom the provider sends back, and signs them in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Lead on; back to the way in, with a sentence, where that did not work."""
        if not is_configured():
            raise Http404("No provider is configured.")
        try:
            return super().get(request)  # type: ignore[no-any-return]
        except _FAILURES as error:
            logger.warning("Signing in at the provider failed: %s", type(error).__name__)
            return self.login_failure()

    def login_failure(self) -> HttpResponse:
        """Lead back to the way in and say that it did not work."""
        sentence = gettext("Signing in there did not work. Try again, or sign in with a password.")
        messages.error(self.request, sentence)
        return HttpResponseRedirect(resolve_url("login"))
