"""An erasure from its note to its end: steps that may be repeated, whatever stopped them before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.utils import timezone

from archive.erasure.figures import erase_figures
from archive.erasure.files import erase_files
from archive.erasure.rows import erase_rows
from archive.models import Erasure


def finish(erasure: Erasure) -> None:
    """Note that nothing is left in reports, and forget what the erasure named."""
    erasure.name, erasure.value, erasure.visitor = "", None, None
    erasure.finished_at = timezone.now()
    erasure.save(update_fields=["name", "value", "visitor", "finished_at"])


STEPS: Final[tuple[Callable[[Erasure], None], ...]] = (
    erase_rows,
    erase_files,
    erase_figures,
    finish,
)


def carry_out(erasure: Erasure) -> None:
    """Erase what the erasure names; a part may have been erased before.

    For whoever holds `archive.folder.change_archive`. Raises what `ListChange.commit` does; the
    next call goes on.
    """
    for step in STEPS:
        step(erasure)


def carry_out_all(site_id: int) -> int:
    """Carry out every erasure of a site that is not finished; return how many there were."""
    unfinished = list(Erasure.objects.filter(site=site_id, finished_at=None).order_by("pk"))
    for erasure in unfinished:
        carry_out(erasure)
    return len(unfinished)
