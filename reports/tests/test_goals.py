"""Goals, over what happened before they were made: by a history to count, and by the oracle."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from reports.dates import DAY, DateRange
from reports.goals import METRICS, MOST_GOALS, make_condition, make_filters, tell_reached
from reports.metrics import Money
from reports.models import Goal, Segment, ShareLink
from reports.page_filters import make_conditions, read_filters
from reports.queries import ReportQuery, summarise
from reports.tests import oracle
from reports.tests.histories import send_actions
from reports.tests.oracle import Action
from reports.tests.pages import Page
from reports.tests.test_oracle import SETTINGS, histories, make_site
from reports.warehouse.embedded import open_warehouse
from sites.models import Membership, Site
from visits.tests.hits import HOUR, MINUTE, NOON

GOALS: Final = "/reports/example.com/goals/"

Kind = Goal.Kind

#: Four people: two read the blog, one of them to its end; two buy, one of them the plan pro.
HISTORY: Final = [
    Action(person="a", at=NOON - HOUR, page="/blog/one", source="news"),
    Action(
        person="a",
        at=NOON - HOUR + MINUTE,
        name="engagement",
        page="/blog/one",
        engagement_ms=9000,
        scroll_depth=90,
    ),
    Action(person="a", at=NOON - HOUR + 2 * MINUTE, page="/thanks"),
    Action(
        person="a",
        at=NOON - HOUR + 3 * MINUTE,
        name="Purchase",
        page="/thanks",
        props={"plan": "pro"},
        revenue=("30", "EUR"),
    ),
    Action(person="b", at=NOON - HOUR, page="/blog/two"),
    Action(
        person="b",
        at=NOON - HOUR + MINUTE,
        name="engagement",
        page="/blog/two",
        engagement_ms=2000,
        scroll_depth=49,
    ),
    Action(person="c", at=NOON - HOUR, page="/"),
    Action(
        person="c",
        at=NOON - HOUR + MINUTE,
        name="Purchase",
        page="/thanks/",
        props={"plan": "team"},
        revenue=("12.50", "EUR"),
    ),
    Action(person="d", at=NOON - HOUR, page="/blog"),
]


@pytest.fixture
def past(site: Site, at_noon: None) -> Site:
    """The site, after the history has happened."""
    send_actions(site, HISTORY)
    return site


def make_goal(site: Site, **fields: Any) -> Goal:
    """Return a goal that is checked and saved."""
    goal = Goal(site=site, **({"name": "goal"} | fields))
    goal.full_clean()
    goal.save()
    return goal


def row_of(client: Client, query: dict[str, str] | None = None) -> list[str]:
    """Return the figures of the page's one goal."""
    (row,) = Page.of(client.get(GOALS, {"period": "day"} | (query or {}))).table("Goal")
    return row[1:5]


@pytest.mark.parametrize(
    ("fields", "figures"),
    [
        ({"kind": Kind.PAGE, "page": "/thanks"}, ["1", "1", "25%", ""]),
        ({"kind": Kind.PAGE, "page": "/blog/*"}, ["2", "2", "50%", ""]),
        ({"kind": Kind.PAGE, "page": "/blog*"}, ["3", "3", "75%", ""]),
        ({"kind": Kind.PAGE, "page": "/b.og"}, ["0", "0", "0%", ""]),
        ({"kind": Kind.EVENT, "event": "Purchase"}, ["2", "2", "50%", "42.50 EUR"]),
        (
            {"kind": Kind.EVENT, "event": "Purchase", "conditions": ["is,property:plan,pro"]},
            ["1", "1", "25%", "30.00 EUR"],
        ),
        (
            {"kind": Kind.EVENT, "event": "Purchase", "conditions": ["is_not,property:plan,pro"]},
            ["1", "1", "25%", "12.50 EUR"],
        ),
        ({"kind": Kind.SCROLL, "page": "/blog/*", "scroll_depth": 50}, ["1", "1", "25%", ""]),
        ({"kind": Kind.SCROLL, "page": "/blog/*", "scroll_depth": 49}, ["2", "2", "50%", ""]),
        ({"kind": Kind.SCROLL, "page": "/blog/two", "scroll_depth": 90}, ["0", "0", "0%", ""]),
        (
            {
                "kind": Kind.PAGE,
                "page": "/blog/*",
                "value_amount": "2.50",
                "value_currency": "EUR",
            },
            ["2", "2", "50%", "5.00 EUR"],
        ),
    ],
)
def test_a_goal_counts_what_happened_before_it_was_made(
    past: Site, member: Client, fields: dict[str, Any], figures: list[str]
) -> None:
    make_goal(past, **fields)

    shown = row_of(member)

    assert shown[:3] == figures[:3]
    assert not figures[3] or shown[3] == figures[3]


def test_filters_of_the_page_hold_for_visitors_and_those_they_are_of(
    past: Site, member: Client
) -> None:
    make_goal(past, kind=Kind.PAGE, page="/blog/*")

    assert row_of(member, {"f": "is,source,news"})[:3] == ["1", "1", "100%"]
    assert row_of(member, {"f": "is_not,source,news"})[:3] == ["1", "1", "33%"]


def test_another_name_or_page_counts_for_the_past_too(past: Site, member: Client) -> None:
    goal = make_goal(past, kind=Kind.PAGE, page="/blog/one")
    assert row_of(member)[:2] == ["1", "1"]

    goal.name, goal.page = "reads the blog", "/blog*"
    goal.full_clean()
    goal.save()

    assert row_of(member)[:2] == ["3", "3"]
    assert "reads the blog" in member.get(GOALS).text


def test_a_goal_leads_to_what_its_visitors_did(past: Site, member: Client) -> None:
    goal = make_goal(past, kind=Kind.PAGE, page="/blog/*")

    (link,) = [
        one
        for one in Page.of(member.get(GOALS, {"period": "day"})).elements
        if one.tag == "a" and one.text == goal.name
    ]

    page = Page.of(member.get(link.attributes["href"].replace("&amp;", "&")))
    assert page.headline["Unique visitors"].startswith("2")


# Any goal, over any history

Meets = Callable[[Action], bool]


def _page_goals() -> st.SearchStrategy[tuple[dict[str, Any], Meets]]:
    def build(page: str) -> tuple[dict[str, Any], Meets]:
        pattern = re.compile(".*".join(map(re.escape, page.split("*"))), re.DOTALL)
        return (
            {"kind": Kind.PAGE, "page": page},
            lambda a: a.name == "pageview" and pattern.fullmatch(a.page) is not None,
        )

    return st.sampled_from(("/", "/a", "/*", "*", "/.", "*a", "/nowhere")).map(build)


def _event_goals() -> st.SearchStrategy[tuple[dict[str, Any], Meets]]:
    conditions: dict[str, Meets] = {
        "": lambda a: True,
        "is,property:plan,team": lambda a: a.props.get("plan") == "team",
        "is_not,property:plan,team": lambda a: a.props.get("plan") != "team",
        "contains,property:plan,é": lambda a: "é" in a.props.get("plan", ""),
        "is,property:plan,": lambda a: not a.props.get("plan"),
    }

    def build(event: str, condition: str) -> tuple[dict[str, Any], Meets]:
        fields = {
            "kind": Kind.EVENT,
            "event": event,
            "conditions": [condition] if condition else [],
        }
        return fields, lambda a: a.name == event and conditions[condition](a)

    return st.builds(
        build, st.sampled_from(("signup", "banner", "none")), st.sampled_from([*conditions])
    )


def _scroll_goals() -> st.SearchStrategy[tuple[dict[str, Any], Meets]]:
    def build(page: str, depth: int) -> tuple[dict[str, Any], Meets]:
        fields = {"kind": Kind.SCROLL, "page": page, "scroll_depth": depth}
        return (
            fields,
            lambda a: (
                a.name == "engagement"
                and (page == "*" or a.page == page)
                and a.scroll_depth is not None
                and a.scroll_depth >= depth
            ),
        )

    return st.builds(build, st.sampled_from(("*", "/a")), st.sampled_from((1, 40, 41, 100)))


@pytest.mark.django_db
@SETTINGS
@given(
    history=histories(),
    width=st.integers(1, 3),
    goal=st.one_of(_page_goals(), _event_goals(), _scroll_goals()),
    written=st.sampled_from(("", "is,source,news", "is_not,entry_page,/")),
    value=st.sampled_from((None, Decimal("2.50"))),
)
def test_a_goal_says_what_the_oracle_says(
    history: tuple[str, list[Action]],
    width: int,
    goal: tuple[dict[str, Any], Meets],
    written: str,
    value: Decimal | None,
) -> None:
    asked = make_site(history, 0, width)
    fields, meets = goal
    row = make_goal(asked.site, **fields, value_amount=value, value_currency="EUR" if value else "")
    conditions = make_conditions(read_filters([written]))
    everyone = oracle.meeting(asked.occurrences, list(conditions))
    reached = [(visit, action) for visit, action in everyone if meets(action)]

    question = ReportQuery(site=asked.site, range=asked.days, metrics=METRICS, filters=conditions)
    with open_warehouse(asked.site) as warehouse:
        filters = (*conditions, make_condition(row))
        figures = summarise(warehouse, replace(question, filters=filters))
    told = tell_reached(row, figures, (), {})

    visits = len(oracle.visits_of(reached))
    visitors = oracle.count_visitors(reached)
    paid = oracle.revenue([action for _, action in reached])["total_revenue"]
    assert (told.visitors, told.conversions) == (visitors, visits)
    assert told.conversion_rate == oracle.ratio(visitors, oracle.count_visitors(everyone))
    assert told.revenue == (Money(value * visits, "EUR") if value else paid)


def test_a_goals_filters_leave_what_its_condition_does(past: Site) -> None:
    for fields in (
        {"kind": Kind.PAGE, "page": "/blog/*"},
        {"kind": Kind.PAGE, "page": "/blog/one"},
        {"kind": Kind.EVENT, "event": "Purchase", "conditions": ["is,property:plan,pro"]},
    ):
        goal = Goal(site=past, **fields)
        range_ = ReportQuery(
            site=past, range=_today(past), metrics=METRICS, filters=(make_condition(goal),)
        )
        with open_warehouse(past) as warehouse:
            by_condition = summarise(warehouse, range_)
            by_filters = summarise(
                warehouse, replace(range_, filters=make_conditions(make_filters(goal)))
            )
        assert by_condition["visits"] == by_filters["visits"] > 0
    assert make_filters(Goal(kind=Kind.SCROLL, page="/", scroll_depth=5)) == ()


def _today(site: Site) -> DateRange:
    return DateRange(first_day=NOON.date(), end_day=NOON.date() + DAY, zone=site.zone)


# What a goal may be, and who makes one


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": Kind.PAGE, "page": ""}, "page"),
        ({"kind": Kind.PAGE, "page": "thanks"}, "page"),
        ({"kind": Kind.EVENT, "event": ""}, "event"),
        ({"kind": Kind.SCROLL, "page": "/"}, "scroll_depth"),
        ({"kind": Kind.SCROLL, "page": "/", "scroll_depth": 101}, "scroll_depth"),
        ({"kind": Kind.SCROLL, "page": "/", "scroll_depth": 0}, "scroll_depth"),
        ({"kind": "other", "page": "/"}, "kind"),
        ({"kind": Kind.PAGE, "page": "/", "value_amount": "1"}, "value_currency"),
        ({"kind": Kind.PAGE, "page": "/", "value_currency": "EUR"}, "value_currency"),
        (
            {"kind": Kind.PAGE, "page": "/", "value_amount": "1", "value_currency": "XXX"},
            "value_currency",
        ),
        (
            {"kind": Kind.PAGE, "page": "/", "value_amount": "-1", "value_currency": "EUR"},
            "value_amount",
        ),
        ({"kind": Kind.EVENT, "event": "a", "conditions": ["is,page,/"]}, "conditions"),
        ({"kind": Kind.EVENT, "event": "a", "conditions": ["matches,property:a,("]}, "conditions"),
        ({"kind": Kind.EVENT, "event": "a", "conditions": {"a": 1}}, "conditions"),
        ({"kind": Kind.EVENT, "event": "a", "conditions": [7]}, "conditions"),
    ],
)
def test_a_goal_that_could_not_be_reached_is_refused(
    site: Site, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        make_goal(site, **fields)

    assert field in raised.value.message_dict


def test_an_editor_makes_and_removes_a_goal(past: Site, member: Client) -> None:
    form = {
        "name": "Buys pro",
        "kind": "event",
        "event": "Purchase",
        "property_name": "plan",
        "relation": "is",
        "property_value": "pro, yearly",
    }
    assert member.post(GOALS, form).status_code == 404
    Membership.objects.update(role=Membership.Role.EDITOR)

    answer = member.post(f"{GOALS}?period=day", form)

    assert (answer.status_code, answer["Location"]) == (302, f"{GOALS}?period=day")
    goal = Goal.objects.get()
    assert goal.conditions == ["is,property:plan,pro\\, yearly"]
    assert member.post(f"{GOALS}{goal.pk}/remove/").status_code == 302
    assert not Goal.objects.exists()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": ""}, "This field is required."),
        ({"event": ""}, "Name the event."),
        ({"property_name": "plan", "relation": "matches", "property_value": "("}, "no regular"),
        ({"kind": "page", "page": "x"}, "Write a path that begins with /."),
        ({"name": "taken"}, "The site has a goal of this name."),
    ],
)
def test_the_form_says_what_is_wrong(
    past: Site, staff: Client, fields: dict[str, str], says: str
) -> None:
    make_goal(past, name="taken", kind=Kind.PAGE, page="/")

    answer = staff.post(GOALS, {"name": "x", "kind": "event", "event": "a"} | fields)

    assert answer.status_code == 400
    assert says in Page.of(answer).text
    assert Goal.objects.count() == 1


def test_a_site_has_so_many_goals(past: Site, staff: Client) -> None:
    for number in range(MOST_GOALS):
        make_goal(past, name=f"goal {number}", kind=Kind.PAGE, page="/")

    answer = staff.post(GOALS, {"name": "x", "kind": "event", "event": "a"})

    assert answer.status_code == 400
    assert "at most 30 goals" in Page.of(answer).text


def test_a_link_shows_goals_of_its_segment(past: Site) -> None:
    make_goal(past, kind=Kind.PAGE, page="/blog/*")
    segment = Segment.objects.create(site=past, name="news", filters=["is,source,news"])
    link = ShareLink.objects.create(site=past, name="x", segment=segment, pages=["goals"])

    answer = Client().get(f"{link.get_absolute_url()}example.com/goals/", {"period": "day"})

    (row,) = Page.of(answer).table("Goal")
    assert row[1:3] == ["1", "1"]
    assert "New goal" not in answer.text


def test_a_goal_of_another_site_is_not_removed(past: Site, other_site: Site, staff: Client) -> None:
    goal = make_goal(other_site, kind=Kind.PAGE, page="/")

    assert staff.post(f"{GOALS}{goal.pk}/remove/").status_code == 404
