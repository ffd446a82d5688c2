"""An import makes the visits that the writer makes of the same hits, sent live in order of time."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest import mock

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.archiver import archive_finished
from archive.columns import COLUMNS
from archive.engine import close_engines
from imports import spool
from imports.tests.files import bring_in, line, stored, write
from sites.models import Site
from sites.services import add_site
from visits.ingestion import cardinality
from visits.ingestion.fields import read_past_hit
from visits.ingestion.hit import Hit
from visits.ingestion.pipeline import ingest
from visits.models import DailyCount
from visits.tests.hits import DAY, HOUR, MINUTE, NOON

#: Fewer where a second store repeats them.
EXAMPLES: Final = int(os.environ.get("IMPORT_EXAMPLES", "60"))

MIDNIGHT: Final = NOON + 11 * HOUR  # in Berlin
#: At and around the 30 minutes that end a visit.
STEPS: Final = (
    timedelta(0),
    MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    30 * MINUTE + timedelta(microseconds=1),
    40 * MINUTE,
    5 * HOUR,
    DAY,
    31 * DAY,
)
#: Gone from what is compared: which ids there are is chance.
CHANCE: Final = ("visit_id", "visitor", "site_id")


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """What a few people did, one after the other, each hit with an id or without."""
    at = MIDNIGHT - 40 * MINUTE
    lines = []
    for number in range(draw(st.integers(1, 14))):
        at += draw(st.sampled_from(STEPS))
        lines.append(
            line(
                at,
                draw(st.sampled_from(("ann", "bob"))),
                n=draw(st.sampled_from(("pageview", "pageview", "engagement", "Signup"))),
                u=f"https://example.com/{draw(st.sampled_from('abc'))}"
                + draw(st.sampled_from(("", "?utm_source=news"))),
                r=draw(st.sampled_from(("", "https://www.google.com/"))),
                t=str(number),
                i=draw(st.booleans()),
                e=draw(st.sampled_from((None, 500))),
                user_agent=draw(st.sampled_from(("", "curl/8.5.0", *["Firefox/140.0"] * 3))),
                p=draw(st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"), max_size=2)),
            )
        )
    for _ in range(draw(st.integers(0, 2))):
        again = draw(st.sampled_from(lines))
        again["id"] = again["t"]
        lines.insert(draw(st.integers(0, len(lines))), dict(again))
    return lines


def send(site: Site, lines: list[dict[str, Any]]) -> None:
    """Send the lines as live hits in order of time; at one instant engagement comes last."""
    for fields in sorted(lines, key=lambda each: (each["at"], each["n"] == "engagement")):
        sent = read_past_hit({**fields, "user_id": fields["visitor"]})
        assert sent.at is not None
        ingest([
            Hit(
                sent=sent,
                domain=site.domain,
                received_at=sent.at,
                address="",
                user_agent=sent.user_agent,
                is_trusted=True,
            )
        ])  # fmt: skip


def counted(site: Site) -> set[tuple[Any, ...]]:
    rows = DailyCount.objects.filter(site=site)
    return set(rows.values_list("counted_on", "name", "count"))


def visits(site: Site) -> list[tuple[Any, ...]]:
    """Return every event with what is known of its visit, and which of them are one visit's."""
    names = [name for name in COLUMNS if name not in CHANCE]
    events = stored(site, "visit_id", *names)
    at = 1 + names.index("happened_at")
    first: dict[int, datetime] = {}
    for event in events:
        first.setdefault(event[0], event[at])
    # Where two differ in their properties alone, their order is chance too.
    props = 1 + names.index("props")
    events.sort(key=lambda event: (event[at], sorted(event[props].items())))
    return [(first[event[0]], *event[1:]) for event in events]


@pytest.mark.django_db
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    lines=histories(),
    chance=st.randoms(use_true_random=False),
    part=st.integers(1, 6),
    most_values=st.sampled_from((1, 2, 1000)),
)
def test_an_import_makes_the_visits_that_live_hits_make(
    lines: list[dict[str, Any]], chance: Any, part: int, most_values: int
) -> None:
    cardinality.get_values.cache_clear()
    close_engines()  # an import that was undone had the same number, so files of the same names
    with (
        transaction.atomic(),
        mock.patch.object(django_settings, "MAX_DISTINCT_VALUES", most_values),
        mock.patch.object(cardinality, "MAX_PROPERTIES", most_values),
    ):
        site = add_site(domain="example.com", timezone="Europe/Berlin")
        send(site, lines)
        archive_finished(site.pk, NOON + 1000 * DAY)
        expected = visits(site), counted(site)
        site.delete()
        site = add_site(domain="example.com", timezone="Europe/Berlin")
        # Which of two hits of one instant came first is known by their order alone.
        instants = sorted(lines, key=lambda each: (each["at"], each["n"] == "engagement"))
        if len({each["at"] for each in lines}) == len(lines):
            chance.shuffle(instants)
        with TemporaryDirectory() as folder, mock.patch.object(spool, "PART_LINES", part):
            bring_in(write(Path(folder) / "hits", instants))

        assert (visits(site), counted(site)) == expected
        transaction.set_rollback(True)


ENGAGED: Final[dict[str, Any]] = {"n": "engagement", "e": 1000}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([line(**ENGAGED)], []),
        ([line(**ENGAGED), line(NOON + MINUTE)], ["pageview"]),
        ([line(), line(NOON + MINUTE, **ENGAGED)], ["pageview", "engagement"]),
        ([line(**ENGAGED), line()], ["engagement", "pageview"]),
        (
            [line(), line(NOON + 30 * MINUTE, **ENGAGED), line(NOON + HOUR, n="Signup")],
            ["pageview", "engagement", "Signup"],
        ),
        ([line(), line(NOON + 31 * MINUTE, **ENGAGED)], ["pageview"]),
        ([line(visitor="bob"), line(NOON + MINUTE, **ENGAGED)], ["pageview"]),
    ],
)
def test_engagement_starts_no_visit(
    site: Site, tmp_path: Path, lines: list[dict[str, Any]], expected: list[str]
) -> None:
    bring_in(write(tmp_path / "hits", lines))

    events = stored(site, "name", "visit_id")
    assert sorted(name for name, _ in events) == sorted(expected)
    assert len({visit for _, visit in events}) <= 1
