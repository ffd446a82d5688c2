"""Places by address, from a file in MaxMind's format: opened once, and anew when it is replaced."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import maxminddb

from visits.ingestion.addresses import pack_address
from visits.ingestion.hit import Place
from visits.ingestion.text import clean_text

logger = logging.getLogger(__name__)

#: Seconds for which a file is not looked at again: a replaced one is in use after that.
LOOK_AGAIN_SECONDS: Final = 5.0

#: As long as the columns of a visit.
MAX_NAME: Final = 100

NOWHERE: Final = Place()

# A file of places has a country in one of its first records; one of networks has none in any.
_NODES_LOOKED_AT: Final = 20_000

#: Records whose places are remembered, at a quarter of a kilobyte each.
_PLACES: Final = 16_384

#: What tells a file from the one that replaced it; None where there is none.
_Identity = tuple[int, int, int, int] | None


class GeoipError(Exception):
    """A file is none of places; the message says why."""


class GeoipReader(maxminddb.Reader):
    """Reads places by address, of a file that is mapped: the processes share its memory.

    The library's reader in C is ten times as fast, but crashes the process over some damaged files
    (version 3.2, met by changing random bytes); the one in Python raises. It takes 0.1 ms for a
    record, so places are remembered by their records, and never by the addresses that asked.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxminddb.MODE_MMAP)
        self._place_of = lru_cache(maxsize=_PLACES)(self._read_place)

    def find_place(self, address: str) -> Place:
        """Return the place of the address, empty where the file has none.

        Raises what the bytes of a damaged file lead to.
        """
        packed = pack_address(address)
        if packed is None or (len(packed) == 16 and self._metadata.ip_version == 4):
            return Place()
        record, _ = self._find_address_in_tree(bytearray(packed))
        return self._place_of(record) if record else Place()

    def has_countries(self) -> bool:
        """Whether one of the first records names a country."""
        return any(self._read_place(record).country for record in self._first_records())

    def _first_records(self) -> Iterator[int]:
        """Give records from the lowest address on, without getting lost in a damaged tree."""
        nodes = [0]
        for _ in range(_NODES_LOOKED_AT):
            node = nodes.pop()
            if node < self._metadata.node_count:
                nodes += (self._read_node(node, 1), self._read_node(node, 0))
            elif node > self._metadata.node_count:
                yield node
            if not nodes:
                break

    def _read_place(self, record: int) -> Place:
        return read_record(self._resolve_data_pointer(record))


def open_geoip(path: Path) -> GeoipReader:
    """Return a reader of the file.

    A file may be replaced by renaming another over it: whoever has the old one open keeps it.
    Raises GeoipError when it cannot be read, is not in MaxMind's format, or knows no country.
    """
    try:
        reader = GeoipReader(path)
        if reader.has_countries():
            return reader
    except OSError as error:
        raise GeoipError(f"{error.strerror or error}.") from None
    # A damaged file raises whatever its bytes lead to.
    except Exception:
        raise GeoipError("It is no file in MaxMind's format, or a damaged one.") from None
    raise GeoipError(f"It holds no countries but {reader.metadata().database_type}.")


class GeoipFile:
    """The file at one path: whichever is there now, and none while there is none."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._identity: _Identity = None
        self._reader: GeoipReader | None = None
        self._look_at = clock()
        self._told = False

    def find(self, address: str) -> Place:
        """Return country, region and city of the address, as they stand in the file, or empty.

        Never raises: what is wrong with a file is logged, once.
        """
        reader = self._current()
        if reader is None:
            return NOWHERE
        try:
            return reader.find_place(address)
        # A damaged file raises whatever its bytes lead to; a hit is worth more than its city.
        except Exception as error:
            # Without the error's own words, which may name the address.
            self._tell(f"has a record that cannot be read ({type(error).__name__})")
            return Place()

    def _current(self) -> GeoipReader | None:
        if self._clock() >= self._look_at:
            with self._lock:
                if self._clock() >= self._look_at:
                    self._look()
                    self._look_at = self._clock() + LOOK_AGAIN_SECONDS
        return self._reader

    def _look(self) -> None:
        """Open the file if it is not the one that was looked at last."""
        identity = _identify(self.path)
        if identity == self._identity:
            return
        self._identity = identity
        self._told = False
        reader = None
        if identity is not None:
            try:
                reader = open_geoip(self.path)
            except GeoipError as error:
                self._tell(f"cannot be used: {error}")
        # The old reader is closed when the last thread that uses it lets it go.
        self._reader = reader

    def _tell(self, what: str) -> None:
        """Log what is wrong, once for each file: every hit may meet it."""
        if not self._told:
            self._told = True
            logger.error(
                "%s %s. Places come from time zones; `manage.py update_geoip` fetches a new file.",
                self.path,
                what.rstrip("."),
            )


@cache
def geoip_file(path: Path) -> GeoipFile:
    """Return the file of a path, one for all threads of this process."""
    return GeoipFile(path)


def read_record(record: object) -> Place:
    """Return the place in a record of MaxMind's or DB-IP's files, its region the first one."""
    return Place(
        country=_text_at(record, "country", "iso_code"),
        region=clean_text(_text_at(record, "subdivisions", 0, "names", "en"))[:MAX_NAME],
        city=clean_text(_text_at(record, "city", "names", "en"))[:MAX_NAME],
    )


def _text_at(record: object, *keys: str | int) -> str:
    """Return the text under the keys, empty text where there is none."""
    for key in keys:
        match record:
            case dict():
                record = record.get(key)
            case [first, *_] if key == 0:
                record = first
            case _:
                return ""
    return record if isinstance(record, str) else ""


def _identify(path: Path) -> _Identity:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
