"""Bytes of what was erased, in places that nothing reads any more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Final

from django.db import connection
from django.utils import timezone

from archive.folder import GRACE_SECONDS
from archive.models import Erasure
from visits.bulk import BUSY_SECONDS
from visits.turns import rewrite_database, turn_to_write

#: A database of up to this size is written anew within the time for which hits wait; a larger one
#: only when somebody asks for it, at a quiet hour.
QUICK_BYTES: Final = 64 * 1024 * 1024


def forget_erased(*, however_large: bool = False) -> int:
    """Leave no byte of what was erased in any file; return of how many erasures that is now true.

    After `clean_up`, which deletes the archive's old files once nobody reads them any more. Those
    whose files may still be there have to wait, and all while a report reads an old state of the
    database, or while that is too large to be written anew in passing.
    """
    before = timezone.now() - timedelta(seconds=GRACE_SECONDS)
    due = Erasure.objects.filter(finished_at__lte=before, gone_at=None)
    ids = list(due.values_list("pk", flat=True))
    if not ids or not (however_large or database_bytes() <= QUICK_BYTES):
        return 0
    with turn_to_write(patient=True, until=monotonic() + BUSY_SECONDS):
        if not rewrite_database():
            return 0
    return Erasure.objects.filter(pk__in=ids).update(gone_at=timezone.now())


def database_bytes() -> int:
    """Return the size of the database's file; 0 for a server's."""
    if connection.vendor != "sqlite":
        return 0
    return Path(connection.settings_dict["NAME"]).stat().st_size
