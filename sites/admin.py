"""Sites and API keys in the admin. reports/admin.py adds to sites how they are doing."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from sites.keys import check_sites, draw_key, replace_key, revoke_keys
from sites.models import SETTINGS, ApiKey, Exclusion, GroupMembership, Membership, Metadata, Site
from sites.trail import note_each_changed

admin.site.site_header = "trackingsite"
admin.site.site_title = "trackingsite"
admin.site.index_title = "Administration"


class MetadataInline(admin.TabularInline[Metadata, Site]):
    """What staff note about a site, a row for each pair."""

    model = Metadata
    extra = 1
    verbose_name_plural = "metadata"


class MembershipInline(admin.TabularInline[Membership, Site]):
    """Who may see the site's reports besides staff."""

    model = Membership
    extra = 0
    autocomplete_fields = ("user",)
    verbose_name = "member"
    verbose_name_plural = "members (staff see every site)"


class GroupMembershipInline(admin.TabularInline[GroupMembership, Site]):
    """Which groups may see the site's reports."""

    model = GroupMembership
    extra = 0
    autocomplete_fields = ("group",)
    verbose_name = "group"
    verbose_name_plural = "groups (whoever is in one is a member)"


class ExclusionInline(admin.TabularInline[Exclusion, Site]):
    """What is left out, each with what it has left out."""

    model = Exclusion
    extra = 0
    verbose_name_plural = "exclusions (a change counts for hits from then on)"


class SiteForm(forms.ModelForm[Site]):
    """A site's fields, an address without a scheme taken as https, the time zone a choice."""

    base_url = forms.URLField(
        label="Base URL",
        required=False,
        assume_scheme="https",
        help_text=Site._meta.get_field("base_url").help_text,
    )
    timezone = forms.ChoiceField(
        label="Time zone",
        choices=lambda: [(name, name) for name in sorted(zoneinfo.available_timezones())],
        help_text=Site._meta.get_field("timezone").help_text,
        initial="UTC",
    )

    class Meta:
        """Every field that staff may change."""

        model = Site
        fields = SETTINGS


class ArchivedFilter(admin.SimpleListFilter):
    """Sites in use, or those that are archived."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices besides the one for all."""
        return [("in-use", "in use"), ("archived", "archived")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Site]) -> QuerySet[Site]:
        """Return the sites of the state chosen, all when none is."""
        if self.value() not in {"in-use", "archived"}:
            return queryset
        return queryset.filter(archived_at__isnull=self.value() == "in-use")


class SiteAdmin(admin.ModelAdmin[Site]):
    """Sites: found by domain, name or key, edited with their metadata and members."""

    form = SiteForm
    search_fields = ("domain", "name", "=uuid", "=public_key")
    list_filter = (ArchivedFilter, "collects", "is_public")
    inlines = (ExclusionInline, MetadataInline, MembershipInline, GroupMembershipInline)
    readonly_fields = ("id", "uuid", "public_key", "added_at")
    fieldsets = (
        (None, {"fields": ("domain", "name", "base_url", "timezone")}),
        (
            "Collecting",
            {
                "fields": (
                    "collects",
                    "respects_gpc",
                    "respects_dnt",
                    "address_kept",
                    "place_kept",
                    "keeps_language",
                    "keeps_screen",
                    "keeps_properties",
                    "keep_events_days",
                )
            },
        ),
        ("Reports", {"fields": ("shows_visits", "is_public", "currency", "week_begins")}),
        (
            "Names for programs",
            {
                "classes": ("collapse",),
                "description": "Clients of other systems name a site by one of these.",
                "fields": ("id", "uuid", "public_key", "added_at"),
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Site | None = None) -> Any:
        """Return what nobody types; a site that is there gets another domain on a page for it."""
        return (*self.readonly_fields, "domain") if obj else self.readonly_fields


def name_first(sites: Iterable[Site]) -> str:
    """Return the sites' domains, of many the first three; "none" for none."""
    domains = [site.domain for site in sites]
    shown = ", ".join(domains[:3]) or "none"
    return shown if len(domains) <= 3 else f"{shown} and {len(domains) - 3} more"


class ApiKeyForm(forms.ModelForm[ApiKey]):
    """What staff decide about a key: never the key itself."""

    class Meta:
        """Everything but the key, and what happened to it."""

        model = ApiKey
        fields = ("name", "sites", "all_sites", "person", "can_send", "can_read", "expires_at")

    def clean(self) -> dict[str, Any]:
        """Refuse a key that is good for no site."""
        cleaned = super().clean() or {}
        if "sites" in cleaned:
            check_sites(
                cleaned["sites"], all_sites=cleaned["all_sites"], person=cleaned.get("person")
            )
        return cleaned


class InUseFilter(admin.SimpleListFilter):
    """Keys that are good, or that were revoked."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [("in-use", "in use"), ("revoked", "revoked or expired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        """Return the keys of the state chosen, all when none is."""
        if self.value() not in {"in-use", "revoked"}:
            return queryset
        in_use = Q(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), revoked_at=None)
        return queryset.filter(in_use if self.value() == "in-use" else ~in_use)


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin[ApiKey]):
    """API keys: made here and shown once, in the answer to the form; revoked, or deleted."""

    form = ApiKeyForm
    list_display = (
        "name",
        "recognised_by",
        "state",
        "good_for",
        "can_send",
        "can_read",
        "created_on",
        "last_used",
    )
    list_filter = (InUseFilter, "can_send", "can_read", "all_sites")
    search_fields = ("name", "prefix")
    search_help_text = "A part of the name, or the first characters of the key."
    autocomplete_fields = ("sites", "person")
    list_select_related = ("person",)
    actions = ("revoke", "replace")
    fieldsets = (
        (None, {"fields": ("name",)}),
        ("Good for", {"fields": ("all_sites", "sites", "person")}),
        ("Allowed", {"fields": ("can_send", "can_read", "expires_at")}),
    )
    history = (
        "History",
        {"fields": ("recognised_by", "created_at", "created_by", "last_used", "state")},
    )

    def get_fieldsets(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        """Return the fields to fill in, and for a key that is there what happened to it."""
        return (*self.fieldsets, self.history) if obj else self.fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        """Return the fields that tell what happened."""
        return self.history[1]["fields"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        """Read the sites of one page's keys at once, not key by key."""
        return super().get_queryset(request).prefetch_related("sites")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ApiKey], search_term: str
    ) -> tuple[QuerySet[ApiKey], bool]:
        """Find a key also by its first characters as the list shows them, with three dots."""
        return super().get_search_results(request, queryset, search_term.replace("…", ""))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuse addresses that would ask for a key's hash letter by letter."""
        allowed = super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]
        return allowed and not lookup.startswith("key_hash")

    @admin.display(description="key", ordering="prefix")
    def recognised_by(self, row: ApiKey) -> str:
        """Return the first characters of the key."""
        return f"{row.prefix}…"

    @admin.display(description="sites")
    def good_for(self, row: ApiKey) -> str:
        """Return the sites' domains, of many the first three."""
        if row.all_sites:
            return "all sites"
        if row.person is not None and not row.is_limited:
            return f"those of {row.person}"
        shown = name_first(row.sites.all())
        return shown if row.person is None else f"{shown}, of {row.person}'s"

    @admin.display(description="created", ordering="created_at")
    def created_on(self, row: ApiKey) -> str:
        """Return the day on which the key was made."""
        return f"{timezone.localdate(row.created_at)}"

    @admin.display(description="last used", ordering="last_used_on")
    def last_used(self, row: ApiKey) -> str:
        """Return the day, in UTC, on which the key was last used."""
        return f"{row.last_used_on}" if row.last_used_on else "never"

    @admin.display(description="state", ordering="revoked_at")
    def state(self, row: ApiKey) -> str:
        """Return whether the key is good."""
        if row.revoked_at:
            return f"revoked {timezone.localdate(row.revoked_at)}"
        if row.expires_at is None:
            return "in use"
        verb = "expired" if row.is_expired else "in use until"
        return f"{verb} {timezone.localdate(row.expires_at)}"

    @admin.action(description="Revoke selected API keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Refuse the keys from now on, and keep their rows as a record."""
        revoked = revoke_keys(queryset)
        note_each_changed(request.user, revoked, "Revoked.")
        self.message_user(request, f"Keys revoked: {len(revoked)}.", messages.SUCCESS)

    @admin.action(description="Replace the selected API key", permissions=["change"])
    @sensitive_variables("key")
    def replace(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        """Make a key that may do the same, and show it; the old one is good for some days more."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        rows = list(queryset.filter(revoked_at=None)[:2])
        if len(rows) != 1 or rows[0].is_expired:
            self.message_user(request, "Choose one key that is in use.", messages.ERROR)
            return None
        user: Any = request.user
        row, key = replace_key(rows[0], by=user)
        self.log_addition(request, row, f"In place of {rows[0].prefix}….")
        self.log_change(request, rows[0], f"Replaced by {row.prefix}….")
        request.drawn_key = key  # type: ignore[attr-defined]
        return self.response_add(request, row)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Leave one button: whatever comes next, the key is to be copied first."""
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **buttons})

    @sensitive_variables("key")
    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Draw the key of a new row, and hold it until the answer to this request."""
        if not change:
            key = draw_key(obj)
            obj.created_by_id = request.user.pk
            request.drawn_key = key  # type: ignore[attr-defined]
        if not change or "sites" in form.changed_data or "person" in form.changed_data:
            obj.is_limited = obj.person is not None and bool(form.cleaned_data["sites"])
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the key, this once.

        Not after a redirect, nor as a message: either would have to keep it somewhere, in a
        session or a cookie. The page is rendered when the row has been committed, and no cache may
        store it, as none may store any page of the admin.
        """
        context = {
            **self.admin_site.each_context(request),
            "title": "Copy the key now",
            "opts": self.opts,
            "row": obj,
            "key": request.drawn_key,  # type: ignore[attr-defined]
            "has_view_permission": self.has_view_permission(request, obj),
        }
        return TemplateResponse(request, "admin/sites/apikey/made.html", context)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Name the keys; their sites stay, and however many they are need not be listed."""
        names = [f"{row.name} ({row.prefix}…)" for row in objs]
        return names, {"API keys": len(names)}, set(), []


@admin.register(LogEntry)
class TrailAdmin(admin.ModelAdmin[LogEntry]):
    """Who changed what, in the admin and on pages, the newest first: to look at."""

    list_display = ("action_time", "user", "content_type", "object_repr", "action", "change")
    list_filter = ("action_flag", "content_type")
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "user__username")
    date_hierarchy = "action_time"

    @admin.display(description="action", ordering="action_flag")
    def action(self, entry: LogEntry) -> str:
        """Return what was done, in a word."""
        return entry.get_action_flag_display()

    @admin.display(description="change")
    def change(self, entry: LogEntry) -> str:
        """Return what the change was, in words."""
        return entry.get_change_message()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Changes add entries, people do not."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        """What happened has happened."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        """A trail with gaps is none."""
        return False
