"""The documentation defines what there is, and nothing else."""

from __future__ import annotations

import re

from reports.dates import PRESETS, Interval
from reports.dimensions import DIMENSIONS
from reports.metrics import METRICS
from reports.page_filters import PROPERTY as PAGE_PROPERTY
from reports.reading.conditions import JOINING, OPERATORS
from reports.vocabulary import PROPERTY, terms
from trackingsite.settings.environment import BASE_DIR


def test_metrics_md_has_a_heading_for_every_metric() -> None:
    text = (BASE_DIR / "docs" / "metrics.md").read_text(encoding="utf-8")

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == list(METRICS)


def test_api_md_has_every_word_of_a_question() -> None:
    text = (BASE_DIR / "docs" / "api.md").read_text(encoding="utf-8")
    words = set(re.findall(r"`([^`\n]+)`", text)) | set(re.findall(r'"(\w+)"', text))

    asked = {*METRICS, *terms(), PROPERTY, "time", *(f"time:{interval}" for interval in Interval)}
    assert asked | {*OPERATORS, *JOINING} <= words
    assert {word for word in words if re.match(r"(visit|event|time):", word)} <= asked


def test_reports_md_has_every_word_of_an_address() -> None:
    text = (BASE_DIR / "docs" / "reports.md").read_text(encoding="utf-8")
    words = set(re.findall(r"`([^`\n]+)`", text))

    assert {*OPERATORS, *DIMENSIONS, *PRESETS, PAGE_PROPERTY} <= words
