"""Fetches a file of places, checks it, and puts it in the place of the old one."""

from __future__ import annotations

import base64
import errno
import gzip
import http.client
import os
import secrets
import shutil
import tarfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

from visits.ingestion.geoip import GeoipError, open_geoip

#: DB-IP City Lite of a month; free, under CC BY 4.0.
DBIP_URL: Final = "https://download.db-ip.com/free/dbip-city-lite-{month:%Y-%m}.mmdb.gz"
#: GeoLite2 City, for whoever has an account.
MAXMIND_URL: Final = (
    "https://download.maxmind.com/geoip/databases/GeoLite2-City/download?suffix=tar.gz"
)

#: Seconds without a byte until a server counts as gone.
PATIENCE: Final = 30
#: Many times any file of places: what is larger would fill the disk.
MAX_BYTES: Final = 4 * 1024**3
#: After this nobody is writing a file any more that was not put in place.
LEFT_OVER_SECONDS: Final = 6 * 3600

_CHUNK: Final = 1024 * 1024

#: Told how many bytes came, and of how many; 0 where the server does not say.
Tell = Callable[[int, int], None]


class UpdateError(Exception):
    """No new file was put in place; the message says why and what to do."""


class NotThereError(UpdateError):
    """The server has no such file."""


@dataclass(frozen=True)
class Source:
    """Where a file is fetched: the first of the addresses that has one."""

    urls: tuple[str, ...]
    authorization: str = field(default="", repr=False)


@dataclass(frozen=True)
class Update:
    """What was put in place."""

    database: str
    built_on: date
    size: int


def dbip(today: date) -> Source:
    """Return DB-IP's file of this month, or of the last one: a new one takes a day to appear."""
    last_month = today.replace(day=1) - timedelta(days=1)
    return Source(tuple(DBIP_URL.format(month=month) for month in (today, last_month)))


def maxmind(account_id: str, license_key: str) -> Source:
    """Return MaxMind's file for this account."""
    pair = base64.b64encode(f"{account_id}:{license_key}".encode()).decode("ascii")
    return Source((MAXMIND_URL,), authorization=f"Basic {pair}")


def update_from_source(source: Source, target: Path, tell: Tell) -> Update:
    """Fetch, unpack and check a file, and rename it to `target`. Raises UpdateError."""
    with _draft_beside(target) as fetched:
        url = _fetch_first(source, fetched, tell)
        return update_from_file(fetched, target, name=_shown(url))


def update_from_file(path: Path, target: Path, *, name: str = "") -> Update:
    """Unpack and check a file of this machine, and rename it to `target`. Raises UpdateError.

    It may be packed by gzip, and be inside a tar. `name` is what errors call it.
    """
    name = name or str(path)
    with _draft_beside(target) as draft:
        _unpack(path, draft, name)
        try:
            metadata = open_geoip(draft).metadata()
        except GeoipError as error:
            raise UpdateError(
                f"{name} is no file of places: {error} The file in use was left as it is."
            ) from None
        with _told_errors(target):
            _put_in_place(draft, target)
        built_at = datetime.fromtimestamp(metadata.build_epoch, UTC)
        return Update(metadata.database_type, built_at.date(), target.stat().st_size)


def _fetch_first(source: Source, draft: Path, tell: Tell) -> str:
    """Fetch from the first address that has a file; return that address."""
    for url in source.urls[:-1]:
        try:
            _fetch(url, source.authorization, draft, tell)
        except NotThereError:
            continue
        return url
    _fetch(source.urls[-1], source.authorization, draft, tell)
    return source.urls[-1]


def _fetch(url: str, authorization: str, draft: Path, tell: Tell) -> None:
    """Write what the server sends to `draft`."""
    shown = _shown(url)
    if not url.startswith(("http://", "https://")):
        raise UpdateError(f"{shown} cannot be fetched. Name an address with https://.")
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "trackingsite"})  # noqa: S310
        if authorization:
            # A server that redirects to another one does not mean it to have the password.
            request.add_unredirected_header("Authorization", authorization)
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
            total = int(response.headers.get("Content-Length") or 0)
            with _told_errors(draft), draft.open("wb") as file:
                done = _copy(_reads(response, shown), file, shown, lambda count: tell(count, total))
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(shown, error.code) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise UpdateError(
            f"{shown} cannot be fetched: {reason}. Check that this machine reaches it, "
            "or fetch the file elsewhere and name it with --file."
        ) from None
    if total and done != total:
        raise UpdateError(f"{shown} ended after {done:,} of {total:,} bytes. Run it again.")


def _refusal(shown: str, status: int) -> UpdateError:
    """Return what a status other than 200 means."""
    match status:
        case 404 | 410:
            return NotThereError(f"{shown} is not there ({status}). Name another with --url.")
        case 401 | 403:
            return UpdateError(
                f"{shown} may not be fetched ({status}). "
                "Check MAXMIND_ACCOUNT_ID and MAXMIND_LICENSE_KEY."
            )
        case 429:
            return UpdateError(f"{shown} was fetched too often ({status}). Try again tomorrow.")
    return UpdateError(f"{shown} answers {status}. Try again later, or name another with --url.")


def _reads(response: Any, shown: str) -> Iterator[bytes]:
    """Give what the server sends; its errors are none of the disk's."""
    while True:
        try:
            chunk = response.read(_CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise UpdateError(f"{shown} broke off: {error}. Run it again.") from None
        if not chunk:
            return
        yield chunk


def _unpack(path: Path, draft: Path, name: str) -> None:
    """Write the database to `draft`: the file, what gzip packed, or the first .mmdb of a tar."""
    try:
        with path.open("rb") as packed, _without_gzip(packed) as source:
            database = _find_in_tar(source, name) or source
            with _told_errors(draft), draft.open("wb") as file:
                _copy(_unpacks(database, name), file, name)
    except (gzip.BadGzipFile, EOFError, zlib.error, tarfile.TarError):
        raise _damaged(name) from None
    except OSError as error:
        raise UpdateError(f"{name} cannot be read: {error.strerror or error}.") from None


@contextmanager
def _without_gzip(packed: IO[bytes]) -> Iterator[IO[bytes]]:
    """Give what gzip packed, or the file itself."""
    start = packed.read(2)
    packed.seek(0)
    if start != b"\x1f\x8b":
        yield packed
        return
    with gzip.open(packed, "rb") as file:
        yield file  # type: ignore[misc]  # has what is needed of IO


def _find_in_tar(source: IO[bytes], name: str) -> IO[bytes] | None:
    """Return the database inside a tar, None where `source` is none."""
    try:
        archive = tarfile.open(fileobj=source, mode="r:")  # noqa: SIM115 -- read after this
    except tarfile.ReadError:
        source.seek(0)
        return None
    for member in archive:
        if member.isfile() and member.name.endswith(".mmdb"):
            return archive.extractfile(member)
    raise UpdateError(f"{name} holds no .mmdb file. Name another.")


def _unpacks(database: IO[bytes], name: str) -> Iterator[bytes]:
    """Give what is unpacked; a damaged file is no fault of the disk's."""
    while True:
        try:
            chunk = database.read(_CHUNK)
        except (OSError, EOFError, zlib.error, tarfile.TarError):
            raise _damaged(name) from None
        if not chunk:
            return
        yield chunk


def _damaged(name: str) -> UpdateError:
    return UpdateError(f"{name} is damaged and cannot be unpacked. Fetch it again.")


def _copy(
    chunks: Iterator[bytes],
    file: IO[bytes],
    name: str,
    tell: Callable[[int], None] = lambda count: None,
) -> int:
    """Write the chunks; return how many bytes they were."""
    done = 0
    for chunk in chunks:
        done += len(chunk)
        if done > MAX_BYTES:
            size = f"{MAX_BYTES:,} bytes"
            raise UpdateError(f"{name} is larger than {size}, and so no file of places.")
        file.write(chunk)
        tell(len(chunk))
    return done


def _put_in_place(draft: Path, target: Path) -> None:
    """Rename, once what the file holds is on the disk."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(draft, target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _draft_beside(target: Path) -> Iterator[Path]:
    """Give the name of a file in the target's folder, which is gone afterwards unless renamed."""
    with _told_errors(target):
        _remove_left_over(target)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _remove_left_over(target: Path) -> None:
    """Remove what a run that was killed left behind. Raises OSError where there is no folder."""
    for name in os.listdir(target.parent):
        draft = target.with_name(name)
        if name.startswith(f".{target.name}.") and name.endswith(".part"):
            with suppress(FileNotFoundError):
                if time.time() - draft.stat().st_mtime > LEFT_OVER_SECONDS:
                    draft.unlink()


@contextmanager
def _told_errors(path: Path) -> Iterator[None]:
    """Tell in a sentence what keeps a file from being written."""
    try:
        yield
    except OSError as error:
        folder = path.parent
        reason = error.strerror or str(error)
        cure = "Make its folder writable for this user, or set GEOIP_FILE to a file elsewhere."
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            free = shutil.disk_usage(folder).free // 1024**2
            cure = f"It has {free:,} MB free; make room, or set GEOIP_FILE to a file elsewhere."
        raise UpdateError(f"{folder} cannot be written to: {reason}. {cure}") from None


def _shown(url: str) -> str:
    """Return the address fit for a screen or a log: without query and password, which tell keys."""
    scheme, separator, rest = url.partition("?")[0].partition("://")
    host, slash, path = rest.partition("/")
    return scheme + separator + host.rpartition("@")[2] + slash + path
