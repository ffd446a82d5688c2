"""The files that pages load, collected for whitenoise when they have changed and only then."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

from trackingsite.exceptions import StartError

#: Written last into the folder: what it was collected from.
MARK: Final = ".collected-from"


def collect_static_files() -> bool:
    """Fill STATIC_ROOT; return False when it was filled from the same files before.

    Files of earlier versions stay, for pages that are still open. Raises StartError when the
    folder cannot be written.
    """
    mark = Path(settings.STATIC_ROOT) / MARK
    fingerprint = fingerprint_sources()
    try:
        if mark.is_file() and mark.read_text(encoding="ascii") == fingerprint:
            return False
        mark.unlink(missing_ok=True)
        call_command("collectstatic", interactive=False, verbosity=0)
        mark.write_text(fingerprint, encoding="ascii")
    except OSError as error:
        cure = "Make it writable for this user, and its disk not full."
        raise StartError(f"{mark.parent} cannot be written: {error.strerror}. {cure}") from error
    return True


def fingerprint_sources() -> str:
    """Return a hash of how files are stored and of every source's name, size and time."""
    digest = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for name, path in sorted(_sources()):
        stat = path.stat()
        digest.update(f"\n{name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()


def _sources() -> Iterator[tuple[str, Path]]:
    for finder in get_finders():
        for name, storage in finder.list([]):
            yield name, Path(storage.path(name))
