"""Imports that nobody goes on with: their keys are destroyed all the same."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from imports.exceptions import ImportBusyError
from imports.folder import INPUT, destroy, only_import, spool_folder
from imports.models import Import

#: An import that has made no progress for so long is given up.
GIVEN_UP_AFTER: Final = timedelta(hours=48)


def give_up_old(now: datetime) -> None:
    """Give up imports that have made no progress for long, unless one is going on."""
    with suppress(ImportBusyError), only_import():
        give_up(before=now - GIVEN_UP_AFTER)


def give_up(*, before: datetime | None = None) -> int:
    """Give up imports that made no progress since `before` (default: all); return how many.

    Their keys are destroyed with all that they have read; sites whose hits they have stored keep
    them. What else is left of imports that are over goes too. For whoever holds `only_import`.
    """
    going_on = Import.objects.filter(state=Import.State.GOING_ON)
    stale = going_on if before is None else going_on.filter(touched_at__lt=before)
    given_up = stale.update(state=Import.State.GIVEN_UP)
    kept = {str(pk) for pk in going_on.values_list("pk", flat=True)}
    for path in spool_folder().iterdir():
        if path.is_dir() and path.name not in kept:
            destroy(path)
        elif path.name.startswith(INPUT):
            path.unlink()
    return given_up
