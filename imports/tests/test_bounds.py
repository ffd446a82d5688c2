"""Values that are too many for a day become "(other)", whatever the order of the lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from imports import bounds
from imports.spool import SPOOLED
from imports.tests.files import bring_in, line, stored, write
from sites.models import Site
from visits.daily import BOUNDED_VALUES
from visits.ingestion import cardinality
from visits.models import DailyCount
from visits.tests.hits import DAY, MINUTE, NOON


@pytest.fixture(autouse=True)
def few_values(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two values a day, and two properties."""
    settings.MAX_DISTINCT_VALUES = 2
    monkeypatch.setattr(cardinality, "MAX_PROPERTIES", 2)


def bounded_values(site: Site) -> dict[str, int]:
    rows = DailyCount.objects.filter(site=site, name=BOUNDED_VALUES)
    return {str(day): count for day, count in rows.values_list("counted_on", "count")}


def test_every_field_with_a_limit_is_a_column() -> None:
    assert bounds.COLUMNS.keys() <= SPOOLED.keys()
    assert len(bounds.COLUMNS) == len(cardinality.FIELDS)


def test_the_first_in_time_stay(site: Site, tmp_path: Path) -> None:
    pages = {5: "/e", 1: "/b", 3: "/a", 0: "/a", 4: "/b", 2: "/c"}
    lines = [line(NOON + n * MINUTE, u=f"https://example.com{page}") for n, page in pages.items()]

    bring_in(write(tmp_path / "hits", [*lines, line(NOON + DAY, u="https://example.com/e")]))

    assert [page for (page,) in stored(site, "page")] == [
        "/a", "/b", "(other)", "/a", "/b", "(other)", "/e",
    ]  # fmt: skip
    assert {exit_page for (exit_page,) in stored(site, "exit_page")} == {"(other)", "/e"}
    assert bounded_values(site) == {"2026-03-10": 2}


def test_of_properties_values_and_keys(site: Site, tmp_path: Path) -> None:
    props = [{"a": 1}, {"a": 2, "b": 1}, {"a": 3}, {"c": 1, "a": 1}, {"c": 1, "d": 2}]
    lines = [line(NOON + n * MINUTE, p=each) for n, each in enumerate(props)]

    bring_in(write(tmp_path / "hits", reversed(lines)))

    assert [each for (each,) in stored(site, "props")] == [
        {"a": "1"},
        {"a": "2", "b": "1"},
        {"a": "(other)"},
        {"a": "1", "(other)": "(other)"},
        {"(other)": "(other)"},
    ]
    assert bounded_values(site) == {"2026-03-10": 4}


def test_reserved_names_and_nothing_stay(site: Site, tmp_path: Path) -> None:
    names = ["a", "b", "pageview", "engagement", "c"]
    lines = [line(NOON + n * MINUTE, n=name, t="") for n, name in enumerate(names)]

    bring_in(write(tmp_path / "hits", lines))

    assert [name for (name,) in stored(site, "name")] == names  # up to 1,000 a day
    assert not bounded_values(site)
