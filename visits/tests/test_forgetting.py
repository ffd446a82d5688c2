"""What is forgotten is nowhere: no address is ever on disk, and no salt after its time."""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import os
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from sites.models import Site
from trackingsite.tests.live import RunningServer, run_manage, running_server
from visits.ingestion import salts
from visits.ingestion.salts import DRAFT_LIFE, SALT_BYTES, SALT_LIFE, forget_expired, get_salt
from visits.ingestion.visitors import _id_of_day, identify_visitor
from visits.tests.hits import ADDRESS, CHROME, DAY, HOUR, NOON, SECOND

TODAY: Final = date(2026, 3, 10)
MIDNIGHT: Final = NOON + 12 * HOUR
EXPIRY: Final = MIDNIGHT + SALT_LIFE


@pytest.fixture
def site() -> Site:
    """A site that no database needs to know."""
    return Site(pk=1, domain="example.com")


@pytest.fixture
def folder(data_dir: Path) -> Path:
    """Where the salts lie."""
    return data_dir / "salts"


# Looking for something in files


def base64_forms(secret: bytes) -> Iterator[bytes]:
    """Yield what stands in base64 for the secret inside of anything: one for each of 3 places."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + secret)
        # What also depends on the bytes beside it is left out.
        start, end = -(-before * 8 // 6), (before + len(secret)) * 8 // 6
        yield text[start:end]
        yield base64.urlsafe_b64encode(bytes(before) + secret)[start:end]


def forms_of(secret: bytes) -> set[bytes]:
    """Return the secret as it is, backwards as a number of this machine, in hex, in base64."""
    written = (secret.hex(), secret.hex().upper(), secret.hex(":"), secret.hex(" "))
    return {secret, secret[::-1], *(text.encode() for text in written), *base64_forms(secret)}


def forms_of_address(text: str) -> set[bytes]:
    """Return the forms of an address: those of its bytes, and its texts as they are or encoded."""
    address = ipaddress.ip_address(text)
    texts = {str(address), address.exploded, address.reverse_pointer, str(int(address))}
    encoded = {form for each in texts for form in base64_forms(each.encode())}
    return {each.encode() for each in texts} | encoded | forms_of(address.packed)


def find_in(folder: Path, forms: Mapping[str, set[bytes]]) -> list[str]:
    """Return a line for each file of the folder, however deep, that holds one of the forms."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for name, wanted in forms.items():
            found += [f"{path.name} holds {name} as {form!r}" for form in wanted if form in content]
    return found


@pytest.mark.parametrize(
    "written",
    [
        b"\xc6\x13\xed\x5b",
        b"\x5b\xed\x13\xc6",
        b"from 198.19.237.91:80",
        b"C613ED5B",
        b"c6:13:ed:5b",
        b"3323194715",
        *(base64.b64encode(b"x" * before + b"198.19.237.91 said") for before in range(3)),
        *(base64.b64encode(b"x" * before + b"\xc6\x13\xed\x5b" * 2) for before in range(3)),
    ],
)
def test_an_address_is_found_however_it_is_written(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "log").write_bytes(b"nothing")
    forms = {"it": forms_of_address("198.19.237.91")}
    assert find_in(tmp_path, forms) == []

    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(bytes(100) + written + bytes(100))

    assert find_in(tmp_path, forms)


# The real server, as it comes

#: Of 198.18.0.0/15 and 2001:db8::/32, which are nobody's, and with bytes that are rare.
FORWARDED: Final = ("198.19.237.91", "2001:db8:9be3:d7f1:83a5:c9e7:b1d3:97fb")
NAMED: Final = ("198.18.219.183", "2001:db8:f3b9:8de7:d5c1:a3fd:9b87:e5cb")
BATCHED: Final = ("198.19.151.203", "2001:db8:b7d9:e1f3:c58b:97ad:fbe3:d1a7")
PICTURED: Final = ("198.18.233.151", "2001:db8:d3f7:b9e5:a1cb:8ff1:e3d9:c7bd")
TROUBLED: Final = ("198.19.199.231", "2001:db8:e9f1:c3b7:8da5:dbf3:b5e1:99cf")
MARKERS: Final = (*FORWARDED, *NAMED, *BATCHED, *PICTURED, *TROUBLED)

FURNISH: Final = """
from sites.keys import make_key
from sites.models import Site
from sites.services import add_site
add_site(domain="none.example")
add_site(domain="busy.example")
shortened = add_site(domain="shortened.example")
shortened.address_kept = Site.AddressKept.SHORTENED
shortened.save()
print(make_key(name="test", all_sites=True, can_send=True)[1])
"""


@dataclass(frozen=True)
class Visitors:
    """Those who send to a server."""

    server: RunningServer
    key: str

    def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a request; return the answer's status and body."""
        host = urlsplit(self.server.url).netloc
        with closing(http.client.HTTPConnection(host, timeout=30)) as connection:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"User-Agent": CHROME} | dict(headers or {}))
            response = connection.getresponse()
            return response.status, response.read()

    def send_in_every_way(self, domain: str) -> None:
        """Let hits with each marker arrive by each of the ways in, also such as are refused."""
        hit = {"n": "pageview", "u": f"https://{domain}/", "d": domain}
        bearer = {"Authorization": f"Bearer {self.key}"}
        for address in FORWARDED:
            forwarded = {"X-Forwarded-For": f"192.0.2.1, {address}"}
            assert self.ask("POST", "/api/event", hit, forwarded)[0] == 202
            assert self.ask("POST", "/api/event", hit | {"n": "signup"}, forwarded)[0] == 202
            assert self.ask("POST", "/api/event", hit | {"d": "x.example"}, forwarded)[0] == 202
            assert self.ask("POST", "/api/event", {"n": 1, "p": 5}, forwarded)[0] == 400
            assert self.ask("POST", "/api/event", hit, forwarded | {"User-Agent": "curl/8"})[0]
        for address in NAMED:
            assert self.ask("POST", "/api/event", hit | {"address": address}, bearer)[0] == 202
            assert self.ask("POST", "/api/event", hit | {"address": address})[0] == 400
        batch = [hit | {"address": address, "n": name} for address in BATCHED for name in "ab"]
        assert self.ask("POST", "/api/events", [*batch, {"address": BATCHED[0]}], bearer)[0] == 202
        for address in PICTURED:
            forwarded = {"X-Forwarded-For": address}
            query = f"d={domain}&u=https://{domain}/"
            assert self.ask("GET", f"/pixel.gif?{query}", headers=forwarded)[0] == 200

    def make_trouble(self, home: Path) -> None:
        """Let what the server may write down happen to requests with markers and with the key."""
        hit = {"n": "pageview", "u": "https://busy.example/", "d": "busy.example"}
        bearer = {"Authorization": f"Bearer {self.key}"}
        for address in TROUBLED:
            headers = {"X-Forwarded-For": address} | bearer
            self.ask("GET", "/login/", headers=headers | {"Host": "evil.example"})
            self.ask("POST", "/login/", {"username": "admin"}, headers)
            self.ask("GET", "/reports/nowhere.example/", headers=headers)
            self.ask("GET", "/nowhere/", headers=headers)
        # In this order: a salt that was read once is known.
        for trouble in (salts_out_of_reach(home / "salts"), writer_held(home / "db.sqlite3")):
            with trouble:
                for address in TROUBLED:
                    named = hit | {"address": address}
                    assert self.ask("POST", "/api/event", named, bearer)[0] == 503
        assert "could not be stored" in self.server.output


@contextmanager
def salts_out_of_reach(folder: Path) -> Iterator[None]:
    """Put a file where the folder of salts should be."""
    away = folder.rename(folder.with_name("away"))
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        away.rename(folder)


@contextmanager
def writer_held(database: Path) -> Iterator[None]:
    """Hold the lock that a writer needs."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def rewrite_as_expired(folder: Path) -> list[bytes]:
    """Let 48 hours pass for the salts in the folder; return them."""
    found = []
    for path in folder.iterdir():
        with path.open("r+b") as file:
            found.append(file.read(SALT_BYTES))
            file.write(struct.pack("!q", int(time.time()) - 1))
    return found


def wait_until_empty(folder: Path) -> None:
    """Wait for the server's own thread to destroy what has expired."""
    deadline = time.monotonic() + 20
    while list(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(folder.iterdir()) == []


@pytest.mark.server
def test_no_address_reaches_the_disk_and_no_salt_stays_there(tmp_path: Path) -> None:
    home = tmp_path / "home"
    addresses = {text: forms_of_address(text) for text in MARKERS}
    with running_server(home, TRUSTED_PROXIES="127.0.0.1/32") as server:
        furnished = run_manage("shell", "-v", "0", "-c", FURNISH, DATA_DIR=str(home))
        key = furnished.stdout.strip()
        assert key.startswith("tsk_"), furnished.stdout
        visitors = Visitors(server, key)
        visitors.send_in_every_way("none.example")
        visitors.send_in_every_way("shortened.example")
        visitors.make_trouble(home)
        assert find_in(home, addresses | {"the API key": {key.encode()}}) == []
        # As a crash leaves it: with the log that was written ahead.
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()

    with closing(sqlite3.connect(f"file:{home / 'db.sqlite3'}?mode=ro", uri=True)) as file:
        stored = file.execute(
            "SELECT domain, count(*), count(address) FROM visits_visit"
            " JOIN sites_site ON sites_site.id = site_id WHERE domain <> 'busy.example'"
            " GROUP BY domain ORDER BY domain"
        ).fetchall()
    # Each address by which a hit could come made one visit.
    assert stored == [("none.example", 8, 0), ("shortened.example", 8, 8)]

    salts_then = {salt.hex(): forms_of(salt) for salt in rewrite_as_expired(home / "salts")}
    assert len(salts_then) >= 2
    assert len({line.split(" as ")[0] for line in find_in(home, salts_then)}) == len(salts_then)

    with running_server(home, TRUSTED_PROXIES="127.0.0.1/32"):
        wait_until_empty(home / "salts")
        assert find_in(home, addresses | salts_then | {"the API key": {key.encode()}}) == []
    assert find_in(home, addresses | salts_then) == []


# Ids

IDS_OF_DAYS: Final = """
import sys
from datetime import UTC, datetime, timedelta
import django
django.setup()
from sites.models import Site
from visits.ingestion.visitors import identify_visitor
noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
for day in range(int(sys.argv[1]), int(sys.argv[2])):
    at = noon + timedelta(days=day)
    for pk in (1, 2):
        site = Site(pk=pk)
        for address in ("203.0.113.7", "2001:db8::7"):
            print(identify_visitor(site, at=at, now=at, address=address, user_agent="x").id)
"""


def start_python(code: str, data_dir: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a process that runs the code with this data folder."""
    environment = os.environ | {
        "DATA_DIR": str(data_dir),
        "DJANGO_SETTINGS_MODULE": "trackingsite.settings.default",
    }
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_person_has_one_id_in_all_processes_and_another_on_each_day_and_site(
    data_dir: Path,
) -> None:
    # The second two are those after a restart: they begin on the last day of the first two.
    answers = []
    for first, end in (("0", "2"), ("1", "3")):
        together = [start_python(IDS_OF_DAYS, data_dir, first, end) for _ in range(2)]
        answers.append([process.communicate(timeout=60)[0].split() for process in together])
    (before, before_too), (after, after_too) = answers

    assert before == before_too
    assert after == after_too
    assert before[4:] == after[:4]
    ids = before + after[4:]
    assert len(ids) == len(set(ids)) == 12


# What somebody can do who has the server's disk and knows whom to look for

POPULATION: Final = [f"198.18.{high}.{low}" for high in range(16) for low in range(256)]


def recover(folder: Path, ids: Sequence[int]) -> dict[int, str]:
    """Return whose ids these are, as far as any 16 bytes on disk are the salt that tells it."""
    found: dict[int, str] = {}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for start in range(len(content) - SALT_BYTES + 1):
            salt = content[start : start + SALT_BYTES]
            for address in POPULATION:
                visitor = _id_of_day(NOON.date(), salt, f"{address}\0{CHROME}".encode())
                if visitor in ids:
                    found[visitor] = address
    return found


def test_who_has_the_salt_finds_everybody_and_who_has_not_nobody(
    site: Site, data_dir: Path
) -> None:
    some = POPULATION[::41]
    ids = [
        identify_visitor(site, at=NOON, now=NOON, address=address, user_agent=CHROME).id
        for address in some
    ]

    assert recover(data_dir, ids) == dict(zip(ids, some, strict=True))

    forget_expired(EXPIRY)

    assert recover(data_dir, ids) == {}


@pytest.mark.parametrize("remembered", [True, False], ids=["same process", "after a restart"])
def test_a_clock_that_steps_back_does_not_bring_a_destroyed_salt_back(
    site: Site, *, remembered: bool
) -> None:
    def who() -> int:
        return identify_visitor(site, at=NOON, now=NOON, address=ADDRESS, user_agent=CHROME).id

    before, salt = who(), get_salt(site, TODAY, now=NOON, create=False)
    forget_expired(EXPIRY)
    if not remembered:
        salts._known.clear()

    assert get_salt(site, TODAY, now=EXPIRY - SECOND, create=False) is None
    assert get_salt(site, TODAY, now=NOON, create=False) is None
    assert who() != before
    assert get_salt(site, TODAY, now=NOON, create=False) != salt


def test_a_clock_that_steps_to_and_fro_gives_the_day_one_salt(site: Site) -> None:
    moments = [NOON, NOON - HOUR, NOON + HOUR, NOON - DAY, NOON + DAY, NOON]

    found = {get_salt(site, TODAY, now=now, create=True) for now in moments}

    assert len(found) == 1


# A crash while a salt is made

DIE: Final = """
import os, signal, sys
from datetime import UTC, date, datetime
import django
django.setup()
from sites.models import Site
from visits.ingestion import salts
name, when = sys.argv[1:]
whole = getattr(os, name)
def die(*args, **kwargs):
    result = whole(*args, **kwargs) if when == "after" else None
    os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(salts.os, name, die)
noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
salts.get_salt(Site(pk=1), date(2026, 3, 10), now=noon, create=True)
"""


def names_in(folder: Path) -> list[str]:
    """Return the names of the files, drafts by their first dot alone."""
    return sorted("." if path.name[0] == "." else path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("call", "when", "left"),
    [
        ("open", "after", ["."]),
        ("fdopen", "before", ["."]),
        ("fsync", "before", ["."]),
        ("fsync", "after", ["."]),
        ("link", "before", ["."]),
        ("link", "after", [".", "1.2026-03-10"]),
    ],
)
def test_a_crash_while_a_salt_is_made_leaves_one_that_is_whole_or_none(
    site: Site, data_dir: Path, folder: Path, call: str, when: str, left: list[str]
) -> None:
    crashed = start_python(DIE, data_dir, call, when)
    crashed.communicate(timeout=60)
    assert crashed.returncode == -signal.SIGKILL
    assert names_in(folder) == left

    salt = get_salt(site, TODAY, now=NOON, create=True)

    assert salt is not None
    assert (folder / "1.2026-03-10").read_bytes()[:SALT_BYTES] == salt
    assert names_in(folder) == [".", "1.2026-03-10"]
    age_drafts(folder)
    assert forget_expired(NOON) == 1
    assert names_in(folder) == ["1.2026-03-10"]
    assert get_salt(site, TODAY, now=NOON, create=True) == salt


def age_drafts(folder: Path) -> None:
    """Let the time pass after which a draft is nobody's any more."""
    long_ago = time.time() - DRAFT_LIFE.total_seconds() - 1
    for path in folder.glob(".*"):
        os.utime(path, (long_ago, long_ago))


def test_a_draft_that_somebody_may_be_writing_is_left_alone(site: Site, folder: Path) -> None:
    get_salt(site, TODAY, now=NOON, create=True)
    (folder / ".2.2026-03-10.abcd1234").touch()

    assert forget_expired(NOON) == 0
    assert names_in(folder) == [".", "1.2026-03-10"]


def test_a_draft_that_is_whole_goes_with_its_time(folder: Path) -> None:
    folder.mkdir()
    record = struct.pack("!16sq", b"s" * 16, int(EXPIRY.timestamp()))
    (folder / ".1.2026-03-10.abcd1234").write_bytes(record)

    assert forget_expired(EXPIRY - SECOND) == 0
    assert forget_expired(EXPIRY) == 1
    assert names_in(folder) == []
