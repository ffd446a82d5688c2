"""A process that takes hits and archives at once, as a server does, only all the time.

    python -m soak.support.archiving DOMAIN SEED FROM_DAYS_AGO PAGE

Thresholds are so small that the archive is being changed at nearly every moment. Each thing that
was done is a line of JSON on stdout, written before anybody could be told of it:

    ["try", counts]     hits that are about to be stored in one transaction
    ["ok", counts]      the same hits, which the store has acknowledged
    ["begin", what]     a part of the archive's upkeep, ["end", what] when it has ended
    ["listed", names]   files that the list has now
    ["ready"]           the first hits are stored: everything is imported and open

Counts are [[day, page, events], …]. PAGE is one that no other process sends: it is erased later.
It ends when it is killed, or its parent has gone.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import wraps
from random import Random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sites.models import Site
    from visits.bulk import PastVisit
    from visits.ingestion.hit import Hit

#: Visits of a batch of past ones, and hits of a group that come late.
BATCH: Final = 12
LATE: Final = 4
#: Visits of one file.
MAX_VISITS: Final = 100
#: Seconds of rest after a batch: the archive shall not fall behind for ever.
PAUSE: Final = 0.05
PAGES: Final = 8
#: Visitors whose hits come late, so few that their visits grow again and again.
VISITORS: Final = 30
#: The share of past visits that fall on any day, in place of the one that is in turn.
ANYWHERE: Final = 0.005
MOST_DAYS: Final = 60
#: The share of processes that erase before anything else, so that enough kills meet it.
SOONEST: Final = 0.5

AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

Counts = list[tuple[str, str, int]]


def tell(*words: object) -> None:
    """Write one line, whole, whatever happens next."""
    os.write(1, f"{json.dumps(words)}\n".encode())


def shrink_thresholds() -> None:
    """Let there be something to archive, merge, roll up, prune and delete at every moment."""
    from functools import partial

    from archive import archiver, compaction, files, pruning, upkeep
    from archive.erasure import rows
    from reports import rolling_up
    from reports.rollup import ROLLED_UP

    few = {name: ROLLED_UP[name] for name in ("", "page", "source")}
    for module, name, value in (
        (upkeep, "archive_finished", partial(archiver.archive_finished, max_visits=MAX_VISITS)),
        (upkeep, "MAX_VISITS", MAX_VISITS),
        (compaction, "MANY", 3),
        (pruning, "BATCH_VISITS", BATCH),
        (rows, "BATCH_VISITS", BATCH),
        (files, "GRACE_SECONDS", 0.0),
        (rolling_up, "MANY", 3),
        (rolling_up, "MANY_EVENTS", 1),
        (rolling_up, "STAYS_PER_ROW", 0),
        (rolling_up, "ROLLED_UP", few),
    ):
        setattr(module, name, value)


def tell_of_upkeep() -> None:
    """Tell when each part of the upkeep begins and ends."""
    from archive import upkeep
    from archive.lists import ListChange

    for module, name in (
        (upkeep, "carry_out_all"),
        (upkeep, "archive_finished"),
        (upkeep, "compact"),
        (upkeep, "do_further_work"),
        (upkeep, "prune_rows"),
        (upkeep, "clean_up"),
    ):
        setattr(module, name, _telling(name, getattr(module, name)))
    commit = _telling("commit", ListChange.commit)

    def commit_and_tell(change: ListChange) -> None:
        commit(change)
        tell("listed", [draft.row.name for draft in change.added])

    setattr(ListChange, "commit", commit_and_tell)  # noqa: B010 -- mypy knows no other way


def _telling(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(work, assigned=())
    def tell_around(*args: Any, **options: Any) -> Any:
        tell("begin", name)
        try:
            return work(*args, **options)
        finally:
            tell("end", name)

    return tell_around


def keep_up_for_ever(site: Site, rng: Random) -> None:
    """Erase, archive, merge, roll up, prune and clean up, for ever; at first in any order.

    So a kill meets each of them, however soon it comes.
    """
    from archive import upkeep
    from archive.folder import change_archive
    from archive.lists import ListChangedError

    now = datetime.now(UTC)
    parts: list[Callable[[], object]] = [
        lambda: upkeep.carry_out_all(site.pk),  # type: ignore[attr-defined]
        lambda: upkeep.archive_finished(site.pk, now),  # type: ignore[attr-defined]
        lambda: upkeep.compact(site.pk, now.date()),  # type: ignore[attr-defined]
        lambda: upkeep.do_further_work(site, now),
        lambda: upkeep.prune_rows(site.pk, now),  # type: ignore[attr-defined]
    ]
    first = rng.sample(parts, len(parts))
    if rng.random() < SOONEST:
        first.sort(key=parts.index)
    with suppress(ListChangedError), change_archive(wait_seconds=60):
        for part in first:
            part()
    while True:
        # A hit that joined two visits while they were archived: tried again, as the server does.
        with suppress(ListChangedError):
            upkeep.keep_up(datetime.now(UTC), wait_seconds=60)


class Sender:
    """Stores visits that are over, and hits that come late."""

    def __init__(self, site: Site, seed: int, days_ago: int, own_page: str) -> None:
        self.site = site
        self.rng = Random(seed)
        self.days_ago = days_ago
        self.pages = [own_page, *(f"/{number}" for number in range(PAGES))]

    def send_some(self) -> None:
        """Store some of both, and tell of it before and after."""
        from visits.bulk import load_visits
        from visits.ingestion.hit import Drop
        from visits.ingestion.pipeline import ingest

        visits = [self.past_visit() for _ in range(BATCH)]
        counts = _count((e.happened_at, e.page) for v in visits for e in v.events)
        tell("try", counts)
        load_visits(self.site, visits)
        tell("ok", counts)
        hits = [self.late_hit() for _ in range(LATE)]
        counts = _count((hit.happened_at, hit.sent.title) for hit in hits)
        tell("try", counts)
        verdicts = ingest(hits, patient=True)
        assert not any(isinstance(verdict, Drop) for verdict in verdicts), verdicts
        tell("ok", counts)

    def past_visit(self) -> PastVisit:
        """Return a visit of one to four pageviews, over for some days at least."""
        from visits.bulk import PastEvent, PastVisit

        days_ago = self.days_ago
        if self.rng.random() < ANYWHERE:
            days_ago = self.rng.randrange(2, MOST_DAYS)
        begin = datetime.now(UTC) - timedelta(days=days_ago, seconds=self.rng.randrange(86_400))
        events = [
            PastEvent(
                name="pageview", happened_at=begin + place * timedelta(minutes=9), page=self.page()
            )
            for place in range(self.rng.randrange(1, 5))
        ]
        source = self.rng.choice(("Google", "Bing", ""))
        return PastVisit(self.rng.getrandbits(62), events, facts={"source": source})

    def late_hit(self) -> Hit:
        """Return a pageview up to 40 hours late, which mostly joins a visit that is archived."""
        from visits.ingestion.hit import Hit, SentHit

        now = datetime.now(UTC)
        page = self.page()
        return Hit(
            sent=SentHit(
                name="pageview",
                url=f"https://{self.site.domain}{page}",
                domains=(self.site.domain,),
                title=page,
                at=now - timedelta(seconds=self.rng.randrange(40 * 3600)),
            ),
            domain=self.site.domain,
            received_at=now,
            is_trusted=True,
            address=f"198.18.0.{self.rng.randrange(VISITORS)}",
            user_agent=AGENT,
        )

    def page(self) -> str:
        """Return one of the site's pages, or this process's own."""
        return self.rng.choice(self.pages)


def _count(events: Any) -> Counts:
    """Return the events of each day and page; the site's days are those of UTC."""
    found = Counter((str(at.date()), page) for at, page in events)
    return [(day, page, number) for (day, page), number in sorted(found.items())]


def main() -> None:
    """Set Django up and go on until the end."""
    import django

    django.setup()
    from archive.engine import open_engine
    from sites.models import Site

    parent = os.getppid()
    domain, seed, days_ago, own_page = sys.argv[1:]
    shrink_thresholds()
    tell_of_upkeep()
    site = Site.objects.get(domain=domain)
    sender = Sender(site, int(seed), int(days_ago), own_page)
    sender.send_some()
    open_engine().close()
    tell("ready")
    threading.Thread(target=keep_up_for_ever, args=(site, Random(int(seed))), daemon=True).start()
    while os.getppid() == parent:
        sender.send_some()
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
