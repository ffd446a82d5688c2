"""What tests of hits have in common: moments, an ordinary visitor, hits ready for a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from django.db import connections

from sites.models import Site
from visits.ingestion.hit import Hit, SentHit, Visitor

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

NOON: Final = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

ADDRESS: Final = "203.0.113.7"
CHROME: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)

Result = TypeVar("Result")


class Sender(Protocol):
    """Posts one hit to the endpoint as a browser does, and returns the answer."""

    def __call__(
        self,
        *,
        user_agent: str = CHROME,
        address: str = ADDRESS,
        content_type: str = "text/plain",
        headers: Mapping[str, str] | None = None,
        **fields: object,
    ) -> Answer:
        """Send `fields` on top of a pageview of https://example.com/."""


def make_sent(**fields: Any) -> SentHit:
    """Return a pageview of https://example.com/, with `fields` in place of its own."""
    ordinary = {"name": "pageview", "url": "https://example.com/", "domains": ("example.com",)}
    return SentHit(**(ordinary | fields))


def make_hit(
    *,
    at: datetime = NOON,
    sent_at: datetime | None = None,
    site: Site | None = None,
    visitor: Visitor | None = None,
    address: str = ADDRESS,
    user_agent: str = CHROME,
    domain: str = "example.com",
    is_prefetch: bool = False,
    gpc: bool = False,
    dnt: bool = False,
    **fields: Any,
) -> Hit:
    """Return a hit as it comes through the door at `at`; `fields` are those of what was sent.

    `sent_at`: when it happened, as a sender with an API key tells.
    """
    return Hit(
        sent=make_sent(at=sent_at, **fields),
        domain=domain,
        received_at=at,
        address=address,
        user_agent=user_agent,
        is_prefetch=is_prefetch,
        gpc=gpc,
        dnt=dnt,
        site=site,
        visitor=visitor,
    )


def on_another_connection(ask: Callable[[], Result]) -> Result:
    """Return what `ask` finds through a database connection of its own: only what is committed."""

    def run() -> Result:
        try:
            return ask()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(run).result(timeout=30)
