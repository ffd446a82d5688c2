"""Sites in the admin: what staff decide about them. reports/admin.py adds how they are doing."""

from __future__ import annotations

import zoneinfo

from django import forms
from django.contrib import admin

from sites.models import Membership, Metadata, Site

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
        fields = ("domain", "name", "base_url", "timezone", "collects", "address_kept")


class SiteAdmin(admin.ModelAdmin[Site]):
    """Sites: found by domain, name or key, edited with their metadata and members."""

    form = SiteForm
    search_fields = ("domain", "name", "=uuid", "=public_key")
    inlines = (MetadataInline, MembershipInline)
    readonly_fields = ("id", "uuid", "public_key", "added_at")
    fieldsets = (
        (None, {"fields": ("domain", "name", "base_url", "timezone")}),
        ("Collecting", {"fields": ("collects", "address_kept")}),
        (
            "Names for programs",
            {
                "classes": ("collapse",),
                "description": "Clients of other systems name a site by one of these.",
                "fields": ("id", "uuid", "public_key", "added_at"),
            },
        ),
    )
