"""What a file of past hits becomes, line by line, and what is told of it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from archive.folder import archive_folder
from archive.models import ArchiveFile
from imports.folder import spool_folder
from imports.models import Import, ImportedSite
from imports.tests.files import bring_in, line, stored, write
from sites.models import Site
from sites.services import add_site
from visits.models import DailyCount, Event, LiveVisit, Visit
from visits.tests.hits import CHROME, DAY, HOUR, MINUTE, NOON

MIDNIGHT = NOON + 12 * HOUR
SOON = (timezone.now() + HOUR).isoformat()


def test_a_line_becomes_an_event_with_all_that_is_known_of_its_visit(
    site: Site, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "hits",
        [
            line(
                u="https://www.example.com/a%20b?utm_source=news&utm_medium=email&gclid=1",
                r="https://www.google.com/search?q=x",
                t="Home",
                p={"plan": "free", "n": 2},
                w=1440,
                l="en-GB",
                tz="Europe/Berlin",
                user_agent=CHROME,
                address="203.0.113.7",
            ),
            line(NOON + MINUTE, n="Order", **{"$": {"currency": "EUR", "amount": "12.30"}}),
            line(NOON + 2 * MINUTE, n="engagement", e=5000, sd=80),
        ],
    )

    bring_in(path)

    columns: tuple[str, ...] = (
        "name",
        "hostname",
        "page",
        "title",
        "props",
        "revenue_amount",
        "engagement_ms",
    )
    columns += ("scroll_depth", "source", "channel", "country", "browser", "device", "language")
    columns += ("screen_width", "entry_page", "exit_page", "bounced", "engaged", "duration_us")
    facts: tuple[object, ...] = ("news", "Email", "DE", "Chrome", "desktop", "en-GB", 1440)
    facts += ("/a b", "/a b", False, True, 120_000_000)
    [view, order, engagement] = stored(site, *columns)
    props = {"plan": "free", "n": "2"}
    assert view == ("pageview", "example.com", "/a b", "Home", props, None, None, None, *facts)
    assert (order[0], str(order[5]), order[8:]) == ("Order", "12.3000", facts)
    assert (engagement[0], *engagement[6:8]) == ("engagement", 5000, 80)


def test_nothing_becomes_a_row_and_every_visit_has_an_id_of_its_own(
    site: Site, tmp_path: Path
) -> None:
    visits = [line(NOON + n * DAY, who) for n in range(40) for who in ("ann", "bob")]

    imported = bring_in(write(tmp_path / "hits", visits))

    assert not Visit.objects.exists()
    assert not Event.objects.exists()
    assert not LiveVisit.objects.exists()
    ids = {visit_id for (visit_id,) in stored(site, "visit_id")}
    assert len(ids) == 80
    assert Visit.objects.create(
        site=site, visitor=1, latest_visitor=1, started_at=NOON, started_on=NOON.date(),
        last_event_at=NOON,
    ).pk > max(ids)  # fmt: skip
    assert imported.sites["example.com"].visits == 80
    months = ArchiveFile.objects.events().order_by("first_day").values_list("first_day", flat=True)
    assert [day.month for day in months] == [3, 4]


MALFORMED = "malformed"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "reason", "errors"),
    [
        ("{", MALFORMED, {"body": ["Send one JSON object, in UTF-8."]}),
        ("[]", MALFORMED, {"body": ["Send one JSON object."]}),
        ('"\\ud800"', MALFORMED, {"body": ["Send one JSON object, in UTF-8."]}),
        ("x" * 70_000, "too_long", {"body": ["At most 64 KB."]}),
        (line(u=None), MALFORMED, {"url": ["This field is required."]}),
        (line(d=None), MALFORMED, {"domain": ["This field is required."]}),
        (line(at=None), MALFORMED, {"at": ["This field is required."]}),
        (line(at=SOON), MALFORMED, {"at": ["This is in the future."]}),
        (line(at="1990-12-31T23:59:59Z"), MALFORMED, {"at": ["Not before 1991."]}),
        (
            line(at="2026-03-10T12:00:00"),
            MALFORMED,
            {"at": ["Send an ISO 8601 time with its zone, such as 2026-01-31T12:00:00Z."]},
        ),
        (
            line(visitor=None),
            MALFORMED,
            {"visitor": ["Say who it was: visitor, user_id, or address and user_agent."]},
        ),
        (
            line(visitor=None, user_agent=CHROME),
            MALFORMED,
            {"visitor": ["Say who it was: visitor, user_id, or address and user_agent."]},
        ),
        (
            line(visitor=" "),
            MALFORMED,
            {"visitor": ["Say who it was: visitor, user_id, or address and user_agent."]},
        ),
        (
            line(visitor="x" * 1001),
            MALFORMED,
            {"visitor": ["At most 1,000 characters, not 1,001."]},
        ),
        (
            line(visitor=None, address="nobody"),
            MALFORMED,
            {"address": ["Send an IPv4 or IPv6 address."]},
        ),
        (
            line(d="nobody.example"),
            "unknown_site",
            {"domain": ["No site has the domain nobody.example."]},
        ),
        (
            line(d="paused.example"),
            "site_paused",
            {"domain": ["paused.example does not collect."]},
        ),
    ],
)
def test_a_line_is_refused_with_its_reason(
    site: Site, tmp_path: Path, sent: Any, reason: str, errors: dict[str, list[str]]
) -> None:
    Site.objects.filter(pk=add_site(domain="paused.example").pk).update(collects=False)

    imported = bring_in(write(tmp_path / "hits", [line(), sent, line(NOON + DAY)]))

    assert imported.tally.refused == {reason: 1}
    assert imported.tally.examples == [(2, errors)]
    assert imported.tally.lines == 3
    assert len(stored(site)) == 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"user_agent": "curl/8.5.0"}, "bot"),
        ({"b": True}, "automation"),
        ({"r": "https://semalt.com/"}, "spam_referrer"),
        ({"n": "engagement", "e": 1000}, "no_visit"),
    ],
)
def test_a_hit_is_dropped_and_counted_as_a_live_one(
    site: Site, tmp_path: Path, fields: dict[str, Any], reason: str
) -> None:
    imported = bring_in(write(tmp_path / "hits", [line(**fields), line(NOON + HOUR)]))

    assert stored(site, "happened_on") == [(NOON.date(),)]
    counts = DailyCount.objects.values_list("site", "counted_on", "name", "count")
    assert set(counts) == {(site.pk, NOON.date(), "hits", 2), (site.pk, NOON.date(), reason, 1)}
    assert not imported.tally.refused


@pytest.mark.parametrize(
    "fields",
    [
        {"visitor": "ann"},
        {"visitor": 17},
        {"visitor": None, "address": "203.0.113.7", "user_agent": CHROME},
        {"visitor": None, "address": "203.0.113.7"},
        {"visitor": "ann", "user_agent": ""},
    ],
)
def test_a_visitor_is_another_one_on_each_day(
    site: Site, tmp_path: Path, fields: dict[str, Any]
) -> None:
    lines = [line(NOON + n * HOUR, **fields) for n in (0, 6, 24)]

    bring_in(write(tmp_path / "hits", lines))

    [first, second, third] = [visitor for (visitor,) in stored(site, "visitor")]
    assert first == second != third
    assert first >= 0
    assert third >= 0


def test_a_user_is_the_same_visitor_on_all_days_and_as_live(site: Site, tmp_path: Path) -> None:
    from visits.ingestion.visitors import identify_user

    lines = [line(NOON + n * DAY, user_id="ann@example.com") for n in range(3)]

    bring_in(write(tmp_path / "hits", lines))

    assert {visitor for (visitor,) in stored(site, "visitor")} == {
        identify_user(site, "ann@example.com").id
    }


def test_a_visit_across_midnight_keeps_its_visitor(site: Site, tmp_path: Path) -> None:
    lines = [line(MIDNIGHT - 5 * MINUTE), line(MIDNIGHT + 5 * MINUTE)]

    bring_in(write(tmp_path / "hits", lines))

    before, after = stored(site, "visitor", "visit_id", "happened_on", "started_on")
    assert before[:2] == after[:2]
    assert (before[2], after[2]) == (NOON.date(), (NOON + DAY).date())
    assert after[3] == NOON.date()


def test_two_imports_name_one_person_differently(site: Site, tmp_path: Path) -> None:
    bring_in(write(tmp_path / "one", [line()]))
    bring_in(write(tmp_path / "two", [line(t="other")]))

    [one, two] = stored(site, "visitor", "visit_id")
    assert one[0] != two[0]
    assert one[1] != two[1]


def test_one_line_may_be_for_several_sites(site: Site, other_site: Site, tmp_path: Path) -> None:
    imported = bring_in(write(tmp_path / "hits", [line(d="example.com,other.example")]))

    [ours] = stored(site, "visitor")
    [theirs] = stored(other_site, "visitor")
    assert ours != theirs
    assert {domain: done.events for domain, done in imported.sites.items()} == {
        "example.com": 1,
        "other.example": 1,
    }


def test_an_import_for_one_site_needs_no_domain_and_refuses_others(
    site: Site, other_site: Site, tmp_path: Path
) -> None:
    lines = [line(d=None), line(d="www.Example.com"), line(d="other.example")]

    imported = bring_in(write(tmp_path / "hits", lines), domain="example.com")

    assert len(stored(site)) == 2
    assert not stored(other_site)
    assert imported.tally.refused == {"other_site": 1}


def test_refused_lines_are_written_as_they_can_be_imported_again(
    site: Site, tmp_path: Path
) -> None:
    lines: list[Any] = [
        line(),
        line(at="soon"),
        line(d="example.com,new.example"),
        "{",
        line(NOON + DAY),
    ]
    rejects = tmp_path / "rejects"

    bring_in(write(tmp_path / "hits", lines), rejects=rejects)

    wrong, elsewhere, broken = rejects.read_text().splitlines()
    assert json.loads(wrong) == line(at="soon")
    expected = {**line(), "domain": "new.example"}
    del expected["d"]
    assert json.loads(elsewhere) == expected
    assert broken == "{"


def test_empty_lines_are_no_lines(site: Site, tmp_path: Path) -> None:
    imported = bring_in(write(tmp_path / "hits", ["", line(), "  ", "", line(NOON + DAY), ""]))

    assert imported.tally.lines == 2
    assert not imported.tally.refused


def test_an_empty_file_is_no_error(site: Site, tmp_path: Path) -> None:
    imported = bring_in(write(tmp_path / "hits", []))

    assert imported.tally.lines == 0
    assert not ArchiveFile.objects.exists()


def test_hits_with_an_id_are_stored_once(site: Site, tmp_path: Path) -> None:
    visit = Visit.objects.create(
        site=site, visitor=1, latest_visitor=1, started_at=NOON, started_on=NOON.date(),
        last_event_at=NOON,
    )  # fmt: skip
    Event.objects.create(
        site=site, visit=visit, name="pageview", happened_at=NOON, happened_on=NOON.date(),
        event_id="live",
    )  # fmt: skip

    first = bring_in(
        write(
            tmp_path / "one", [line(id="live"), line(id="a"), line(NOON + MINUTE, id="a"), line()]
        )
    )
    second = bring_in(
        write(tmp_path / "two", [line(id="a"), line(id="b"), line(id="live"), line(id=7)])
    )

    assert [done.sites["example.com"].repeated for done in (first, second)] == [2, 2]
    assert [done.sites["example.com"].events for done in (first, second)] == [2, 2]
    assert len(stored(site)) == 1 + 2 + 2


def test_imported_visits_stand_beside_those_that_are_there(site: Site, tmp_path: Path) -> None:
    bring_in(write(tmp_path / "one", [line(user_id="ann")]))
    bring_in(write(tmp_path / "two", [line(NOON + MINUTE, user_id="ann")]))

    [one, two] = stored(site, "visit_id", "visitor", "bounced")
    assert one[0] != two[0]
    assert one[1:] == two[1:]


def test_what_was_read_and_the_key_are_gone_in_the_end(site: Site, tmp_path: Path) -> None:
    bring_in(write(tmp_path / "hits", [line(visitor="ann@example.com")]))

    assert not [path for path in spool_folder().iterdir() if path.name != ".importing"]
    kept = b"".join(path.read_bytes() for path in archive_folder().rglob("*") if path.is_file())
    assert b"ann@" not in kept


def test_its_record_says_what_was_done(site: Site, tmp_path: Path) -> None:
    bring_in(write(tmp_path / "hits", [line(), line(NOON + timedelta(days=1)), line(at="x")]))

    record = Import.objects.get()
    done = ImportedSite.objects.get()
    assert (record.state, record.read_lines) == (Import.State.FINISHED, 3)
    assert (done.site, done.visits, done.events) == (site, 2, 2)
