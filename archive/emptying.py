"""All visits of a site go: their rows, and the files that hold them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.dispatch import Signal

from archive.lists import ListChange
from archive.models import ArchiveFile
from sites.models import Site
from visits.bulk import Amount, delete_visits, tell_nobody
from visits.models import LiveVisit

#: Sent in the transaction in which a site's files stop counting, with its `site`.
site_emptied: Final = Signal()


def has_visits(site: Site) -> bool:
    """Return whether the site has visits, in rows or in files."""
    return site.visits.exists() or ArchiveFile.objects.for_site(site.pk).events().exists()


def empty_site(site: Site, *, tell: Callable[[Amount], None] = tell_nobody) -> Amount:
    """Delete all visits of `site` with their events; return how many of both had rows.

    `tell` gets the amount of each batch of rows after its commit. The files stop counting in the
    end: who is interrupted does it again. For whoever holds `archive.folder.change_archive`. Raises
    what `ListChange.commit` does.
    """
    deleted = delete_visits(site, tell=tell)

    def also() -> None:
        site_emptied.send(sender=Site, site=site)

    gone = LiveVisit.objects.filter(site=site, is_gone=True)
    ListChange(
        site_id=site.pk,
        removed=list(ArchiveFile.objects.for_site(site.pk)),
        archived=dict(gone.values_list("pk", "revision")),
        also=also,
    ).commit()
    return deleted
