"""Four processes that store hits at once make the visits that one plain loop makes of them.

    STORM_HITS=50000 python -m pytest visits/tests/test_processes.py

is the long form: 500 visitors in place of 40.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from sites.models import Site
from visits.models import Event, Visit
from visits.tests.hits import HOUR, MINUTE, NOON, SECOND
from visits.tests.processes import PATIENCE, other_processes

pytestmark = pytest.mark.django_db(transaction=True)

HITS: Final = int(os.environ.get("STORM_HITS", "4000"))
HITS_PER_VISITOR: Final = 100
PROCESSES: Final = 4

ZONE: Final = "Asia/Kolkata"  # midnight is 18:30 UTC
MIDNIGHT: Final = NOON + 6.5 * HOUR
#: When all of it is told, by a sender that kept it: every hit comes late.
CAME_AT: Final = MIDNIGHT + 30 * HOUR
GAP: Final = timedelta(minutes=30)
#: What a visit's end is decided by, to the microsecond.
GAPS_AROUND_30_MINUTES: Final = (
    GAP - SECOND,
    GAP - timedelta(microseconds=1),
    GAP,
    GAP + timedelta(microseconds=1),
    GAP + SECOND,
)


@dataclass(frozen=True, order=True)
class Action:
    """What somebody did."""

    address: str
    at: datetime
    name: str
    page: str

    @property
    def campaign(self) -> str:
        """What only the first one of a visit may leave in it."""
        return f"c{self.page.strip('/')}"


@dataclass(frozen=True, order=True)
class Outcome:
    """A visit, as it should be and as it is."""

    address: str
    started_at: datetime
    last_event_at: datetime
    started_on: date
    pageviews: int
    interactive_events: int
    entry_page: str
    exit_page: str
    campaign: str
    events: tuple[tuple[datetime, str, str], ...]


def act(random: Random, visitors: int, hits_each: int) -> Iterator[Action]:
    """Yield what the visitors did, from an afternoon until the next morning."""
    for number in range(visitors):
        at = MIDNIGHT - random.uniform(2, 9) * HOUR
        for place in range(hits_each):
            name = random.choices(["pageview", "signup", "purchase"], [8, 1, 1])[0]
            address = f"198.51.{number // 250}.{number % 250}"
            yield Action(address, at, name, f"/{number}-{place}")
            at += next_gap(random)


def next_gap(random: Random) -> timedelta:
    """Return how long somebody does nothing: mostly minutes, at times about 30 or hours."""
    chance = random.random()
    if chance < 0.85:
        return timedelta(microseconds=random.randint(1, 10 * 60 * 10**6))
    if chance < 0.97:
        return random.choice(GAPS_AROUND_30_MINUTES)
    return random.uniform(31, 120) * MINUTE


def visits_of(actions: Sequence[Action]) -> list[Outcome]:
    """Return the visits by the definition: a visitor's events with no gap over 30 minutes."""
    by_visitor: defaultdict[str, list[Action]] = defaultdict(list)
    for action in sorted(actions):
        by_visitor[action.address].append(action)
    outcomes = []
    for own in by_visitor.values():
        visit = [own[0]]
        for action in own[1:]:
            if action.at - visit[-1].at > GAP:
                outcomes.append(sum_up(visit))
                visit = []
            visit.append(action)
        outcomes.append(sum_up(visit))
    return sorted(outcomes)


def sum_up(visit: Sequence[Action]) -> Outcome:
    """Return what a visit of these events, in their order, has to be."""
    pages = [action.page for action in visit if action.name == "pageview"]
    first, last = visit[0], visit[-1]
    return Outcome(
        address=first.address,
        started_at=first.at,
        last_event_at=last.at,
        started_on=first.at.astimezone(ZoneInfo(ZONE)).date(),
        pageviews=len(pages),
        interactive_events=len(visit) - len(pages),
        entry_page=pages[0] if pages else "",
        exit_page=pages[-1] if pages else "",
        campaign=first.campaign,
        events=tuple((action.at, action.name, action.page) for action in visit),
    )


def stored_visits() -> list[Outcome]:
    """Return the visits of the database."""
    events: defaultdict[int, list[tuple[datetime, str, str]]] = defaultdict(list)
    for visit_id, at, name, page in Event.objects.order_by("happened_at").values_list(
        "visit_id", "happened_at", "name", "page"
    ):
        events[visit_id].append((at, name, page))
    return sorted(
        Outcome(
            address=visit.address or "",
            started_at=visit.started_at,
            last_event_at=visit.last_event_at,
            started_on=visit.started_on,
            pageviews=visit.pageviews,
            interactive_events=visit.interactive_events,
            entry_page=visit.entry_page,
            exit_page=visit.exit_page,
            campaign=visit.utm_campaign,
            events=tuple(events[visit.pk]),
        )
        for visit in Visit.objects.all()
    )


#: Stores its share of the hits, in groups as the queue of a web worker makes them.
STORE_SHARE: Final = """
import json
import time
from datetime import datetime
from pathlib import Path
from random import Random
from visits.ingestion.pipeline import ingest
from visits.ingestion.writer import Stored
from visits.tests.hits import make_hit
from visits.turns import checkpoint

folder, came_at, number = arguments
random = Random(int(number))
share = json.loads((Path(folder) / number).read_text())
hits = [
    make_hit(
        at=datetime.fromisoformat(came_at),
        sent_at=datetime.fromisoformat(at),
        address=address,
        name=name,
        url=f"https://example.com{page}?utm_campaign={campaign}",
        event_id=page,
    )
    for address, at, name, page, campaign in share
]
while hits:
    size = random.choice([1, 1, 2, 5, 20, 60])
    group, hits = hits[:size], hits[size:]
    verdicts = ingest(group, patient=True, until=time.monotonic() + 60)
    assert all(isinstance(verdict, Stored) for verdict in verdicts)
    checkpoint(at_bytes=4 * 2**20)
"""


@pytest.fixture
def kolkata(site: Site) -> Site:
    """The site, with days of its own, and with addresses that tell its visitors apart."""
    site.timezone = ZONE
    site.address_kept = Site.AddressKept.WHOLE
    site.save()
    return site


def test_four_processes_make_the_visits_that_one_loop_makes(kolkata: Site, tmp_path: Path) -> None:
    seed = int(os.environ.get("STORM_SEED", time.time_ns() % 10**6))
    random = Random(seed)
    actions = list(act(random, HITS // HITS_PER_VISITOR, HITS_PER_VISITOR))
    expected = visits_of(actions)
    assert max(action.at for action in actions) < CAME_AT
    # What could go wrong does occur.
    assert len(expected) > HITS / HITS_PER_VISITOR * 3
    assert any(visit.started_at < MIDNIGHT < visit.last_event_at for visit in expected)

    random.shuffle(actions)
    for number in range(PROCESSES):
        share = [
            (a.address, a.at.isoformat(), a.name, a.page, a.campaign)
            for a in actions[number::PROCESSES]
        ]
        (tmp_path / str(number)).write_text(json.dumps(share))
    with other_processes(STORE_SHARE, tmp_path, CAME_AT.isoformat(), count=PROCESSES) as processes:
        for process in processes:
            process.go()
        for process in processes:
            process.finish(patience=PATIENCE + HITS / 50)

    found = stored_visits()
    wrong = sorted(set(found) ^ set(expected))
    assert wrong == [], f"STORM_SEED={seed}: {len(wrong)} visits are only in one of both"
    assert found == expected
    # One id for each visitor and day, and no two have the same.
    ids = {(v.address, v.started_on, v.visitor) for v in Visit.objects.all()}
    assert len({(address, on) for address, on, _ in ids}) == len(ids)
    assert len({visitor for _, _, visitor in ids}) == len(ids)


#: Stores a hit at the very instant that each line names.
STORE_AT_INSTANTS: Final = """
import json
import time
from datetime import datetime
from visits.ingestion.pipeline import ingest
from visits.tests.hits import make_hit

number = int(arguments[0])
print("going", flush=True)
for line in sys.stdin:
    instant, addresses, at, event_id = json.loads(line)
    hit = make_hit(
        at=datetime.fromisoformat(at[number]),
        address=addresses[number],
        url=f"https://example.com/{number}",
        event_id=event_id,
    )
    while time.time() < instant:
        pass
    ingest([hit], patient=True, until=time.monotonic() + 60)
    print("stored", flush=True)
"""


@contextmanager
def two_at_instants() -> Iterator[Callable[..., None]]:
    """Give what stores two hits at one instant, each in a process of its own."""
    with other_processes(STORE_AT_INSTANTS, count=2) as processes:
        for process in processes:
            process.go()
            assert process.hear() == "going"

        def store(addresses: Sequence[str], times: Sequence[datetime], event_id: str = "") -> None:
            instant = time.time() + 0.02
            ats = [at.isoformat() for at in times]
            for process in processes:
                process.go(json.dumps([instant, addresses, ats, event_id]))
            for process in processes:
                assert process.hear() == "stored"

        yield store


def test_two_hits_of_a_visitor_in_two_processes_at_one_instant_are_one_visit(
    kolkata: Site,
) -> None:
    """Fifty visitors: on one day, across midnight, and every fifth sends one hit twice."""
    with two_at_instants() as store:
        for number in range(50):
            at = MIDNIGHT if number % 2 else MIDNIGHT + 5 * HOUR
            event_id = "" if number % 5 else f"id-{number}"
            store([f"198.51.100.{number}"] * 2, [at - SECOND, at + SECOND], event_id)

    visits = {visit.address: visit for visit in Visit.objects.all()}
    assert Visit.objects.count() == len(visits) == 50
    for number in range(50):
        visit = visits[f"198.51.100.{number}"]
        hits = 2 if number % 5 else 1
        assert (visit.pageviews, visit.events.count()) == (hits, hits), number
        assert visit.duration == (2 * SECOND if hits == 2 else timedelta(0)), number


def test_an_event_id_of_two_visitors_in_two_processes_at_one_instant_is_stored_once(
    kolkata: Site,
) -> None:
    """They wait for nothing of each other; only the database sees that the id is taken."""
    with two_at_instants() as store:
        for number in range(20):
            addresses = [f"198.51.100.{number}", f"203.0.113.{number}"]
            store(addresses, [NOON, NOON], f"id-{number}")

    assert Event.objects.count() == Visit.objects.count() == 20
    assert set(Visit.objects.values_list("pageviews", flat=True)) == {1}
