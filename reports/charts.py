"""A line chart as geometry: what a template draws as SVG, and the same figures as a table."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.utils.dateformat import format as format_date
from django.utils.translation import gettext, pgettext

from reports.dates import Bucket, Interval
from reports.formats import format_figure
from reports.metrics import Metric, Unit
from reports.queries import Point
from reports.words import write_day

#: The drawing's own units; a page stretches it to the room there is.
WIDTH: Final = 1000
HEIGHT: Final = 240

_SECOND_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


@dataclass(frozen=True, slots=True)
class Mark:
    """One bucket: its middle and left edge, its figure as drawn and as text, and the one before.

    `url` leads to the page about its days; empty where there is none closer.
    """

    x: float
    left: float
    width: float
    y: float | None
    label: str
    value: str
    before: str
    is_unfinished: bool
    url: str
    #: What happened on its days.
    notes: tuple[str, ...] = ()

    @property
    def bar(self) -> str:
        """The path of a bar as high as the figure; empty without one."""
        if self.y is None or self.y >= HEIGHT:
            return ""
        right = round(self.left + 0.9 * self.width, 2)
        return f"M{round(self.left + 0.1 * self.width, 2)} {HEIGHT}V{self.y}H{right}V{HEIGHT}Z"


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines, areas and labels of a metric over time."""

    metric: Metric
    marks: list[Mark]
    line: str
    unfinished_line: str
    area: str
    before_line: str
    levels: list[str]
    gridlines: list[float]
    labels: list[str]
    is_empty: bool

    @property
    def lone_marks(self) -> list[Mark]:
        """Marks that no line reaches, drawn as dots."""
        return [
            mark
            for place, mark in enumerate(self.marks)
            if mark.y is not None
            and all(
                neighbour.y is None
                for neighbour in self.marks[max(place - 1, 0) : place + 2]
                if neighbour is not mark
            )
        ]


def draw_chart(
    metric: Metric,
    points: Sequence[Point],
    before: Sequence[Point],
    interval: Interval,
    now: datetime,
    url_of: Callable[[Bucket], str] = lambda bucket: "",
    notes: Sequence[tuple[date, str]] = (),
) -> Chart:
    """Return the chart of a metric, with the earlier range's figures as a second line.

    `url_of` gives the address of the page about a bucket's days; `notes` are what happened on days,
    which the first bucket that has some of the day shows.
    Buckets that have not begun are left blank; the one that is going on is drawn apart, since it
    has not got all of its hits yet.
    """
    values = [_value(point, metric) if point.bucket.starts_at <= now else None for point in points]
    values_before = [_value(point, metric) for point in before[: len(points)]]
    values_before += [None] * (len(points) - len(values_before))
    top, levels = _scale(metric.unit, [*values, *values_before])
    width = WIDTH / max(len(points), 1)
    marks = []
    noted = _place_notes(points, notes)
    for place, (point, value, earlier) in enumerate(
        zip(points, values, values_before, strict=True)
    ):
        x = (place + 0.5) * width
        marks.append(
            Mark(
                x=round(x, 2),
                left=round(place * width, 2),
                width=round(width, 2),
                y=None if value is None else _height(value, top),
                label=format_bucket(point.bucket, interval),
                value=format_figure(value, metric.unit),
                before=format_figure(earlier, metric.unit),
                is_unfinished=point.bucket.starts_at <= now < point.bucket.ends_at,
                url=url_of(point.bucket) if point.bucket.starts_at <= now else "",
                notes=tuple(noted[place]),
            )
        )
    finished = [mark for mark in marks if not mark.is_unfinished]
    tail = [
        mark
        for place, mark in enumerate(marks)
        if mark.is_unfinished or (place + 1 < len(marks) and marks[place + 1].is_unfinished)
    ]
    return Chart(
        metric=metric,
        marks=marks,
        line=_path([(mark.x, mark.y) for mark in finished]),
        unfinished_line=_path([(mark.x, mark.y) for mark in tail]),
        area=_area(marks),
        before_line=_path(
            [
                (mark.x, None if earlier is None else _height(earlier, top))
                for mark, earlier in zip(marks, values_before, strict=True)
            ]
        ),
        levels=[format_figure(level, metric.unit) for level in levels],
        gridlines=[_height(level, top) for level in levels],
        labels=_labels(points, interval),
        is_empty=not any(values),
    )


def draw_sparkline(counts: Sequence[int]) -> str:
    """Return the path of a small line over `counts`, in a drawing of 100 by 24."""
    top = max(*counts, 1)
    step = 100 / max(len(counts) - 1, 1)
    return _path([(round(i * step, 1), round(23 - 22 * n / top, 1)) for i, n in enumerate(counts)])


def format_bucket(bucket: Bucket, interval: Interval) -> str:
    """Return a bucket's name in full, such as "Mon 2 Mar 2026" or "Tue 3 Mar, 14:00"."""
    start = bucket.starts_at
    match interval:
        case Interval.MINUTE | Interval.HOUR:
            return format_date(start, pgettext("an hour of a day", "D j M, H:i"))
        case Interval.DAY:
            return format_date(start, pgettext("a day with its weekday", "D j M Y"))
        case Interval.WEEK:
            return gettext("Week of {day}").format(day=write_day(start))
        case Interval.MONTH:
            return format_date(start, "F Y")


def _place_notes(
    points: Sequence[Point], notes: Sequence[tuple[date, str]]
) -> dict[int, list[str]]:
    """Return the notes of each place; those of days that no bucket has are left out."""
    placed: dict[int, list[str]] = defaultdict(list)
    for day, text in notes:
        for place, point in enumerate(points):
            last = (point.bucket.ends_at - timedelta(microseconds=1)).date()
            if point.bucket.starts_at.date() <= day <= last:
                placed[place].append(text)
                break
    return placed


def _value(point: Point, metric: Metric) -> float | None:
    value = point.figures[metric.name]
    return None if value is None else float(value)


def _height(value: float, top: float) -> float:
    return round(HEIGHT - value / top * (HEIGHT - 6), 2)


def _scale(unit: Unit, values: Sequence[float | None]) -> tuple[float, list[float]]:
    """Return the value at the chart's top, and the levels to label: round ones, the top first."""
    greatest = max((value for value in values if value is not None), default=0)
    if unit is Unit.RATE:
        greatest = min(greatest, 1)
    if unit is Unit.SECONDS:
        step = next((step for step in _SECOND_STEPS if step * 4 >= greatest), 3600.0)
        step = max(step, math.ceil(greatest / 4 / 3600) * 3600 if greatest > 4 * 3600 else 0)
    else:
        lowest = {Unit.COUNT: 1.0, Unit.RATE: 0.05, Unit.RATIO: 0.5, Unit.PERCENT: 5.0}[unit]
        step = _round_step(greatest / 4, lowest)
    count = max(1, math.ceil(greatest / step - 1e-9))
    return step * count, [step * level for level in range(count, -1, -1)]


def _round_step(least: float, lowest: float) -> float:
    """Return the smallest of 1, 2, 2.5, 5 times a power of ten that is at least `least`."""
    if least <= lowest:
        return lowest
    power = 10.0 ** math.floor(math.log10(least))
    factors = (1, 2, 5, 10) if power == 1 else (1, 2, 2.5, 5, 10)
    return next(power * factor for factor in factors if power * factor >= least * (1 - 1e-9))


def _path(points: Sequence[tuple[float, float | None]]) -> str:
    """Return an SVG path through the points, broken where one is missing."""
    parts, pen_is_down = [], False
    for x, y in points:
        if y is None:
            pen_is_down = False
            continue
        parts.append(f"{'L' if pen_is_down else 'M'}{x:g} {y:g}")
        pen_is_down = True
    return "".join(parts)


def _area(marks: Sequence[Mark]) -> str:
    """Return the path of the area under the line, one piece for each unbroken run."""
    pieces: list[str] = []
    run: list[Mark] = []
    for mark in [*marks, None]:
        if mark is not None and mark.y is not None:
            run.append(mark)
            continue
        if len(run) > 1:
            path = _path([(point.x, point.y) for point in run])
            pieces.append(f"{path}L{run[-1].x:g} {HEIGHT}L{run[0].x:g} {HEIGHT}Z")
        run = []
    return "".join(pieces)


def _labels(points: Sequence[Point], interval: Interval) -> list[str]:
    """Return up to seven short labels, evenly spread from the first bucket to the last."""
    count = min(7, len(points))
    if count < 2:
        places = list(range(count))
    else:
        places = [round(i * (len(points) - 1) / (count - 1)) for i in range(count)]
    days = {point.bucket.starts_at.date() for point in points}
    day = pgettext("a day without its year", "j M")
    match interval:
        case Interval.MINUTE | Interval.HOUR:
            form = day if len(days) > 2 else "H:i"
        case Interval.MONTH:
            form = "M Y"
        case _:
            form = day
    return [format_date(points[place].bucket.starts_at, form) for place in places]
