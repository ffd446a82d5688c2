"""Sites in the admin, with their traffic beside them: which of them work, and how to start one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince

from reports.activity import Activity, last_24_hours
from reports.charts import draw_sparkline
from sites.admin import SiteAdmin
from sites.models import Site
from visits.bulk import delete_visits
from visits.models import Visit
from visits.tracker.snippet import tracking_snippet


class SiteChangeList(ChangeList):
    """The list's sites, each with the activity of its last 24 hours."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the activity of one page's sites at once, not site by site."""
        super().get_results(request)
        sites = list(self.result_list)
        activities = last_24_hours(sites, timezone.now())
        for site in sites:
            site.activity = activities[site.pk]
        self.result_list = sites


@admin.register(Site)
class SiteTrafficAdmin(SiteAdmin):
    """Sites with visitors, last hit and a link to the report; the snippet on a site's own page."""

    list_display = ("domain", "name", "report", "visitors", "trend", "last_hit", "collects")
    change_form_template = "admin/sites/site/change_form.html"

    class Media:
        """The small chart's style, and the copy button's work."""

        css = {"all": ("reports/admin.css",)}
        js = ("reports/admin.js",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that knows the sites' activity."""
        return SiteChangeList

    @admin.display(description="visitors, 24 hours")
    def visitors(self, site: Site) -> int:
        """Return the unique visitors of the last 24 hours."""
        return self._activity(site).visitors

    @admin.display(description="by hour")
    def trend(self, site: Site) -> str:
        """Return a small line chart of the visitors of each of the last 24 hours."""
        return format_html(
            '<svg class="trend" viewBox="0 0 100 24" role="img" aria-label="{}">'
            '<path d="{}"></path></svg>',
            f"visitors by hour: {self._activity(site).visitors_by_hour}",
            draw_sparkline(self._activity(site).visitors_by_hour),
        )

    @admin.display(description="last hit")
    def last_hit(self, site: Site) -> str:
        """Return how long ago the last hit arrived."""
        at = self._activity(site).last_hit_at
        return f"{timesince(at)} ago" if at else "none yet"

    @admin.display(description="report")
    def report(self, site: Site) -> str:
        """Return the link to the site's report."""
        return format_html('<a href="{}">Open</a>', site.get_absolute_url())

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the snippet, and whether a hit has arrived, above the fields."""
        site = self.get_object(request, object_id)
        if site is not None:
            extra_context = {
                **(extra_context or {}),
                "tracked_site": site,
                "snippet": tracking_snippet(request, site),
                "activity": last_24_hours([site], timezone.now())[site.pk],
            }
        return super().change_view(request, object_id, form_url, extra_context)

    def response_add(
        self, request: HttpRequest, obj: Site, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Go on to the new site's page, where its snippet is."""
        response = super().response_add(request, obj, post_url_continue)
        wants_more = {"_addanother", "_continue", "_popup"} & request.POST.keys()
        if wants_more or not self.has_view_permission(request, obj):
            return response
        return HttpResponseRedirect(reverse("admin:sites_site_change", args=[obj.pk]))

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Name the sites and how many visits go with each; to list them all could take for ever."""
        sites = list(objs)
        counts = {site: Visit.objects.for_site(site).count() for site in sites}
        lines = [f"{site.domain}, with all of its visits: {counts[site]:,}" for site in sites]
        amounts = {"sites": len(sites), "visits": sum(counts.values())}
        return lines, amounts, set(), []

    def delete_model(self, request: HttpRequest, obj: Site) -> None:
        """Delete the visits in small transactions, so that hits of other sites get in between."""
        delete_visits(obj)
        obj.delete()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Site]) -> None:
        """Delete each of the chosen sites."""
        for site in queryset:
            self.delete_model(request, site)

    def _activity(self, site: Site) -> Activity:
        activity: Activity = site.activity  # type: ignore[attr-defined]
        return activity
