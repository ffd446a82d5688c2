"""What staff see of the ways in: attempts that count, and second factors, to take one away.

What the libraries show besides is left out: logs that are not kept, and recovery codes, which are
nobody's to read.
"""

from __future__ import annotations

from typing import Any

import axes.admin  # noqa: F401 -- registers what is taken away below
import django_otp.plugins.otp_static.admin
import django_otp.plugins.otp_totp.admin  # noqa: F401 -- as above
from axes.models import AccessFailureLog, AccessLog
from django.apps import apps
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from people.second_factor import remove_second_factor

admin.site.unregister([AccessFailureLog, AccessLog, StaticDevice, TOTPDevice])

apps.get_app_config("axes").verbose_name = "Signing in"
apps.get_app_config("otp_totp").verbose_name = "Second factors"


@admin.register(TOTPDevice)
class SecondFactorAdmin(admin.ModelAdmin[TOTPDevice]):
    """Who has a second factor; to take it from who has lost it, recovery codes and all."""

    list_display = ("user", "confirmed", "created_at", "last_used_at")
    list_filter = ("confirmed",)
    list_select_related = ("user",)
    search_fields = ("user__username",)
    fields = readonly_fields = ("user", "confirmed", "created_at", "last_used_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People set theirs up themselves."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: TOTPDevice | None = None) -> bool:
        """There is nothing to change."""
        return False

    def delete_model(self, request: HttpRequest, obj: TOTPDevice) -> None:
        """Take the recovery codes away too."""
        remove_second_factor(obj.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Take each away, with its recovery codes."""
        for device in queryset:
            remove_second_factor(device.user)
