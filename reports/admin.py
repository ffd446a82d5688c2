"""Sites in the admin, with their traffic beside them: which of them work, and how to start one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import CharField, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Cast, Concat
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.timesince import timesince
from django.views.decorators.http import require_POST

from reports.activity import Activity, last_24_hours
from reports.charts import draw_sparkline
from reports.dates import DAY, today_in
from reports.debugger import change_watch, show_hits
from reports.diagnosis import MOST_DAYS as DIAGNOSIS_DAYS
from reports.diagnosis import Finding, diagnose, read_signs
from reports.formats import DASH, format_share
from reports.left_out import MOST_DAYS, Part, left_out_on, tell_left_out
from reports.models import Annotation, Goal, Segment, ShareLink, ShownProperty
from reports.site_changes import change_site, download_settings, import_sites
from sites.admin import (
    ExclusionInline,
    GroupMembershipInline,
    MembershipInline,
    MetadataInline,
    SiteAdmin,
)
from sites.models import Exclusion, Site
from sites.trail import note_each_changed
from visits.bulk import delete_visits
from visits.daily import read_counts
from visits.ingestion.exclusions import count_name
from visits.models import DailyCount, Visit
from visits.tracker.page_check import check_page
from visits.tracker.snippet import tracking_snippet
from visits.trial import send_trial


class SiteChangeList(ChangeList):
    """The list's sites, each with the activity of its last 24 hours, and how its hits arrive."""

    def get_results(self, request: HttpRequest) -> None:
        """Read what is known of one page's sites at once, not site by site."""
        super().get_results(request)
        sites = list(self.result_list)
        now = timezone.now()
        activities = last_24_hours(sites, now)
        # A day more than are looked at: it may be yesterday there already, or still.
        counts = read_counts(sites, now.date() - (DIAGNOSIS_DAYS + 1) * DAY)
        for site in sites:
            today = today_in(site.zone, now)
            site.activity = activities[site.pk]
            site.left_out = left_out_on(counts[site.pk], today)
            site.finding = diagnose(read_signs(counts[site.pk], today))
        self.result_list = sites


class CountedExclusionInline(ExclusionInline):
    """Exclusions, each with the hits that it left out in the last 30 days."""

    fields = ("kind", "value", "dropped")
    readonly_fields = ("dropped",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Exclusion]:
        """Count the drops of all of them in the statement that reads them."""
        since = timezone.now().date() - MOST_DAYS * DAY
        counts = DailyCount.objects.filter(
            site=OuterRef("site"),
            counted_on__gte=since,
            name=Concat(Value(count_name("")), Cast(OuterRef("pk"), CharField())),
        ).order_by()
        dropped = counts.values("name").annotate(hits=Sum("count")).values("hits")
        return super().get_queryset(request).annotate(hits_dropped=Subquery(dropped))

    @admin.display(description="left out, 30 days")
    def dropped(self, exclusion: Exclusion) -> int:
        """Return how many hits it left out."""
        return getattr(exclusion, "hits_dropped", None) or 0


@admin.register(Site)
class SiteTrafficAdmin(SiteAdmin):
    """Sites with visitors, last hit and a link to the report; the snippet on a site's own page."""

    list_display = (
        "domain",
        "name",
        "report",
        "visitors",
        "now",
        "trend",
        "last_hit",
        "left_out",
        "addresses",
        "collects",
    )
    inlines = (
        CountedExclusionInline,
        MetadataInline,
        MembershipInline,
        GroupMembershipInline,
    )
    change_form_template = "admin/sites/site/change_form.html"
    change_list_template = "admin/sites/site/change_list.html"
    delete_confirmation_template = "admin/sites/site/delete.html"
    actions = ("send_test_hits", "erase", "export_settings")

    class Media:
        """The small chart's style, and the copy button's work."""

        css = {"all": ("reports/admin.css",)}
        js = ("reports/admin.js",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that knows the sites' activity."""
        return SiteChangeList

    @admin.display(description="24 hours")
    def visitors(self, site: Site) -> int:
        """Return the unique visitors of the last 24 hours."""
        return self._activity(site).visitors

    @admin.display(description="now")
    def now(self, site: Site) -> int:
        """Return the visitors of the last five minutes."""
        return self._activity(site).current

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

    @admin.display(description="left out, today")
    def left_out(self, site: Site) -> str:
        """Return the share of today's hits that were left out; a dash when none came."""
        part: Part = site.left_out  # type: ignore[attr-defined]
        return DASH if part.share is None else format_share(part.share)

    @admin.display(description="addresses", empty_value="")
    def addresses(self, site: Site) -> str | None:
        """Return what is wrong with the addresses of its hits, as a link to more; None: nothing."""
        finding: Finding | None = site.finding  # type: ignore[attr-defined]
        if finding is None:
            return None
        return format_html(
            '<a class="{}" href="{}">{}</a>',
            "alarm-mark" if finding.is_alarm else "note-mark",
            reverse("admin:sites_site_change", args=[site.pk]),
            finding.cause.mark,
        )

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
        """Show the snippet, whether hits arrive, how, and what was left out, above the fields."""
        site = self.get_object(request, object_id)
        if site is not None:
            now = timezone.now()
            today = today_in(site.zone, now)
            counts = read_counts([site], today - (MOST_DAYS - 1) * DAY)[site.pk]
            extra_context = {
                **(extra_context or {}),
                "tracked_site": site,
                "snippet": tracking_snippet(request, site),
                "activity": last_24_hours([site], now)[site.pk],
                "left_out": tell_left_out(counts, today),
                "finding": diagnose(read_signs(counts, today)),
            }
        return super().change_view(request, object_id, form_url, extra_context)

    def get_urls(self) -> list[Any]:
        """Return the site pages' addresses, with those of what staff look at beside the fields."""
        pages = [
            ("check-page", "check_page", require_POST(self.check_page_view)),
            ("hits", "hits", self.hits_view),
            ("changes", "changes", self.changes_view),
            ("settings.json", "settings", self.settings_view),
        ]
        own = [
            path(
                f"<int:object_id>/{address}" if "." in address else f"<int:object_id>/{address}/",
                self.admin_site.admin_view(view),
                name=f"sites_site_{name}",
            )
            for address, name, view in pages
        ]
        sites = path(
            "import/", self.admin_site.admin_view(self.import_view), name="sites_site_import"
        )
        return [*own, sites, *super().get_urls()]

    def changes_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Change the domain, archive the site, or give it the settings of a file."""
        site = self._find(request, object_id, self.has_change_permission)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "can_delete": self.has_delete_permission(request, site),
        }
        return change_site(request, site, context)

    def settings_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Send the site's settings as a file."""
        site = self._find(request, object_id, self.has_view_permission)
        return download_settings([site])

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Make sites, or change them, as a file of settings says."""
        if not (self.has_add_permission(request) and self.has_change_permission(request)):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "opts": self.opts}
        return import_sites(request, context)

    def _find(self, request: HttpRequest, object_id: int, may: Callable[..., bool]) -> Site:
        """Return the site. Raises Http404 for none, PermissionDenied for who may not."""
        site = self.get_object(request, str(object_id))
        if site is None:
            raise Http404
        if not may(request, site):
            raise PermissionDenied
        return site

    def get_actions(self, request: HttpRequest) -> Any:
        """Return the actions; sites are deleted one by one, as each wants its domain typed."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @admin.action(description="Send a test hit to selected sites", permissions=["change"])
    def send_test_hits(self, request: HttpRequest, queryset: QuerySet[Site]) -> None:
        """Say of each site what became of a hit from this browser."""
        for site in queryset:
            verdict = send_trial(site, request)
            level = messages.SUCCESS if verdict == "stored" else messages.WARNING
            self.message_user(request, f"A test hit of {site.shown_domain}: {verdict}.", level)

    @admin.action(description="Erase a path, days or more of the selected site")
    def erase(self, request: HttpRequest, queryset: QuerySet[Site]) -> HttpResponse | None:
        """Lead to the form of erasures."""
        sites = list(queryset[:2])
        if len(sites) != 1:
            self.message_user(request, "Choose one site.", messages.ERROR)
            return None
        address = reverse("admin:archive_erasure_add")
        return HttpResponseRedirect(f"{address}?{urlencode({'site': sites[0].pk})}")

    @admin.action(description="Export settings of selected sites", permissions=["view"])
    def export_settings(self, request: HttpRequest, queryset: QuerySet[Site]) -> HttpResponse:
        """Send them as one file."""
        return download_settings(queryset)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Delete the site where its domain is typed; ask again where it is not."""
        site = self.get_object(request, object_id)
        typed = request.POST.get("typed", "")
        if request.method == "POST" and site is not None and not site.is_named(typed):
            self.message_user(
                request, f"Type {site.shown_domain} to delete it for good.", messages.ERROR
            )
            return HttpResponseRedirect(request.path)
        return super().delete_view(request, object_id, extra_context)

    def hits_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show a site's hits as they arrive; POST begins to watch them, or ends it."""
        is_change = request.method == "POST"
        may = self.has_change_permission if is_change else self.has_view_permission
        site = self._find(request, object_id, may)
        if is_change:
            return change_watch(request, site)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Hits of {site.shown_domain}",
            "can_watch": self.has_change_permission(request, site),
        }
        return show_hits(request, site, context)

    def check_page_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Fetch the site's page and say what its tag is like, back on the site's page."""
        site = self._find(request, object_id, self.has_change_permission)
        check = check_page(site)
        level = messages.SUCCESS if check.is_fine else messages.WARNING
        self.message_user(request, check.words, level)
        return HttpResponseRedirect(reverse("admin:sites_site_change", args=[site.pk]))

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

    def _activity(self, site: Site) -> Activity:
        activity: Activity = site.activity  # type: ignore[attr-defined]
        return activity


class KeptAdmin(admin.ModelAdmin[Any]):
    """What readers have kept with a site."""

    list_select_related = ("site", "created_by")
    list_filter = ("is_shared",)
    autocomplete_fields = ("site", "created_by")
    readonly_fields = ("created_at",)


@admin.register(Segment)
class SegmentAdmin(KeptAdmin):
    """Saved filters; they are made on report pages."""

    list_display = ("name", "site", "is_shared", "created_by")
    search_fields = ("name", "site__domain")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A page's filters are saved there; nobody types them."""
        return False


@admin.register(Annotation)
class AnnotationAdmin(KeptAdmin):
    """Notes on days."""

    list_display = ("happened_on", "text", "site", "is_shared", "created_by")
    search_fields = ("text", "site__domain")
    date_hierarchy = "happened_on"


@admin.register(Goal)
class GoalAdmin(admin.ModelAdmin[Goal]):
    """What sites want; each is also made and removed on its site's pages."""

    list_display = ("name", "site", "kind", "page", "event", "scroll_depth")
    list_filter = ("kind",)
    list_select_related = ("site",)
    search_fields = ("name", "site__domain", "page", "event")
    autocomplete_fields = ("site",)


@admin.register(ShownProperty)
class ShownPropertyAdmin(admin.ModelAdmin[ShownProperty]):
    """Properties whose values sites show; each is also chosen on its site's pages."""

    list_display = ("name", "site")
    list_select_related = ("site",)
    search_fields = ("name", "site__domain")
    autocomplete_fields = ("site",)


@admin.register(ShareLink)
class ShareLinkAdmin(admin.ModelAdmin[ShareLink]):
    """Links that show reports: made on a site's pages, where their addresses are; ended here."""

    list_display = ("name", "site", "created_by", "expires_at", "last_used_on", "revoked_at")
    list_select_related = ("site", "created_by")
    search_fields = ("name", "site__domain")
    readonly_fields = fields = (
        "name",
        "site",
        "pages",
        "segment",
        "may_be_embedded",
        "created_by",
        "created_at",
        "expires_at",
        "last_used_on",
        "revoked_at",
    )
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A link is made where its address can be copied."""
        return False

    @admin.action(description="Revoke selected links", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ShareLink]) -> None:
        """End the links at once, and keep their rows as a record."""
        revoked = list(queryset.filter(revoked_at=None))
        queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        note_each_changed(request.user, revoked, "Revoked.")
        self.message_user(request, f"Links revoked: {len(revoked)}.", messages.SUCCESS)
