"""People in the admin: which sites they see; attempts that count; second factors, to take away.

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
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from people.second_factor import remove_second_factor
from sites.admin import name_first
from sites.models import GroupMembership, Membership

admin.site.unregister([AccessFailureLog, AccessLog, Group, StaticDevice, TOTPDevice, User])

apps.get_app_config("axes").verbose_name = "Signing in"
apps.get_app_config("otp_totp").verbose_name = "Second factors"


class SitesOfPersonInline(admin.TabularInline[Membership, User]):
    """The sites that a person sees, each with the role there."""

    model = Membership
    extra = 0
    autocomplete_fields = ("site",)
    verbose_name = "site"
    verbose_name_plural = "sites (staff see every site)"


class SitesOfGroupInline(admin.TabularInline[GroupMembership, Group]):
    """The sites that whoever is in a group sees."""

    model = GroupMembership
    extra = 0
    autocomplete_fields = ("site",)
    verbose_name = "site"
    verbose_name_plural = "sites"


@admin.register(User)
class PersonAdmin(UserAdmin[User]):
    """People, with the sites that they see."""

    list_display = ("username", "email", "is_staff", "is_active", "last_login", "sites_seen")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Read the sites of one page's people at once."""
        return super().get_queryset(request).prefetch_related("sites")

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        """Return the sites of somebody who is there."""
        return [SitesOfPersonInline] if obj else []

    @admin.display(description="sites")
    def sites_seen(self, person: User) -> str:
        """Return the domains of which the person is a member, of many the first three."""
        return "all" if person.is_staff else name_first(person.sites.all())


@admin.register(Group)
class PeopleGroupAdmin(GroupAdmin):
    """Groups, with the sites that their people see."""

    inlines = (SitesOfGroupInline,)


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
