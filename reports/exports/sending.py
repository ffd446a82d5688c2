"""Files on their way to whoever asked: named, and gone once they are there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from tempfile import TemporaryFile
from typing import IO, Final

from django.conf import settings
from django.http import FileResponse

from archive.folder import spill_folder
from reports.dates import DateRange
from reports.exceptions import ExportsBusyError
from reports.exports.making import Made
from sites.models import Site

BLOCK: Final = 256 * 1024

CSV: Final = "text/csv; charset=utf-8"
ZIP: Final = "application/zip"
PARQUET: Final = "application/vnd.apache.parquet"


class Download(FileResponse):
    """A file that is saved, not shown, and closed when it has been sent."""

    block_size = BLOCK

    def __init__(self, file: IO[bytes], name: str, content_type: str) -> None:
        file.seek(0)
        super().__init__(file, as_attachment=True, filename=name, content_type=content_type)


@contextmanager
def open_draft() -> Iterator[IO[bytes]]:
    """Give a new file without a name: it is gone when it is closed, or its process is.

    It stays open, but where writing it fails.
    """
    folder = spill_folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    file = TemporaryFile(dir=folder)  # noqa: SIM115 -- whoever it is for closes it
    try:
        yield file
    except BaseException:
        file.close()
        raise


def name_file(site: Site, what: str, days: DateRange, ending: str) -> str:
    """Return such as `example.com_source_2026-03-01_2026-03-31.csv`."""
    # A colon, before a port, has no place in a file's name.
    domain = site.domain.replace(":", "-")
    return f"{domain}_{what}_{days.first_day}_{days.last_day}.{ending}"


@dataclass
class Places:
    """As many exports of events as may be under way in this process: each holds a thread."""

    taken: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> Callable[[], None]:
        """Return what gives the place back, once however often. Raises ExportsBusyError."""
        with self.lock:
            if self.taken >= settings.EXPORTS_AT_ONCE:
                raise ExportsBusyError
            self.taken += 1
        is_given_back = False

        def give_back() -> None:
            nonlocal is_given_back
            with self.lock:
                self.taken -= not is_given_back
                is_given_back = True

        return give_back


places: Final = Places()


class Parts:
    """A file of which one part after the other is made, as the one before has been sent."""

    def __init__(self, made: Made, done: Callable[[], None]) -> None:
        self._made = made
        self._done = done

    def __iter__(self) -> Iterator[bytes]:
        """Yield the file in blocks."""
        for part in chain(self._made.parts, self._made.further):
            with part:
                while block := part.read(BLOCK):
                    yield block

    def close(self) -> None:
        """Give back what the export holds, also where it was not sent to its end."""
        for part in self._made.parts:
            part.close()
        self._done()
