"""API keys are random, found by their hash, good for what staff chose, and refused once revoked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from sites import keys
from sites.keys import find_key, hash_key, make_key, note_use, read_bearer, revoke_keys
from sites.models import ApiKey, Site

UNKNOWN: Final = "tsk_" + "0" * 48
NOON: Final = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Clock:
    """The clock by which a process forgets keys."""

    seconds = 1_000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """A clock that stands, and nothing known from other tests."""
    clock = Clock()
    monkeypatch.setattr(keys, "monotonic", clock)
    keys._known.clear()
    yield clock
    keys._known.clear()


def make(*sites: Site, **fields: Any) -> tuple[ApiKey, str]:
    """Return a key of the shop's server that may send, and its row."""
    ordinary: dict[str, Any] = {"name": "shop server", "sites": sites, "can_send": True}
    return make_key(**ordinary | fields)


def columns(table: str) -> list[str]:
    """Return every value that a table holds, as text."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
        return [str(value) for row in cursor.fetchall() for value in row]


# Making


def test_a_key_is_recognised_by_its_beginning_and_otherwise_random(site: Site) -> None:
    made = [make(site) for _ in range(50)]

    assert len({key for _, key in made}) == 50
    assert all(re.fullmatch(r"tsk_[0-9a-f]{48}", key) for _, key in made)
    assert all(row.prefix == key[:8] for row, key in made)


def test_the_database_holds_a_hash_and_no_key(site: Site) -> None:
    row, key = make(site)

    held = {value for table in connection.introspection.table_names() for value in columns(table)}

    assert row.key_hash in held
    assert row.prefix in held
    # Not the key, and no more of it than its first characters.
    assert not [value for value in held if key[4:] in value or key[:9] in value]


def test_a_row_says_nothing_of_its_key(site: Site) -> None:
    row, key = make(site)

    for said in (str(row), repr(row), f"{row}"):
        assert "shop server" in said
        assert key[:8] not in said
        assert row.key_hash not in said


def test_the_hash_is_sha_256() -> None:
    # The example of FIPS 180-2, appendix B.1.
    assert hash_key("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"can_send": False}, "Let the key send, read, or both."),
        ({"sites": []}, "Choose at least one site, all sites, or a person."),
        ({"all_sites": True}, "Choose sites, all sites, or those of a person: not all and some."),
        ({"name": ""}, "This field cannot be blank."),
        ({"name": "x" * 101}, "Ensure this value has at most 100 characters"),
    ],
)
def test_refuses_a_key_of_no_use(fields: dict[str, Any], message: str, site: Site) -> None:
    with pytest.raises(ValidationError) as refused:
        make(site, **fields)

    assert message in str(refused.value)
    assert not ApiKey.objects.exists()


@pytest.mark.django_db
def test_the_database_refuses_a_key_that_may_do_nothing() -> None:
    with pytest.raises(IntegrityError, match="api_key_sends_or_reads"):
        ApiKey.objects.create(name="idle", key_hash="0" * 64)


def test_no_two_rows_have_one_key(site: Site) -> None:
    row, _ = make(site)

    with pytest.raises(IntegrityError):
        ApiKey.objects.create(name="copy", can_read=True, key_hash=row.key_hash)


# What it is good for


def test_a_key_is_good_for_its_sites(site: Site, other_site: Site) -> None:
    table = [
        # sites, all sites, good for the first, good for the second
        ([site], False, True, False),
        ([site, other_site], False, True, True),
        ([], True, True, True),
    ]
    for sites, all_sites, first, second in table:
        _, key = make(sites=sites, all_sites=all_sites)
        found = find_key(key)
        assert found is not None
        assert (found.allows(site), found.allows(other_site)) == (first, second)


def test_a_persons_key_is_good_for_what_the_person_may_see(
    site: Site, other_site: Site, clock: Clock
) -> None:
    """Ada becomes a member, then staff, then leaves."""
    ada = User.objects.create_user("ada")
    _, key = make(sites=[], person=ada)

    def seen() -> list[bool]:
        clock.seconds += keys.KEPT_SECONDS  # what was known of her is old by now
        found = find_key(key)
        assert found is not None
        return [found.allows(site), found.allows(other_site)]

    assert seen() == [False, False]
    site.members.add(ada)
    assert seen() == [True, False]
    User.objects.update(is_staff=True)
    assert seen() == [True, True]
    User.objects.update(is_active=False)
    assert seen() == [False, False]
    ada.delete()
    assert find_key(key) is None


def test_a_persons_key_is_for_no_other_sites(site: Site, other_site: Site) -> None:
    ada = User.objects.create_user("ada")
    site.members.add(ada)

    with pytest.raises(ValidationError, match="not all and some"):
        make(person=ada, sites=[], all_sites=True)
    _, key = make(person=ada, sites=[other_site])
    found = find_key(key)

    assert found is not None
    assert [found.allows(site), found.allows(other_site)] == [False, False]


def test_a_persons_key_for_one_site_stays_for_that_one(site: Site, other_site: Site) -> None:
    ada = User.objects.create_user("ada")
    site.members.add(ada)
    other_site.members.add(ada)
    row, key = make(person=ada, sites=[site])
    before = find_key(key)

    row.sites.clear()  # as when the site is deleted
    after = find_key(key)

    assert before is not None
    assert after is not None
    assert [before.allows(site), before.allows(other_site)] == [True, False]
    assert [after.allows(site), after.allows(other_site)] == [False, False]


def test_a_key_without_sites_is_good_for_none(site: Site) -> None:
    row, key = make(site)
    row.sites.clear()

    found = find_key(key)

    assert found is not None
    assert not found.allows(site)


@pytest.mark.parametrize("all_sites", [True, False])
def test_a_revoked_row_allows_nothing(all_sites: bool, site: Site) -> None:
    row = ApiKey(all_sites=all_sites, revoked_at=NOON)
    row.site_ids = frozenset({site.pk})

    assert not row.allows(site)


def test_a_key_may_do_what_was_chosen(site: Site) -> None:
    for can_send, can_read in [(True, False), (False, True), (True, True)]:
        _, key = make(site, can_send=can_send, can_read=can_read)
        found = find_key(key)
        assert found is not None
        assert (found.can_send, found.can_read) == (can_send, can_read)


# Finding


def test_finds_the_row_of_a_key(site: Site) -> None:
    row, key = make(site)
    make(site)

    assert find_key(key) == row


@pytest.mark.parametrize(
    "token",
    [
        "",
        "tsk_",
        "tsk_" + "0" * 47,
        "tsk_" + "0" * 49,
        "tsk_" + "g" * 48,
        "tsk_" + "٣" * 48,
        "ts_" + "0" * 48,
        "TSK_" + "0" * 48,
        UNKNOWN + "\n",
        " " + UNKNOWN,
        "\0",
        "\ud800",
        "ключ",
        "x" * 10_000,
    ],
)
def test_no_database_is_asked_for_what_is_no_key(token: str) -> None:
    # Without the `db` fixture, any query would fail the test.
    assert find_key(token) is None


@pytest.mark.django_db
def test_an_unknown_key_is_none() -> None:
    assert find_key(UNKNOWN) is None


def test_neither_the_hash_nor_the_beginning_finds_a_key(site: Site) -> None:
    row, key = make(site)

    assert find_key(row.key_hash) is None
    assert find_key(f"tsk_{row.key_hash[:48]}") is None
    assert find_key(row.prefix) is None
    assert find_key(key.upper()) is None


def test_a_known_key_asks_the_database_nothing(
    site: Site, other_site: Site, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, key = make(site)

    with django_assert_num_queries(2):  # the row, and its sites
        found = find_key(key)
    with django_assert_num_queries(0):
        again = find_key(key)
        assert found is not None
        assert found.allows(site)
        assert not found.allows(other_site)
    assert again is found


def test_a_key_for_all_sites_is_one_query(
    site: Site, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, key = make(all_sites=True)

    with django_assert_num_queries(1):
        found = find_key(key)
        assert found is not None
        assert found.allows(site)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="The plan is read as SQLite writes it.")
def test_a_key_is_found_by_an_index(site: Site) -> None:
    row, _ = make(site)

    plan = ApiKey.objects.filter(key_hash=row.key_hash, revoked_at=None).order_by("pk").explain()

    assert "USING INDEX" in plan
    assert "key_hash=?" in plan


# Knowing


def test_a_key_is_read_again_after_a_second(
    site: Site, clock: Clock, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, key = make(site)
    find_key(key)

    clock.seconds += keys.KEPT_SECONDS - 0.01
    with django_assert_num_queries(0):
        assert find_key(key)
    clock.seconds += 0.01
    with django_assert_num_queries(2):
        assert find_key(key)


def test_another_processs_revocation_counts_within_two_seconds(site: Site, clock: Clock) -> None:
    row, key = make(site)
    find_key(key)

    # No signal is sent, as none is sent to another process.
    ApiKey.objects.filter(pk=row.pk).update(revoked_at=NOON)

    assert find_key(key) == row
    clock.seconds += keys.KEPT_SECONDS
    assert keys.KEPT_SECONDS <= 2
    assert find_key(key) is None


def revoke(row: ApiKey) -> None:
    """Revoke one key, as the admin does."""
    revoke_keys(ApiKey.objects.filter(pk=row.pk))


def save_revoked(row: ApiKey) -> None:
    """Revoke one key by saving its row."""
    row.revoked_at = NOON
    row.save()


def delete(row: ApiKey) -> None:
    """Delete one key."""
    row.delete()


def delete_all(row: ApiKey) -> None:
    """Delete every key."""
    ApiKey.objects.all().delete()


@pytest.mark.parametrize("end", [revoke, save_revoked, delete, delete_all])
def test_in_its_own_process_a_keys_end_counts_at_once(
    end: Callable[[ApiKey], None], site: Site
) -> None:
    row, key = make(site)
    assert find_key(key)

    end(row)

    assert find_key(key) is None


def test_a_change_of_a_keys_sites_counts_at_once(site: Site, other_site: Site) -> None:
    row, key = make(site)
    table: list[tuple[Callable[[], object], bool, bool]] = [
        (lambda: row.sites.add(other_site), True, True),
        (lambda: row.sites.remove(site), False, True),
        (lambda: row.sites.set([site]), True, False),
        (lambda: other_site.api_keys.add(row), True, True),
        (lambda: row.sites.clear(), False, False),
        (lambda: site.api_keys.set([row]), True, False),
    ]
    for number, (change, first, second) in enumerate(table):
        find_key(key)
        change()
        found = find_key(key)
        assert found is not None
        assert (found.allows(site), found.allows(other_site)) == (first, second), number


def test_a_key_outlives_its_site_and_is_good_for_no_later_one(site: Site, clock: Clock) -> None:
    _, key = make(site)
    find_key(key)

    site.delete()
    later = Site.objects.create(domain="later.example")

    for _ in range(2):  # while the key is known, and read again
        found = find_key(key)
        assert found is not None
        assert not found.allows(later)
        clock.seconds += keys.KEPT_SECONDS


def test_a_row_read_before_a_change_is_not_kept(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, key = make(site)
    read = keys._read

    def read_and_lose_time(key_hash: str) -> ApiKey | None:
        found = read(key_hash)
        revoke(row)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(keys, "_read", read_and_lose_time)
        assert find_key(key) == row

    assert find_key(key) is None


@pytest.mark.django_db(transaction=True)
def test_what_another_thread_read_before_the_commit_is_forgotten_with_it() -> None:
    row, key = make(all_sites=True)

    def find_elsewhere() -> bool:
        try:
            return find_key(key) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic():
            revoke(row)
            # The other thread cannot see it yet, and keeps what it reads.
            assert elsewhere.submit(find_elsewhere).result()
        assert not elsewhere.submit(find_elsewhere).result()


def test_only_hashes_are_kept_and_only_so_many(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MOST_KEPT", 3)
    made = [make(site) for _ in range(5)]
    for _, key in made:
        find_key(key)
    find_key(UNKNOWN)

    # The oldest go first; what is unknown takes nobody's place.
    assert list(keys._known._rows) == [row.key_hash for row, _ in made[2:]]


def test_a_key_read_again_takes_no_second_place(
    site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "MOST_KEPT", 2)
    (first, first_key), (second, second_key) = make(site), make(site)
    find_key(first_key)
    find_key(second_key)
    clock.seconds += keys.KEPT_SECONDS

    find_key(second_key)

    assert list(keys._known._rows) == [first.key_hash, second.key_hash]


# Revoking


def test_revoking_keeps_the_row_and_the_first_revocation(site: Site) -> None:
    row, _ = make(site)
    make(site)

    (revoked,) = revoke_keys(ApiKey.objects.filter(pk=row.pk))
    again = revoke_keys(ApiKey.objects.filter(pk=row.pk))

    row.refresh_from_db()
    assert revoked == row
    assert revoked.revoked_at == row.revoked_at
    assert again == []
    assert ApiKey.objects.filter(revoked_at=None).count() == 1


# Use


@pytest.mark.parametrize(
    ("before", "used_at", "after", "queries"),
    [
        (None, NOON, date(2026, 3, 10), 1),
        (date(2026, 3, 9), NOON, date(2026, 3, 10), 1),
        (date(2026, 3, 10), NOON, date(2026, 3, 10), 0),
        # A clock that was put back.
        (date(2026, 3, 11), NOON, date(2026, 3, 11), 0),
        # 01:00 on the 11th in India is the evening of the 10th.
        (
            None,
            datetime(2026, 3, 11, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            date(2026, 3, 10),
            1,
        ),
    ],
)
def test_a_keys_use_is_noted_once_a_day(
    before: date | None,
    used_at: datetime,
    after: date,
    queries: int,
    site: Site,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    row, key = make(site)
    ApiKey.objects.filter(pk=row.pk).update(last_used_on=before)
    found = find_key(key)
    assert found is not None

    with django_assert_num_queries(queries):
        note_use(found, used_at)
    with django_assert_num_queries(0):
        note_use(found, used_at)
        assert find_key(key) is found  # noting it makes nobody read the key again

    row.refresh_from_db()
    assert row.last_used_on == after


def test_a_day_noted_meanwhile_by_another_process_is_not_put_back(site: Site) -> None:
    row, _ = make(site)
    ApiKey.objects.filter(pk=row.pk).update(last_used_on=date(2026, 3, 11))

    note_use(row, NOON)  # this row was read before

    row.refresh_from_db()
    assert row.last_used_on == date(2026, 3, 11)


# The header


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER abc", "abc"),
        ("  Bearer   abc \t", "abc"),
        (f"Bearer {UNKNOWN}", UNKNOWN),
        ("Bearer a-._~+/Z9==", "a-._~+/Z9=="),
        ("", ""),
        ("Bearer", ""),
        ("Bearer ", ""),
        ("Bearerabc", ""),
        ("abc", ""),
        ("Basic abc", ""),
        ("Bearer abc def", ""),
        ("Bearer abc, Bearer def", ""),
        ("Bearer a=b", ""),
        ("Bearer =", ""),
        ('Bearer "abc"', ""),
        ("Bearer ключ", ""),
        ("Bearer a\0b", ""),
        ("Bearer a\r\nb", ""),
        ("Bearer \ud800", ""),
        ("Вearer abc", ""),  # noqa: RUF001 -- a Cyrillic letter is what is asked
    ],
)
def test_reads_the_token_of_a_header(header: str, token: str) -> None:
    assert read_bearer(header) == token


@pytest.mark.parametrize(
    "header",
    [
        "x" * 10_000,
        "Bearer" + " " * 10_000,
        " " * 10_000 + "x",
        "Bearer " + "=" * 10_000,
        "Bearer " + "a" * 10_000 + "!",
        "Bearer a" + "=" * 10_000 + "!",
        "Bearer a" + " " * 10_000 + "!",
        "Bearer " * 1_500,
    ],
)
def test_a_long_header_is_read_quickly(header: str) -> None:
    started = datetime.now(UTC)

    assert read_bearer(header) == ""

    assert datetime.now(UTC) - started < timedelta(milliseconds=100)


def test_a_long_token_is_no_key() -> None:
    assert find_key(read_bearer("Bearer " + "a" * 10_000)) is None


@given(st.text() | st.from_regex(r"\s*[Bb]earer .*"))
def test_no_header_is_an_error(header: str) -> None:
    token = read_bearer(header)

    assert token.isascii()
    assert token in header
