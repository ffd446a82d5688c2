"""The list of the sites that a person may see."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

from django.contrib.auth.mixins import LoginRequiredMixin
from django.utils import timezone
from django.utils.translation import gettext_noop as _
from django.views.generic import ListView

from reports.activity import Activity, last_24_hours
from reports.charts import draw_sparkline
from reports.metrics import VISITORS
from reports.queries import Change
from reports.words import say
from sites.models import Site
from sites.querysets import SiteQuerySet
from visits.ingestion.text import clean_text

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SiteCard:
    """A site with what happened on it in the last 24 hours."""

    site: Site
    activity: Activity

    @property
    def sparkline(self) -> str:
        """The path of a small line through the visitors of each hour."""
        return draw_sparkline(self.activity.visitors_by_hour)

    @property
    def change(self) -> Change:
        """The visitors beside those of the 24 hours before."""
        return Change(VISITORS, self.activity.visitors, self.activity.visitors_before)


#: What cards are sorted by, the greatest first; without one of these they are in order of names.
_ORDERS: Final[dict[str, Callable[[SiteCard], Any]]] = {
    "visitors": lambda card: card.activity.visitors,
    "change": lambda card: card.activity.visitors - card.activity.visitors_before,
    "last_hit": lambda card: card.activity.last_hit_at or _NEVER,
}
_NAMES: Final = {
    "name": _("Name"),
    "visitors": _("Visitors"),
    "change": _("Change"),
    "last_hit": _("Last hit"),
}


class SiteListView(LoginRequiredMixin, ListView[Any]):
    """Every site of the reader's, with the visitors of its last 24 hours."""

    template_name = "reports/site_list.html"
    context_object_name = "cards"
    paginate_by = 60

    @property
    def search(self) -> str:
        """What the reader searches for, without what no domain or name can hold, such as NUL."""
        return clean_text(self.request.GET.get("q", ""))

    @property
    def sort(self) -> str:
        """What the cards are sorted by; by name where the address says nothing that is known."""
        asked = self.request.GET.get("sort", "")
        return asked if asked in _ORDERS else "name"

    def get_queryset(self) -> SiteQuerySet:
        """Return the reader's sites in use; of all, those whose domain or name holds the search."""
        sites = Site.objects.visible_to(self.request.user)
        return sites.matching(self.search) if self.search else sites.in_use()

    def paginate_queryset(self, queryset: Any, page_size: int) -> Any:
        """Return a page of cards. By activity all sites have to be looked at to sort some."""
        if self.sort == "name":
            paginator, page, sites, has_others = super().paginate_queryset(queryset, page_size)
            return paginator, page, make_cards(cast(SiteQuerySet, sites)), has_others
        cards = sorted(make_cards(queryset), key=_ORDERS[self.sort], reverse=True)
        return super().paginate_queryset(cards, page_size)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the search, and the orders to choose from."""
        return super().get_context_data(
            search=self.search,
            sort=self.sort,
            orders=[(name, say(label), name == self.sort) for name, label in _NAMES.items()],
            **kwargs,
        )


def make_cards(sites: Iterable[Site]) -> list[SiteCard]:
    """Return the sites' cards in their order; a few statements for all of them."""
    sites = list(sites)
    activities = last_24_hours(sites, timezone.now())
    return [SiteCard(site, activities[site.pk]) for site in sites]
