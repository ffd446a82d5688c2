"""Who sends hits: anyone, of themselves; or the holder of an API key, of the visitors it names."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar, TypeVarTuple

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.http import HttpRequest
from django.utils import timezone

from sites.keys import find_key, note_use, read_bearer
from sites.models import ApiKey
from sites.registry import find_site
from visits.ingestion.addresses import client_address, first_forwarded
from visits.ingestion.devices import MAX_USER_AGENT
from visits.ingestion.fields import MalformedHitError, read_hit
from visits.ingestion.hit import Forwarding, SentHit
from visits.ingestion.places import country_header
from visits.ingestion.queue import running_queue
from visits.turns import MAX_WAIT_SECONDS, StoreBusyError

logger = logging.getLogger(__name__)

#: What the agent of every browser begins with; of the tools that send hits, PowerShell's does too.
_BROWSERS_GREET: Final = ("Mozilla/", "Opera/")

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Browser:
    """The visitor's side of a hit: address, user agent and, as a proxy tells it, country.

    The user agent is empty where nobody tells it.
    """

    address: str
    user_agent: str
    cdn_country: str = ""
    forwarding: Forwarding = Forwarding.NONE


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of a request; `key` is None for anyone."""

    key: ApiKey | None = None

    @property
    def is_trusted(self) -> bool:
        """Whether the sender may tell of visitors that it is not itself."""
        return self.key is not None

    def read(self, data: object) -> SentHit:
        """Return the hit that `data` describes. Raises MalformedHitError.

        With a key, it has to be for sites that the key is for.
        """
        sent = read_hit(data, trusted=self.is_trusted)
        if self.key is not None:
            for domain in sent.domains:
                site = find_site(domain)
                if site is not None and not self.key.allows_sending(site):
                    raise MalformedHitError({"domain": [f"The API key is not for {domain}."]})
        return sent

    def describe_visitor(self, request: HttpRequest, sent: SentHit) -> Browser:
        """Return whom the hit is about: the request's peer, or whom a trusted sender names."""
        meta = request.META
        user_agent = str(meta.get("HTTP_USER_AGENT", ""))[:MAX_USER_AGENT]
        proxies = settings.TRUSTED_PROXIES
        header = str(meta.get("HTTP_X_FORWARDED_FOR", ""))
        forwarded = first_forwarded(header) if header else ""
        if self.is_trusted:
            named = sent.address or forwarded
            user_agent = sent.user_agent or _passed_on(user_agent)
            if named or sent.user_agent:
                address = named or client_address(meta, proxies)
                return Browser(
                    address,
                    user_agent,
                    forwarding=_what_became_of(forwarded, address),
                )
        address = client_address(meta, proxies)
        return Browser(
            address,
            user_agent,
            country_header(meta, proxies, settings.COUNTRY_HEADER),
            _what_became_of(forwarded, address),
        )


def _passed_on(user_agent: str) -> str:
    """Return the user agent of a sender's request where it may be the visitor's, else empty text.

    That of `python-requests/2.32.3` is the sender's own, and says nothing of the visitor.
    """
    is_browser_s = user_agent.startswith(_BROWSERS_GREET) and "PowerShell/" not in user_agent
    return user_agent if is_browser_s else ""


def _what_became_of(forwarded: str, address: str) -> Forwarding:
    """Return whether the first address of X-Forwarded-For is the one that was taken."""
    if not forwarded:
        return Forwarding.NONE
    return Forwarding.BELIEVED if forwarded == address else Forwarding.IGNORED


ANYONE: Final = Sender()


async def find_sender(request: HttpRequest) -> Sender:
    """Return who sends the request: ANYONE when no API key comes with it.

    Other schemes of authorization are for others, such as a proxy in front. Raises
    MalformedHitError for a key that is unknown, revoked, or may not send.
    """
    header = str(request.META.get("HTTP_AUTHORIZATION", ""))
    if not header.lstrip().lower().startswith("bearer"):
        return ANYONE
    return await in_thread(_holder_of, read_bearer(header))


def _holder_of(token: str) -> Sender:
    key = find_key(token)
    if key is None or not key.can_send:
        raise MalformedHitError({"authorization": ["No API key that may send hits."]})
    return Sender(key)


async def note_sender(sender: Sender) -> None:
    """Have it noted that the sender's key was used; what it sent is stored, so nobody waits."""
    key, now = sender.key, timezone.now()
    if key is None or key.last_used_on == now.astimezone(UTC).date():
        return
    if running_queue() is None:
        await in_thread(_note_use, key, now)
    else:
        _noting.submit(_with_connection, _note_use, key, now)


def _note_use(key: ApiKey, at: datetime) -> None:
    try:
        note_use(key, at)
    except DatabaseError as error:
        logger.warning("The use of an API key could not be noted: %s", error)


# One thread, which may wait for its turn to write.
_noting: Final = ThreadPoolExecutor(1, thread_name_prefix="note-key")


async def in_thread(
    work: Callable[[*Arguments], Result],
    *args: *Arguments,
    seconds: float = MAX_WAIT_SECONDS,
) -> Result:
    """Return what `work` returns, which may use the database, from a thread of its own.

    Raises StoreBusyError when it takes longer than `seconds`. A process without a queue (tests,
    Django's own development server) has it work on the connection of the request.
    """
    run = sync_to_async(_with_connection, thread_sensitive=running_queue() is None)
    try:
        async with asyncio.timeout(seconds):
            return await run(work, *args)
    except TimeoutError:
        raise StoreBusyError("The database took too long.") from None


def _with_connection(work: Callable[[*Arguments], Result], *args: *Arguments) -> Result:
    close_old_connections()
    try:
        return work(*args)
    finally:
        close_old_connections()
