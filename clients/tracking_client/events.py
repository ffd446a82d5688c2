"""An event on its way, in the words of trackingsite's contract."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Scalar = str | int | float | bool | None
Revenue = tuple[int | str | Decimal, str]


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return an id that no other event has."""
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Event:
    """One thing that happened, with who it was as far as that is known.

    `revenue` is an amount and its ISO 4217 currency: `("12.30", "EUR")`. The server stores one
    `event_id` once, however often the event is sent.
    """

    name: str
    url: str
    props: Mapping[str, Scalar] = field(default_factory=dict)
    revenue: Revenue | None = None
    interactive: bool = True
    referrer: str = ""
    title: str = ""
    address: str = ""
    user_agent: str = ""
    user_id: str = ""
    gpc: bool = False
    dnt: bool = False
    at: datetime = field(default_factory=now)
    event_id: str = field(default_factory=new_id)

    def to_hit(self, domain: str) -> dict[str, Any]:
        """Return the hit of the contract; what is empty is left out."""
        revenue = self.revenue and {"amount": str(self.revenue[0]), "currency": self.revenue[1]}
        hit = {
            "name": self.name,
            "url": self.url,
            "domain": domain,
            "props": dict(self.props),
            "revenue": revenue,
            "interactive": self.interactive,
            "referrer": self.referrer,
            "title": self.title,
            "address": self.address,
            "user_agent": self.user_agent,
            "user_id": self.user_id,
            "at": self.at.isoformat(),
            "event_id": self.event_id,
            "gpc": self.gpc or None,
            "dnt": self.dnt or None,
        }
        return {name: value for name, value in hit.items() if value not in ("", None, {})}
