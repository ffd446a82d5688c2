"""Days that an import touches are right in reports at once, and again once they are rolled up."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from archive.archiver import archive_finished
from archive.models import ArchiveFile
from archive.upkeep import keep_up
from imports.tests.files import bring_in, line, write
from reports.dates import DateRange
from reports.metrics import BOUNCE_RATE, PAGEVIEWS, VISITORS, VISITS
from reports.queries import ReportQuery, summarise
from reports.rolling_up import roll_up
from reports.tests.histories import view
from reports.warehouse.embedded import open_warehouse
from sites.models import Site
from visits.tests.hits import DAY, MINUTE, NOON


def asked(site: Site) -> list[Any]:
    days = DateRange(first_day=date(2026, 3, 9), end_day=date(2026, 3, 12), zone=site.zone)
    metrics = (VISITORS, VISITS, PAGEVIEWS, BOUNCE_RATE)
    with open_warehouse(site) as warehouse:
        figures = summarise(warehouse, ReportQuery(site=site, range=days, metrics=metrics))
    return [figures[metric.name] for metric in metrics]


def rolled_up_days(site: Site) -> set[str]:
    files = ArchiveFile.objects.for_site(site.pk).rollups()
    return {str(day) for file in files for day in file.days}


def test_figures_of_rolled_up_days_are_made_anew(site: Site, tmp_path: Path) -> None:
    for day in range(3):
        view(site, NOON + (day - 1) * DAY, visitor=day)
    archive_finished(site.pk, NOON + 9 * DAY)
    roll_up(site, NOON + 9 * DAY)
    assert asked(site) == [3, 3, 3, 1.0]
    before = rolled_up_days(site)

    bring_in(write(tmp_path / "hits", [line(), line(NOON + MINUTE), line(visitor="bob")]))

    assert asked(site) == [5, 5, 6, 0.8]
    assert "2026-03-10" not in rolled_up_days(site)
    keep_up(NOON + 9 * DAY)
    assert rolled_up_days(site) == before
    assert asked(site) == [5, 5, 6, 0.8]
