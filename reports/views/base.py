"""What every page of a site has: who may see it, which days it shows, and the warehouse it asks."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.mixins import AccessMixin
from django.forms import BaseForm, Form
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import render
from django.utils import timezone
from django.views.generic import TemplateView

from reports.access import Access, Need, find_access, link_of
from reports.activity import count_current_visitors, find_first_hit
from reports.charts import Chart, draw_chart
from reports.comparison import Comparison
from reports.dates import DateRange, today_in
from reports.dimensions import DIMENSIONS, Dimension
from reports.exceptions import EventsDroppedError, ReportLimitError
from reports.filters import Condition, Filter
from reports.forms import ReportForm, ReportPeriod
from reports.metrics import VISITS, Metric
from reports.models import Annotation, Segment
from reports.page_filters import (
    RELATIONS,
    Chip,
    make_conditions,
    narrow,
    write_filters,
    write_query,
)
from reports.page_links import PageLinks
from reports.queries import (
    Breakdown,
    Change,
    Order,
    ReportQuery,
    break_down,
    chart,
    compare,
    summarise,
)
from reports.segments import ShownSegment, list_segments
from reports.tables import Table, make_table
from reports.visit_log import VisitLog
from reports.warehouse.base import Warehouse
from reports.warehouse.embedded import open_warehouse
from reports.warehouse.rehearsal import Rehearsal
from sites.domains import normalise_domain
from sites.models import Site
from sites.services import find_new_domain
from visits.tracker.snippet import tracking_snippet

logger = logging.getLogger(__name__)

#: Of a table on a card.
ROWS: Final = 9


class SiteView(AccessMixin, TemplateView):
    """A page about one site, for those who may see it; a site of others does not exist for you."""

    template_name: str
    #: What a reader has to be allowed for the page to be there at all.
    needs: Need = Need.READ
    #: Which of the site's pages this is, for the navigation.
    page_name = ""

    @cached_property
    def now(self) -> datetime:
        """The instant of the request, read once."""
        return timezone.now()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer whom the page is for; ask all others to sign in, or, where they have, say 404."""
        if self._found is None and (moved := self._moved_to()):
            return HttpResponseRedirect(moved)
        if self._found is None or not self._found.allows(self.needs, self.shown_page):
            if request.user.is_authenticated or link_of(request) is not None:
                raise Http404("There is no such page.")
            return self.handle_no_permission()
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def _found(self) -> Access | None:
        return find_access(self.request, normalise_domain(self.kwargs["domain"]))

    def _moved_to(self) -> str | None:
        """The page's address by its site's new domain, for a while, for who may see that."""
        before = normalise_domain(self.kwargs["domain"])
        domain = find_new_domain(before, self.now)
        if domain is None or self.request.method != "GET":
            return None
        if find_access(self.request, domain) is None:
            return None
        parts = self.request.get_full_path().split("/")
        parts[2 if link_of(self.request) is None else 3] = domain  # after /reports, /share/token
        return "/".join(parts)

    @property
    def access(self) -> Access:
        """What the reader may do with the site."""
        assert self._found is not None, "dispatch comes first"  # noqa: S101 -- see above
        return self._found

    @property
    def site(self) -> Site:
        """The site that the address names."""
        return self.access.site

    @property
    def shown_page(self) -> str:
        """Which of the pages that a link may be limited to this is, or belongs to."""
        return self.kwargs.get("report") or self.page_name or "overview"

    @cached_property
    def first_hit_at(self) -> datetime | None:
        """When the site's first event happened; None before there is one."""
        return find_first_hit(self.site)

    @property
    def current_visitors(self) -> int | None:
        """How many people are on the site now; None for who sees a part of it alone."""
        if self.access.filters or "realtime" not in self.access.pages:
            return None
        return count_current_visitors(self.site, self.now)

    def refuse(self, form: Form) -> HttpResponse:
        """Return the page that says what is wrong with the address."""
        context = {"site": self.site, "form": form}
        return render(self.request, "reports/wrong_address.html", context, status=400)

    def refuse_to_keep(self, form: BaseForm, page: str) -> HttpResponse:
        """Return the page that says what is wrong with what was sent, and leads back to `page`."""
        context = {"site": self.site, "form": form, "page": page}
        return render(self.request, "reports/not_kept.html", context, status=400)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the site, and the snippet while nothing has arrived."""
        return super().get_context_data(
            site=self.site,
            access=self.access,
            page_name=self.page_name,
            now=self.now,
            first_hit_at=self.first_hit_at,
            current_visitors=self.current_visitors,
            snippet=tracking_snippet(self.request, self.site) if self.access.role else "",
            **kwargs,
        )


class ReportView(SiteView):
    """A page over some of a site's days, filtered, answered from one state of its data."""

    #: The name of the zip of its lists; empty where there is none.
    zip_name = ""
    #: Whether its figures stand beside earlier ones.
    compares = True
    period: ReportPeriod
    filters: tuple[Filter, ...]
    #: What the address says of the chart.
    asked_of_chart: dict[str, str]
    comparison: Comparison
    #: What the address says that cards show.
    tabs: dict[str, str]
    chosen_metric: Metric | None
    page_number: int
    warehouse: Warehouse
    visit_log: VisitLog

    def get(  # type: ignore[override]  # files are streamed
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Read the address, open the warehouse, render; an address that is wrong says how.

        One with a filter to add leads to the page that has it.
        """
        form = self.make_form(
            request.GET, zone=self.site.zone, now=self.now, first_hit_at=self.first_hit_at
        )
        if not form.is_valid():
            return self.refuse(form)
        self.read(form)
        if form.adds_filter:
            return HttpResponseRedirect(self.links.filtered(self.filters))
        try:
            with open_warehouse(self.site, self.seconds) as warehouse:
                self.warehouse, self.visit_log = warehouse, warehouse.visits()
                if self.is_daily_only:
                    self.period = self.period.by_days()
                return self.respond()
        except EventsDroppedError as error:
            context = {"site": self.site, "error": error, **self._filter_context()}
            return render(request, "reports/only_daily.html", context, status=410)
        except ReportLimitError as error:
            return self.give_up(error)

    def make_form(self, *args: Any, **kwargs: Any) -> ReportForm:
        """Return the form that reads the address."""
        return ReportForm(*args, **kwargs)

    def read(self, form: Any) -> None:
        """Take from a valid form of `make_form` what the address says."""
        self.period = form.read()
        self.filters = form.read_filters()
        self.asked_of_chart = form.read_chart()
        self.comparison = form.read_comparison()
        self.tabs = form.read_tabs()
        self.chosen_metric = form.read_metric()
        self.page_number = form.read_page_number()

    @property
    def seconds(self) -> float:
        """How long all questions together may take."""
        return float(settings.REPORT_SECONDS)

    def respond(self) -> HttpResponseBase:
        """Return the page, from the warehouse. Raises ReportLimitError."""
        self.warehouse.answer_ahead(*self.rehearse())
        return render(self.request, self.template_name, self.get_context_data())

    def answers(self) -> dict[str, Any]:
        """Return what the page shows of the answers to its questions, by the template's names.

        Which questions it asks depends on no answer. `is_empty`: there is nothing to show.
        """
        raise NotImplementedError

    def rehearse(self) -> list[ReportQuery]:
        """Return the questions that the page is going to ask."""
        warehouse = self.warehouse
        self.warehouse = rehearsal = Rehearsal(warehouse.kept_from)
        self.answers()
        self.warehouse = warehouse
        self._totals.clear()
        return rehearsal.questions

    @property
    def links(self) -> PageLinks:
        """Where the page leads: to itself with one thing changed."""
        return PageLinks(
            period=self.period,
            filters=self.filters,
            comparison=self.comparison,
            asked_of_chart=self.asked_of_chart,
            tabs=self.tabs,
            now=self.now,
        )

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """What the filters ask of events, and the reader's own limits; all questions have them."""
        return make_conditions((*self.access.filters, *self.filters))

    @property
    def is_daily_only(self) -> bool:
        """Whether the page has days of which daily figures are all that is kept."""
        kept_from = self.warehouse.kept_from
        return kept_from is not None and self.period.range.first_day < kept_from

    def kept_days(self) -> DateRange:
        """Return the page's days of which there are events. Raises EventsDroppedError for none."""
        days, kept_from = self.period.range, self.warehouse.kept_from
        if kept_from is None or days.first_day >= kept_from:
            return days
        if days.end_day <= kept_from:
            raise EventsDroppedError(kept_from)
        return replace(days, first_day=kept_from)

    def give_up(self, error: ReportLimitError) -> HttpResponse:
        """Return the page that says what was stopped, and what helps."""
        logger.warning("A report of %s was stopped: %s", self.site.domain, error)
        week = write_query(self.filters, {"period": "7d"})
        context = {"site": self.site, "error": error, "period": self.period, "week_query": week}
        response = render(self.request, "reports/too_much.html", context, status=503)
        # Django would log it as an error of the program.
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response

    @cached_property
    def earlier(self) -> DateRange | None:
        """The range that figures are compared with; None where the site was not yet measured.

        A period in which tracking began half way would make any figure look like growth.
        """
        earlier = self.comparison.before(self.period.range, self.now)
        first_hit_at = self.first_hit_at
        if earlier is None or first_hit_at is None:
            return None
        if today_in(self.site.zone, first_hit_at) > earlier.first_day:
            return None
        return earlier

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the answers, the period, its menu, the filters, and what links keep of both."""
        answers = self.answers()
        return super().get_context_data(
            period=self.period,
            kept_query=self.links.kept_query,
            zip_name=self.zip_name,
            export_query=write_query(self.filters, self.links.parameters),
            nothing_matches=answers.get("is_empty", False) and self._has_other_visits(),
            earlier=self.earlier,
            comparison=self.comparison if self.compares else None,
            interval_links=self.links.intervals(with_hours=not self.is_daily_only),
            kept_from=self.warehouse.kept_from if self.is_daily_only else None,
            segments=self.segments,
            annotations=self.removable_annotations,
            **answers,
            **self._filter_context(),
            **kwargs,
        )

    def question(self, *metrics: Metric) -> ReportQuery:
        """Return the question after these metrics on the page's days, as it is filtered."""
        return ReportQuery(
            site=self.site, range=self.period.range, metrics=metrics, filters=self.conditions
        )

    def total(self, metric: Metric, *filters: Condition) -> Any:
        """Return the metric over all that the filters leave, of which tables show shares.

        Asked once for a page, however many of its tables need it. None where it cannot be told.
        """
        asked = (metric, filters)
        if asked not in self._totals:
            question = replace(self.question(metric), filters=(*self.conditions, *filters))
            with suppress(EventsDroppedError):
                self._totals[asked] = summarise(self.warehouse, question)[metric.name]
        return self._totals.get(asked)

    @cached_property
    def _totals(self) -> dict[tuple[Metric, tuple[Condition, ...]], Any]:
        return {}

    def changes(self, *metrics: Metric) -> dict[str, Change]:
        """Return the metrics' headline figures beside the earlier ones, by metric name."""
        question = self.question(*metrics)
        try:
            return compare(self.warehouse, question, self.earlier)
        except EventsDroppedError:  # of the earlier ones, perhaps
            return compare(self.warehouse, question, None)

    def chart(self, metric: Metric) -> Chart:
        """Return the metric's chart, with the earlier range as its second line."""
        question = self.question(metric)
        interval = self.period.interval
        before = []
        if self.earlier is not None:
            # Drawn whole, also where figures are compared up to this time of day only.
            whole = replace(self.earlier, until=None)
            with suppress(EventsDroppedError):
                before = chart(self.warehouse, replace(question, range=whole), interval)
        points = chart(self.warehouse, question, interval)
        notes = [(note.happened_on, note.text) for note in self.annotations]
        return draw_chart(
            metric, points, before, interval, self.now, self.links.about_bucket, notes
        )

    @cached_property
    def annotations(self) -> list[Annotation]:
        """What the reader may see of what happened on the page's days."""
        days = self.period.range
        visible = Annotation.objects.visible_to(self.access.reader, self.site)
        return list(visible.filter(happened_on__range=(days.first_day, days.last_day)))

    def removable_annotations(self) -> list[tuple[Annotation, bool]]:
        """The annotations, and which the reader may remove; pages without a chart never ask."""
        return [(note, self.access.may_remove(note)) for note in self.annotations]

    @cached_property
    def segments(self) -> list[ShownSegment]:
        """The segments that the reader may choose; a link shows nobody's."""
        if self.access.link is not None:
            return []
        return list_segments(
            Segment.objects.visible_to(self.access.reader, self.site),
            self.filters,
            self.links.filtered,
            self.access.may_remove,
        )

    def table(
        self,
        dimension: Dimension,
        *metrics: Metric,
        whole: float | None,
        filters: tuple[Condition, ...] = (),
        order_by: tuple[Order, ...] = (),
        limit: int = ROWS,
        offset: int = 0,
    ) -> Table:
        """Return some of the dimension's values with these metrics; shares are of `whole`.

        Where that needs events which are not kept, the table has no rows and says so.
        """
        question = replace(
            self.question(*metrics),
            dimensions=(dimension,),
            filters=(*self.conditions, *filters),
            order_by=order_by,
            limit=limit,
            offset=offset,
        )
        try:
            breakdown: Breakdown = break_down(self.warehouse, question)
        except EventsDroppedError:
            return Table(dimension, metrics, [], 0, needs_events=True)
        return make_table(
            dimension,
            metrics,
            breakdown,
            whole,
            lambda value: self.links.filtered(narrow(self.filters, dimension, value)),
        )

    def _filter_context(self) -> dict[str, Any]:
        """The chips, what removes them, and what the form that adds one needs."""
        filters = self.filters
        others = {each: tuple(other for other in filters if other != each) for each in filters}
        return {
            "chips": [Chip(each, self.links.filtered(others[each])) for each in filters],
            "clear_url": self.links.filtered(()),
            "filter_texts": write_filters(filters),
            "filter_dimensions": DIMENSIONS.values(),
            "filter_relations": RELATIONS.items(),
            "links": self.links,
        }

    def _has_other_visits(self) -> bool:
        """Whether the days have visits that the filters leave out."""
        if not self.filters:
            return False
        with suppress(EventsDroppedError):
            own = make_conditions(self.access.filters)
            question = replace(self.question(VISITS), filters=own)
            return bool(summarise(self.warehouse, question)["visits"])
        return False
