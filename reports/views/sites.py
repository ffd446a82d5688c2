"""The list of the sites that a person may see."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.utils import timezone
from django.views.generic import ListView

from reports.activity import last_24_hours
from reports.charts import draw_sparkline
from sites.models import Site
from sites.querysets import SiteQuerySet
from visits.ingestion.text import clean_text


class SiteListView(LoginRequiredMixin, ListView[Site]):
    """Every site of the reader's, with the visitors of its last 24 hours."""

    template_name = "reports/site_list.html"
    paginate_by = 60

    @property
    def search(self) -> str:
        """What the reader searches for, without what no domain or name can hold, such as NUL."""
        return clean_text(self.request.GET.get("q", ""))

    def get_queryset(self) -> SiteQuerySet:
        """Return the reader's sites, those whose domain or name holds the search only."""
        sites = Site.objects.visible_to(self.request.user)
        return sites.matching(self.search) if self.search else sites

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add each site's activity beside it."""
        context = super().get_context_data(**kwargs)
        activities = last_24_hours(context["object_list"], timezone.now())
        context["cards"] = [
            (site, activities[site.pk], draw_sparkline(activities[site.pk].visitors_by_hour))
            for site in context["object_list"]
        ]
        context["search"] = self.search
        return context
