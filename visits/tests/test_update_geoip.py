"""Fetching a file of places, from a server on loopback: it is replaced whole, or not at all."""

from __future__ import annotations

import base64
import errno
import gzip
import io
import os
import re
import resource
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from visits import geoip_update
from visits.geoip_update import LEFT_OVER_SECONDS, dbip
from visits.ingestion.geoip import open_geoip
from visits.tests.mmdb import city_record, write_mmdb

IN_MARCH = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Reply:
    """What the server sends for a path."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class FileServer:
    """A server on loopback, and what it was asked for."""

    url: str
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def add(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> str:
        """Serve `body` at a path; return its address."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self.replies[path] = Reply(body, status, sent)
        return self.url + path


@pytest.fixture
def server() -> Iterator[FileServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            files.asked.append((self.path, self.headers.get("Authorization", "")))
            reply = files.replies.get(self.path, Reply(b"not here", 404))
            self.send_response(reply.status)
            for name, value in ({"Content-Length": str(len(reply.body))} | reply.headers).items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        files = FileServer(f"http://127.0.0.1:{web.server_address[1]}")
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield files
        web.shutdown()
        thread.join()


@pytest.fixture
def target(settings: Settings, tmp_path: Path) -> Path:
    """Where the file belongs; an old one is there."""
    folder = tmp_path / "state"
    folder.mkdir()
    settings.GEOIP_FILE = folder / "geoip.mmdb"
    settings.MAXMIND_ACCOUNT_ID = settings.MAXMIND_LICENSE_KEY = ""
    return write_mmdb(settings.GEOIP_FILE, {"203.0.113.0/24": city_record("FR")})


@pytest.fixture
def new(tmp_path: Path) -> bytes:
    """A newer file."""
    records = {"203.0.113.0/24": city_record("DE", "Land Berlin", "Berlin")}
    return write_mmdb(tmp_path / "new", records, database_type="DBIP-City-Lite").read_bytes()


def run(**options: Any) -> tuple[str, str]:
    """Run the command; return what it wrote to stdout and stderr."""
    out, terminal = io.StringIO(), io.StringIO()
    call_command("update_geoip", stdout=out, stderr=terminal, **options)
    return out.getvalue(), terminal.getvalue()


def country_in(path: Path) -> str:
    return open_geoip(path).find_place("203.0.113.7").country


def tar(name: str, content: bytes) -> bytes:
    """Return a tar of a folder with a licence and one file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for member, text in (("x/LICENSE.txt", b"A licence."), (name, content)):
            about = tarfile.TarInfo(member)
            about.size = len(text)
            archive.addfile(about, io.BytesIO(text))
    return packed.getvalue()


def plain(content: bytes) -> bytes:
    return content


def tar_gz(content: bytes) -> bytes:
    return gzip.compress(tar("GeoLite2-City_20260301/GeoLite2-City.mmdb", content))


def bare_tar(content: bytes) -> bytes:
    return tar("../../escape.mmdb", content)


@pytest.mark.parametrize("pack", [plain, gzip.compress, tar_gz, bare_tar])
@pytest.mark.parametrize("origin", ["url", "file"])
def test_takes_every_kind_of_packing(
    server: FileServer,
    target: Path,
    tmp_path: Path,
    new: bytes,
    origin: str,
    pack: Callable[[bytes], bytes],
) -> None:
    # By its content, whatever its name.
    file = tmp_path / "packed.bin"
    file.write_bytes(pack(new))
    url = server.add("/packed.bin", pack(new))

    out, _ = run(url=url) if origin == "url" else run(file=file)

    assert target.read_bytes() == new
    assert [path.name for path in target.parent.iterdir()] == ["geoip.mmdb"]
    assert out.splitlines()[0] == (
        f"DBIP-City-Lite of 2026-03-01 (0.0 MB) is in {target}. "
        "A running server uses it within 5 seconds."
    )


def test_needs_no_old_file(server: FileServer, target: Path, new: bytes) -> None:
    target.unlink()

    run(url=server.add("/new", new))

    assert country_in(target) == "DE"


@pytest.mark.parametrize(
    ("database_type", "line"),
    [
        ("DBIP-City-Lite", "IP Geolocation by DB-IP, https://db-ip.com"),
        ("GeoLite2-City", "GeoLite Data created by MaxMind, https://www.maxmind.com"),
    ],
)
def test_says_whom_the_licence_asks_to_name(
    tmp_path: Path, target: Path, database_type: str, line: str
) -> None:
    file = tmp_path / "new"
    write_mmdb(file, {"203.0.113.0/24": city_record("DE")}, database_type=database_type)

    out, _ = run(file=file)

    assert out.splitlines()[-1].endswith(line)


def test_says_no_more_of_other_files(tmp_path: Path, target: Path) -> None:
    file = tmp_path / "new"
    write_mmdb(file, {"203.0.113.0/24": city_record("DE")}, database_type="GeoIP2-City")

    assert len(run(file=file)[0].splitlines()) == 1


@pytest.mark.parametrize(
    ("today", "months"),
    [
        (date(2026, 3, 1), ["2026-03", "2026-02"]),
        (date(2026, 1, 31), ["2026-01", "2025-12"]),
        (date(2026, 12, 31), ["2026-12", "2026-11"]),
    ],
)
def test_dbip_is_asked_for_this_month_and_then_for_the_last(today: date, months: list[str]) -> None:
    assert dbip(today).urls == tuple(
        f"https://download.db-ip.com/free/dbip-city-lite-{month}.mmdb.gz" for month in months
    )


@pytest.fixture
def dbip_server(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> FileServer:
    """DB-IP's downloads, on loopback; today is the first of March 2026."""
    url = server.url + "/free/dbip-city-lite-{month:%Y-%m}.mmdb.gz"
    monkeypatch.setattr(geoip_update, "DBIP_URL", url)
    monkeypatch.setattr("django.utils.timezone.now", lambda: IN_MARCH)
    return server


def test_fetches_dbip_of_this_month(dbip_server: FileServer, target: Path, new: bytes) -> None:
    dbip_server.add("/free/dbip-city-lite-2026-03.mmdb.gz", gzip.compress(new))
    dbip_server.add("/free/dbip-city-lite-2026-02.mmdb.gz", b"old")

    run()

    assert country_in(target) == "DE"
    assert dbip_server.asked == [("/free/dbip-city-lite-2026-03.mmdb.gz", "")]


def test_fetches_dbip_of_the_last_month_before_this_ones_is_there(
    dbip_server: FileServer, target: Path, new: bytes
) -> None:
    dbip_server.add("/free/dbip-city-lite-2026-02.mmdb.gz", gzip.compress(new))

    run()

    assert country_in(target) == "DE"
    assert [path for path, _ in dbip_server.asked] == [
        "/free/dbip-city-lite-2026-03.mmdb.gz",
        "/free/dbip-city-lite-2026-02.mmdb.gz",
    ]


def test_only_a_missing_file_leads_to_the_last_month(dbip_server: FileServer, target: Path) -> None:
    dbip_server.add("/free/dbip-city-lite-2026-03.mmdb.gz", status=500)

    with pytest.raises(CommandError, match="answers 500"):
        run()
    assert len(dbip_server.asked) == 1


@pytest.fixture
def maxmind_url(
    server: FileServer, settings: Settings, target: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """MaxMind's downloads, on loopback, for the account 42."""
    settings.MAXMIND_ACCOUNT_ID = "42"
    settings.MAXMIND_LICENSE_KEY = "the-key"
    url = server.url + "/download?suffix=tar.gz"
    monkeypatch.setattr(geoip_update, "MAXMIND_URL", url)
    return url


AUTHORIZATION = "Basic " + base64.b64encode(b"42:the-key").decode()


def test_fetches_maxminds_file_with_the_account(
    server: FileServer, target: Path, new: bytes, maxmind_url: str
) -> None:
    server.add("/download?suffix=tar.gz", tar_gz(new))

    run()

    assert country_in(target) == "DE"
    assert server.asked == [("/download?suffix=tar.gz", AUTHORIZATION)]


def test_the_key_is_not_sent_where_maxmind_redirects_to(
    server: FileServer, target: Path, new: bytes, maxmind_url: str
) -> None:
    storage = server.add("/storage?signature=abc", tar_gz(new))
    server.add("/download?suffix=tar.gz", status=302, Location=storage)

    run()

    assert country_in(target) == "DE"
    assert server.asked == [
        ("/download?suffix=tar.gz", AUTHORIZATION),
        ("/storage?signature=abc", ""),
    ]


def test_a_wrong_key_is_told_and_not_shown(
    server: FileServer, target: Path, maxmind_url: str
) -> None:
    server.add("/download?suffix=tar.gz", b"Invalid license key", status=401)

    with pytest.raises(CommandError) as error:
        run()
    assert str(error.value) == (
        f"{server.url}/download may not be fetched (401). "
        "Check MAXMIND_ACCOUNT_ID and MAXMIND_LICENSE_KEY."
    )


@pytest.mark.parametrize(("account", "key"), [("42", ""), ("", "the-key")])
def test_half_an_account_is_refused(
    settings: Settings, target: Path, account: str, key: str
) -> None:
    settings.MAXMIND_ACCOUNT_ID, settings.MAXMIND_LICENSE_KEY = account, key

    with pytest.raises(CommandError, match="needs both MAXMIND_ACCOUNT_ID and MAXMIND_LICENSE_KEY"):
        run()


def test_what_is_fetched_goes_before_the_account(
    server: FileServer, target: Path, new: bytes, maxmind_url: str
) -> None:
    """No other server is sent the key."""
    run(url=server.add("/own", new))

    assert server.asked == [("/own", "")]


def test_shows_how_far_it_is(
    server: FileServer, target: Path, new: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visits.progress.OFF_TERMINAL", 0.0)

    _, terminal = run(url=server.add("/new", new))

    assert re.fullmatch(
        rf"{len(new):,} of {len(new):,} bytes, [\d,]+ a second, 0:00 left\n", terminal
    )


def test_a_server_that_does_not_say_how_much_it_sends(
    server: FileServer, target: Path, new: bytes
) -> None:
    _, terminal = run(url=server.add("/new", new, Content_Length=""))

    assert country_in(target) == "DE"
    assert terminal == ""


NOT_PLACES = "The file in use was left as it is."
NO_FORMAT = "is no file of places: It is no file in MaxMind's format, or a damaged one."


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply(status=404), "{url} is not there (404). Name another with --url."),
        (Reply(status=410), "{url} is not there (410). Name another with --url."),
        (
            Reply(status=403),
            "{url} may not be fetched (403). Check MAXMIND_ACCOUNT_ID and MAXMIND_LICENSE_KEY.",
        ),
        (Reply(status=429), "{url} was fetched too often (429). Try again tomorrow."),
        (
            Reply(status=503),
            "{url} answers 503. Try again later, or name another with --url.",
        ),
        (Reply(b""), "{url} " + NO_FORMAT + " " + NOT_PLACES),
        (Reply(b"<html>Sign in</html>"), "{url} " + NO_FORMAT + " " + NOT_PLACES),
        (
            Reply(gzip.compress(b"<html>Sign in</html>")),
            "{url} " + NO_FORMAT + " " + NOT_PLACES,
        ),
        (
            Reply(gzip.compress(os.urandom(5000))[:3000]),
            "{url} is damaged and cannot be unpacked. Fetch it again.",
        ),
        (
            Reply(gzip.compress(b"x" * 5000)[:-8] + bytes(8)),
            "{url} is damaged and cannot be unpacked. Fetch it again.",
        ),
        (
            Reply(b"\x1f\x8bnonsense" * 100),
            "{url} is damaged and cannot be unpacked. Fetch it again.",
        ),
        (Reply(tar("a/b.txt", b"x")), "{url} holds no .mmdb file. Name another."),
        (
            Reply(tar("a/b.mmdb", b"x" * 5000)[:3000]),
            "{url} is damaged and cannot be unpacked. Fetch it again.",
        ),
        (
            Reply(b"x" * 100, headers={"Content-Length": "5000"}),
            "{url} ended after 100 of 5,000 bytes. Run it again.",
        ),
    ],
)
def test_what_is_no_file_of_places_changes_nothing(
    server: FileServer, target: Path, reply: Reply, told: str
) -> None:
    server.replies["/new?key=secret"] = reply
    before = target.read_bytes()

    with pytest.raises(CommandError) as error:
        run(url=f"{server.url}/new?key=secret")

    assert str(error.value) == told.format(url=f"{server.url}/new")
    assert target.read_bytes() == before
    assert [path.name for path in target.parent.iterdir()] == ["geoip.mmdb"]


def test_a_file_of_networks_is_refused(server: FileServer, target: Path, tmp_path: Path) -> None:
    networks = {"203.0.113.0/24": {"autonomous_system_number": 64496}}
    file = write_mmdb(tmp_path / "asn.mmdb", networks, database_type="GeoLite2-ASN")

    with pytest.raises(CommandError) as error:
        run(file=file)
    assert str(error.value) == (
        f"{file} is no file of places: It holds no countries but GeoLite2-ASN. {NOT_PLACES}"
    )
    assert country_in(target) == "FR"


def test_no_network_is_told_with_another_way(target: Path) -> None:
    with pytest.raises(CommandError) as error:
        run(url="http://127.0.0.1:1/geoip.mmdb")
    assert str(error.value) == (
        "http://127.0.0.1:1/geoip.mmdb cannot be fetched: [Errno 111] Connection refused. "
        "Check that this machine reaches it, or fetch the file elsewhere and name it with --file."
    )


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "127.0.0.1/x", "", "http://", "http://[::1"]
)
def test_takes_no_address_of_another_kind(target: Path, url: str) -> None:
    with pytest.raises(CommandError, match="cannot be fetched"):
        run(url=url)
    assert country_in(target) == "FR"


def test_a_silent_server_is_left(
    server: FileServer, target: Path, new: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geoip_update, "PATIENCE", 0.2)
    with silent_server() as url, pytest.raises(CommandError, match=r"cannot be fetched: timed out"):
        run(url=url)


@contextmanager
def silent_server() -> Iterator[str]:
    """A server that takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


@pytest.mark.parametrize(
    ("name", "reason"), [("none.mmdb", "No such file or directory."), ("", "Is a directory.")]
)
def test_a_file_that_cannot_be_read_is_told(
    target: Path, tmp_path: Path, name: str, reason: str
) -> None:
    with pytest.raises(CommandError) as error:
        run(file=tmp_path / name)
    assert str(error.value) == f"{tmp_path / name} cannot be read: {reason}"


def test_only_one_origin_may_be_named(target: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="not allowed with argument"):
        call_command("update_geoip", "--url", "http://127.0.0.1:1/", "--file", str(tmp_path))


def test_a_missing_folder_is_told(settings: Settings, target: Path, tmp_path: Path) -> None:
    settings.GEOIP_FILE = tmp_path / "none" / "geoip.mmdb"

    with pytest.raises(CommandError) as error:
        run(file=target)
    assert str(error.value) == (
        f"{tmp_path / 'none'} cannot be written to: No such file or directory. "
        "Make its folder writable for this user, or set GEOIP_FILE to a file elsewhere."
    )


def test_a_file_too_large_for_the_disk_changes_nothing(
    server: FileServer, target: Path, new: bytes
) -> None:
    """A limit on the size of files, which the system keeps as it keeps that of a full disk."""
    url = server.add("/new", new + bytes(100_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(CommandError) as error:
            run(url=url)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert re.fullmatch(
        rf"{target.parent} cannot be written to: File too large. It has [\d,]+ MB free; "
        "make room, or set GEOIP_FILE to a file elsewhere.",
        str(error.value),
    )
    assert country_in(target) == "FR"
    assert [path.name for path in target.parent.iterdir()] == ["geoip.mmdb"]


def test_a_full_disk_is_told_at_the_last_moment_too(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_mmdb(tmp_path / "new", {"203.0.113.0/24": city_record("DE")})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CommandError, match=r"No space left on device\. It has .* MB free"):
        run(file=file)

    assert country_in(target) == "FR"
    assert [path.name for path in target.parent.iterdir()] == ["geoip.mmdb"]


def test_a_file_that_unpacks_without_end_is_refused(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geoip_update, "MAX_BYTES", 1_000_000)
    file = tmp_path / "bomb.gz"
    file.write_bytes(gzip.compress(b"x" * 10_000_000))

    with pytest.raises(CommandError, match=r"bomb\.gz is larger than 1,000,000 bytes"):
        run(file=file)
    assert [path.name for path in target.parent.iterdir()] == ["geoip.mmdb"]


def test_what_a_killed_run_left_behind_is_removed(
    target: Path, server: FileServer, new: bytes
) -> None:
    left, running = target.with_name(".geoip.mmdb.1a.part"), target.with_name(".geoip.mmdb.2b.part")
    for draft in (left, running):
        draft.touch()
    long_ago = time.time() - LEFT_OVER_SECONDS - 60
    os.utime(left, (long_ago, long_ago))

    run(url=server.add("/new", new))

    assert not left.exists()
    assert running.exists()
    assert country_in(target) == "DE"


def test_whoever_reads_the_old_file_goes_on_with_it(
    target: Path, server: FileServer, new: bytes
) -> None:
    reader = open_geoip(target)

    run(url=server.add("/new", new))

    assert reader.find_place("203.0.113.7").country == "FR"
    assert country_in(target) == "DE"


def test_other_users_may_read_the_file(target: Path, server: FileServer, new: bytes) -> None:
    """A server may run as another user than the one that fetches."""
    mask = os.umask(0o022)
    try:
        run(url=server.add("/new", new))
    finally:
        os.umask(mask)

    assert target.stat().st_mode & 0o777 == 0o644
