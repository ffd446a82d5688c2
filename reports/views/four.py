"""The four reports, a page each, with their breakdowns: what differs between them is a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import Http404
from django.utils.functional import cached_property
from django.utils.translation import gettext_noop as _

from reports.dimensions import (
    BROWSER,
    CHANNEL,
    COUNTRY,
    DEVICE,
    DIMENSIONS,
    ENTRY_PAGE,
    EVENT,
    EXIT_PAGE,
    HOSTNAME,
    LANGUAGE,
    OPERATING_SYSTEM,
    PAGE,
    REFERRER,
    SCREEN,
    SOURCE,
    TITLE,
    Dimension,
)
from reports.filters import OWN_EVENTS, Condition, Filter, Operator
from reports.forms import BreakdownForm
from reports.metrics import (
    BOUNCE_RATE,
    ENGAGEMENT_RATE,
    EVENTS,
    PAGEVIEWS,
    SCROLL_DEPTH,
    TIME_ON_PAGE,
    VIEWS_PER_VISIT,
    VISIT_DURATION,
    VISITORS,
    VISITS,
    Metric,
    Unit,
)
from reports.page_filters import make_conditions
from reports.queries import Order
from reports.tables import Table
from reports.views.base import ReportView


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One of the four reports.

    `headline` are its figures, the first of which the chart shows; `breakdowns` its dimensions with
    the columns of each table.
    """

    name: str
    title: str
    about: str
    headline: tuple[Metric, ...]
    breakdowns: dict[Dimension, tuple[Metric, ...]]


_UTM: Final = tuple(
    DIMENSIONS[name]
    for name in ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
)
_WITHIN_COUNTRIES: Final = (DIMENSIONS["region"], DIMENSIONS["city"])
_VERSIONS: Final = (DIMENSIONS["browser_version"], DIMENSIONS["operating_system_version"])


def _each(
    dimensions: tuple[Dimension, ...], *metrics: Metric
) -> dict[Dimension, tuple[Metric, ...]]:
    return dict.fromkeys(dimensions, metrics)


REPORTS: Final[dict[str, Report]] = {
    report.name: report
    for report in (
        Report(
            name="pageviews",
            title=_("Pageviews"),
            about=_("Every view of a page, repeated views included."),
            headline=(PAGEVIEWS, VIEWS_PER_VISIT, VISITS, EVENTS),
            breakdowns={
                **_each((PAGE, HOSTNAME), PAGEVIEWS, VISITORS, TIME_ON_PAGE),
                TITLE: (PAGEVIEWS, VISITORS),
                **_each((SOURCE, COUNTRY, DEVICE), PAGEVIEWS, VISITORS, VIEWS_PER_VISIT),
            },
        ),
        Report(
            name="visitors",
            title=_("Unique Visitors"),
            about=_(
                "People, told apart without a cookie. Somebody who comes on three days counts "
                "three times, since visitors are forgotten after each day."
            ),
            headline=(VISITORS, VISITS, PAGEVIEWS, VIEWS_PER_VISIT),
            breakdowns=_each(
                (
                    SOURCE,
                    CHANNEL,
                    REFERRER,
                    *_UTM,
                    COUNTRY,
                    *_WITHIN_COUNTRIES,
                    LANGUAGE,
                    BROWSER,
                    OPERATING_SYSTEM,
                    DEVICE,
                    SCREEN,
                    *_VERSIONS,
                ),
                VISITORS,
                VISITS,
                BOUNCE_RATE,
            ),
        ),
        Report(
            name="bounce-rates",
            title=_("Bounce Rates"),
            about=_("Visits of one pageview and no interactive event, as a share of all visits."),
            headline=(BOUNCE_RATE, VISITS, VIEWS_PER_VISIT, VISIT_DURATION),
            breakdowns=_each(
                (ENTRY_PAGE, SOURCE, CHANNEL, COUNTRY, DEVICE, BROWSER),
                BOUNCE_RATE,
                VISITS,
                VISIT_DURATION,
            ),
        ),
        Report(
            name="engagement",
            title=_("User Engagement"),
            about=_(
                "Visits that lasted ten seconds or had two pageviews, as a share of all visits; "
                "and how long and how far people read."
            ),
            headline=(ENGAGEMENT_RATE, VISITS, VISIT_DURATION, TIME_ON_PAGE, SCROLL_DEPTH),
            breakdowns={
                PAGE: (TIME_ON_PAGE, SCROLL_DEPTH, VISITORS),
                EVENT: (EVENTS, VISITORS),
                EXIT_PAGE: (VISITS, VISIT_DURATION),
                **_each(
                    (SOURCE, CHANNEL, COUNTRY, DEVICE), ENGAGEMENT_RATE, VISIT_DURATION, VISITS
                ),
            },
        ),
    )
}


class FourReportView(ReportView):
    """What the page of a report and the page of one of its breakdowns share."""

    @cached_property
    def report(self) -> Report:
        """The report that the address names. Raises Http404 for one that is none."""
        try:
            return REPORTS[self.kwargs["report"]]
        except KeyError:
            raise Http404("There is no such report.") from None

    @property
    def page_name(self) -> str:  # type: ignore[override]
        """The report's name marks its place in the navigation."""
        return self.report.name

    @property
    def zip_name(self) -> str:  # type: ignore[override]
        """A breakdown too is in its report's."""
        return self.report.name

    def breakdown(self, dimension: Dimension, **options: Any) -> Table:
        """Return the dimension's table with the report's columns."""
        metrics = self.report.breakdowns[dimension]
        return self.table(
            dimension,
            *metrics,
            whole=self.total(metrics[0], *self.filters_of(dimension)),
            filters=self.filters_of_rows(dimension),
            order_by=self.order_of(dimension),
            **options,
        )

    def filters_of(self, dimension: Dimension) -> tuple[Condition, ...]:
        """Return what the dimension's table asks of events besides the page's filters."""
        return (OWN_EVENTS,) if dimension is EVENT else ()

    def filters_of_rows(self, dimension: Dimension) -> tuple[Condition, ...]:
        """Return the same, and what leaves out rows of the whole that shares are of."""
        return self.filters_of(dimension)

    def order_of(self, dimension: Dimension) -> tuple[Order, ...]:
        """Return how the dimension's table is sorted.

        Rates and times are by how many visits or visitors they are of: the 100 % of a single visit
        says nothing.
        """
        metrics = self.report.breakdowns[dimension]
        return (Order(next(metric for metric in metrics if metric.unit is Unit.COUNT)),)


class FourReportPage(FourReportView):
    """Headline, chart, and the first rows of each breakdown."""

    template_name = "reports/report.html"

    def answers(self) -> dict[str, Any]:
        """Return headline, chart and tables."""
        changes = self.changes(*self.report.headline)
        return {
            "report": self.report,
            "changes": changes.values(),
            "charted": self.report.headline[0],
            "chart": self.chart(self.report.headline[0]),
            "tables": [
                (self.breakdown(dimension), self.report.name)
                for dimension in self.report.breakdowns
            ],
            "is_empty": not changes["visits"].now,
        }


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above a column: a link that sorts by it, and how it is sorted now."""

    label: str
    url: str
    #: In the words of ARIA; empty where the table is sorted by another column.
    order: str
    is_number: bool


class BreakdownPage(FourReportView):
    """Every value of one of a report's dimensions, a hundred to a page; searched and sorted."""

    template_name = "reports/breakdown.html"
    rows_per_page = 100
    compares = False
    search: str
    #: The column to sort by, and whether its greatest come first.
    sort: tuple[str, bool] | None

    @cached_property
    def dimension(self) -> Dimension:
        """The dimension that the address names. Raises Http404 for one the report has not."""
        dimension = DIMENSIONS.get(self.kwargs["dimension"])
        if dimension not in self.report.breakdowns:
            raise Http404("This report has no such breakdown.")
        return dimension

    @cached_property
    def columns(self) -> dict[str, Metric | Dimension]:
        """The table's columns by the names that `sort` knows them by."""
        columns: list[Metric | Dimension] = [self.dimension]
        columns += self.report.breakdowns[self.dimension]
        return {column.name: column for column in columns}

    def make_form(self, *args: Any, **kwargs: Any) -> BreakdownForm:
        """Return the form that also reads what is searched for, and the order."""
        return BreakdownForm(*args, columns=self.columns, **kwargs)

    def read(self, form: BreakdownForm) -> None:
        """Take what is searched for, and the order, too."""
        super().read(form)
        self.search = form.read_search()
        self.sort = form.read_sort()

    def answers(self) -> dict[str, Any]:
        """Return the table, and the pages before and after it."""
        offset = (self.page_number - 1) * self.rows_per_page
        table = self.breakdown(self.dimension, limit=self.rows_per_page, offset=offset)
        return {
            "report": self.report,
            "dimension": self.dimension,
            "table": table,
            "heads": [self._head(name) for name in self.columns],
            "search": self.search,
            "order": self._order,
            "list_query": self._query(self._order),
            "page_number": self.page_number,
            "first_row": offset + 1,
            "last_row": offset + len(table.rows),
            "has_more": offset + len(table.rows) < table.total_rows,
        }

    def filters_of_rows(self, dimension: Dimension) -> tuple[Condition, ...]:
        """Return what the table asks of events, what is searched for among it."""
        searched = Filter(
            dimension, (self.search,), operator=Operator.CONTAINS, case_sensitive=False
        )
        conditions = make_conditions([searched] if self.search else [])
        return (*super().filters_of_rows(dimension), *conditions)

    def order_of(self, dimension: Dimension) -> tuple[Order, ...]:
        """Return the order that is asked for, else that of the report."""
        if self.sort is None:
            return super().order_of(dimension)
        name, descending = self.sort
        return (Order(self.columns[name], descending),)

    @property
    def _order(self) -> str:
        """The order as the address has it; empty where it has none."""
        return f"{'-' * self.sort[1]}{self.sort[0]}" if self.sort else ""

    def _query(self, order: str) -> str:
        return self.links.query_with({"q": self.search, "sort": order})

    def _head(self, name: str) -> Head:
        """Return the head of a column; a second click turns the order round."""
        column = self.columns[name]
        is_number = isinstance(column, Metric)
        is_sorted = self.sort is not None and self.sort[0] == name
        descending = not self.sort[1] if self.sort and is_sorted else is_number
        return Head(
            label=column.column_title if isinstance(column, Metric) else column.title,
            url=f"?{self._query('-' * descending + name)}",
            order=("ascending" if descending else "descending") if is_sorted else "",
            is_number=is_number,
        )
