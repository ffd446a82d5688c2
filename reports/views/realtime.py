"""What happens on a site at this moment: the last half hour, minute by minute."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

from reports.charts import draw_chart
from reports.dates import DateRange, Interval
from reports.dimensions import COUNTRY, EVENT, PAGE, SOURCE
from reports.filters import OWN_EVENTS
from reports.metrics import EVENTS, PAGEVIEWS, VISITORS, Metric
from reports.queries import ReportQuery, chart
from reports.views.base import ReportView

#: How far back the page looks.
SPAN: Final = timedelta(minutes=30)
#: How often a page that is looked at asks again.
REFRESH_SECONDS: Final = 10


class RealtimeView(ReportView):
    """The last half hour, filtered as the address says; its days are those of other pages."""

    template_name = "reports/realtime.html"
    page_name = "realtime"
    earlier = None  # half an hour is compared with nothing

    @cached_property
    def half_hour(self) -> DateRange:
        """The last thirty minutes, that which is going on among them, to this instant."""
        since = self.now.replace(second=0, microsecond=0) - SPAN + timedelta(minutes=1)
        return DateRange.between(since, self.now + timedelta(microseconds=1), self.site.zone)

    @property
    def is_daily_only(self) -> bool:
        """Of the last half hour there are events."""
        return False

    def question(self, *metrics: Metric) -> ReportQuery:
        """Return the question after these metrics in the last half hour."""
        return replace(super().question(*metrics), range=self.half_hour)

    def answers(self) -> dict[str, Any]:
        """Return visitors and pageviews, by the minute, and what was looked at."""
        changes = self.changes(VISITORS, PAGEVIEWS, EVENTS)
        minutes = chart(self.warehouse, self.question(PAGEVIEWS), Interval.MINUTE)
        visitors, pageviews = changes["visitors"].now, changes["pageviews"].now
        own_events = self.total(EVENTS, OWN_EVENTS)
        events = self.table(EVENT, EVENTS, VISITORS, whole=own_events, filters=(OWN_EVENTS,))
        return {
            "changes": changes.values(),
            "chart": draw_chart(PAGEVIEWS, minutes, [], Interval.MINUTE, self.now),
            "refresh_seconds": REFRESH_SECONDS,
            "tables": [
                (self.table(PAGE, PAGEVIEWS, VISITORS, whole=pageviews), "pageviews"),
                (self.table(SOURCE, VISITORS, whole=visitors), "visitors"),
                (self.table(COUNTRY, VISITORS, whole=visitors), "visitors"),
                (events, "engagement"),
            ],
        }
