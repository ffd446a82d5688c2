"""Sites by domain: asked for once a second, and a change counts at once."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from sites import registry
from sites.models import Site
from sites.registry import KEPT_SECONDS, find_site, forget_sites
from sites.services import FORMER_FOR, add_site, change_domain
from visits.tests.hits import NOON, Sender, on_another_connection


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets so many seconds go by."""
    now = [1000.0]
    monkeypatch.setattr(registry, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def wait(seconds: float) -> None:
        now[0] += seconds

    return wait


def test_a_site_is_found_by_its_domain(site: Site, other_site: Site) -> None:
    assert find_site("example.com") == site
    assert find_site("other.example") == other_site
    assert find_site("www.example.com") is None
    assert find_site("") is None


@pytest.mark.parametrize("domain", ["example.com", "unknown.example"])
def test_a_domain_is_looked_up_once_a_second(
    site: Site,
    clock: Callable[[float], None],
    domain: str,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(2):
        first = find_site(domain)
        clock(KEPT_SECONDS - 0.01)
        assert find_site(domain) is first
    clock(0.01)
    with django_assert_num_queries(2):
        assert find_site(domain) == first


def test_what_another_process_changes_counts_within_a_second(
    site: Site, clock: Callable[[float], None]
) -> None:
    find_site("example.com")
    Site.objects.update(collects=False)  # as from elsewhere: no signal is sent here

    clock(KEPT_SECONDS)

    found = find_site("example.com")
    assert found is not None
    assert not found.collects


def test_a_change_in_this_process_counts_at_once(site: Site) -> None:
    assert find_site("example.com") is not None
    assert find_site("new.example") is None

    new = add_site(domain="new.example")
    assert find_site("new.example") == new

    site.domain = "renamed.example"
    site.save()
    assert find_site("example.com") is None
    assert find_site("renamed.example") == site

    site.delete()
    assert find_site("renamed.example") is None


@pytest.mark.parametrize("collects", [False, True])
def test_a_site_that_is_paused_takes_no_hit_from_then_on(
    site: Site, send: Sender, *, collects: bool
) -> None:
    site.collects = not collects
    site.save()
    before = send()
    site.collects = collects
    site.save()
    after = send()

    assert ("X-Tracking-Dropped" in before, "X-Tracking-Dropped" in after) == (
        collects,
        not collects,
    )


def test_a_change_of_the_time_zone_counts_at_once(site: Site) -> None:
    find_site("example.com")
    site.timezone = "Asia/Kolkata"
    site.save()

    found = find_site("example.com")
    assert found is not None
    assert found.zone.key == "Asia/Kolkata"


@pytest.mark.django_db(transaction=True)
def test_a_change_counts_in_other_threads_once_it_is_committed() -> None:
    """What they read before the commit is what was true then, and is not kept."""
    site = add_site(domain="example.com")

    def collects() -> Any:
        found = find_site("example.com")
        return found and found.collects

    with transaction.atomic():
        site.collects = False
        site.save()
        assert on_another_connection(collects) is True
    assert on_another_connection(collects) is False


def test_domains_that_no_site_has_cost_no_question_and_no_memory(
    site: Site, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    find_site("example.com")

    with django_assert_num_queries(0):
        assert all(find_site(f"{number}.example") is None for number in range(1000))

    assert list(registry._by_domain) == ["example.com"]


def test_a_former_domain_is_the_sites_for_a_while(site: Site) -> None:
    with time_machine.travel(NOON, tick=False) as now:
        change_domain(site, "New.example")
        found = [find_site(domain) for domain in ("new.example", "example.com")]
        now.shift(FORMER_FOR)
        forget_sites()
        later = [find_site(domain) for domain in ("new.example", "example.com")]

    assert found == [site, site]
    assert later == [site, None]


def test_a_site_that_has_the_domain_comes_before_one_that_had_it(site: Site) -> None:
    change_domain(site, "new.example")
    successor = add_site(domain="example.com")

    assert find_site("example.com") == successor
    assert find_site("new.example") == site
