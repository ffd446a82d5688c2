"""Counts by site, day and name of what leaves no row: hits left out, and how hits arrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

from django.db import connection

from sites.models import Site
from visits.models import DailyCount

#: Hits that came for a site that collects, by the day on which they happened. The drops among
#: them are counted by their reason too, so that a reason's share is of this.
HITS: Final = "hits"

#: Values that were one too many for their field's day, and became "(other)".
BOUNDED_VALUES: Final = "bounded_values"

#: How often something happened on a site's day, by (site's id, day, name).
Counts = Counter[tuple[int, date, str]]

#: One site's counts by name on each of its days.
DayCounts = dict[date, Counter[str]]


def add_to_counts(counts: Mapping[tuple[int, date, str], int]) -> None:
    """Add the counts to those of the database, with one statement; in the caller's transaction."""
    if not counts:
        return
    table = connection.ops.quote_name(DailyCount._meta.db_table)
    # In one order, so that two processes that add to the same never wait for each other.
    rows = [(*key, count) for key, count in sorted(counts.items())]
    places = ", ".join(["(%s, %s, %s, %s)"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (site_id, counted_on, name, count) VALUES {places} "  # noqa: S608
            "ON CONFLICT (site_id, counted_on, name) "
            f"DO UPDATE SET count = {table}.count + excluded.count",
            [
                connection.ops.adapt_datefield_value(value) if isinstance(value, date) else value
                for row in rows
                for value in row
            ],
        )


def read_counts(sites: Iterable[Site], first_day: date) -> dict[int, DayCounts]:
    """Return the counts of each site by its id since `first_day`, with one statement.

    A site without any has no days; a day without any of a name has 0 of it.
    """
    found: dict[int, DayCounts] = {site.pk: {} for site in sites}
    rows = DailyCount.objects.filter(site__in=list(found), counted_on__gte=first_day)
    for site_id, day, name, count in rows.values_list("site", "counted_on", "name", "count"):
        found[site_id].setdefault(day, Counter())[name] = count
    return found
