"""Salts are shared by every process, and are gone when their time is over."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from sites.models import Site
from visits.ingestion import diagnosis, salts
from visits.ingestion.diagnosis import note_address
from visits.ingestion.salts import (
    FORGET_EVERY,
    SALT_BYTES,
    SALT_LIFE,
    forget_expired,
    get_salt,
    keep_forgetting,
)
from visits.tests.hits import DAY, HOUR, MINUTE, NOON, SECOND, make_hit

TODAY = date(2026, 3, 10)
#: 47 hours and 50 minutes after the end of TODAY in UTC.
EXPIRY = datetime(2026, 3, 12, 23, 50, tzinfo=UTC)


@pytest.fixture
def site() -> Site:
    """A site that no database needs to know."""
    return Site(pk=1, domain="example.com")


@pytest.fixture
def folder(data_dir: Path) -> Path:
    """Where the salts lie."""
    return data_dir / "salts"


@pytest.fixture
def two_rounds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Ends the thread that forgets after its second round; holds the pauses it asked for."""
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise SystemExit

    monkeypatch.setattr(salts, "clock", SimpleNamespace(sleep=pause))
    return pauses


def in_a_new_process() -> None:
    """Forget what this process knows: the next question is answered from the files."""
    salts._known.clear()


def test_a_salt_is_random_and_stays_the_days(site: Site) -> None:
    salt = get_salt(site, TODAY, now=NOON, create=True)

    assert salt is not None
    assert len(salt) == SALT_BYTES
    assert get_salt(site, TODAY, now=NOON + HOUR, create=True) == salt
    in_a_new_process()
    assert get_salt(site, TODAY, now=NOON + 2 * HOUR, create=True) == salt


def test_days_and_sites_have_salts_of_their_own(site: Site) -> None:
    found = {
        get_salt(site, TODAY, now=NOON, create=True),
        get_salt(site, TODAY - DAY, now=NOON, create=True),
        get_salt(site, TODAY + DAY, now=NOON, create=True),
        get_salt(Site(pk=2), TODAY, now=NOON, create=True),
    }

    assert len(found - {None}) == 4


def test_asking_without_creating_makes_nothing(site: Site, folder: Path) -> None:
    assert get_salt(site, TODAY, now=NOON, create=False) is None
    assert list(folder.iterdir()) == []


def test_only_the_owner_can_read_salts_and_no_draft_is_left(site: Site, folder: Path) -> None:
    get_salt(site, TODAY, now=NOON, create=True)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [(path.name, stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir()] == [
        ("1.2026-03-10", 0o600)
    ]


@pytest.mark.parametrize("remembered", [True, False], ids=["in memory", "on disk"])
def test_a_salt_ends_before_48_hours_after_its_day_though_nobody_cleaned_up(
    site: Site, folder: Path, *, remembered: bool
) -> None:
    salt = get_salt(site, TODAY, now=NOON, create=True)

    def ask(now: datetime) -> bytes | None:
        if not remembered:
            in_a_new_process()
        return get_salt(site, TODAY, now=now, create=True)

    assert ask(EXPIRY - SECOND) == salt
    assert (folder / "1.2026-03-10").exists()
    assert ask(EXPIRY) is None
    assert ask(EXPIRY + DAY) is None


def test_a_salt_is_destroyed_within_48_hours_after_its_day() -> None:
    assert SALT_LIFE + FORGET_EVERY < 48 * HOUR


def test_no_salt_is_made_for_a_day_whose_salts_are_over(site: Site, folder: Path) -> None:
    assert get_salt(site, TODAY, now=EXPIRY, create=True) is None
    assert list(folder.iterdir()) == []


def test_a_destroyed_salt_is_nowhere(site: Site, folder: Path) -> None:
    salt = get_salt(site, TODAY, now=NOON, create=True)
    assert salt is not None

    assert forget_expired(EXPIRY - SECOND) == 0
    assert forget_expired(EXPIRY) == 1

    assert list(folder.iterdir()) == []
    assert salts._known == {}


def test_forgetting_leaves_the_salts_that_are_still_good(site: Site, folder: Path) -> None:
    get_salt(site, TODAY - DAY, now=NOON, create=True)
    today = get_salt(site, TODAY, now=NOON, create=True)

    assert forget_expired(EXPIRY - DAY) == 1

    assert [path.name for path in folder.iterdir()] == ["1.2026-03-10"]
    assert get_salt(site, TODAY, now=EXPIRY - DAY, create=False) == today


def test_a_new_salt_leaves_the_others_to_the_thread_that_forgets(site: Site, folder: Path) -> None:
    """Hundreds of sites need a new one at the same midnight, and hits wait for them."""
    get_salt(site, TODAY, now=NOON, create=True)

    get_salt(site, TODAY + 3 * DAY, now=NOON + 3 * DAY, create=True)

    assert {path.name for path in folder.iterdir()} == {"1.2026-03-10", "1.2026-03-13"}


def test_a_salt_whose_file_another_process_destroyed_is_of_no_use(site: Site, folder: Path) -> None:
    get_salt(site, TODAY, now=NOON, create=True)
    (folder / "1.2026-03-10").unlink()

    assert get_salt(site, TODAY, now=EXPIRY, create=True) is None


def test_a_lost_salt_gives_the_day_a_new_one(site: Site, folder: Path) -> None:
    lost = get_salt(site, TODAY, now=NOON, create=True)
    (folder / "1.2026-03-10").unlink()
    in_a_new_process()

    new = get_salt(site, TODAY, now=NOON + MINUTE, create=True)

    assert new is not None
    assert new != lost


def test_a_clock_that_steps_back_finds_the_salts_of_before(site: Site) -> None:
    yesterday = get_salt(site, TODAY - DAY, now=NOON - DAY, create=True)
    today = get_salt(site, TODAY, now=NOON, create=True)

    assert get_salt(site, TODAY - DAY, now=NOON - DAY, create=True) == yesterday
    assert get_salt(site, TODAY, now=NOON - HOUR, create=True) == today


def test_a_clock_that_stepped_far_ahead_and_back_gives_a_salt_again(site: Site) -> None:
    get_salt(site, TODAY, now=NOON, create=True)
    get_salt(site, TODAY + 30 * DAY, now=NOON + 30 * DAY, create=True)

    salt = get_salt(site, TODAY, now=NOON + MINUTE, create=True)

    assert salt is not None
    assert get_salt(site, TODAY, now=NOON + HOUR, create=True) == salt


@pytest.mark.parametrize(
    ("zone", "expires_at"),
    [
        # 47 hours and 50 minutes after the midnight that ends 10 March there.
        ("UTC", datetime(2026, 3, 12, 23, 50, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2026, 3, 12, 18, 20, tzinfo=UTC)),
        ("America/St_Johns", datetime(2026, 3, 13, 2, 20, tzinfo=UTC)),
        ("Pacific/Kiritimati", datetime(2026, 3, 12, 9, 50, tzinfo=UTC)),
    ],
)
def test_the_sites_own_day_decides_when_a_salt_ends(zone: str, expires_at: datetime) -> None:
    site = Site(pk=1, timezone=zone)
    salt = get_salt(site, TODAY, now=NOON, create=True)

    assert salt is not None
    assert get_salt(site, TODAY, now=expires_at - SECOND, create=False) == salt
    assert get_salt(site, TODAY, now=expires_at, create=False) is None


def test_a_day_of_23_hours_ends_an_hour_earlier() -> None:
    site = Site(pk=1, timezone="Europe/Berlin")
    day = date(2026, 3, 29)
    expires_at = datetime(2026, 3, 29, 22, tzinfo=UTC) + timedelta(hours=47, minutes=50)
    get_salt(site, day, now=datetime(2026, 3, 29, 12, tzinfo=UTC), create=True)

    assert get_salt(site, day, now=expires_at - SECOND, create=False) is not None
    assert get_salt(site, day, now=expires_at, create=False) is None


ASK_WHEN_TOLD = """
import sys
from collections import Counter
from datetime import UTC, date, datetime
import django
django.setup()
from sites.models import Site
from visits.ingestion.salts import get_salt
print("ready", flush=True)
sys.stdin.readline()
day = date(2026, 3, 10)
noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
print(*(get_salt(Site(pk=pk), day, now=noon, create=True).hex() for pk in range(1, 21)))
"""


def test_processes_that_ask_at_the_same_instant_get_the_same_salts(
    site: Site, data_dir: Path
) -> None:
    environment = os.environ | {
        "DATA_DIR": str(data_dir),
        "DJANGO_SETTINGS_MODULE": "trackingsite.settings.default",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ASK_WHEN_TOLD],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("now\n")
            process.stdin.flush()
        answers = {process.communicate(timeout=30)[0] for process in processes}
    finally:
        for process in processes:
            process.kill()
            process.communicate()

    assert len(answers) == 1
    assert len(set(answers.pop().split())) == 20
    assert get_salt(site, TODAY, now=NOON, create=False) is not None


# The thread is ended by an exception, as nothing else ends it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_expired_salts_are_destroyed_though_no_hit_arrives(
    site: Site, folder: Path, two_rounds: list[float]
) -> None:
    long_ago = datetime(2020, 1, 1, 12, tzinfo=UTC)
    get_salt(site, long_ago.date(), now=long_ago, create=True)
    today = datetime.now(UTC)
    kept = get_salt(site, today.date(), now=today - 30 * DAY, create=True)
    keep_forgetting().join(timeout=10)

    assert two_rounds == [300, 300]
    assert [path.name for path in folder.iterdir()] == [f"1.{today.date()}"]
    assert get_salt(site, today.date(), now=today, create=False) == kept


# The thread is ended by an exception, as nothing else ends it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_hashes_of_ended_days_addresses_are_forgotten_though_no_hit_arrives(
    site: Site, folder: Path, two_rounds: list[float]
) -> None:
    note_address(make_hit(site=site, at=datetime(2020, 1, 1, 12, tzinfo=UTC)), Counter())
    assert diagnosis._watches
    keep_forgetting().join(timeout=10)

    assert two_rounds
    assert diagnosis._watches == {}


# The thread is ended by an exception, as nothing else ends it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_forgetting_goes_on_after_a_failure(
    data_dir: Path, two_rounds: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    (data_dir / "salts").write_text("a file where the folder should be")
    keep_forgetting().join(timeout=10)

    assert len(two_rounds) == 2
    assert caplog.messages == ["What is to be forgotten was not; tried again later."] * 2
