"""Who guesses passwords: counted by django-axes in the database, which all processes share.

After `AXES_FAILURE_LIMIT` wrong passwords for an account from one network, that network signs in to
that account no more for `AXES_COOLOFF_TIME`. Others do: nobody can lock an owner out from afar.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.models import AccessAttempt
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from visits.ingestion.addresses import client_address


class AttemptsBackend(AxesStandaloneBackend):
    """Refuses who tried too often, before another backend looks at the password."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Return None; raises PermissionDenied for who is blocked.

        Without a request it is a program of ours that asks, and comes from nowhere.
        """
        if request is not None:
            super().authenticate(request, **credentials)


def client_network(request: HttpRequest) -> str | None:
    """Return where a request comes from: its address, of IPv6 the /64, which one machine has all.

    Found as the address of a visitor is. None where there is none.
    """
    address = client_address(request.META, settings.TRUSTED_PROXIES)
    if ":" not in address:
        return address or None
    return str(ipaddress.ip_network(f"{address}/64", strict=False).network_address)


def answer_blocked(request: HttpRequest, response: Any, credentials: Any) -> HttpResponse:
    """Return the page for who tried too often: 429, with when to try again."""
    blocked = render(request, "registration/blocked.html", status=429)
    blocked["Retry-After"] = str(int(settings.AXES_COOLOFF_TIME.total_seconds()))
    blocked["Cache-Control"] = "no-store"
    return blocked


def forget_attempts(now: datetime) -> None:
    """Delete the attempts that count no more, with the addresses that they came from."""
    AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME).delete()
