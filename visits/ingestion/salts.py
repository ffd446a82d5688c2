"""The random salts that turn addresses into visitors, and their end.

A site has one salt for each of its days: 16 random bytes in a file of its own under the data
folder, outside the database and so outside its backups. It is good for 47 hours and 50 minutes
after the day has ended and is destroyed within the next 10 minutes, whether or not hits arrive;
after that nobody, with whatever else they hold, can tell which visitor an address was.
"""

from __future__ import annotations

import logging
import os
import secrets
import struct
import threading
import time as clock
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings

from sites.models import Site
from visits.ingestion.diagnosis import forget_ended_days

logger = logging.getLogger(__name__)

SALT_BYTES: Final = 16
#: How long after the end of its day a salt may be used.
SALT_LIFE: Final = timedelta(hours=47, minutes=50)
#: How often expired salts are looked for; with SALT_LIFE this keeps the promise of 48 hours.
FORGET_EVERY: Final = timedelta(minutes=5)
#: A draft is there for an instant; one of this age is what a crash has left behind.
DRAFT_LIFE: Final = timedelta(minutes=10)

# A file holds the salt and the second at which it expires.
_RECORD: Final = struct.Struct(f"!{SALT_BYTES}sq")


class SaltGoneError(OSError):
    """The salt of a day has expired or its file is broken: its visitors cannot be told apart."""


_known: dict[tuple[int, date], tuple[bytes, int]] = {}


def get_salt(site: Site, day: date, *, now: datetime, create: bool) -> bytes | None:
    """Return the salt of the site's day; None when it has expired, or is none and not `create`.

    Every process on this machine gets the same one: the file is made whole and then linked into
    place, by whoever is first.
    """
    record = _known.get((site.id, day))
    if record is None:
        path = _folder() / f"{site.pk}.{day.isoformat()}"
        record = _read(path)
        expires_at = _end_of(site, day) + SALT_LIFE
        if record is None and create and expires_at > now:
            record = _create(path, int(expires_at.timestamp()))
    if record is None or record[1] <= now.timestamp():
        return None
    _known[site.id, day] = record
    return record[0]


def forget_expired(now: datetime) -> int:
    """Destroy every salt that has expired, in memory and on disk, and drafts that a crash left.

    Returns how many files went.
    """
    for day, (_, expires_at) in list(_known.items()):
        if expires_at <= now.timestamp():
            _known.pop(day, None)
    gone = 0
    for path in _folder().iterdir():
        record = _read(path)
        if (record is not None and record[1] <= now.timestamp()) or _is_left_behind(path, record):
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def keep_forgetting() -> threading.Thread:
    """Start the thread that destroys expired salts for as long as this process lives.

    What is left in memory of ended days' addresses goes too.
    """

    def run() -> None:
        while True:
            for forget in (forget_expired, forget_ended_days):
                try:
                    forget(datetime.now(UTC))
                except Exception:  # whatever it is, the promise is kept at the next time
                    logger.exception("What is to be forgotten was not; tried again later.")
            clock.sleep(FORGET_EVERY.total_seconds())

    thread = threading.Thread(target=run, name="forget-salts", daemon=True)
    thread.start()
    return thread


def _folder() -> Path:
    folder = Path(settings.DATA_DIR) / "salts"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _end_of(site: Site, day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min, site.zone)


def _is_left_behind(path: Path, record: tuple[bytes, int] | None) -> bool:
    """Whether nobody needs the file, by the clock that dates files.

    That is a draft that nobody is writing any more; and a broken file, which may still hold its
    salt but not when it expires, once any salt would have expired.
    """
    if path.name.startswith("."):
        life = DRAFT_LIFE
    elif record is None:
        life = timedelta(days=1) + SALT_LIFE
    else:
        return False
    with suppress(FileNotFoundError):
        age = datetime.now(UTC).timestamp() - path.stat().st_mtime
        return abs(age) > life.total_seconds()
    return False


def _read(path: Path) -> tuple[bytes, int] | None:
    try:
        salt, expires_at = _RECORD.unpack(path.read_bytes())
    except (FileNotFoundError, struct.error):
        return None
    return salt, expires_at


def _create(path: Path, expires_at: int) -> tuple[bytes, int] | None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_RECORD.pack(secrets.token_bytes(SALT_BYTES), expires_at))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first; its salt counts
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return _read(path)
