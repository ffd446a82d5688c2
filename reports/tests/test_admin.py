"""The admin: sites with their traffic and their snippet; visits and events to look at."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from reports.tests.histories import view
from reports.tests.pages import Page
from sites.models import Membership, Site
from visits.admin import BoundedPaginator
from visits.models import Event, Visit
from visits.services import add_event
from visits.tests.hits import HOUR, MINUTE, NOON, SECOND

SITES = "/admin/sites/site/"
VISITS = "/admin/visits/visit/"
EVENTS = "/admin/visits/event/"

#: What the page of a site sends for rows of its tables that are left empty.
NO_ROWS = {
    f"{rows}-{field}": "0"
    for rows in ("exclusions", "metadata", "memberships", "group_memberships")
    for field in ("TOTAL_FORMS", "INITIAL_FORMS")
}


@pytest.fixture
def visit(site: Site, at_noon: None) -> Visit:
    """A visit two hours ago: a pageview and, a second later, a signup."""
    at = NOON - 2 * HOUR
    visit = view(site, at, page="/docs", source="Google", country="DE")
    add_event(visit=visit, page="/docs", name="signup", happened_at=at + SECOND)
    return visit


def fill(**fields: str) -> dict[str, str]:
    """Return the form of a site, filled in."""
    kept = {"address_kept": "none", "place_kept": "city", "keeps_language": "on"}
    kept |= {"keeps_screen": "on", "keeps_properties": "on"}
    ordinary = {"timezone": "UTC", "collects": "on", "week_begins": "1"} | kept
    return NO_ROWS | ordinary | fields


def statements(client: Client, address: str) -> list[str]:
    """Return the statements that a page asks."""
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert client.get(address).status_code == 200
    return [query["sql"] for query in asked.captured_queries]


# Sites


def test_the_list_of_sites_shows_how_each_is_doing(
    visit: Visit, other_site: Site, staff: Client
) -> None:
    page = Page.of(staff.get(SITES))

    assert page.admin_list == [
        ["example.com", "-", "Open", "1", "0", "1 hour, 59 minutes ago", "–"],
        ["other.example", "-", "Open", "0", "0", "none yet", "–"],
    ]
    assert page.links("/reports/") == ["/reports/example.com/", "/reports/other.example/"]
    labels = [trend.attributes["aria-label"] for trend in page.with_class("trend")]
    assert labels[0] == f"visitors by hour: {[*[0] * 21, 1, 0, 0]}"


def test_visitors_and_the_last_hit_are_those_of_the_last_24_hours(
    site: Site, staff: Client
) -> None:
    for visitor in (1, 2, 2, 3):
        view(site, NOON - visitor * 11 * HOUR, visitor=visitor)

    (row,) = Page.of(staff.get(SITES)).admin_list

    assert row[3:] == ["2", "0", "11 hours ago", "–"]


@pytest.mark.parametrize(
    ("search", "found"),
    [("EXAMPLE.c", ["example.com"]), ("shop", ["other.example"]), ("nowhere", [])],
)
def test_sites_are_found_by_domain_and_name(
    search: str, found: list[str], site: Site, other_site: Site, staff: Client
) -> None:
    Site.objects.filter(pk=other_site.pk).update(name="Shop")

    page = Page.of(staff.get(SITES, {"q": search}))

    assert [row[0] for row in page.admin_list] == found


@pytest.mark.parametrize("name", ["uuid", "public_key"])
def test_a_site_is_found_by_the_names_that_programs_use(
    name: str, site: Site, other_site: Site, staff: Client
) -> None:
    page = Page.of(staff.get(SITES, {"q": str(getattr(site, name))}))

    assert [row[0] for row in page.admin_list] == ["example.com"]


def test_the_list_of_sites_asks_no_more_for_more_sites(visit: Visit, staff: Client) -> None:
    few = len(statements(staff, SITES))
    for number in range(30):
        site = Site.objects.create(domain=f"{number}.example.com")
        view(site, NOON - number * MINUTE)

    assert len(statements(staff, SITES)) == few


def test_a_new_site_leads_to_its_page_with_the_snippet(staff: Client) -> None:
    answer = staff.post(f"{SITES}add/", fill(domain="WWW.New.example", timezone="Asia/Kolkata"))

    site = Site.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"{SITES}{site.pk}/change/")
    assert (site.domain, site.base_url, site.timezone) == (
        "new.example",
        "https://new.example",
        "Asia/Kolkata",
    )
    page = Page.of(staff.get(answer["Location"]))
    (snippet,) = (e for e in page.elements if e.attributes.get("id") == "tracking-code")
    assert snippet.text == (
        '<script defer data-domain="new.example" src="http://testserver/js/script.js"></script>'
    )
    assert "No hit has arrived yet." in page.text
    assert "/reports/new.example/" in page.links()


@pytest.mark.parametrize(
    ("button", "location"),
    [("_addanother", f"{SITES}add/"), ("_continue", f"{SITES}{{}}/change/")],
)
def test_another_button_leads_where_it_says(button: str, location: str, staff: Client) -> None:
    answer = staff.post(f"{SITES}add/", fill(domain="new.example", **{button: "on"}))

    assert answer["Location"] == location.format(Site.objects.get().pk)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"domain": "new example"}, "Enter a domain such as example.com"),
        ({"domain": "www.Example.com"}, "Site with this Domain already exists."),
        ({"domain": ""}, "This field is required."),
        ({"domain": "new.example", "timezone": "Mars/Olympus"}, "Select a valid choice."),
        ({"domain": "new.example", "base_url": "javascript:alert(1)"}, "Enter a valid URL."),
    ],
)
def test_a_malformed_site_is_refused_with_a_sentence(
    fields: dict[str, str], sentence: str, site: Site, staff: Client
) -> None:
    answer = staff.post(f"{SITES}add/", fill(**fields))

    assert answer.status_code == 200
    assert sentence in Page.of(answer).text
    assert Site.objects.count() == 1


def test_metadata_and_members_are_saved_with_the_site(site: Site, staff: Client) -> None:
    ada = get_user_model().objects.create_user("ada")
    form = fill(domain=site.domain) | {
        "metadata-TOTAL_FORMS": "2",
        "metadata-0-site": str(site.pk),
        "metadata-0-key": "owner",
        "metadata-0-value": "Ada",
        "metadata-1-site": str(site.pk),
        "metadata-1-key": "team",
        "metadata-1-value": "",
        "memberships-TOTAL_FORMS": "1",
        "memberships-0-site": str(site.pk),
        "memberships-0-user": str(ada.pk),
        "memberships-0-role": "editor",
    }

    answer = staff.post(f"{SITES}{site.pk}/change/", form)

    assert (answer.status_code, answer["Location"]) == (302, SITES)
    assert dict(site.metadata.values_list("key", "value")) == {"owner": "Ada", "team": ""}
    (membership,) = Membership.objects.filter(site=site)
    assert (membership.user, membership.role) == (ada, Membership.Role.EDITOR)


def test_metadata_can_be_changed_and_removed(site: Site, staff: Client) -> None:
    owner = site.metadata.create(key="owner", value="Ada")
    team = site.metadata.create(key="team", value="Web")
    form = fill(domain=site.domain) | {"metadata-TOTAL_FORMS": "2", "metadata-INITIAL_FORMS": "2"}
    for place, (pair, value) in enumerate([(owner, "Bob"), (team, "Web")]):
        form |= {
            f"metadata-{place}-id": str(pair.pk),
            f"metadata-{place}-site": str(site.pk),
            f"metadata-{place}-key": pair.key,
            f"metadata-{place}-value": value,
        }
    form["metadata-1-DELETE"] = "on"

    assert staff.post(f"{SITES}{site.pk}/change/", form).status_code == 302

    assert dict(site.metadata.values_list("key", "value")) == {"owner": "Bob"}


def test_a_key_that_stands_twice_is_refused(site: Site, staff: Client) -> None:
    form = fill(domain=site.domain) | {"metadata-TOTAL_FORMS": "2"}
    for place in range(2):
        form |= {
            f"metadata-{place}-site": str(site.pk),
            f"metadata-{place}-key": "owner",
            f"metadata-{place}-value": str(place),
        }

    answer = staff.post(f"{SITES}{site.pk}/change/", form)

    assert answer.status_code == 200
    assert "Please correct the duplicate" in Page.of(answer).text
    assert not site.metadata.exists()


def test_a_sites_page_says_that_hits_arrive(visit: Visit, staff: Client) -> None:
    page = Page.of(staff.get(f"{SITES}{visit.site_id}/change/"))

    said = "Hits arrive: the last one 1 hour, 59 minutes ago, 1 visitor in the last 24 hours."
    assert said in page.text
    assert "No hit has arrived yet" not in page.text


@pytest.mark.parametrize("name", ["uuid", "public_key"])
def test_the_names_for_programs_are_shown_and_not_changed(
    name: str, site: Site, staff: Client
) -> None:
    before = getattr(site, name)
    staff.post(f"{SITES}{site.pk}/change/", fill(domain=site.domain, **{name: "mine"}))
    site.refresh_from_db()

    assert getattr(site, name) == before
    assert str(before) in Page.of(staff.get(f"{SITES}{site.pk}/change/")).text


@pytest.mark.parametrize("key", ["0", "999", "nonsense"])
def test_a_site_that_is_not_there_leads_back(key: str, staff: Client) -> None:
    assert staff.get(f"{SITES}{key}/change/").status_code == 302


# Visits and events


def test_visits_lead_to_their_events_and_events_to_their_visit(visit: Visit, staff: Client) -> None:
    other = view(visit.site, NOON, visitor=2)

    visits = Page.of(staff.get(VISITS))
    events = f"{EVENTS}?visit__id__exact={visit.pk}"

    # The newest first.
    assert [row[0] for row in visits.admin_list] == [str(other.pk), str(visit.pk)]
    assert visits.admin_list[1][1:6] == [
        "example.com",
        "March 10, 2026, 10 a.m.",
        "/docs",
        "Google",
        "DE",
    ]
    assert events in visits.links()
    assert [row[3:] for row in Page.of(staff.get(events)).admin_list] == [
        ["signup", "/docs", f"visit {visit.pk}"],
        ["pageview", "/docs", f"visit {visit.pk}"],
    ]


@pytest.mark.parametrize("address", [VISITS, EVENTS])
def test_they_are_there_to_look_at(address: str, visit: Visit, staff: Client) -> None:
    pk = {VISITS: visit.pk, EVENTS: visit.events.earliest("pk").pk}[address]
    page = staff.get(f"{address}{pk}/change/")

    assert page.status_code == 200
    assert "/docs" in Page.of(page).text
    fields = {e.attributes.get("name") for e in Page.of(page).elements if e.tag == "input"}
    assert not fields & {"entry_page", "page", "name", "visitor", "_save"}
    assert staff.get(f"{address}add/").status_code == 403
    assert staff.post(f"{address}add/", {"name": "made up"}).status_code == 403
    assert staff.post(f"{address}{pk}/change/", {"page": "/else"}).status_code == 403
    assert staff.post(f"{address}{pk}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": str(pk), "post": "yes"}
    staff.post(address, chosen)
    assert (Visit.objects.count(), Event.objects.count()) == (1, 2)
    assert not Event.objects.filter(page="/else").exists()


@pytest.mark.parametrize("address", [VISITS, EVENTS])
def test_they_are_found_by_id_and_by_site(
    address: str, visit: Visit, other_site: Site, staff: Client
) -> None:
    elsewhere = view(other_site, NOON)
    pk = {VISITS: elsewhere.pk, EVENTS: elsewhere.events.get().pk}[address]

    for search in ({"q": str(pk)}, {"site__id__exact": str(other_site.pk)}):
        (row,) = Page.of(staff.get(address, search)).admin_list
        assert row[:2] == [str(pk), "other.example"]
    assert Page.of(staff.get(address, {"q": "nonsense"})).admin_list == []


@pytest.mark.parametrize("address", [VISITS, EVENTS])
@pytest.mark.parametrize("page", ["0", "2", "-1", "99999", "9" * 5000, "last", "\0"])
def test_no_page_number_is_an_error_of_the_server(
    page: str, address: str, visit: Visit, staff: Client
) -> None:
    assert staff.get(address, {"p": page}).status_code in {200, 302}


@pytest.mark.parametrize("address", [VISITS, EVENTS])
def test_a_list_asks_no_more_for_more_rows(address: str, visit: Visit, staff: Client) -> None:
    few = len(statements(staff, address))
    for visitor in range(30):
        view(visit.site, NOON, visitor=visitor)

    assert len(statements(staff, address)) == few


@pytest.mark.parametrize(("address", "model"), [(VISITS, Visit), (EVENTS, Event)])
def test_a_list_counts_no_table_and_reads_a_bounded_number_of_rows(
    address: str,
    model: type[Model],
    visit: Visit,
    staff: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view(visit.site, NOON, visitor=2)
    monkeypatch.setattr(admin.site.get_model_admin(model), "list_per_page", 1)

    sql = [sql for sql in statements(staff, address) if f'FROM "{model._meta.db_table}"' in sql]

    # As many ids as the paginator counts, and one page of rows.
    assert [re.findall(r"LIMIT (\d+)|(COUNT)", each) for each in sql] == [
        [("10000", "")],
        [("1", "")],
    ]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="The plan is read as SQLite writes it.")
@pytest.mark.parametrize("address", [VISITS, EVENTS, f"{EVENTS}?visit__id__exact=1"])
def test_a_list_is_in_the_order_of_its_key_without_a_sort(
    address: str, visit: Visit, staff: Client
) -> None:
    asked = [sql for sql in statements(staff, address) if 'FROM "visits_' in sql]
    plans = [step for sql in asked for step in explain(sql)]

    assert plans
    if "?" in address:
        # Of one visit, the few events are found by an index; they alone are sorted.
        assert all("event_visit" in step for step in plans if "visits_event" in step)
    else:
        assert not [step for step in plans if "TEMP B-TREE" in step]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="The plan is read as SQLite writes it.")
@pytest.mark.parametrize(("address", "index"), [(VISITS, "visit_log"), (EVENTS, "event_recent")])
def test_a_sites_list_is_in_the_order_of_its_index_without_a_sort(
    address: str, index: str, visit: Visit, staff: Client
) -> None:
    address = f"{address}?site__id__exact={visit.site_id}"
    table = {"visit_log": "visits_visit", "event_recent": "visits_event"}[index]
    asked = [sql for sql in statements(staff, address) if f'FROM "{table}"' in sql]
    plans = [step for sql in asked for step in explain(sql)]

    assert any(f"INDEX {index}" in step for step in plans)
    assert not [step for step in plans if "TEMP B-TREE" in step or f"SCAN {table}" in step]


def explain(sql: str) -> list[str]:
    """Return the steps by which SQLite answers a statement."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return [step[3] for step in cursor.fetchall()]


def test_counting_stops_at_a_bound(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    events = Event.objects.order_by("-pk")
    assert BoundedPaginator(events, 100).count == 2

    monkeypatch.setattr(BoundedPaginator, "most_rows", 1)

    assert BoundedPaginator(events, 100).count == 1


def test_a_site_is_deleted_with_all_of_its_visits_and_no_others(
    site: Site, other_site: Site, staff: Client
) -> None:
    for each in (site, other_site):
        view(each, NOON)
    address = f"/admin/sites/site/{site.pk}/delete/"

    asked = Page.of(staff.get(address))
    assert "example.com, with all of its visits: 1" in asked.text
    assert Site.objects.count() == 2

    for typed in ("", "other.example", "example"):
        staff.post(address, {"post": "yes", "typed": typed})
        assert Site.objects.count() == 2
    assert staff.post(address, {"post": "yes", "typed": " Example.com"}).status_code == 302
    assert list(Site.objects.all()) == [other_site]
    assert set(Visit.objects.values_list("site", flat=True)) == {other_site.pk}
    assert set(Event.objects.values_list("site", flat=True)) == {other_site.pk}


def test_sites_are_not_deleted_by_the_dozen(site: Site, other_site: Site, staff: Client) -> None:
    view(site, NOON)
    chosen = {
        "action": "delete_selected",
        "_selected_action": [str(site.pk), str(other_site.pk)],
        "post": "yes",
    }

    staff.post("/admin/sites/site/", chosen)
    assert (Site.objects.count(), Visit.objects.count(), Event.objects.count()) == (2, 1, 1)
