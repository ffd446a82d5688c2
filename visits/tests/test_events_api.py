"""Many hits in one request: each has a verdict of its own, and all of them one commit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from sites.models import Site
from visits.api import MAX_BATCH, MAX_BATCH_BODY, MAX_BATCH_HITS, MAX_BATCHES, MAX_BODY, EventsView
from visits.models import DailyCount, Event, Visit
from visits.tests.hits import CHROME, on_another_connection

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

HIT: Final = {"n": "pageview", "u": "https://example.com/", "d": "example.com"}
GOOGLEBOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
STORED: Final = {"status": 202}


def post(client: Client, body: object, *, user_agent: str = CHROME, **headers: str) -> Answer:
    """Post `body`, as JSON unless it is text, and return the answer."""
    data = body if isinstance(body, str) else json.dumps(body)
    return client.generic(
        "POST",
        "/api/events",
        data,
        content_type="application/json",
        headers={"User-Agent": user_agent} | headers,
    )


def verdicts(client: Client, *hits: object, **options: Any) -> list[dict[str, Any]]:
    """Return what became of the hits, which have to be answered with 202."""
    answer = post(client, list(hits), **options)
    assert (answer.status_code, answer["Content-Type"]) == (202, "application/json")
    found: list[dict[str, Any]] = json.loads(answer.content)
    return found


def test_each_hit_has_its_verdict_in_the_order_sent(site: Site, client: Client) -> None:
    assert verdicts(
        client,
        HIT,
        HIT | {"d": "unknown.example"},
        HIT | {"n": ""},
        HIT | {"t": "t" * 600, "r": "https://news.example/" + "r" * 2000},
        HIT | {"b": True},
        7,
        HIT | {"d": "unknown.example", "t": "t" * 600},
        HIT | {"n": "signup", "sd": -1, "w": "wide"},
        HIT | {"n": "engagement", "e": 1000},
    ) == [
        STORED,
        {"status": 202, "dropped": "unknown_site"},
        {"status": 400, "errors": {"name": ["This field is required."]}},
        {"status": 202, "cut": "referrer, title"},
        {"status": 202, "dropped": "automation"},
        {"status": 400, "errors": {"body": ["Send one JSON object."]}},
        {"status": 202, "dropped": "unknown_site", "cut": "title"},
        {
            "status": 400,
            "errors": {
                "scroll_depth": ["Send a number from 0 to 100."],
                "screen_width": ["Send a whole number."],
            },
        },
        STORED,
    ]
    assert list(Event.objects.order_by("pk").values_list("name", flat=True)) == [
        "pageview",
        "pageview",
        "engagement",
    ]
    assert Visit.objects.get().pageviews == 2


def test_what_drops_the_request_drops_each_of_its_hits(site: Site, client: Client) -> None:
    assert verdicts(client, HIT, HIT, user_agent=GOOGLEBOT) == [
        {"status": 202, "dropped": "bot"},
        {"status": 202, "dropped": "bot"},
    ]
    assert DailyCount.objects.get(name="bot").count == 2


def test_a_hit_of_several_sites_has_one_verdict(
    site: Site, other_site: Site, client: Client
) -> None:
    assert verdicts(
        client,
        HIT | {"d": "example.com,other.example"},
        HIT | {"d": "no.example,example.com"},
        HIT | {"d": "a.example,b.example"},
        HIT | {"d": "other.example"},
    ) == [
        STORED,
        {"status": 202, "dropped": "unknown_site"},
        {"status": 202, "dropped": "unknown_site"},
        STORED,
    ]
    assert (site.events.count(), other_site.events.count()) == (2, 2)


@pytest.mark.django_db
def test_of_no_hits_nothing_becomes(client: Client) -> None:
    assert verdicts(client) == []


def test_only_malformed_hits_store_nothing(site: Site, client: Client) -> None:
    assert [verdict["status"] for verdict in verdicts(client, {}, None, [])] == [400, 400, 400]
    assert not Event.objects.exists()


def test_a_thousand_hits_are_one_transaction_of_few_statements(
    site: Site, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    hits = [
        HIT | {"u": f"https://example.com/{number}", "id": str(number)}
        for number in range(MAX_BATCH)
    ]
    with django_assert_max_num_queries(20):
        found = verdicts(client, *hits)

    assert found == [STORED] * 1000
    assert Event.objects.count() == 1000
    visit = Visit.objects.get()
    assert (visit.pageviews, visit.entry_page, visit.exit_page) == (1000, "/0", "/999")


def test_a_hit_more_than_a_thousand_is_too_many(site: Site, client: Client) -> None:
    answer = post(client, [HIT] * 1001)

    assert answer.status_code == 413
    assert b"1,000" in answer.content
    assert not Event.objects.exists()


@pytest.mark.parametrize("text", ["1, 2, 3, 4, 5, 6, 7, 8, 9", "[1],[2],[3],{4}", 'a\\"{,' * 5])
def test_what_texts_hold_does_not_count_as_values(site: Site, client: Client, text: str) -> None:
    hit = HIT | {"p": {f"list {number}": text for number in range(30)}}

    assert verdicts(client, *[hit] * MAX_BATCH) == [STORED] * MAX_BATCH


def test_a_hit_counts_for_each_site_it_names(site: Site, client: Client) -> None:
    """More than may wait to be stored would be refused for ever, if they were asked for again."""
    domains = ",".join(f"{number}.example" for number in range(20))
    most = MAX_BATCH_HITS // 20

    assert post(client, [HIT | {"d": domains}] * most).status_code == 202
    assert post(client, [HIT | {"d": domains}] * (most + 1)).status_code == 413


@pytest.mark.parametrize(("over", "status"), [(0, 202), (1, 413)])
def test_a_batch_has_at_most_4_megabytes(
    site: Site, client: Client, over: int, status: int
) -> None:
    body = json.dumps([HIT]).ljust(4 * 1024 * 1024 + over)

    assert len(body) == MAX_BATCH_BODY + over
    assert post(client, body).status_code == status
    assert Event.objects.count() == (status == 202)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (HIT, "Send an array of hits."),
        (None, "Send an array of hits."),
        (5, "Send an array of hits."),
        ("", "Send an array of hits."),
        ("{", "Send JSON in UTF-8."),
        ("[NaN]", "Send JSON in UTF-8."),
        ("[" * 2000 + "]" * 2000, "Send JSON in UTF-8."),
    ],
)
@pytest.mark.django_db
def test_what_is_no_array_is_malformed(client: Client, body: object, error: str) -> None:
    answer = post(client, body)

    assert (answer.status_code, json.loads(answer.content)) == (400, {"body": [error]})


def test_an_event_id_is_stored_once_in_a_batch_and_in_two(site: Site, client: Client) -> None:
    first, second = HIT | {"id": "a-1"}, HIT | {"id": "a-2"}

    assert verdicts(client, first, first, second) == [STORED] * 3
    assert verdicts(client, second, HIT | {"id": "a-3"}) == [STORED] * 2

    assert sorted(Event.objects.values_list("event_id", flat=True)) == ["a-1", "a-2", "a-3"]
    assert Visit.objects.get().pageviews == 3


@pytest.mark.django_db(transaction=True)
def test_what_was_answered_is_committed(site: Site, client: Client) -> None:
    verdicts(client, HIT, HIT)

    assert on_another_connection(Event.objects.count) == 2


@pytest.mark.django_db(transaction=True)
def test_of_a_store_that_is_busy_none_of_them_is_stored(
    site: Site, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    hold = {
        "sqlite": "BEGIN IMMEDIATE",
        "postgresql": "BEGIN; LOCK TABLE visits_event IN ACCESS EXCLUSIVE MODE",
    }[connection.vendor]
    batch = [HIT | {"id": "a-1"}, HIT | {"n": ""}, HIT | {"d": "unknown.example"}]
    other = connection.copy()
    with connection.cursor() as cursor, other.cursor() as holder:
        if connection.vendor == "postgresql":
            cursor.execute("SET lock_timeout = '50ms'")
        holder.execute(hold)
        try:
            answer = post(client, batch)
        finally:
            holder.execute("ROLLBACK")
            if connection.vendor == "postgresql":
                cursor.execute("SET lock_timeout = 0")
    other.close()

    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert not Visit.objects.exists()
    assert not DailyCount.objects.exists()

    assert [verdict["status"] for verdict in verdicts(client, *batch)] == [202, 400, 202]
    assert Event.objects.count() == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
@pytest.mark.django_db
def test_the_endpoint_takes_posts_only(client: Client, method: str) -> None:
    answer = client.generic(method, "/api/events")

    assert answer.status_code == 405
    assert answer["Allow"] == "POST, OPTIONS"


@pytest.mark.django_db
def test_a_page_of_any_origin_may_send_many(client: Client) -> None:
    answer = client.options("/api/events", headers={"Origin": "https://example.com"})

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Access-Control-Allow-Headers"] == "Content-Type, Authorization"


def test_a_batch_that_would_wait_too_long_is_refused_before_it_is_read(
    site: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = "no JSON" * MAX_BODY
    monkeypatch.setattr(EventsView, "in_progress", MAX_BATCHES)
    answer = post(client, large)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert verdicts(client, HIT) == [STORED]  # a small one always has its place

    monkeypatch.setattr(EventsView, "in_progress", MAX_BATCHES - 1)
    assert post(client, large).status_code == 400
    assert EventsView.in_progress == MAX_BATCHES - 1
