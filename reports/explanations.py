"""What a figure means and what it is made of, for a reader who asks where a number comes from.

The sentences say in short what docs/metrics.md says in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext_noop as _

from reports import components, metrics
from reports.components import Component
from reports.metrics import Metric, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A figure's meaning in a sentence or two, and how it is worked out of its parts.

    `parts` are figures too, to be asked with it; a count has none, as it is made of nothing else.
    """

    metric: Metric
    #: In English, as the formula.
    meaning: str
    formula: str = ""
    parts: tuple[Metric, ...] = ()


def _part(
    component: Component, label: str, unit: Unit = Unit.COUNT, expression: str = ""
) -> Metric:
    """Return the figure that is nothing but a component."""
    return Metric(
        name=f"part_{component.name}",
        label=label,
        unit=unit,
        components=(component,),
        expression=expression or component.name,
    )


_VISITS: Final = _part(components.VISITS, _("Visits"))
_PAGEVIEWS: Final = _part(components.PAGEVIEWS, _("Pageviews"))

EXPLANATIONS: Final[dict[str, Explanation]] = {
    each.metric.name: each
    for each in (
        Explanation(
            metric=metrics.VISITORS,
            meaning=_(
                "Different people with an event, told apart without a cookie by a hash that"
                " is made anew each day. Somebody who comes on three days counts three times."
            ),
        ),
        Explanation(
            metric=metrics.VISITS,
            meaning=_(
                "A visitor's events with no gap of more than 30 minutes are one visit. It goes"
                " on across midnight, and counts once in days that hold both its ends."
            ),
        ),
        Explanation(
            metric=metrics.PAGEVIEWS,
            meaning=_("Every view of a page, repeated views of the same page included."),
        ),
        Explanation(
            metric=metrics.EVENTS,
            meaning=_("Pageviews and the site's own events. How long somebody read is no event."),
        ),
        Explanation(
            metric=metrics.VIEWS_PER_VISIT,
            meaning=_("How many pages a visit saw, on average."),
            formula=_("pageviews ÷ visits"),
            parts=(_PAGEVIEWS, _VISITS),
        ),
        Explanation(
            metric=metrics.BOUNCE_RATE,
            meaning=_(
                "The share of visits with one pageview and no interactive event of the site's own."
            ),
            formula=_("bounces ÷ visits"),
            parts=(_part(components.BOUNCES, _("Bounces")), _VISITS),
        ),
        Explanation(
            metric=metrics.VISIT_DURATION,
            meaning=_(
                "From a visit's first event to its last, on average. A visit of one event"
                " lasts no time, and is counted."
            ),
            formula=_("time of all visits ÷ visits"),
            parts=(
                _part(
                    components.DURATION_US,
                    _("Time of all visits"),
                    Unit.SECONDS,
                    "duration_us / 1e6",
                ),
                _VISITS,
            ),
        ),
        Explanation(
            metric=metrics.ENGAGEMENT_RATE,
            meaning=_("The share of visits that lasted ten seconds or more, or had two pageviews."),
            formula=_("engaged visits ÷ visits"),
            parts=(_part(components.ENGAGED_VISITS, _("Engaged visits")), _VISITS),
        ),
        Explanation(
            metric=metrics.TIME_ON_PAGE,
            meaning=_(
                "How long a page was in view, on average over the pages of visits that"
                " reported it. A page in a hidden tab is not in view."
            ),
            formula=_("time in view ÷ pages of visits with such time"),
            parts=(
                _part(
                    components.ENGAGEMENT_MS, _("Time in view"), Unit.SECONDS, "engagement_ms / 1e3"
                ),
                _part(components.STAYS, _("Pages of visits with such time")),
            ),
        ),
        Explanation(
            metric=metrics.SCROLL_DEPTH,
            meaning=_(
                "How far down a page people came, in percent of its height: the furthest of"
                " each visit and page, on average over those that reported it."
            ),
            formula=_("the depths' sum ÷ pages of visits with a depth"),
            parts=(_part(components.SCROLLED_STAYS, _("Pages of visits with a depth")),),
        ),
    )
}
