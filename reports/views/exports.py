"""Files of what report pages show, for their days and filters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import IO, Any, Final
from zipfile import ZIP_DEFLATED, ZipFile

from django.conf import settings
from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils.functional import cached_property
from django.utils.http import content_disposition_header

from reports.access import Need
from reports.dimensions import Dimension
from reports.exceptions import EventsDroppedError
from reports.exports.making import Made, make_csv, make_parquet
from reports.exports.sending import (
    CSV,
    PARQUET,
    ZIP,
    Download,
    Parts,
    name_file,
    open_draft,
    places,
)
from reports.exports.sheets import write_chart, write_headline, write_list
from reports.metrics import Metric
from reports.queries import ReportQuery, chart
from reports.views.base import ReportView
from reports.views.four import REPORTS, BreakdownPage, FourReportView, Report
from reports.views.overview import HEADLINE


def _every_list() -> dict[Dimension, tuple[Metric, ...]]:
    """Each dimension of the four reports, with the columns that it has in any of them."""
    columns: dict[Dimension, dict[Metric, None]] = {}
    for name in ("visitors", "pageviews", "bounce-rates", "engagement"):
        for dimension, metrics in REPORTS[name].breakdowns.items():
            columns.setdefault(dimension, {}).update(dict.fromkeys(metrics))
    return {dimension: tuple(metrics) for dimension, metrics in columns.items()}


#: What the overview's zip has.
OVERVIEW: Final = Report(
    name="overview",
    title="Overview",
    about="Everything on one page.",
    headline=HEADLINE,
    breakdowns=_every_list(),
)


class SheetsView(FourReportView):
    """Lists with every row, as CSV."""

    http_method_names = ["get", "options"]

    @property
    def seconds(self) -> float:
        """How long all questions together may take."""
        return float(settings.EXPORT_SECONDS)

    def list_question(self, dimension: Dimension) -> ReportQuery:
        """Return the question after all values of the dimension, as the report's table has them."""
        return replace(
            self.question(*self.report.breakdowns[dimension]),
            dimensions=(dimension,),
            filters=(*self.conditions, *self.filters_of_rows(dimension)),
            order_by=self.order_of(dimension),
        )

    def rows(self, dimension: Dimension) -> Iterator[tuple[Any, ...]]:
        """Return the list's rows as they come. Raises ReportLimitError, at once or later."""
        return chain.from_iterable(self.warehouse.stream(self.list_question(dimension)))

    def download(self, file: IO[bytes], what: str, ending: str, content_type: str) -> Download:
        """Return the file under a name that tells site, days and what it is."""
        return Download(file, name_file(self.site, what, self.period.range, ending), content_type)


class ListExport(SheetsView, BreakdownPage):
    """One list of a report."""

    def respond(self) -> HttpResponseBase:
        """Return the file. Raises ReportLimitError."""
        dimension = self.dimension
        with open_draft() as file:
            rows = self.rows(dimension)
            write_list(file, dimension, self.report.breakdowns[dimension], rows)
        return self.download(file, dimension.name, "csv", CSV)


class PageExport(SheetsView):
    """A zip of all lists of a report or of the overview, with the headline and the chart."""

    @cached_property
    def report(self) -> Report:
        """The report that the address names. Raises Http404 for one that is none."""
        return OVERVIEW if self.kwargs["report"] == OVERVIEW.name else super().report

    def answers(self) -> dict[str, Any]:
        """Return the headline and the figures over time."""
        question = self.question(*self.report.headline)
        return {
            "changes": self.changes(*self.report.headline).values(),
            "points": chart(self.warehouse, question, self.period.interval),
        }

    def respond(self) -> HttpResponseBase:
        """Return the file. Raises ReportLimitError."""
        lists = [self.list_question(dimension) for dimension in self.report.breakdowns]
        with (
            open_draft() as file,
            self.warehouse.expecting(*self.rehearse(), *lists),
            ZipFile(file, "w", ZIP_DEFLATED) as folder,
        ):
            answers = self.answers()
            with folder.open("headline.csv", "w") as entry:
                write_headline(entry, answers["changes"])
            with folder.open("over_time.csv", "w") as entry:
                points, interval = answers["points"], self.period.interval
                write_chart(entry, self.report.headline, points, interval)
            self._write_lists(folder)
        return self.download(file, self.report.name, "zip", ZIP)

    def _write_lists(self, folder: ZipFile) -> None:
        """Write each list as a file of its own, and which of them cannot be told."""
        missing = []
        for dimension, metrics in self.report.breakdowns.items():
            try:
                rows = self.rows(dimension)
            except EventsDroppedError as error:
                missing.append(f"{dimension.name}: {error}\n")
                continue
            with folder.open(f"{dimension.name}.csv", "w", force_zip64=True) as entry:
                write_list(entry, dimension, metrics, rows)
        if missing:
            folder.writestr("not_kept.txt", "".join(missing))


class EventsExport(ReportView):
    """The events of the page's days that meet its filters, with what is known of their visits."""

    http_method_names = ["get", "options"]
    needs = Need.EXPORT_EVENTS
    ending: str
    content_type: str

    @property
    def seconds(self) -> float:
        """How long the making of a file may take."""
        return float(settings.EXPORT_SECONDS)

    def make(self, query: ReportQuery) -> Made:
        """Return the query's events as files. Raises ReportLimitError."""
        raise NotImplementedError

    def respond(self) -> HttpResponseBase:
        """Return the first of the files while the others are made. Raises ReportLimitError."""
        query = replace(self.question(), range=self.kept_days())
        give_back = places.take()
        try:
            made = self.make(query)
        except BaseException:
            give_back()
            raise
        response = StreamingHttpResponse(Parts(made, give_back), content_type=self.content_type)
        name = name_file(self.site, "events", query.range, self.ending)
        response["Content-Disposition"] = content_disposition_header(True, name)
        if made.size is not None:
            response["Content-Length"] = str(made.size)
        return response


class CsvEventsExport(EventsExport):
    """Events as CSV, in order of time."""

    ending, content_type = "csv", CSV

    def make(self, query: ReportQuery) -> Made:
        """Return the query's events as files. Raises ReportLimitError."""
        return make_csv(query, self.seconds)


class ParquetEventsExport(EventsExport):
    """Events as Parquet."""

    ending, content_type = "parquet", PARQUET

    def make(self, query: ReportQuery) -> Made:
        """Return the query's events as one file. Raises ReportLimitError."""
        return make_parquet(query, self.seconds)
