"""Pages of the admin with fifty sites and a million visits: few statements, and none reads it all.

A plan says that a statement has an index; how much work was done says that it was the right one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
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
from visits.models import DailyCount, Event, Visit
from visits.tests.hits import DAY, HOUR, NOON

MOST_STATEMENTS: Final = 30
#: Tables that grow with what visitors do.
LARGE: Final = ("visits_visit", "visits_event", "visits_livevisit", "visits_dailycount")
#: How a plan says that all of a table is read, and that what is read is then sorted.
WHOLE: Final = re.compile(rf"(?:SCAN|Seq Scan on) ({'|'.join(LARGE)})\b")
SORTS: Final = re.compile(r"TEMP B-TREE|Sort")
VISITS: Final = 1_000_000
COUNTS: Final = 180_000
#: What a page may have SQLite do, in its steps; to look at each of a million rows takes more.
MOST_STEPS: Final = 1_000_000


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
    """Return how the database goes about a statement."""
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}")
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


def fill(table: str, template: int, rows: int, **columns: str) -> None:
    """Copy a row of a table so many times, for every n, but for these columns."""
    with connection.cursor() as cursor:
        names = [
            column.name
            for column in connection.introspection.get_table_description(cursor, table)
            if column.name != "id"
        ]
        values = [columns.get(name, f"{table}.{name}") for name in names]
        if connection.vendor == "sqlite":
            numbers = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %s)"
        else:
            numbers = "WITH s(n) AS (SELECT generate_series(1, %s))"
        cursor.execute(
            f"{numbers} INSERT INTO {table} ({', '.join(names)})"
            f" SELECT {', '.join(values)} FROM s, {table} WHERE {table}.id = %s",
            [rows, template],
        )


def ago(seconds: str) -> str:
    """Return the SQL of an instant so many seconds before noon."""
    if connection.vendor == "sqlite":
        return f"datetime('2026-03-10 12:00:00', '-' || ({seconds}) || ' seconds')"
    return f"TIMESTAMPTZ '2026-03-10 12:00:00Z' - ({seconds}) * INTERVAL '1 second'"


@pytest.fixture
def million(fifty: list[Site]) -> list[Site]:
    """The same with a million visits over a year, each with an event, spread over the sites."""
    first = fifty[0].pk
    site = f"{first} + (n %% 50)"
    at = {name: ago("n * 31") for name in ("started_at", "last_event_at", "happened_at")}
    template = Visit.objects.latest("pk")
    fill("visits_visit", template.pk, VISITS, site_id=site, visitor="n", latest_visitor="n", **at)
    last = Visit.objects.latest("pk").pk
    event = template.events.earliest("pk")
    visit_id = f"{last} - {VISITS} + n"
    fill("visits_event", event.pk, VISITS, site_id=site, visit_id=visit_id, event_id="''", **at)
    count = DailyCount.objects.earliest("pk")
    day = "date('2026-03-10', '-' || (n / 50 %% 365) || ' days')"
    if connection.vendor != "sqlite":
        day = "DATE '2026-03-10' - (n / 50 %% 365)"
    names = {"counted_on": day, "name": "'reason ' || (n / 18250)"}
    fill("visits_dailycount", count.pk, COUNTS, site_id=site, **names)
    assert [each.pk for each in fifty] == list(range(first, first + 50))
    assert Visit.objects.count() > VISITS
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return fifty


def statements_of(page: str, client: Client) -> list[str]:
    """Return what a page asks of the database."""
    with CaptureQueriesContext(connection) as statements:
        assert client.get(page).status_code == 200, page
    return [each["sql"] for each in statements.captured_queries]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="Work is counted as SQLite counts it.")
def test_with_a_million_visits_no_page_does_much_work(million: list[Site], staff: Client) -> None:
    """SQLite's steps are its instructions: to read a million rows takes some millions of them."""
    done = {page: work_of(page, staff) for page in pages()}
    whole = steps_of(lambda: Visit.objects.filter(entry_page="nowhere").count())

    assert whole > 2 * VISITS
    assert {page: steps for page, steps in done.items() if steps > MOST_STEPS} == {}


def work_of(page: str, client: Client) -> int:
    """Return how many steps a page takes."""
    return steps_of(lambda: statements_of(page, client))


def steps_of(work: Callable[[], object]) -> int:
    """Return how many thousands of SQLite's steps something takes, in steps."""
    thousands = [0]

    def count() -> int:
        thousands[0] += 1
        return 0

    connection.ensure_connection()
    connection.connection.set_progress_handler(count, 1000)
    try:
        work()
    finally:
        connection.connection.set_progress_handler(None, 0)
    return thousands[0] * 1000


def test_with_a_million_visits_no_page_reads_a_large_table_whole(
    million: list[Site], staff: Client
) -> None:
    whole = set()
    count = {page: statements_of(page, staff) for page in pages()}
    for page, asked in count.items():
        for sql in asked:
            plan = plan_of(sql) if sql.startswith("SELECT") else ""
            # Some rows in the order of an index are no whole table.
            if WHOLE.search(plan) and (" LIMIT " not in sql or SORTS.search(plan)):
                whole.add((page, sql))

    assert whole == set()
    assert max(map(len, count.values())) <= MOST_STATEMENTS


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
