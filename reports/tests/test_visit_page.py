"""A visit as a list of pages: which they are, how long each was looked at, what was done there."""

from __future__ import annotations

from typing import Any

import pytest

from reports.views.visits import PageStay, list_stays
from visits.models import Event
from visits.tests.hits import NOON, SECOND

#: Of a stay: page, seconds, whether they were measured, scroll depth, names of its events.
Told = tuple[str, float | None, bool, int | None, list[str]]


def act(seconds: float, page: str = "/", name: str = "pageview", **fields: Any) -> Event:
    """Return an event so many seconds after noon."""
    return Event(name=name, page=page, happened_at=NOON + seconds * SECOND, **fields)


def look(seconds: float, page: str, ms: int | None, depth: int | None = None) -> Event:
    """Return what a page reported of how long and how far it was read."""
    return act(seconds, page, "engagement", engagement_ms=ms, scroll_depth=depth)


def tell(stay: PageStay) -> Told:
    """Return what the page shows of a stay."""
    names = [event.name for event in stay.events]
    return (stay.page, stay.seconds, stay.is_measured, stay.scroll_depth, names)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([], [], id="a visit without events"),
        pytest.param(
            [act(0, "/")],
            [("/", None, False, None, [])],
            id="of a last page that reported nothing the time is unknown",
        ),
        pytest.param(
            [act(0, "/"), act(90, "/a"), act(100, "/b")],
            [
                ("/", 90, False, None, []),
                ("/a", 10, False, None, []),
                ("/b", None, False, None, []),
            ],
            id="unmeasured, it is the time until the next page",
        ),
        pytest.param(
            [act(0, "/"), look(60, "/", 20_000, 80), act(90, "/a"), look(95, "/a", 1500, 10)],
            [("/", 20, True, 80, []), ("/a", 1.5, True, 10, [])],
            id="measured, it is what the page reported",
        ),
        pytest.param(
            [act(0, "/"), look(10, "/", 5000, 40), look(20, "/", 2500, 30)],
            [("/", 7.5, True, 40, [])],
            id="reports add up, and the greatest depth stands",
        ),
        pytest.param(
            [act(0, "/"), look(10, "/", 0, 0), act(90, "/a")],
            [("/", 0, True, 0, []), ("/a", None, False, None, [])],
            id="none at all is a measure, and so is no depth",
        ),
        pytest.param(
            [act(0, "/"), look(10, "/", None, 40), act(90, "/a")],
            [("/", 90, False, 40, []), ("/a", None, False, None, [])],
            id="a depth alone measures no time",
        ),
        pytest.param(
            [act(0, "/"), act(60, "/a"), look(61, "/", 50_000, 70)],
            [("/", 50, True, 70, []), ("/a", None, False, None, [])],
            id="a report that comes after the next page belongs to its own",
        ),
        pytest.param(
            [act(0, "/"), act(10, "/a"), act(20, "/"), look(25, "/", 4000)],
            [("/", 10, False, None, []), ("/a", 10, False, None, []), ("/", 4, True, None, [])],
            id="of a page seen twice, a report belongs to the latest view",
        ),
        pytest.param(
            [act(0, "/"), act(0, "/")],
            [("/", 0, False, None, []), ("/", None, False, None, [])],
            id="a page loaded again is seen twice",
        ),
        pytest.param(
            [act(0, "/"), act(5, "/", "signup"), act(9, "/", "download"), act(60, "/a")],
            [("/", 60, False, None, ["signup", "download"]), ("/a", None, False, None, [])],
            id="the site's own events stand on their page",
        ),
        pytest.param(
            [act(0, "/"), act(5, "/paid", "purchase"), act(8, "/paid", "receipt"), act(60, "/a")],
            [
                ("/", 5, False, None, []),
                ("/paid", 55, False, None, ["purchase", "receipt"]),
                ("/a", None, False, None, []),
            ],
            id="what a server sent of a page never viewed has a stay of its own",
        ),
        pytest.param(
            [act(0, "/", "signup")],
            [("/", None, False, None, ["signup"])],
            id="a visit may be an event alone",
        ),
        pytest.param(
            [act(0, "/"), act(1, "/", "banner", interactive=False)],
            [("/", None, False, None, ["banner"])],
            id="what happened by itself is shown too",
        ),
    ],
)
def test_lists_the_pages_of_a_visit(events: list[Event], expected: list[Told]) -> None:
    assert [tell(stay) for stay in list_stays(events)] == expected


def test_a_stay_has_the_properties_of_its_view_alone() -> None:
    (stay,) = list_stays(
        [act(0, "/", props={"author": "Ada"}), act(1, "/", "signup", props={"plan": "pro"})]
    )
    (unseen,) = list_stays([act(0, "/", "signup", props={"plan": "pro"})])

    assert stay.props == {"author": "Ada"}
    assert unseen.props == {}


def test_a_stay_has_the_title_and_the_time_of_its_view() -> None:
    (stay,) = list_stays([act(3, "/", title="Home"), act(9, "/", "signup", title="Thanks")])

    assert (stay.title, stay.opened_at) == ("Home", NOON + 3 * SECOND)
