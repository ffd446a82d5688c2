"""Imports that nobody goes on with: their keys are destroyed all the same."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from imports.exceptions import ImportBusyError
from imports.folder import INPUT, destroy, only_import, spool_folder
from imports.models import Import, ImportedSite
from sites.models import Site

#: An import that has made no progress for so long is given up.
GIVEN_UP_AFTER: Final = timedelta(hours=48)


def give_up_old(now: datetime) -> None:
    """Give up imports that have made no progress for long, unless one is going on."""
    with suppress(ImportBusyError), only_import():
        give_up(before=now - GIVEN_UP_AFTER)


def forget_site(site: Site, **_: Any) -> None:
    """Let what was imported for a site, which is being emptied, be imported for it again."""
    imported = Import.objects.filter(sites__site=site, state=Import.State.FINISHED)
    Import.objects.filter(pk__in=list(imported.values_list("pk", flat=True))).update(
        state=Import.State.GIVEN_UP
    )
    ImportedSite.objects.filter(site=site).delete()


def give_up(*, before: datetime | None = None) -> int:
    """Give up imports that made no progress since `before` (default: all); return how many.

    Their keys are destroyed with all that they have read; sites whose hits they have stored keep
    them. For whoever holds `only_import`.
    """
    going_on = Import.objects.filter(state=Import.State.GOING_ON)
    stale = going_on if before is None else going_on.filter(touched_at__lt=before)
    given_up = stale.update(state=Import.State.GIVEN_UP)
    tidy_up()
    return given_up


def tidy_up(*, keep: Path | None = None) -> None:
    """Delete what is left of imports that are over, but for the file `keep`.

    Of one that was killed at its very end its key may be there still. For whoever holds
    `only_import`.
    """
    going_on = Import.objects.filter(state=Import.State.GOING_ON)
    kept = {str(pk) for pk in going_on.values_list("pk", flat=True)}
    for path in spool_folder().iterdir():
        if path.is_dir() and path.name not in kept:
            destroy(path)
        elif path.name.startswith(INPUT) and path != keep:
            path.unlink()
