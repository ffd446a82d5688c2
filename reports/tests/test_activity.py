"""What lists of sites show of each site's last day."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from reports.activity import Activity, count_current_visitors, last_24_hours
from reports.tests.histories import view
from sites.models import Site
from visits.tests.hits import DAY, HOUR, MINUTE, NOON, SECOND

#: Half past noon: the hour that is going on is half over.
NOW = NOON + 30 * MINUTE


def test_tells_visitors_their_hours_and_the_last_hit(site: Site) -> None:
    view(site, NOW, visitor=1)  # 12:30
    view(site, NOW - 20 * MINUTE, visitor=1)  # 12:10, the same visitor in the same hour
    view(site, NOW - 31 * MINUTE, visitor=1)  # 11:59, the same in another hour
    view(site, NOW - HOUR, visitor=2)  # 11:30
    view(site, NOW - 23.5 * HOUR, visitor=3)  # 13:00 yesterday, the first of the 24
    view(site, NOW - 24 * HOUR, visitor=4)  # 12:30 yesterday, before the first of the 24
    for visitor in (5, 5, 6):
        view(site, NOW - 24 * HOUR - SECOND, visitor=visitor)  # a second too early
    view(site, NOW - 48 * HOUR - SECOND, visitor=7)  # and for the 24 hours before

    assert last_24_hours([site], NOW) == {
        site.pk: Activity(
            visitors=4,
            visitors_before=2,
            current=1,
            visitors_by_hour=[1, *[0] * 21, 2, 1],
            last_hit_at=NOW,
        )
    }


def test_the_last_hit_may_be_long_ago(site: Site) -> None:
    view(site, NOW - 400 * DAY, visitor=1)

    assert last_24_hours([site], NOW)[site.pk] == Activity(last_hit_at=NOW - 400 * DAY)


def test_a_site_without_hits_has_zeros(site: Site, other_site: Site) -> None:
    view(other_site, NOW - MINUTE, visitor=1)

    activities = last_24_hours([site, other_site], NOW)

    assert activities[site.pk] == Activity(0, 0, 0, [0] * 24, None)
    assert activities[other_site.pk].visitors == 1


def test_a_visitor_on_two_sites_is_counted_on_each(site: Site, other_site: Site) -> None:
    for each in (site, other_site):
        view(each, NOW - MINUTE, visitor=1)

    assert {a.visitors for a in last_24_hours([site, other_site], NOW).values()} == {1}


def test_sites_that_are_not_asked_for_are_not_told_of(site: Site, other_site: Site) -> None:
    view(other_site, NOW - MINUTE, visitor=1)

    assert list(last_24_hours([site], NOW)) == [site.pk]
    assert last_24_hours([], NOW) == {}


@pytest.mark.parametrize("count", [1, 40])
def test_asks_three_statements_however_many_sites(
    count: int, db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    sites = [Site.objects.create(domain=f"{number}.example.com") for number in range(count)]
    for place, site in enumerate(sites):
        view(site, NOW - place * MINUTE, visitor=place)

    with django_assert_num_queries(3):
        activities = last_24_hours(sites, NOW)

    assert [activity.visitors for activity in activities.values()] == [1] * count


def test_current_visitors_did_something_within_five_minutes(site: Site, other_site: Site) -> None:
    view(site, NOW - 5 * MINUTE, visitor=1)
    view(site, NOW - MINUTE, visitor=2)
    view(site, NOW - 2 * MINUTE, visitor=2)
    view(site, NOW - (5 * MINUTE + SECOND), visitor=3)
    view(other_site, NOW - MINUTE, visitor=4)

    assert count_current_visitors(site, NOW) == 2
    assert count_current_visitors(site, NOW + DAY) == 0


def test_a_visitor_stays_current_by_what_comes_later_in_the_visit(site: Site) -> None:
    view(site, *(NOW - ago * MINUTE for ago in (60, 40, 20, 4)))

    assert count_current_visitors(site, NOW) == 1
