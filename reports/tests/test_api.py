"""`POST /api/v2/query`, from the key at the door to the figures in the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from archive.models import KeptEvents
from reports.metrics import METRICS
from reports.models import Goal
from reports.vocabulary import terms
from sites.keys import make_key, revoke_keys
from sites.models import ApiKey, Site
from visits.models import Event
from visits.services import add_event, add_visit
from visits.tests.hits import DAY, MINUTE, NOON

Ask = Callable[..., Any]


@pytest.fixture
def site(db: None) -> Site:
    """The site dummy.site, which Plausible's examples ask about."""
    return Site.objects.create(domain="dummy.site", timezone="Europe/Berlin")


@pytest.fixture
def key(site: Site) -> str:
    """A key that may read dummy.site."""
    return make_key(name="reader", sites=[site], can_read=True)[1]


@pytest.fixture
def ask(client: Client, key: str, at_noon: None) -> Ask:
    """Asks at noon of 10 March 2026 and returns status and answer; gaps are filled in."""

    def post(**question: Any) -> tuple[int, Any]:
        asked = {"site_id": "dummy.site", "metrics": ["visitors"], "date_range": "7d"} | question
        return send(client, asked, f"Bearer {key}")

    return post


def send(client: Client, question: Any, authorization: str = "") -> tuple[int, Any]:
    """Return status and answer of a question."""
    headers = {"Authorization": authorization} if authorization else {}
    body = question if isinstance(question, bytes) else json.dumps(question)
    answer = client.post("/api/v2/query", body, content_type="application/json", headers=headers)
    return answer.status_code, answer.json()


@pytest.fixture
def history(site: Site) -> None:
    """Yesterday at one o'clock in Berlin: Ann, Bob and Cem, each with one visit.

    Ann (Estonia, Tallinn, Chrome on Mac, by Google) reads / and /docs/blog for 30 s, as a customer.
    Bob (Germany, GNU/Linux, by the newsletter's mail) reads /pricing and signs up. Cem, of whom
    nothing is known, buys for 10 € on /, ten minutes later.
    """
    yesterday = NOON - DAY
    ann = add_visit(
        site=site,
        visitor=1,
        started_at=yesterday,
        source="Google",
        channel="Organic Search",
        country="EE",
        city="Tallinn",
        browser="Chrome",
        operating_system="Mac",
        device="desktop",
    )
    add_event(visit=ann, page="/", happened_at=yesterday)
    customer = {"is_customer": "true"}
    add_event(visit=ann, page="/docs/blog", happened_at=yesterday + MINUTE / 2, props=customer)
    bob = add_visit(
        site=site,
        visitor=2,
        started_at=yesterday,
        source="newsletter",
        utm_source="newsletter",
        utm_medium="email",
        country="DE",
        operating_system="GNU/Linux",
        device="mobile",
    )
    add_event(visit=bob, page="/pricing", happened_at=yesterday)
    add_event(visit=bob, page="/pricing", name="Signup", happened_at=yesterday)
    cem = add_visit(site=site, visitor=3, started_at=yesterday + 10 * MINUTE)
    add_event(visit=cem, page="/", name="PurchaseEUR", happened_at=yesterday + 10 * MINUTE)
    Event.objects.filter(name="PurchaseEUR").update(
        revenue_amount=Decimal("10"), revenue_currency="EUR"
    )


SEVEN_DAYS: Final = ["2026-03-03T00:00:00+01:00", "2026-03-09T23:59:59+01:00"]
ALL_TIME: Final = ["2026-03-09T00:00:00+01:00", "2026-03-10T23:59:59+01:00"]

#: What Plausible's documentation asks, as it asks it, with the rows and the rest that come back.
EXAMPLES: Final[dict[str, tuple[dict[str, Any], list[Any], dict[str, Any]]]] = {
    "simple aggregate": (
        {"metrics": ["visitors", "events"], "date_range": "7d"},
        [([], [3, 5])],
        {},
    ),
    "custom date range": (
        {"metrics": ["visitors"], "date_range": ["2024-08-01", "2024-08-15"]},
        [([], [0])],
        {},
    ),
    "country and city": (
        {
            "metrics": ["visitors", "pageviews", "bounce_rate"],
            "date_range": "7d",
            "filters": [["is_not", "visit:country_name", [""]]],
            "dimensions": ["visit:country_name", "visit:city_name"],
        },
        [(["Estonia", "Tallinn"], [1, 2, 0]), (["Germany", "(not set)"], [1, 1, 0])],
        {},
    ),
    "UTM medium and source": (
        {
            "metrics": ["visitors", "events", "pageviews"],
            "date_range": "7d",
            "dimensions": ["visit:utm_medium", "visit:utm_source"],
        },
        [(["(not set)", "(not set)"], [2, 3, 2]), (["email", "newsletter"], [1, 2, 1])],
        {},
    ),
    "filtering": (
        {
            "metrics": ["visitors"],
            "date_range": "7d",
            "filters": [
                ["contains", "event:page", ["/docs", "/pricing"]],
                ["is", "visit:country_name", ["Estonia", "United States of America"]],
            ],
        },
        [([], [1])],
        {},
    ),
    "filtering without regard to capitals": (
        {
            "metrics": ["visitors"],
            "date_range": "7d",
            "filters": [["contains", "event:page", ["BLOG"], {"case_sensitive": False}]],
        },
        [([], [1])],
        {},
    ),
    "timeseries": (
        {
            "metrics": ["visitors", "events"],
            "date_range": "7d",
            "filters": [["is", "visit:os", ["GNU/Linux", "Mac"]]],
            "dimensions": ["time:day"],
        },
        [(["2026-03-09"], [2, 4])],
        {},
    ),
    "hours with labels": (
        {
            "metrics": ["visitors"],
            "date_range": ["2026-03-09", "2026-03-09"],
            "dimensions": ["time:hour"],
            "include": {"time_labels": True},
        },
        [(["2026-03-09 13:00:00"], [3])],
        {"time_labels": [f"2026-03-09 {hour:02}:00:00" for hour in range(24)]},
    ),
    "custom properties": (
        {
            "metrics": ["visitors"],
            "date_range": "7d",
            "dimensions": ["time:day", "event:props:is_customer"],
            "order_by": [["time:day", "asc"], ["event:props:is_customer", "desc"]],
        },
        [(["2026-03-09", "true"], [1]), (["2026-03-09", "(none)"], [3])],
        {},
    ),
    "pagination": (
        {
            "metrics": ["visitors", "events", "pageviews"],
            "date_range": "7d",
            "dimensions": ["visit:utm_medium", "visit:utm_source"],
            "include": {"total_rows": True},
            "pagination": {"limit": 3, "offset": 1},
        },
        [(["email", "newsletter"], [1, 2, 1])],
        {"total_rows": 2},
    ),
    "imports": (
        {
            "metrics": ["visitors"],
            "date_range": "all",
            "dimensions": ["visit:source"],
            "include": {"imports": True},
        },
        [(["Direct / None"], [1]), (["Google"], [1]), (["newsletter"], [1])],
        {"imports_included": False, "imports_skip_reason": "no_imported_data"},
    ),
    "imports with a filter": (
        {
            "metrics": ["visitors"],
            "date_range": "all",
            "dimensions": ["visit:source"],
            "filters": [["is", "visit:country_name", ["Estonia"]]],
            "include": {"imports": True},
        },
        [(["Google"], [1])],
        {"imports_included": False, "imports_skip_reason": "no_imported_data"},
    ),
    "revenue": (
        {
            "metrics": ["total_revenue"],
            "date_range": "all",
            "dimensions": ["event:goal"],
            "order_by": [["total_revenue", "desc"]],
        },
        [
            (
                ["PurchaseEUR"],
                [{"value": 10.0, "currency": "EUR", "short": "€10.0", "long": "€10.00"}],
            ),
            (["Signup"], [None]),
        ],
        {
            "metric_warnings": {
                "total_revenue": {
                    "code": "no_revenue_goals_matching",
                    "warning": "Nothing that was asked about has an amount; the revenue is null.",
                }
            }
        },
    ),
    "behavioural filters": (
        {
            "metrics": ["visitors"],
            "date_range": "all",
            "filters": [
                ["is", "event:goal", ["Signup"]],
                ["has_done", ["is", "event:page", ["/pricing"]]],
            ],
        },
        [([], [1])],
        {},
    ),
}


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("name", EXAMPLES)
def test_answers_the_published_examples_in_their_form(name: str, ask: Ask) -> None:
    question, rows, meta = EXAMPLES[name]

    status, answer = ask(**question)

    assert status == 200
    assert answer["results"] == [{"dimensions": d, "metrics": m} for d, m in rows]
    assert answer["meta"] == meta
    assert answer["query"] == {
        "site_id": "dummy.site",
        "metrics": question["metrics"],
        "date_range": answer["query"]["date_range"],
        "filters": question.get("filters", []),
        "dimensions": question.get("dimensions", []),
        "order_by": question.get("order_by", answer["query"]["order_by"]),
        "include": question.get("include", {}),
        "pagination": question.get("pagination", {"limit": 10_000, "offset": 0}),
    }


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("date_range", "expected"),
    [
        ("7d", SEVEN_DAYS),
        ("all", ALL_TIME),
        ("day", ["2026-03-10T00:00:00+01:00", "2026-03-10T23:59:59+01:00"]),
        ("24h", ["2026-03-09T13:00:00+01:00", "2026-03-10T12:59:59+01:00"]),
        ("28d", ["2026-02-10T00:00:00+01:00", "2026-03-09T23:59:59+01:00"]),
        ("30d", ["2026-02-08T00:00:00+01:00", "2026-03-09T23:59:59+01:00"]),
        ("91d", ["2025-12-09T00:00:00+01:00", "2026-03-09T23:59:59+01:00"]),
        ("month", ["2026-03-01T00:00:00+01:00", "2026-03-10T23:59:59+01:00"]),
        ("6mo", ["2025-10-01T00:00:00+02:00", "2026-03-10T23:59:59+01:00"]),
        ("12mo", ["2025-04-01T00:00:00+02:00", "2026-03-10T23:59:59+01:00"]),
        ("year", ["2026-01-01T00:00:00+01:00", "2026-03-10T23:59:59+01:00"]),
        (
            ["2026-03-01", "2026-03-29"],
            ["2026-03-01T00:00:00+01:00", "2026-03-29T23:59:59+02:00"],
        ),
        (
            ["2026-03-09T12:00:00+02:00", "2026-03-09T15:59:59+02:00"],
            ["2026-03-09T11:00:00+01:00", "2026-03-09T14:59:59+01:00"],
        ),
        # Without an offset it is the site's time.
        (
            ["2026-03-09 12:00:00", "2026-03-09 12:00:00"],
            ["2026-03-09T12:00:00+01:00", "2026-03-09T12:00:00+01:00"],
        ),
    ],
)
def test_ranges_are_the_sites(date_range: Any, expected: list[str], ask: Ask) -> None:
    status, answer = ask(date_range=date_range)

    assert (status, answer["query"]["date_range"]) == (200, expected)


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("last", "visitors"),
    [("13:00:00", 2), ("12:59:59", 0), ("13:09:59", 2), ("13:10:00", 3)],
)
def test_the_last_second_belongs_to_a_range_of_times(last: str, visitors: int, ask: Ask) -> None:
    _, answer = ask(date_range=["2026-03-09T12:00:00", f"2026-03-09T{last}"])

    assert answer["results"][0]["metrics"] == [visitors]


@pytest.mark.usefixtures("history")
def test_a_range_up_to_today_may_end_now(ask: Ask) -> None:
    trimmed = {"trim_relative_date_range": True, "time_labels": True}

    _, answer = ask(date_range="day", dimensions=["time:hour"], include=trimmed)

    assert answer["meta"]["time_labels"][-1] == "2026-03-10 12:00:00"
    assert answer["query"]["date_range"][1] == "2026-03-10T12:59:59+01:00"


@pytest.mark.parametrize(
    ("date_range", "label"),
    [
        ("day", "2026-03-10 00:00:00"),
        ("7d", "2026-03-03"),
        ("91d", "2025-12-09"),
        ("12mo", "2025-04-01"),
    ],
)
def test_time_alone_takes_the_interval_that_suits(date_range: str, label: str, ask: Ask) -> None:
    _, answer = ask(date_range=date_range, dimensions=["time"], include={"time_labels": True})

    assert answer["meta"]["time_labels"][0] == label


@pytest.mark.usefixtures("history")
def test_every_metric_has_its_form(ask: Ask) -> None:
    _, answer = ask(metrics=[*METRICS], dimensions=["event:name"])

    values = {
        row["dimensions"][0]: dict(zip(METRICS, row["metrics"], strict=True))
        for row in answer["results"]
    }

    assert values["pageview"] == {
        "visitors": 2,
        "visits": 2,
        "pageviews": 3,
        "events": 3,
        "views_per_visit": 1.5,
        "bounce_rate": 0,
        "visit_duration": 15,
        "engagement_rate": 50.0,
        "time_on_page": None,
        "scroll_depth": None,
        "exit_rate": 66.67,
        "percentage": 66.67,
        "conversion_rate": 66.67,
        "group_conversion_rate": 66.67,
        "total_revenue": None,
        "average_revenue": None,
    }
    assert values["PurchaseEUR"]["average_revenue"]["long"] == "€10.00"


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("name", terms())
def test_every_dimension_can_be_asked_filtered_and_ordered_by(name: str, ask: Ask) -> None:
    """What an answer calls a value, a condition understands."""
    status, answer = ask(dimensions=[name], order_by=[[name, "asc"]])
    assert status == 200

    for row in answer["results"]:
        asked = ask(filters=[["is", name, row["dimensions"]]])
        assert asked[1]["results"][0]["metrics"] == row["metrics"]
        containing = ask(filters=[["contains", name, row["dimensions"]]])
        assert containing[0] == 200


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("condition", "visitors"),
    [
        (["is", "visit:country", ["EE"]], 1),
        (["is_not", "visit:country", ["EE"]], 2),
        (["contains", "visit:country_name", ["any"]], 1),
        (["contains", "visit:country_name", ["GERM"]], 0),
        (["contains", "visit:country_name", ["GERM"], {"case_sensitive": False}], 1),
        (["matches", "visit:country_name", ["^E.*a$"]], 1),
        (["contains_not", "visit:country_name", ["any"]], 2),
        (["is", "visit:device", ["Desktop", "Mobile"]], 2),
        (["is", "visit:source", ["Direct / None"]], 1),
        (["is", "visit:utm_source", ["(not set)"]], 2),
        (["matches", "event:page", ["^/docs/"]], 1),
        (["matches_not", "event:page", ["^/docs/", "^/pricing$"]], 2),
        (["is", "event:props:is_customer", ["true"]], 1),
        (["is", "event:props:is_customer", ["(none)"]], 3),
        (["is", "event:props:is_customer", []], 0),
        (["contains", "event:props:is_customer", []], 0),
        (["is_not", "event:props:is_customer", []], 3),
        (["is", "event:goal", ["Signup", "PurchaseEUR"]], 2),
        (["contains", "event:goal", ["Purchase"]], 1),
        (["is", "event:goal", ["pageview"]], 0),
        (["is", "event:goal", ["Visit /pricing"]], 1),
        (["is", "event:goal", ["Visit /docs/*"]], 1),
        (["is", "event:goal", ["Visit /do.s/*"]], 0),
        (["not", ["is", "visit:os", ["Mac"]]], 2),
        (["or", [["is", "visit:os", ["Mac"]], ["is", "event:name", ["Signup"]]]], 2),
        (["and", [["is", "visit:os", ["Mac"]], ["is", "event:name", ["Signup"]]]], 0),
        (["has_not_done", ["is", "event:goal", ["Signup"]]], 2),
    ],
)
def test_conditions_are_what_they_say(condition: list[Any], visitors: int, ask: Ask) -> None:
    status, answer = ask(filters=[condition])

    assert (status, answer["results"][0]["metrics"]) == (200, [visitors])


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("condition", "visitors"),
    [
        (["is", "event:goal", ["Became ours"]], 1),
        (["is", "event:goal", ["Became ours", "Signup"]], 2),
        (["is", "event:goal", ["became OURS"]], 0),
        (["is", "event:goal", ["became OURS"], {"case_sensitive": False}], 1),
        (["contains", "event:goal", ["ours"]], 1),
        (["is", "event:goal", ["Saw docs"]], 1),
        (["is", "event:goal", ["Another site's"]], 0),
        (["has_not_done", ["is", "event:goal", ["Became ours"]]], 2),
    ],
)
def test_a_sites_goals_go_by_their_names(
    condition: list[Any], visitors: int, ask: Ask, site: Site, other_site: Site
) -> None:
    bought = {"name": "Became ours", "kind": "event", "event": "PurchaseEUR"}
    for at, fields in (
        (site, bought | {"conditions": ["is,property:is_customer,"]}),
        (site, {"name": "Saw docs", "kind": "page", "page": "/docs/*"}),
        (other_site, {"name": "Another site's", "kind": "page", "page": "*"}),
    ):
        Goal.objects.create(site=at, **fields)

    status, answer = ask(filters=[condition])
    _, rate = ask(filters=[condition], metrics=["conversion_rate"])

    assert (status, answer["results"][0]["metrics"]) == (200, [visitors])
    assert ("error" in rate) is (condition[0] == "has_not_done")  # which names no action


@pytest.mark.usefixtures("history")
def test_compares_with_an_earlier_range(ask: Ask) -> None:
    """The 9th beside the 8th, on which nobody came, and beside itself."""
    asked = {"date_range": ["2026-03-09", "2026-03-09"], "metrics": ["visitors", "bounce_rate"]}
    before = {"comparisons": {"mode": "previous_period"}}
    itself = {"comparisons": {"mode": "custom", "date_range": ["2026-03-09", "2026-03-09"]}}

    _, answer = ask(**asked, include=before)
    assert answer["results"][0]["comparison"] == {"metrics": [0, None], "change": [None, None]}
    assert answer["meta"]["comparison_date_range"] == [
        "2026-03-08T00:00:00+01:00",
        "2026-03-08T23:59:59+01:00",
    ]
    _, answer = ask(**asked, dimensions=["visit:source"], include=itself)
    assert [row["comparison"]["change"] for row in answer["results"]] == [[0.0, 0.0]] * 3


@pytest.mark.parametrize(
    ("comparison", "first_day"),
    [
        ({"mode": "year_over_year"}, "2025-03-03"),
        ({"mode": "year_over_year", "match_day_of_week": True}, "2025-03-04"),
        ({"mode": "previous_period", "match_day_of_week": True}, "2026-02-24"),
    ],
)
def test_compares_with_the_range_that_is_named(
    comparison: dict[str, Any], first_day: str, ask: Ask
) -> None:
    _, answer = ask(include={"comparisons": comparison})

    assert answer["meta"]["comparison_date_range"][0].startswith(first_day)


@pytest.mark.usefixtures("history")
def test_revenue_of_two_currencies_is_null_and_says_why(ask: Ask) -> None:
    Event.objects.filter(name="Signup").update(revenue_amount=Decimal("7"), revenue_currency="USD")

    _, answer = ask(metrics=["average_revenue", "total_revenue"])

    assert answer["results"][0]["metrics"] == [None, None]
    assert {warning["code"] for warning in answer["meta"]["metric_warnings"].values()} == {
        "no_single_revenue_currency"
    }
    assert answer["meta"]["metric_warnings"].keys() == {"total_revenue", "average_revenue"}


def deep(levels: int) -> list[Any]:
    """Return a condition with so many within it."""
    condition: list[Any] = ["is", "event:page", ["/"]]
    for _ in range(levels):
        condition = ["not", condition]
    return condition


IS: Final = ["is", "event:page", ["/"]]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"metrics": []}, "#/metrics: Ask for one metric at least."),
        ({"metrics": ["visitors", "baa"]}, '#/metrics/1: There is no metric "baa".'),
        ({"metrics": ["visits", "visits"]}, '#/metrics/1: "visits" is asked for twice.'),
        ({"metrics": "visitors"}, "#/metrics: An array has to stand here."),
        ({"metrics": [1]}, "#/metrics/0: A text has to stand here."),
        ({"metrics": ["percentage"]}, "#/metrics: A percentage needs dimensions."),
        (
            {"metrics": ["conversion_rate"]},
            "#/metrics: A conversion rate needs a condition or dimension on a goal, event or"
            " property.",
        ),
        ({"date_range": "2d2"}, '#/date_range: There is no range "2d2"; take day, 24h,'),
        ({"date_range": "0d"}, '#/date_range: There is no range "0d"'),
        ({"date_range": "9999d"}, "#/date_range: Reports reach from 2000-01-01 to 2099-12-31."),
        ({"date_range": "999mo"}, "#/date_range: Reports reach from 2000-01-01 to 2099-12-31."),
        ({"date_range": 7}, "#/date_range: An array has to stand here."),
        ({"date_range": ["2026-03-01"]}, "#/date_range: Give two days or two times"),
        (
            {"date_range": ["2026-03-02", "2026-03-01"]},
            "#/date_range: 2026-03-02 is after 2026-03-01: exchange the two.",
        ),
        (
            {"date_range": ["2026-02-30", "2026-03-01"]},
            '#/date_range/0: "2026-02-30" is no day; write 2026-03-31.',
        ),
        ({"date_range": ["soon", "2026-03-01"]}, '#/date_range/0: "soon" is no time'),
        (
            {"date_range": ["0001-01-01T00:00:00+14:00", "9999-12-31T00:00:00-14:00"]},
            "#/date_range/0: Reports reach from",
        ),
        (
            {"date_range": ["2026-03-01T10:00:00Z", "2026-03-01T09:00:00Z"]},
            "#/date_range: The first time is after the last: exchange the two.",
        ),
        ({"dimensions": ["visit:baa"]}, '#/dimensions/0: There is no dimension "visit:baa"; take'),
        ({"dimensions": ["event:props:"]}, '#/dimensions/0: There is no dimension "event:props:"'),
        ({"dimensions": ["time:year"]}, '#/dimensions/0: There is no dimension "time:year"'),
        ({"dimensions": ["event:page"] * 2}, '#/dimensions/1: "event:page" is asked for twice.'),
        ({"dimensions": ["time:minute"]}, "#/dimensions/0: By minutes a range has 2 days at most."),
        (
            {"dimensions": ["time:hour"], "date_range": "500d"},
            "#/dimensions/0: By hours a range has 400 days at most.",
        ),
        (
            {"dimensions": [f"event:props:{number}" for number in range(9)]},
            "#/dimensions: At most 8, not 9.",
        ),
        ({"filters": {}}, "#/filters: An array has to stand here."),
        ({"filters": [[]]}, "#/filters/0: A condition begins with one of is, is_not,"),
        ({"filters": [["like", "event:page", ["/"]]]}, "#/filters/0: A condition begins with"),
        ({"filters": [["is", "event:page"]]}, '#/filters/0: Write ["is", a dimension, [values]].'),
        ({"filters": [["is", "event:page", "/"]]}, "#/filters/0/2: An array has to stand here."),
        ({"filters": [["is", "event:page", [1]]]}, "#/filters/0/2/0: A text has to stand here."),
        ({"filters": [["is", "baa", ["/"]]]}, '#/filters/0/1: There is no dimension "baa"'),
        (
            {"filters": [["is", "time:day", ["/"]]]},
            "#/filters/0/1: Time is asked for by the date_range.",
        ),
        ({"filters": [["is", "segment", [2]]]}, "#/filters/0/1: There are no segments."),
        ({"filters": [["is_not", "event:goal", ["a"]]]}, "#/filters/0/0: Of event:goal ask is or"),
        (
            {"filters": [[*IS, {"case_sensitive": 1}]]},
            "#/filters/0/3/case_sensitive: Write true or false.",
        ),
        (
            {"filters": [[*IS, {"capitals": True}]]},
            "#/filters/0/3/capitals: There is no such key; take case_sensitive.",
        ),
        (
            {"filters": [["not", ["or", [IS, ["matches", "event:page", ["/", "a("]]]]]]},
            "#/filters/0/1/1/1/2/1: This is no regular expression of RE2: missing ): a(.",
        ),
        (
            {"filters": [["matches", "visit:country_name", ["["]]]},
            "#/filters/0/2/0: This is no regular expression of RE2: missing ]: [.",
        ),
        (
            {"filters": [["matches", "event:page", ["a" * 501]]]},
            "#/filters/0/2: A pattern has 500 characters at most.",
        ),
        (
            {"filters": [["matches", "event:page", ["a"] * 51]]},
            "#/filters/0/2: At most 50 patterns in a question.",
        ),
        ({"filters": [["and", IS, IS]]}, '#/filters/0: "and" takes one thing after it.'),
        ({"filters": [deep(8)]}, "#/filters/0/1/1/1/1/1/1/1/1: At most 8 conditions within"),
        ({"filters": [IS] * 201}, "#/filters: At most 200 conditions."),
        (
            {"filters": [["is", "event:page", ["/"] * 1001]]},
            "#/filters/0/2: At most 1,000, not 1,001.",
        ),
        ({"order_by": [["visits", "desc"]]}, '#/order_by/0/0: "visits" is none of the question'),
        ({"order_by": [["visitors", "down"]]}, "#/order_by/0: Write [a metric or dimension,"),
        ({"order_by": ["visitors"]}, "#/order_by/0: An array has to stand here."),
        ({"include": {"rows": True}}, "#/include/rows: There is no such key; take comparisons,"),
        ({"include": {"imports": "yes"}}, "#/include/imports: Write true or false."),
        (
            {"include": {"time_labels": True}},
            "#/include/time_labels: Labels of time need a dimension of time.",
        ),
        (
            {"include": {"comparisons": {"mode": "last_week"}}},
            "#/include/comparisons/mode: Take previous_period, year_over_year or custom.",
        ),
        (
            {"include": {"comparisons": {"mode": "custom"}}},
            "#/include/comparisons: A date_range goes with",
        ),
        (
            {"pagination": {"limit": 0}},
            "#/pagination/limit: Write a whole number from 1 to 10,000.",
        ),
        ({"pagination": {"limit": True}}, "#/pagination/limit: Write a whole number"),
        ({"pagination": {"offset": -1}}, "#/pagination/offset: Write a whole number from 0 to"),
        ({"pagination": {"offset": 10**30}}, "#/pagination/offset: Write a whole number from 0"),
        ({"baa": 1}, "#/baa: There is no such key; take date_range, dimensions, filters, include,"),
        ({"site_id": 7}, "#/site_id: A text has to stand here."),
    ],
)
def test_says_what_is_wrong_and_where(wrong: dict[str, Any], sentence: str, ask: Ask) -> None:
    status, answer = ask(**wrong)

    assert (status, [*answer]) == (400, ["error"])
    assert answer["error"].startswith(sentence)


def test_nothing_at_all_names_no_site(client: Client, key: str) -> None:
    status, answer = send(client, b"", f"Bearer {key}")

    assert (status, answer) == (400, {"error": "#/site_id: Name the site by its domain."})


@pytest.mark.parametrize("missing", ["metrics", "date_range", "site_id"])
def test_says_what_is_missing(missing: str, client: Client, key: str) -> None:
    whole = {"site_id": "dummy.site", "metrics": ["visitors"], "date_range": "7d"}
    question = {name: value for name, value in whole.items() if name != missing}

    status, answer = send(client, question, f"Bearer {key}")

    assert (status, answer["error"].split(":")[0]) == (400, f"#/{missing}")


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"7", b"null", b'"a"', b"\xff", b'{"site_id": "\\ud800"}', b"[" * 100_000],
)
def test_what_is_no_question_is_refused(body: bytes, client: Client, key: str) -> None:
    status, answer = send(client, body, f"Bearer {key}")

    assert (status, answer["error"][:2]) == (400, "#:")


def test_a_question_too_large_is_not_read(client: Client, key: str) -> None:
    status, answer = send(client, b" " * 300_000, f"Bearer {key}")

    assert (status, answer) == (413, {"error": "A question has 256 KB at most."})


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
def test_only_posts_are_answered(method: str, client: Client) -> None:
    answer = getattr(client, method)("/api/v2/query")

    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert answer.json() == {"error": "Send a POST."}


class TestKeys:
    """Whose figures a key shows."""

    QUESTION: Final = {"site_id": "dummy.site", "metrics": ["visitors"], "date_range": "7d"}

    @pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer no", "Basic YTpi"])
    def test_without_a_key_there_is_nothing(
        self, authorization: str, client: Client, site: Site
    ) -> None:
        status, answer = send(client, self.QUESTION, authorization)

        assert (status, [*answer]) == (401, ["error"])

    def test_a_wrong_key_is_told_before_the_question_is_read(
        self, client: Client, site: Site
    ) -> None:
        assert send(client, b"{", f"Bearer tsk_{'0' * 48}")[0] == 401

    def test_another_sites_key_one_that_sends_and_a_site_that_is_none_are_told_the_same(
        self, client: Client, site: Site, other_site: Site, key: str
    ) -> None:
        _, foreign = make_key(name="foreign", sites=[other_site], can_read=True)
        _, sender = make_key(name="sender", sites=[site], can_send=True)
        nowhere = self.QUESTION | {"site_id": "nowhere.example"}

        refused = [
            send(client, self.QUESTION, ""),
            send(client, self.QUESTION, f"Bearer {foreign}"),
            send(client, self.QUESTION, f"Bearer {sender}"),
            send(client, nowhere, f"Bearer {key}"),
            send(client, nowhere | {"site_id": "a\0b"}, f"Bearer {key}"),
        ]

        assert {status for status, _ in refused} == {401}
        assert len({answer["error"] for _, answer in refused}) == 1

    def test_a_key_is_refused_once_it_is_revoked(
        self, client: Client, site: Site, key: str
    ) -> None:
        assert send(client, self.QUESTION, f"Bearer {key}")[0] == 200

        revoke_keys(ApiKey.objects.all())

        assert send(client, self.QUESTION, f"Bearer {key}")[0] == 401

    def test_a_key_for_all_sites_reads_each(
        self, client: Client, site: Site, other_site: Site
    ) -> None:
        _, key = make_key(name="all", all_sites=True, can_read=True)

        for domain in ("dummy.site", "other.example", "WWW.Other.example."):
            assert send(client, self.QUESTION | {"site_id": domain}, f"Bearer {key}")[0] == 200

    def test_a_persons_key_reads_what_the_person_may(
        self, client: Client, site: Site, other_site: Site
    ) -> None:
        ada = User.objects.create_user("ada")
        site.members.add(ada)
        _, key = make_key(name="ada's", person=ada, can_read=True)

        assert send(client, self.QUESTION, f"Bearer {key}")[0] == 200
        foreign = self.QUESTION | {"site_id": "other.example"}
        assert send(client, foreign, f"Bearer {key}")[0] == 401

    def test_the_day_of_its_use_is_noted(self, client: Client, site: Site, key: str) -> None:
        with time_machine.travel(NOON, tick=False):
            send(client, self.QUESTION, f"Bearer {key}")

        assert ApiKey.objects.get().last_used_on == NOON.date()


#: Pieces of questions, right and wrong, put together at random.
_OPERATORS: Final = ("is", "is_not", "contains", "matches", "and", "or", "not", "has_done")
_NAMES: Final = ("event:page", "event:goal", "event:props:a", "visit:country_name", "time:hour")
_OTHERS: Final = ("visitors", "asc", "7d", "day", "2026-03-01", "2026-03-01T10:00:00+14:00", "time")
_HOSTILE: Final = ("", "a(", "\0", "é", "'; --", "$site", "{argument}")
_words: Final = st.sampled_from((*_OPERATORS, *_NAMES, *_OTHERS, *_HOSTILE))
_values: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _words,
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(_words, parts, max_size=3),
    max_leaves=12,
)
_metrics: Final = st.lists(st.sampled_from([*METRICS]), min_size=1, max_size=3, unique=True)
_names: Final = st.lists(
    st.sampled_from([*terms(), "time", "time:day", "event:props:\0", "event:props:{argument}"]),
    max_size=3,
    unique=True,
)
_conditions: Final = st.recursive(
    st.tuples(
        st.sampled_from(["is", "is_not", "contains", "contains_not", "matches", "matches_not"]),
        st.sampled_from([*terms(), "event:props:x'"]),
        st.lists(_words, max_size=3),
    ).map(list),
    lambda parts: st.one_of(
        st.tuples(st.sampled_from(["and", "or"]), st.lists(parts, max_size=3)).map(list),
        st.tuples(st.sampled_from(["not", "has_done", "has_not_done"]), parts).map(list),
    ),
    max_leaves=6,
)
_ranges: Final = st.sampled_from(
    ["day", "24h", "7d", "month", "12mo", "year", "all", ["2026-03-01", "2026-03-09"]]
)


@hypothesis_settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@pytest.mark.usefixtures("history")
@given(
    question=st.fixed_dictionaries(
        {
            "metrics": _metrics | _values,
            "date_range": _ranges | _values,
        },
        optional={
            "dimensions": _names | _values,
            "filters": st.lists(_conditions, max_size=3) | _values,
            "order_by": _values,
            "include": st.fixed_dictionaries(
                {},
                optional={
                    "total_rows": st.booleans(),
                    "time_labels": st.booleans(),
                    "comparisons": st.sampled_from(
                        [{"mode": "previous_period"}, {"mode": "year_over_year"}]
                    ),
                },
            )
            | _values,
            "pagination": st.fixed_dictionaries(
                {}, optional={"limit": st.integers(), "offset": st.integers(0, 10**10)}
            ),
        },
    )
)
def test_whatever_is_asked_is_answered_or_refused(question: dict[str, Any], ask: Ask) -> None:
    status, answer = ask(**question)

    assert status in (200, 400)
    assert ("error" in answer) == (status == 400)


def test_a_question_that_takes_too_long_says_what_helps(
    ask: Ask, history: None, settings: Settings
) -> None:
    settings.REPORT_SECONDS = 0

    status, answered = ask(metrics=["visitors"])

    assert status == 503
    assert answered["error"].startswith("#: This report would take longer than 0 seconds")
    assert "Ask for fewer days" in answered["error"]


def test_a_question_about_events_that_are_not_kept_says_from_when_they_are(
    ask: Ask, history: None, site: Site
) -> None:
    KeptEvents.objects.create(site=site, first_day=NOON.date(), first_event_at=NOON - DAY)

    assert ask(date_range=["2026-03-10", "2026-03-10"])[0] == 200
    status, answered = ask(
        date_range=["2026-03-09", "2026-03-10"],
        filters=[["is", "visit:device", ["mobile"]], ["is", "visit:country", ["DE"]]],
    )

    assert status == 400
    assert answered["error"].startswith("#/date_range: Events are kept from 10 March 2026 on")
