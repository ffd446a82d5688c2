"""API keys: made, recognised in a header, found again by their hash.

A key is `tsk_` and 192 random bits in hexadecimal digits. Its SHA-256 is stored, and the key
itself is not. A slow hash, as for passwords, would guard against guessing; nobody guesses 192
random bits, and a slow hash would be paid for with every request. For the same reason the exact
look-up by the hash gives nothing away: what its duration may tell of a stored hash leads to no key.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Q, QuerySet
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from sites.models import ApiKey, Site
from sites.tokens import hash_token

if TYPE_CHECKING:
    from django.contrib.auth.models import User

KEY_BYTES: Final = 24

#: How long a key that was replaced goes on to be good.
REPLACED_FOR: Final = timedelta(days=7)

#: For how long a process may go on with what it knows of a key that another process has changed.
KEPT_SECONDS: Final = 1.0
#: How many keys a process knows at most; the others are read from the database.
MOST_KEPT: Final = 1_000

_KEY: Final = re.compile(r"tsk_[0-9a-f]{48}")

# RFC 6750, section 2.1: the scheme, in capitals or not, and a token of these characters.
_BEARER: Final = re.compile(r"\s*bearer +([a-z0-9._~+/-]+=*)\s*", re.ASCII | re.IGNORECASE)


def make_key(
    *,
    name: str,
    sites: Iterable[Site] = (),
    all_sites: bool = False,
    person: User | None = None,
    can_send: bool = False,
    can_read: bool = False,
    created_by: User | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Return a new key's row and the key itself, which nothing can show a second time.

    Raises ValidationError when the key has no name, no site, or may neither send nor read;
    nothing is stored then.
    """
    chosen = list(sites)
    check_sites(chosen, all_sites=all_sites, person=person)
    row = ApiKey(
        name=name,
        all_sites=all_sites,
        person=person,
        is_limited=person is not None and bool(chosen),
        can_send=can_send,
        can_read=can_read,
        created_by=created_by,
        expires_at=expires_at,
    )
    key = draw_key(row)
    with transaction.atomic():
        row.full_clean()
        row.save()
        row.sites.set(chosen)
    return row, key


def draw_key(row: ApiKey) -> str:
    """Return a new random key, after noting its hash and its first characters in the row."""
    key = f"tsk_{secrets.token_hex(KEY_BYTES)}"
    row.key_hash = hash_key(key)
    row.prefix = key[:8]
    return key


def hash_key(key: str) -> str:
    """Return the SHA-256 of a key in hexadecimal digits."""
    return hash_token(key)


def check_sites(sites: Iterable[Site], *, all_sites: bool, person: User | None = None) -> None:
    """Raise ValidationError unless a key is for some sites, for all, or for those of a person.

    A person's may be for some of theirs.
    """
    if all_sites and (sites or person is not None):
        sentence = "Choose sites, all sites, or those of a person: not all and some."
        raise ValidationError({"sites": sentence})
    if not sites and not all_sites and person is None:
        raise ValidationError({"sites": "Choose at least one site, all sites, or a person."})


def read_bearer(header: str) -> str:
    """Return the token of an Authorization header, empty when it holds none; never raises."""
    match = _BEARER.fullmatch(header)
    return match[1] if match else ""


@sensitive_variables("token")
def find_key(token: str) -> ApiKey | None:
    """Return the row of a key, None for one that is unknown, malformed, revoked or expired.

    Its sites have been read, so that `allows` asks the database nothing. Other requests of this
    process get the same row for up to KEPT_SECONDS: read it, do not change it.
    """
    if not _KEY.fullmatch(token):
        return None
    key_hash = hash_key(token)
    row = _known.find(key_hash)
    if row is None:
        changes = _known.changes
        row = _read(key_hash)
        if row is not None:
            _known.keep(row, changes)
    return None if row is None or row.is_expired else row


def _read(key_hash: str) -> ApiKey | None:
    keys = ApiKey.objects.select_related("person")
    row = keys.filter(key_hash=key_hash, revoked_at=None).first()
    if row is not None and not row.all_sites:  # read now, with the row
        _ = row.site_ids
        if row.can_send:
            _ = row.sending_site_ids
    return row


def note_use(row: ApiKey, at: datetime) -> None:
    """Note the day, in UTC, on which a key was used; only its first use of a day writes.

    Waits for its turn to write as any other writer, and raises django.db.Error without it.
    """
    day = at.astimezone(UTC).date()
    if row.last_used_on is not None and row.last_used_on >= day:
        return
    earlier = Q(last_used_on=None) | Q(last_used_on__lt=day)
    ApiKey.objects.filter(earlier, pk=row.pk).update(last_used_on=day)
    row.last_used_on = day


@sensitive_variables("key")
def replace_key(old: ApiKey, *, by: User) -> tuple[ApiKey, str]:
    """Return the row of a new key that may do what the old one may, and the key itself.

    The old one is good for REPLACED_FOR more, unless it ends before: time to put the new one in its
    place.
    """
    with transaction.atomic():
        row = ApiKey(
            name=old.name,
            all_sites=old.all_sites,
            person=old.person,
            is_limited=old.is_limited,
            can_send=old.can_send,
            can_read=old.can_read,
            created_by=by,
        )
        key = draw_key(row)
        row.save()
        row.sites.set(old.sites.all())
        ends_at = timezone.now() + REPLACED_FOR
        old.expires_at = min(old.expires_at or ends_at, ends_at)
        old.save(update_fields=["expires_at"])
    return row, key


def revoke_keys(rows: QuerySet[ApiKey]) -> list[ApiKey]:
    """Revoke those of the keys that still were in use, and return them."""
    revoked = list(rows.filter(revoked_at=None))
    now = timezone.now()
    ApiKey.objects.filter(pk__in=[row.pk for row in revoked]).update(revoked_at=now)
    # An update sends no signal.
    _forget(using=DEFAULT_DB_ALIAS)
    for row in revoked:
        row.revoked_at = now
    return revoked


class _KnownKeys:
    """The rows of keys that requests of this process showed just now, by their hashes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, tuple[float, ApiKey]] = {}
        #: How often keys have changed; tells whether what was read meanwhile is still true.
        self.changes = 0

    def find(self, key_hash: str) -> ApiKey | None:
        """Return the row, None when it is not known or was read too long ago."""
        read_at, row = self._rows.get(key_hash, (0.0, None))
        return row if row is not None and monotonic() - read_at < KEPT_SECONDS else None

    def keep(self, row: ApiKey, changes: int) -> None:
        """Keep a row that was read after so many changes; one that is older is let go."""
        with self._lock:
            if changes != self.changes:
                return
            self._rows.pop(row.key_hash, None)
            while len(self._rows) >= MOST_KEPT:
                del self._rows[next(iter(self._rows))]
            self._rows[row.key_hash] = (monotonic(), row)

    def clear(self) -> None:
        """Forget every row."""
        with self._lock:
            self.changes += 1
            self._rows.clear()


_known: Final = _KnownKeys()


# Deleting a site needs none of this: its id is not given to another.
@receiver([post_save, post_delete], sender=ApiKey)
@receiver(m2m_changed, sender=ApiKey.sites.through)
def _on_change(using: str, **_: Any) -> None:
    _forget(using=using)


def _forget(using: str) -> None:
    """Forget what is known, for this transaction now, for other threads once it is committed."""
    _known.clear()
    transaction.on_commit(_known.clear, using=using)
