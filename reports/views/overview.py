"""A site's overview: the four reports at a glance, one chart, and where, what and with what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext

from reports.cards import CARDS, Card
from reports.dates import today_in
from reports.dimensions import COUNTRY, EVENT
from reports.exceptions import EventsDroppedError
from reports.filters import OWN_EVENTS
from reports.map import MOST_COUNTRIES, ROWS_BELOW_MAP, Place, mark_places
from reports.metrics import (
    BOUNCE_RATE,
    CONVERSION_RATE,
    ENGAGEMENT_RATE,
    EVENTS,
    PAGEVIEWS,
    VIEWS_PER_VISIT,
    VISIT_DURATION,
    VISITORS,
    VISITS,
    Metric,
)
from reports.models import Goal
from reports.page_links import Choice
from reports.queries import break_down
from reports.tables import Table
from reports.views.base import ROWS, ReportView
from reports.views.four import REPORTS
from reports.week import DAYS_OF_WEEK, Weekday, ask_of_week, draw_week
from reports.words import say

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

#: Columns of what visitors did besides looking: each event of the site's own.
GOAL_FIGURES: Final = (EVENTS, VISITORS, CONVERSION_RATE)

#: The report that has a dimension's every value, by the dimension.
_DETAILS: Final = {
    dimension: name
    for name in ("engagement", "bounce-rates", "pageviews", "visitors")
    for dimension in REPORTS[name].breakdowns
}


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card with the table that it shows, its tabs, and the report that has all of the rows."""

    name: str
    title: str
    table: Table
    tabs: list[Choice]
    report_name: str
    #: Countries on the map, where the table is of them.
    places: list[Place] = field(default_factory=list)


class OverviewView(ReportView):
    """Everything on one page."""

    template_name = "reports/overview.html"
    page_name = zip_name = "overview"

    def answers(self) -> dict[str, Any]:
        """Return the headline, the chart and the cards."""
        charted = self.chosen_metric or VISITORS
        changes = self.changes(*HEADLINE)
        visitors = changes["visitors"].now
        own_events = self.total(EVENTS, OWN_EVENTS)
        events = self.table(EVENT, *GOAL_FIGURES, whole=own_events, filters=(OWN_EVENTS,))
        return {
            "changes": changes.values(),
            "chart": self.chart(charted),
            "charted": charted,
            "cards": [
                *(self.card(card, visitors) for card in CARDS),
                ShownCard("events", gettext("Events"), events, [], _DETAILS[EVENT]),
            ],
            "week": self.week(),
            "is_empty": not visitors,
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add whether the site has goals: each is a question, asked when a reader gets there."""
        has_goals = Goal.objects.filter(site=self.site).exists()
        return super().get_context_data(has_goals=has_goals, **kwargs)

    def week(self) -> list[Weekday]:
        """Return the hours of a week; none for fewer days, or where their hours are not known."""
        days = self.period.range
        if days.days < DAYS_OF_WEEK:
            return []
        try:
            rows = break_down(self.warehouse, ask_of_week(self.question(VISITORS))).rows
        except EventsDroppedError:
            return []
        return draw_week(rows, days, today_in(days.zone, self.now), self.site.week_begins)

    def card(self, card: Card, visitors: float | None) -> ShownCard:
        """Return the card as the address and the filters have it; shares are of `visitors`."""
        chosen = card.choose(self.tabs.get(card.name, ""), self.filters)
        is_mapped = chosen is COUNTRY
        limit = MOST_COUNTRIES if is_mapped else ROWS
        table = self.table(chosen, *card.tables[chosen], whole=visitors, limit=limit)
        return ShownCard(
            name=card.name,
            title=say(card.title),
            table=table.first(ROWS_BELOW_MAP) if is_mapped else table,
            places=mark_places(table) if is_mapped else [],
            tabs=[
                Choice(
                    dimension.name,
                    dimension.title,
                    self.links.showing(card.name, dimension.name),
                    dimension is chosen,
                )
                for dimension in card.tabs(chosen)
            ],
            report_name=_DETAILS[chosen],
        )
