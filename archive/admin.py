"""Erasures in the admin: asked for here, carried out by the server, kept as a record."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse

from archive.erasure.plan import describe_plan, make_plan
from archive.erasure.requests import of_all, of_days, of_path, of_property, of_user
from archive.models import Erasure

Kind = Erasure.Kind


class ErasureForm(forms.ModelForm[Erasure]):
    """What is to be erased; says how much that is, and then wants the site's domain typed."""

    user_id = forms.CharField(
        label="User id",
        required=False,
        help_text="Of a user: what the site sends as user_id. Only a hash is kept, until the end.",
    )
    has_value = forms.BooleanField(
        label="Only where it has this value", required=False, help_text="Of a property."
    )
    confirmation = forms.CharField(
        label="The site's domain, typed",
        required=False,
        help_text="Leave it empty first: this page then says how much would be erased.",
    )

    class Meta:
        """What names it; the rest is found out."""

        model = Erasure
        fields = ("site", "kind", "first_day", "last_day", "name", "value")
        help_texts = {
            "first_day": "Of days: the first one, by the site's calendar.",
            "last_day": "Of days: the last one.",
            "name": "Of a path: as reports show it, such as /account. Of a property: its name.",
            "value": "Of a property.",
        }

    def clean(self) -> dict[str, Any]:
        """Make the erasure, and refuse it until the domain is typed."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        erasure = self._read(cleaned)
        if erasure is None:
            return cleaned
        self.plan = make_plan(erasure)
        domain = erasure.site.domain
        if cleaned["confirmation"] != domain:
            question = f"{describe_plan(erasure, self.plan)} Type {domain} to erase it for good."
            self.add_error("confirmation", question)
        # What was filled in of other kinds is not kept.
        for name in ("first_day", "last_day", "name", "value"):
            cleaned[name] = getattr(erasure, name)
        self.instance.visitor = erasure.visitor
        self.instance.requested_at = erasure.requested_at
        self.instance.visits, self.instance.events = self.plan.visits, self.plan.events
        return cleaned

    def _read(self, fields: dict[str, Any]) -> Erasure | None:
        """Return the erasure; None where something is missing, which is told by its field."""
        site = fields["site"]
        match fields["kind"]:
            case Kind.ALL:
                return of_all(site)
            case Kind.DAYS:
                return self._read_days(fields)
            case Kind.USER if fields["user_id"]:
                return of_user(site, fields["user_id"])
            case Kind.PATH if fields["name"]:
                return of_path(site, fields["name"])
            case Kind.PROPERTY if fields["name"]:
                value = (fields["value"] or "") if fields["has_value"] else None
                return of_property(site, fields["name"], value)
        self.add_error("user_id" if fields["kind"] == Kind.USER else "name", "Fill this in.")
        return None

    def _read_days(self, fields: dict[str, Any]) -> Erasure | None:
        first, last = fields["first_day"], fields["last_day"]
        if first is None or last is None:
            self.add_error("last_day" if first else "first_day", "Give both days.")
            return None
        try:
            return of_days(fields["site"], first, last)
        except ValueError as error:
            self.add_error("first_day", str(error))
            return None


@admin.register(Erasure)
class ErasureAdmin(admin.ModelAdmin[Erasure]):
    """Erasures, the newest first: added, never changed, and never deleted."""

    form = ErasureForm
    list_display = ("site", "what", "events", "visits", "requested_at", "finished_at", "gone_at")
    list_filter = ("kind",)
    list_select_related = ("site",)
    autocomplete_fields = ("site",)
    fieldsets = (
        (None, {"fields": ("site", "kind")}),
        ("Days", {"fields": ("first_day", "last_day")}),
        ("A path, or a property", {"fields": ("name", "has_value", "value")}),
        ("A user", {"fields": ("user_id",)}),
        ("To be sure", {"fields": ("confirmation",)}),
    )
    record = (
        "site",
        "what",
        "events",
        "visits",
        "requested_at",
        "finished_at",
        "gone_at",
    )

    def get_fieldsets(self, request: HttpRequest, obj: Erasure | None = None) -> Any:
        """Return the form to fill in, and of one that is noted its record."""
        return ((None, {"fields": self.record}),) if obj else self.fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Erasure | None = None) -> Any:
        """Return all of a record."""
        return self.record if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Erasure | None = None) -> bool:
        """Nobody changes what was asked for."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Erasure | None = None) -> bool:
        """Nobody deletes a record."""
        return False

    @admin.display(description="what", ordering="kind")
    def what(self, row: Erasure) -> str:
        """Return what is erased: names are forgotten in the end, and so shown nowhere."""
        if row.kind == Kind.DAYS:
            return f"{row.first_day} to {row.last_day}"
        return row.get_kind_display()

    def response_add(
        self, request: HttpRequest, obj: Erasure, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Say when it will be done."""
        words = "The erasure is noted, and the server carries it out within a minute or two."
        self.message_user(request, words, messages.SUCCESS)
        return self.response_post_save_add(request, obj)
