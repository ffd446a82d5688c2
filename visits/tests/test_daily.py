"""Counts by site, day and name: they add up, and are read for many sites at once."""

from __future__ import annotations

from collections import Counter
from datetime import date

from pytest_django import DjangoAssertNumQueries

from sites.models import Site
from visits.daily import add_to_counts, read_counts
from visits.models import DailyCount

TODAY = date(2026, 3, 10)
YESTERDAY = date(2026, 3, 9)


def test_counts_add_up(site: Site) -> None:
    for _ in range(2):
        add_to_counts({(site.pk, TODAY, "bot"): 2, (site.pk, TODAY, "hits"): 5})
    add_to_counts({})

    assert dict(DailyCount.objects.values_list("name", "count")) == {"bot": 4, "hits": 10}


def test_they_are_read_by_site_and_day_from_the_first_day_on(
    site: Site, other_site: Site, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    add_to_counts(
        {
            (site.pk, date(2026, 3, 8), "hits"): 7,
            (site.pk, YESTERDAY, "hits"): 3,
            (site.pk, TODAY, "hits"): 5,
            (site.pk, TODAY, "bot"): 1,
        }
    )
    with django_assert_num_queries(1):
        counts = read_counts([site, other_site], YESTERDAY)

    assert counts == {
        site.pk: {YESTERDAY: Counter(hits=3), TODAY: Counter(hits=5, bot=1)},
        other_site.pk: {},
    }
    assert counts[site.pk][YESTERDAY]["bot"] == 0


def test_a_site_that_is_not_asked_for_is_not_told_of(site: Site, other_site: Site) -> None:
    add_to_counts({(other_site.pk, TODAY, "hits"): 1})

    assert read_counts([site], YESTERDAY) == {site.pk: {}}
