"""What keeps the archive in order, in the server and by `manage.py archive`."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import Error as DatabaseError
from django.db import close_old_connections

from archive.archiver import MAX_VISITS, archive_finished, is_worth_a_file
from archive.compaction import compact
from archive.erasure.steps import carry_out_all
from archive.files import clean_up, clean_up_spill
from archive.folder import ArchiveBusyError, change_archive
from archive.forgetting import forget_erased
from archive.lists import ListChangedError
from archive.pruning import prune_rows
from archive.retention import drop_old_events
from sites.models import Site

logger = logging.getLogger(__name__)

#: How often the server looks whether there is something to do.
EVERY_SECONDS: Final = 60.0
#: It archives a site when so many visits wait, or the oldest has waited so long: not a file for
#: every few visits.
ENOUGH_VISITS: Final = 10_000
LONG_ENOUGH: Final = timedelta(hours=3)

#: More to do for a site, by apps that know more of it than this one; returns what it did.
FurtherWork = Callable[[Site, datetime], int]
_further_work: list[FurtherWork] = []

#: What else has to be cleaned up, by apps that have more files than this one.
_further_cleaning: list[Callable[[datetime], None]] = []


@dataclass(slots=True)
class Done:
    """How much was done."""

    erasures: int = 0
    archived_visits: int = 0
    merged_files: int = 0
    pruned_visits: int = 0
    rolled_up_days: int = 0
    dropped_days: int = 0
    deleted_files: int = 0


def add_further_work(work: FurtherWork) -> None:
    """Have `work` done for every site after its visits are archived."""
    if work not in _further_work:
        _further_work.append(work)


def add_further_cleaning(work: Callable[[datetime], None]) -> None:
    """Have `work` done after every site is kept up."""
    if work not in _further_cleaning:
        _further_cleaning.append(work)


def do_further_work(site: Site, now: datetime) -> int:
    """Do what other apps have to do after visits were archived, and return how much it was."""
    return sum(work(site, now) for work in _further_work)


def keep_up(now: datetime, *, at_once: bool = True, wait_seconds: float = 0.0) -> Done:
    """Erase, archive, merge, roll up, drop, prune, for every site; clean up; return how much.

    `at_once` archives whatever is finished, else only where it is worth a file. Raises
    ArchiveBusyError when another process is at it after `wait_seconds`.
    """
    done = Done()
    with change_archive(wait_seconds=wait_seconds):
        for site in Site.objects.order_by("pk"):
            keep_up_site(site, now, done, at_once=at_once)
        done.deleted_files = clean_up() + clean_up_spill()
        forget_erased()
        for work in _further_cleaning:
            work(now)
    return done


def keep_up_site(site: Site, now: datetime, done: Done, *, at_once: bool = True) -> None:
    """Do what there is to do for one site, and count it in `done`."""
    done.erasures += carry_out_all(site.pk)
    if at_once or is_worth_a_file(site.pk, now, visits=ENOUGH_VISITS, waited=LONG_ENOUGH):
        archive_site(site, now, done)
    done.merged_files += compact(site.pk, now.astimezone(site.zone).date())
    done.rolled_up_days += do_further_work(site, now)
    done.dropped_days += drop_old_events(site, now)
    done.pruned_visits += prune_rows(site.pk, now)


def archive_site(site: Site, now: datetime, done: Done) -> None:
    """Archive all of a site's visits that are finished, and count them in `done`."""
    while archived := archive_finished(site.pk, now):
        done.archived_visits += archived
        if archived < MAX_VISITS:
            break


def keep_archiving() -> threading.Thread:
    """Start a thread that keeps the archive in order for as long as the process lives."""

    def run() -> None:
        while True:
            time.sleep(EVERY_SECONDS)
            try:
                close_old_connections()
                keep_up(datetime.now(UTC), at_once=False)
            except ArchiveBusyError:
                pass  # another worker does it
            except (ListChangedError, DatabaseError, OSError) as error:
                logger.warning("The archive was not kept up, tried again later: %s", error)
            except Exception:
                logger.exception("The archive was not kept up, tried again later.")

    thread = threading.Thread(target=run, name="keep-archive", daemon=True)
    thread.start()
    return thread
