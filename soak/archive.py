"""Kills a process that takes hits and archives at any moment, and looks whether an event is lost.

Each cycle starts the process on what the last one left and kills it. After that the archive has to
be right in every way that `manage.py verify_archive` knows, and reports have to count exactly the
events that were acknowledged, by day and page; those of the one transaction that was going on are
all there or none of them is. In each cycle a page of the one before is erased: while that is not
finished its events may be there, after it none is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.support.database import fresh_database
from bench.support.results import Figure
from soak.crash import database
from soak.support.archiving import MOST_DAYS
from soak.support.command import conclude, make_parser, say
from soak.support.store import Store
from trackingsite.tests.live import ROOT

if TYPE_CHECKING:
    from sites.models import Site

DOMAIN: Final = "soak.example"
#: Seconds from the process's first hits until the kill; now and then it lives for longer, and what
#: kills have left undone is done after that.
EARLIEST, LATEST = 0.02, 0.6
LATEST_OF_SOME: Final = 3.0
SOME: Final = 10
#: Seconds until a start that does not come is a failure.
PATIENCE: Final = 60.0
CYCLES: Final = 200

UNITS: Final = {
    "cycles": "kills",
    "acked": "events acknowledged before them",
    "lost": "of them that reports miss",
    "doubled": "events that reports count and nobody was told of, beyond the transaction killed",
    "torn": "transactions of which reports count a part",
    "wrong": "sentences of verify_archive",
    "errors": "processes that ended by themselves, or complained",
    "compared_visits": "visits that it compared with their rows, after all kills together",
    "compared_days": "days whose daily figures it compared with the events",
    "killed_in_upkeep": "kills in the middle of erasing, archiving, merging, pruning and the like",
    "killed_in_erasing": "of them while a page was being erased",
    "killed_in_commit": "of them while the list was changed",
    "killed_in_storing": "kills while hits were being stored",
    "left_drafts": "kills in the middle of a change, which left files that were never listed",
    "drafts": "such files",
    "logs": "kills that left a write-ahead log",
    "files": "files of events at the end",
    "archived_visits": "visits in them",
    "erased_events": "events that reports have ceased to count, as was asked for",
    "finished_erasures": "pages of which nothing is left",
    "pruned_visits": "visits whose rows were deleted between the kills",
    "rolled_up_days": "days rolled up between them",
    "rowless_visits": "of these, without rows",
    "days_with_figures": "days with daily figures",
    "live_visits": "visits that are live at the end",
}
AT_MOST: Final = dict.fromkeys(("lost", "doubled", "torn", "wrong", "errors"), 0.0)

Counts = Counter[tuple[str, str]]


@dataclass(slots=True)
class Figures:
    """What the cycles add up to."""

    cycles: int = 0
    acked: int = 0
    lost: int = 0
    doubled: int = 0
    torn: int = 0
    wrong: int = 0
    errors: int = 0
    compared_visits: int = 0
    compared_days: int = 0
    killed_in_upkeep: int = 0
    killed_in_erasing: int = 0
    killed_in_commit: int = 0
    killed_in_storing: int = 0
    erased_events: int = 0
    finished_erasures: int = 0
    pruned_visits: int = 0
    rolled_up_days: int = 0
    left_drafts: int = 0
    drafts: int = 0
    logs: int = 0


@dataclass(slots=True)
class Diary:
    """What one process told before it was killed."""

    acked: Counts = field(default_factory=Counter)
    #: Hits whose transaction was going on; empty where none was.
    pending: Counts = field(default_factory=Counter)
    #: Parts of the upkeep that had begun and not ended.
    doing: list[str] = field(default_factory=list)
    #: Files that were listed, at least for a while.
    listed: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, file: Path) -> Diary:
        """Return what the file's lines tell."""
        diary = cls()
        for line in file.read_text().splitlines():
            match json.loads(line):
                case ["try", counts]:
                    diary.pending = _counted(counts)
                case ["ok", counts]:
                    diary.acked += _counted(counts)
                    diary.pending = Counter()
                case ["begin", name]:
                    diary.doing.append(name)
                case ["end", _]:
                    diary.doing.pop()
                case ["listed", names]:
                    diary.listed |= set(names)
        return diary


def _counted(counts: list[Any]) -> Counts:
    return Counter({(day, page): number for day, page, number in counts})


class Cycles:
    """Start, kill, look; again and again."""

    def __init__(self, environment: Mapping[str, str], site: Site, seed: int) -> None:
        self.environment = environment
        self.folder = Path(environment["DATA_DIR"])
        self.store = Store(environment["DATABASE_URL"])
        self.site = site
        self.rng = Random(seed)
        self.figures = Figures()
        self.expected: Counts = Counter()
        self.ever_listed: set[str] = set()
        #: Pages by their erasures, of those that were not finished at the last look.
        self.erasing: dict[int, str] = {}

    def run(self, cycles: int) -> Figures:
        """Return what came of that many kills."""
        for number in range(cycles):
            days_ago = MOST_DAYS - (MOST_DAYS - 2) * number // cycles
            if number:
                self.ask_to_erase(_own_page(number - 1))
            diary = self.kill_one(number, days_ago)
            self.look_at_remains(diary)
            self.look_at_reports(diary)
            self.look_at_archive()
            if number % SOME == SOME - 1:
                self.catch_up()
            self.release()
            if (number + 1) % 10 == 0:
                say(f"{number + 1} of {cycles}: {self.figures}")
        return self.figures

    def ask_to_erase(self, page: str) -> None:
        """Note that a page is to be erased; nobody sends it any more."""
        from archive.erasure.plan import make_plan
        from archive.erasure.requests import note, of_path

        erasure = of_path(self.site, page)
        note(erasure, make_plan(erasure))
        self.erasing[erasure.pk] = page
        self.release()

    def kill_one(self, number: int, days_ago: int) -> Diary:
        """Start a process, kill it, and return what it told."""
        latest = LATEST_OF_SOME if number % SOME == SOME - 1 else LATEST
        told, log = self.folder / "told.jsonl", self.folder / "errors.txt"
        with told.open("wb") as output, log.open("wb") as errors:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "soak.support.archiving"),
                    *(DOMAIN, str(self.rng.getrandbits(32)), str(days_ago), _own_page(number)),
                ],
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )
            _wait_until_ready(told, process)
            time.sleep(self.rng.uniform(EARLIEST, latest))
            ended = process.poll() is not None
            process.kill()
            process.wait()
        if ended or log.stat().st_size:
            self.figures.errors += 1
            say(log.read_text())
        self.figures.cycles += 1
        self.wait_for_sessions()
        return Diary.read(told)

    def wait_for_sessions(self) -> None:
        """Wait until PostgreSQL has noticed: what was on its way may still be committed."""
        if self.store.is_sqlite:
            return
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            ((others,),) = self.store.ask(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            if not others:
                return
            time.sleep(0.01)

    def look_at_remains(self, diary: Diary) -> None:
        """Count what the kill interrupted and what it left, before anybody cleans up."""
        self.figures.killed_in_upkeep += bool(diary.doing)
        self.figures.killed_in_erasing += "carry_out_all" in diary.doing
        self.figures.killed_in_commit += "commit" in diary.doing
        self.figures.killed_in_storing += bool(diary.pending)
        if self.store.is_sqlite:
            log = Path(f"{self.store.file}-wal")
            self.figures.logs += log.exists() and log.stat().st_size > 0
        archive = self.folder / "archive"
        there = {path.relative_to(archive).as_posix() for path in archive.glob("*/*.parquet")}
        self.ever_listed |= {
            name for (name,) in self.store.ask("SELECT name FROM archive_archivefile")
        }
        drafts = there - self.ever_listed
        self.figures.left_drafts += bool(drafts)
        self.figures.drafts += len(drafts)
        self.ever_listed |= there  # each is counted once

    def look_at_archive(self) -> None:
        """Verify it, as the command does."""
        from archive.folder import change_archive
        from archive.verification import verify

        with change_archive():
            found = verify(self.site)
        for sentence in found.sentences():
            say(sentence)
            self.figures.wrong += 1
        self.figures.compared_visits += found.compared_visits
        self.figures.compared_days += found.compared_days

    def look_at_reports(self, diary: Diary) -> None:
        """Compare what reports count with what was acknowledged; take the last transaction in."""
        self.figures.acked += diary.acked.total()
        self.expected += diary.acked
        finished = self.find_finished()
        counted = count_by_report(self.site)
        self.take_off_erased(counted, finished)
        if counted == self.expected:
            return
        if counted == self.expected + diary.pending:
            self.expected = counted
            return
        missing, more = self.expected - counted, counted - self.expected
        self.figures.lost += missing.total()
        self.figures.doubled += (more - diary.pending).total()
        self.figures.torn += bool(more & diary.pending)
        say(f"missing {missing}, more {more}, pending {diary.pending}")
        self.expected = counted  # each is counted once

    def find_finished(self) -> set[str]:
        """Return pages whose erasure is finished since the last look."""
        from archive.models import Erasure

        unfinished = Erasure.objects.filter(finished_at=None).values_list("pk", flat=True)
        done = self.erasing.keys() - set(unfinished)
        self.figures.finished_erasures += len(done)
        return {self.erasing.pop(pk) for pk in done}

    def take_off_erased(self, counted: Counts, finished: set[str]) -> None:
        """Expect nothing of pages that are erased, and no more than is counted of one being so."""
        started = set(self.erasing.values())
        for key, number in list(self.expected.items()):
            if key[1] in finished:
                del self.expected[key]
            elif key[1] in started:
                self.expected[key] = min(number, counted[key])
            self.figures.erased_events += number - self.expected[key]
        self.expected += Counter()  # without those of which nothing is left

    def catch_up(self) -> None:
        """Do what kills have left undone, so that there are days to roll up and rows to prune."""
        from archive.upkeep import keep_up

        done = keep_up(datetime.now(UTC))
        self.figures.pruned_visits += done.pruned_visits
        self.figures.rolled_up_days += done.rolled_up_days

    def release(self) -> None:
        """Leave the database to the next process."""
        from django.db import connections

        connections.close_all()


def _own_page(number: int) -> str:
    """The page that only one cycle's process sends."""
    return f"/cycle-{number}"


def _wait_until_ready(file: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        if '["ready"]' in file.read_text():
            return
        time.sleep(0.005)


def count_by_report(site: Site) -> Counts:
    """Return the pageviews of each day and page, as a report has them."""
    from reports.dates import DateRange, Interval
    from reports.dimensions import PAGE, TIME
    from reports.metrics import PAGEVIEWS
    from reports.queries import ReportQuery, break_down
    from reports.warehouse.embedded import open_warehouse

    today = datetime.now(UTC).date()
    days = DateRange(
        first_day=today - timedelta(days=2 * MOST_DAYS),
        end_day=today + timedelta(days=2),
        zone=site.zone,
    )
    question = ReportQuery(
        site=site, range=days, metrics=(PAGEVIEWS,), dimensions=(TIME[Interval.DAY], PAGE)
    )
    with open_warehouse(site) as warehouse:
        rows = break_down(warehouse, question).rows
    return Counter(
        {
            (str(day), page): row.figures["pageviews"]
            for row in rows
            for day, page in [row.dimensions]
        }
    )


def measure(*, kind: str, cycles: int, seed: int) -> dict[str, Figure]:
    """Return what came of that many kills on a database of this kind."""
    with database(kind) as variables, _environment(variables) as environment:
        from sites.services import add_site

        site = add_site(domain=DOMAIN)
        work = Cycles(environment, site, seed)
        work.release()
        figures = asdict(work.run(cycles))
        return {"database": kind, **figures, **_describe(site), "seed": seed}


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[dict[str, str]]:
    with fresh_database(KEEP_ROWS_DAYS="3", REPORT_MEMORY_MB="256", **variables) as environment:
        yield environment


def _describe(site: Site) -> dict[str, Figure]:
    """Return what the archive is in the end."""
    from archive.folder import change_archive
    from archive.models import ArchiveFile
    from archive.verification import verify
    from visits.models import LiveVisit

    with change_archive():
        found = verify(site)
    return {
        "files": len(found.files),
        "archived_visits": found.visits,
        "rowless_visits": found.visits - found.compared_visits,
        "days_with_figures": sum(len(file.days) for file in ArchiveFile.objects.rollups()),
        "live_visits": LiveVisit.objects.count(),
    }


def main() -> None:
    """Measure and print; the exit code is 1 when an event was lost or doubled."""
    parser = make_parser(__doc__, "10 minutes")
    parser.add_argument("--cycles", type=int, default=CYCLES, help="kills")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    options = parser.parse_args()
    figures = measure(kind=options.database, cycles=options.cycles, seed=options.seed)
    conclude("archive", figures, UNITS, at_most=AT_MOST, as_json=options.json)


if __name__ == "__main__":
    main()
