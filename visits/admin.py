"""Visits and events in the admin: to look at, never to change; quick however many there are."""

from __future__ import annotations

import re
from typing import Any, Final

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.text import Truncator

from visits.models import Event, Visit

#: Characters of a path that a list shows.
LONGEST_PATH: Final = 60
#: Of what databases count rows by.
BIGGEST_ID: Final = 2**63 - 1
_DIGITS: Final = re.compile("[0-9]{1,19}")


class BoundedPaginator(Paginator[Any]):
    """Counts up to a bound: to count millions of rows takes longer than to show a page of them."""

    most_rows = 10_000

    @cached_property
    def count(self) -> int:
        """How many rows there are, `most_rows` when there are more."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return len(rows.values_list("pk")[: self.most_rows])


class SiteFilter(admin.RelatedFieldListFilter):
    """Filters by site also where there is one alone, so that the order by time has its index."""

    def has_output(self) -> bool:
        """Return that the filter counts."""
        return True


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Rows that hits make, newest first, in an order that an index has and nothing must sort."""

    #: When a row came about; the index of a site's rows is by it.
    time_field = ""

    paginator = BoundedPaginator
    show_full_result_count = False
    sortable_by = ()
    list_filter = (("site", SiteFilter),)
    list_select_related = ("site",)
    search_fields = ("id",)  # that there is a search; what it finds is below
    search_help_text = "Search by id."

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Order one site's rows by time, those of all sites by key."""
        return (f"-{self.time_field}",) if "site__id__exact" in request.GET else ("-pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find the row of an id by its key: Django would compare the id of every row, as text."""
        term = search_term.strip()
        if not term:
            return queryset, False
        is_id = _DIGITS.fullmatch(term) is not None and int(term) <= BIGGEST_ID
        return (queryset.filter(pk=int(term)) if is_id else queryset.none()), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Hits add rows, people do not."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """What was measured stays as it was measured."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows go with their site."""
        return False


@admin.register(Visit)
class VisitAdmin(ReadOnlyAdmin):
    """Visits, with links to their events and to the visitor page."""

    time_field = "started_at"
    list_display = (
        "id",
        "site",
        "started_at",
        "short_entry_page",
        "source",
        "country",
        "browser",
        "operating_system",
        "pageviews",
        "events",
    )

    @admin.display(description="entry page")
    def short_entry_page(self, visit: Visit) -> str:
        """Return the entry page, the end of a long one left out."""
        return Truncator(visit.entry_page).chars(LONGEST_PATH)

    @admin.display(description="events")
    def events(self, visit: Visit) -> str:
        """Return a link to the list of the visit's events."""
        url = reverse("admin:visits_event_changelist")
        return format_html('<a href="{}?visit__id__exact={}">Events</a>', url, visit.pk)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """Events, with their visit."""

    time_field = "happened_at"
    list_display = ("id", "site", "happened_at", "name", "short_page", "visit")
    list_select_related = ("site", "visit")  # type: ignore[assignment]
    raw_id_fields = ("visit",)

    @admin.display(description="page")
    def short_page(self, event: Event) -> str:
        """Return the page, the end of a long one left out."""
        return Truncator(event.page).chars(LONGEST_PATH)
