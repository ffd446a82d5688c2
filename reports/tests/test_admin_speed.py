"""Pages of the admin with fifty sites: few statements, none of which reads a large table whole."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from reports.models import Annotation, Goal, Segment, ShareLink
from reports.tests.histories import view
from reports.tests.pages import Page
from sites.keys import make_key
from sites.models import Exclusion, Membership, Site
from sites.services import add_site
from visits.daily import add_to_counts
from visits.models import Event, Visit
from visits.tests.hits import DAY, HOUR, NOON

MOST_STATEMENTS: Final = 30
#: Tables that grow with what visitors do.
LARGE: Final = ("visits_visit", "visits_event", "visits_livevisit", "visits_dailycount")
#: How SQLite says that it reads all of a table, or of one of its indexes.
WHOLE: Final = re.compile(rf"SCAN ({'|'.join(LARGE)})\b")


@pytest.fixture
def fifty(db: None, at_noon: None) -> list[Site]:
    """Fifty sites, each with visits, counts, a member, and one of everything that is kept."""
    sites = []
    for number in range(50):
        site = add_site(domain=f"{number}.example.com", metadata={"team": f"{number}"})
        user = get_user_model().objects.create_user(f"user {number}")
        Membership.objects.create(site=site, user=user)
        Exclusion.objects.create(site=site, kind=Exclusion.Kind.PATH, value="/x")
        Goal.objects.create(site=site, name="a", kind=Goal.Kind.PAGE, page="/")
        Segment.objects.create(site=site, name="a", filters=[], created_by=user)
        Annotation.objects.create(site=site, text="a", happened_on=NOON.date(), created_by=user)
        ShareLink.objects.create(site=site, name="a", created_by=user)
        make_key(name="a", sites=[site], can_read=True, created_by=user)
        for days in (0, 3, 5):  # more rows than a list shows at once
            view(site, NOON - HOUR - days * DAY, visitor=number)
            add_to_counts({(site.pk, NOON.date() - days * DAY, "hits"): 1})
        sites.append(site)
    return sites


def pages() -> list[str]:
    """Return the address of every list of the admin, of a row of it, and of the form for one."""
    found = [reverse("admin:index")]
    for model, options in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found.append(reverse(f"{name}_changelist"))
        row: Any = model._default_manager.first()
        if row is not None:
            found += [reverse(f"{name}_change", args=[row.pk])]
            found += [reverse(f"{name}_history", args=[row.pk])]
            if "site" in {field.name for field in model._meta.fields}:
                found.append(f"{found[-3]}?site__id__exact={row.site_id}")
        if options.search_fields:
            found.append(f"{reverse(f'{name}_changelist')}?q=17")
    site = Site.objects.first()
    assert site is not None
    return [*found, reverse("admin:sites_site_hits", args=[site.pk])]


def plan_of(sql: str) -> str:
    """Return how SQLite goes about a statement."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def test_no_page_asks_much_however_many_sites_there_are(fifty: list[Site], staff: Client) -> None:
    asked: dict[str, int] = {}
    for page in pages():
        with CaptureQueriesContext(connection) as statements:
            answer = staff.get(page)
        assert answer.status_code == 200, page
        asked[page] = len(statements)

    assert len(asked) > 30
    assert {page: count for page, count in asked.items() if count > MOST_STATEMENTS} == {}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="Plans are told as SQLite tells them.")
def test_no_page_reads_a_large_table_whole(fifty: list[Site], staff: Client) -> None:
    whole = set()
    for page in pages():
        with CaptureQueriesContext(connection) as statements:
            staff.get(page)
        for statement in statements.captured_queries:
            sql = statement["sql"]
            # Some rows in the order of an index are no whole table.
            if not sql.startswith("SELECT") or " LIMIT " in sql:
                continue
            if WHOLE.search(plan_of(sql)):
                whole.add((page, sql))

    assert whole == set()


@pytest.mark.parametrize("kind", ["visit", "event"])
def test_an_id_finds_its_row_and_nothing_else_does(
    fifty: list[Site], staff: Client, kind: str
) -> None:
    model: Any = {"visit": Visit, "event": Event}[kind]
    pk = model.objects.order_by("pk")[7].pk
    address = reverse(f"admin:visits_{kind}_changelist")

    found = {
        text: len(Page.of(staff.get(address, {"q": text})).admin_list)
        for text in (f"{pk}", f" {pk} ", "0", f"{2**63}", "9" * 5000, "x", "-1", "")
    }

    assert found == {f"{pk}": 1, f" {pk} ": 1, "": 100} | dict.fromkeys(
        ("0", f"{2**63}", "9" * 5000, "x", "-1"), 0
    )
