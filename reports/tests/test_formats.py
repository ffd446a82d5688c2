"""Each unit is written in one way."""

from __future__ import annotations

from decimal import Decimal

import pytest

from reports.formats import (
    format_brief,
    format_change,
    format_duration,
    format_figure,
    format_share,
)
from reports.metrics import (
    BOUNCE_RATE,
    SCROLL_DEPTH,
    VIEWS_PER_VISIT,
    VISIT_DURATION,
    VISITORS,
    Metric,
    Money,
    Unit,
)
from reports.queries import Change
from reports.templatetags.figures import change_text, duration, figure, tone


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, Unit.COUNT, "0"),
        (999, Unit.COUNT, "999"),
        (1234567, Unit.COUNT, "1,234,567"),
        (None, Unit.COUNT, "–"),
        (0.0, Unit.RATE, "0%"),
        (1.0, Unit.RATE, "100%"),
        (1 / 3, Unit.RATE, "33%"),
        (None, Unit.RATE, "–"),
        (1.5, Unit.RATIO, "1.50"),
        (2 / 3, Unit.RATIO, "0.67"),
        (None, Unit.RATIO, "–"),
        (0.0, Unit.SECONDS, "0s"),
        (185.0, Unit.SECONDS, "3m 05s"),
        (None, Unit.SECONDS, "–"),
        (55.4, Unit.PERCENT, "55%"),
        (0.0, Unit.PERCENT, "0%"),
        (None, Unit.PERCENT, "–"),
        (Money(Decimal("1234567.8950"), "EUR"), Unit.MONEY, "1,234,567.90 EUR"),
        (None, Unit.MONEY, "–"),
    ],
)
def test_writes_figures(value: float | Money | None, unit: Unit, text: str) -> None:
    assert format_figure(value, unit) == text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0, "0%"),
        (0.004, "0.4%"),
        (0.0994, "9.9%"),
        (0.0996, "10%"),
        (0.1049, "10%"),
        (0.999, "100%"),
        (1, "100%"),
    ],
)
def test_writes_small_shares_with_a_decimal(fraction: float, text: str) -> None:
    assert format_share(fraction) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.4, "0s"),
        (59.4, "59s"),
        (59.6, "1m 00s"),
        (61, "1m 01s"),
        (3599.6, "1h 00m"),
        (3600, "1h 00m"),
        (7859, "2h 10m"),
        (100 * 3600, "100h 00m"),
    ],
)
def test_writes_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("metric", "now", "before", "text", "color"),
    [
        (VISITORS, 112, 100, "+12%", "good"),
        (VISITORS, 50, 100, "−50%", "bad"),
        (VISITORS, 5000, 100, "+4,900%", "good"),
        (VISITORS, 100, 100, "±0%", "same"),
        (VISITORS, 100, 0, "–", "same"),
        (VISITORS, 100, None, "–", "same"),
        (VISIT_DURATION, 90.0, 60.0, "+50%", "good"),
        (VIEWS_PER_VISIT, 1.5, 2.0, "−25%", "bad"),
        (BOUNCE_RATE, 0.5, 0.469, "+3.1 pts", "bad"),
        (BOUNCE_RATE, 0.469, 0.5, "−3.1 pts", "good"),
        (BOUNCE_RATE, 0.5, 0.5, "±0.0 pts", "same"),
        (BOUNCE_RATE, None, 0.5, "–", "same"),
        (SCROLL_DEPTH, 60.0, 52.5, "+7.5 pts", "good"),
    ],
)
def test_writes_changes(
    metric: Metric, now: float | None, before: float | None, text: str, color: str
) -> None:
    change = Change(metric, now, before)

    assert (format_change(change), tone(change)) == (text, color)


def test_templates_write_the_same() -> None:
    assert figure(0.25, BOUNCE_RATE) == "25%"
    assert change_text(Change(VISITORS, 2, 1)) == "+100%"
    assert (duration(75.0), duration(0.0), duration(None)) == ("1m 15s", "0s", "–")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (10_000, "10k"),
        (12_999, "12k"),
        (999_999, "999k"),
        (1_000_000, "1M"),
        (1_290_000, "1.2M"),
        (34_500_000, "34M"),
    ],
)
def test_a_count_with_little_room_is_rounded_down(count: int, text: str) -> None:
    assert format_brief(count) == text
