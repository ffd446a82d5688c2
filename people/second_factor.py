"""The second factor: who has one is not signed in by a password alone, on any page.

The codes are django-otp's. Between password and code a session belongs to somebody who is nobody
yet: every page sees an anonymous reader, and only the page that takes the code knows who waits.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final

import django_otp
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

#: How many recovery codes are drawn at once, each good for one time.
RECOVERY_CODES: Final = 10


class Missing(Enum):
    """What a session lacks, besides the password, to be signed in."""

    CODE = auto()  # of the second factor that there is
    SET_UP = auto()  # a second factor, where staff have to have one


def what_is_missing(user: Any) -> Missing | None:
    """Return what a user whom django-otp has looked at still lacks; None when nothing."""
    if not user.is_authenticated or user.is_verified():
        return None
    if has_second_factor(user):
        return Missing.CODE
    if user.is_staff and settings.STAFF_SECOND_FACTOR:
        return Missing.SET_UP
    return None


class SecondFactorMiddleware:
    """Makes whoever still lacks something an anonymous reader, in every view that comes after.

    `waiting_user` tells those views that ask who it is, and `missing` what is missing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        known = request.user
        # Asked when a view asks for the user, as most addresses never do.
        request.user = SimpleLazyObject(lambda: _admit(known))  # type: ignore[assignment]
        return self.get_response(request)


def _admit(known: Any) -> Any:
    missing = what_is_missing(known)
    admitted: Any = known
    if missing is not None:
        admitted = AnonymousUser()
        admitted.otp_device = None
        admitted.is_verified = lambda: False
    admitted.waiting = known if missing is not None else None
    admitted.missing = missing
    return admitted


def waiting_user(request: HttpRequest) -> User | None:
    """Return who has shown a password and still lacks something; None where nobody does."""
    return getattr(request.user, "waiting", None)


def missing(request: HttpRequest) -> Missing | None:
    """Return what the waiting user lacks."""
    return getattr(request.user, "missing", None)


def has_second_factor(user: Any) -> bool:
    """Whether a password alone does not sign the user in."""
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def check_code(user: User, code: str) -> TOTPDevice | StaticDevice | None:
    """Return the device whose code it is: of the app, or one of the recovery codes, then used up.

    None for a wrong one, and while too many wrong ones make the next one wait.
    """
    code = "".join(code.split()).lower()
    kind: Any = TOTPDevice if code.isdecimal() else StaticDevice
    for device in kind.objects.filter(user=user, confirmed=True):
        if django_otp.verify_token(user, device.persistent_id, code):
            return device
    return None


def let_in(request: HttpRequest, user: User, device: TOTPDevice | StaticDevice) -> None:
    """Sign the user in, whose code was the device's, under a new session key."""
    request.user = user
    request.session.cycle_key()
    django_otp.login(request, device)


def draft_device(user: User) -> TOTPDevice:
    """Return the device that the user is setting up, the same until it is confirmed."""
    device = TOTPDevice.objects.filter(user=user, confirmed=False).first()
    return device or TOTPDevice.objects.create(user=user, name="app", confirmed=False)


def confirm(device: TOTPDevice, code: str) -> list[str] | None:
    """Make the drafted device the user's second factor, where the code is its own.

    Returns recovery codes, which are shown this once; None where the code is wrong.
    """
    with transaction.atomic():
        if not django_otp.verify_token(device.user, device.persistent_id, "".join(code.split())):
            return None
        TOTPDevice.objects.filter(pk=device.pk).update(confirmed=True)
        TOTPDevice.objects.filter(user=device.user).exclude(pk=device.pk).delete()
        return draw_recovery_codes(device.user)


def draw_recovery_codes(user: User) -> list[str]:
    """Return new recovery codes of the user; the ones before are good no more."""
    with transaction.atomic():
        StaticDevice.objects.filter(user=user).delete()
        device = StaticDevice.objects.create(user=user, name="recovery codes")
        draw = StaticToken.random_token
        codes = [draw() + draw() for _ in range(RECOVERY_CODES)]
        StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return codes


def count_recovery_codes(user: User) -> int:
    """Return how many recovery codes are left."""
    return int(StaticToken.objects.filter(device__user=user).count())


def remove_second_factor(user: User) -> None:
    """Let the password alone sign the user in again."""
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user).delete()
        StaticDevice.objects.filter(user=user).delete()
