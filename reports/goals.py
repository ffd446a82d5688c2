"""Goals: which events reach one, and how many visitors and visits did.

Nothing of a goal is stored with events. Its condition is asked of them whenever a report is, so
that a goal made today, or changed, counts for all that is kept of the past.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from reports.dimensions import EVENT, PAGE, Dimension
from reports.filters import AllOf, Condition, Filter
from reports.metrics import CONVERSION_RATE, TOTAL_REVENUE, VISITORS, VISITS, Metric, Money
from reports.models import Goal
from reports.page_filters import make_conditions, read_filters, write_query
from reports.vocabulary import match_page
from sites.models import Site
from visits.joining import ENGAGEMENT, PAGEVIEW

if TYPE_CHECKING:
    from reports.queries import Figures

#: Goals of a site: each is a question of its own.
MOST_GOALS: Final = 30

#: What is asked of each: a visit that reaches it is a conversion.
METRICS: Final[tuple[Metric, ...]] = (VISITORS, VISITS, CONVERSION_RATE, TOTAL_REVENUE)

#: How far an engagement says that its page was scrolled, as text; empty for other events.
SCROLLED: Final = Dimension(
    name="scrolled", label="", expression="coalesce(scroll_depth::VARCHAR, '')"
)


@dataclass(frozen=True, slots=True)
class ReachedGoal:
    """A goal, with what came of it on a page's days; figures are None where they are not known."""

    goal: Goal
    visitors: int | None
    conversions: int | None
    conversion_rate: float | None
    revenue: Money | None
    #: The query of the page that is filtered to it; empty where filters cannot say it.
    query: str = ""


def make_condition(goal: Goal) -> Condition:
    """Return which events reach the goal.

    A page: its views. An event: those of its name whose properties meet the conditions. A scroll
    depth: engagements with the page that report it, or a greater one.
    """
    match goal.kind:
        case Goal.Kind.EVENT:
            conditions = make_conditions(read_filters(goal.conditions))
            return AllOf((Filter(EVENT, (goal.event,)), *conditions))
        case Goal.Kind.SCROLL:
            depths = tuple(str(depth) for depth in range(goal.scroll_depth or 0, 101))
            is_deep = Filter(SCROLLED, depths)
            return AllOf((Filter(EVENT, (ENGAGEMENT,)), match_page(goal.page), is_deep))
    return AllOf((Filter(EVENT, (PAGEVIEW,)), match_page(goal.page)))


def goal_conditions(site: Site) -> dict[str, Condition]:
    """Return what each of the site's goals asks of events, by its name; empty where it has none."""
    return {goal.name: make_condition(goal) for goal in Goal.objects.filter(site=site)}


def make_filters(goal: Goal) -> tuple[Filter, ...]:
    """Return filters that leave a page the events that reach the goal; none where none can."""
    match goal.kind:
        case Goal.Kind.EVENT:
            return (Filter(EVENT, (goal.event,)), *read_filters(goal.conditions))
        case Goal.Kind.PAGE:
            page = match_page(goal.page)
            return (Filter(EVENT, (PAGEVIEW,)), Filter(PAGE, page.values, operator=page.operator))
    return ()


def tell_reached(
    goal: Goal, figures: Figures | None, filters: Iterable[Filter], parameters: dict[str, str]
) -> ReachedGoal:
    """Return the goal with its figures: those of METRICS, None where they are not known.

    `filters` and `parameters` are those of the page that shows it.
    """
    own = make_filters(goal)
    query = write_query(dict.fromkeys((*filters, *own)), parameters) if own else ""
    if figures is None:
        return ReachedGoal(goal, None, None, None, None, query)
    conversions = figures[VISITS.name]
    return ReachedGoal(
        goal,
        figures[VISITORS.name],
        conversions,
        figures[CONVERSION_RATE.name],
        _value_of(goal, conversions or 0) or figures[TOTAL_REVENUE.name],
        query,
    )


def _value_of(goal: Goal, conversions: int) -> Money | None:
    if goal.value_amount is None:
        return None
    return Money(Decimal(goal.value_amount) * conversions, goal.value_currency)
