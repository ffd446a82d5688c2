"""Lists and figures as files of CSV, for spreadsheets and for programs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import IO, Any, Final

from reports.dates import Interval
from reports.dimensions import COUNTRY, Dimension
from reports.exports.formulas import disarm
from reports.metrics import Metric, Money, Unit
from reports.queries import Change, Point
from visits.ingestion.places import country_names

#: With a byte order mark: without it Excel reads no letter beyond ASCII right.
ENCODING: Final = "utf-8-sig"

WriteRow = Callable[[Iterable[Any]], Any]

_SUFFIXES: Final = {Unit.SECONDS: "_seconds", Unit.PERCENT: "_percent"}


def heading(metric: Metric) -> str:
    """Return the metric's name as the stats API has it, with the unit where it tells none."""
    return metric.name + _SUFFIXES.get(metric.unit, "")


@contextmanager
def open_sheet(file: IO[bytes], headings: Iterable[str]) -> Iterator[WriteRow]:
    """Give what writes a row of values to the file, which stays open; the headings are written."""
    text = TextIOWrapper(file, encoding=ENCODING, newline="")
    writer = csv.writer(text)
    writer.writerow(headings)
    yield lambda values: writer.writerow(map(_cell, values))
    text.detach()


def write_list(
    file: IO[bytes],
    dimension: Dimension,
    metrics: Sequence[Metric],
    rows: Iterable[tuple[Any, ...]],
) -> None:
    """Write the dimension's values, as they are stored, with their figures.

    `rows` are as a warehouse answers them. Countries, which are codes, have their names beside.
    """
    names = country_names() if dimension is COUNTRY else None
    named = ["country_name"] if names is not None else []
    with open_sheet(file, [dimension.name, *named, *map(heading, metrics)]) as write:
        for value, *figures in rows:
            name = [] if names is None else [names.get(value, "")]
            write([value, *name, *figures[: len(metrics)]])


def write_headline(file: IO[bytes], changes: Iterable[Change]) -> None:
    """Write each figure and what it was in the earlier range."""
    with open_sheet(file, ["figure", "now", "before"]) as write:
        for change in changes:
            write([heading(change.metric), change.now, change.before])


def write_chart(
    file: IO[bytes], metrics: Sequence[Metric], points: Iterable[Point], interval: Interval
) -> None:
    """Write the figures of each bucket of time, by its first day, or by the time it begins."""
    with open_sheet(file, [interval.value, *map(heading, metrics)]) as write:
        for point in points:
            begins = point.bucket.starts_at
            begins_at = begins if interval is Interval.HOUR else begins.date()
            write([begins_at.isoformat(), *(point.figures[metric.name] for metric in metrics)])


def _cell(value: Any) -> Any:
    """Texts may be formulas; numbers are none, also those below 0. None is an empty cell."""
    if isinstance(value, Money):
        return f"{value.amount} {value.currency}"
    return disarm(value) if isinstance(value, str) else value
