"""A site's overview: the four reports at a glance, one chart, and where, what and with what."""

from __future__ import annotations

from typing import Any

from reports.dimensions import (
    BROWSER,
    COUNTRY,
    DEVICE,
    ENTRY_PAGE,
    EVENT,
    OPERATING_SYSTEM,
    PAGE,
    SOURCE,
)
from reports.filters import Filter
from reports.metrics import (
    BOUNCE_RATE,
    ENGAGEMENT_RATE,
    EVENTS,
    PAGEVIEWS,
    VIEWS_PER_VISIT,
    VISIT_DURATION,
    VISITORS,
    VISITS,
    Metric,
)
from reports.views.base import ReportView
from visits.joining import ENGAGEMENT, PAGEVIEW

#: Figures of the headline, each of which can be put into the chart.
HEADLINE: tuple[Metric, ...] = (
    VISITORS,
    VISITS,
    PAGEVIEWS,
    VIEWS_PER_VISIT,
    BOUNCE_RATE,
    ENGAGEMENT_RATE,
    VISIT_DURATION,
)

#: Custom events alone.
OWN_EVENTS = Filter(EVENT, (PAGEVIEW, ENGAGEMENT), negated=True)


class OverviewView(ReportView):
    """Everything on one page."""

    template_name = "reports/overview.html"
    page_name = "overview"

    def answers(self) -> dict[str, Any]:
        """Return the headline, the chart and the tables."""
        charted = self.chosen_metric or VISITORS
        changes = self.changes(*HEADLINE)
        visitors, pageviews = changes["visitors"].now, changes["pageviews"].now
        own_events = self.total(EVENTS, OWN_EVENTS)
        events = self.table(EVENT, EVENTS, VISITORS, whole=own_events, filters=(OWN_EVENTS,))
        return {
            "changes": changes.values(),
            "chart": self.chart(charted),
            "charted": charted,
            "tables": [
                (self.table(SOURCE, VISITORS, whole=visitors), "visitors"),
                (self.table(PAGE, PAGEVIEWS, VISITORS, whole=pageviews), "pageviews"),
                (self.table(COUNTRY, VISITORS, whole=visitors), "visitors"),
                (self.table(ENTRY_PAGE, VISITORS, BOUNCE_RATE, whole=visitors), "bounce-rates"),
                (self.table(BROWSER, VISITORS, whole=visitors), "visitors"),
                (self.table(OPERATING_SYSTEM, VISITORS, whole=visitors), "visitors"),
                (self.table(DEVICE, VISITORS, whole=visitors), "visitors"),
                (events, "engagement"),
            ],
            "is_empty": not changes["visitors"].now,
        }
