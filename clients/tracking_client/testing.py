"""The outbox of tests: every event that would have been sent, as `mail.outbox` has every mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracking_client.client import deliver_to
from tracking_client.events import Event

#: Bring events into the outbox that wait for something else: a transaction that a test never ends.
settlers: list[Callable[[], None]] = []


class Outbox(list[Event]):
    """The events of a test, in order."""

    def start(self) -> None:
        """Take the events of every client of this process from now on."""
        deliver_to(self)

    def stop(self) -> None:
        """Let clients send again."""
        deliver_to(None)

    def find(
        self, name: str, *, props: Mapping[str, Any] | None = None, url: str | None = None
    ) -> list[Event]:
        """Return the events of this name that have at least these properties, and this address.

        Of the address its end is enough: `/buy/`.
        """
        for settle in settlers:
            settle()
        wanted = dict(props or {})
        return [
            event
            for event in self
            if event.name == name
            and all(key in event.props and event.props[key] == wanted[key] for key in wanted)
            and (url is None or event.url.endswith(url))
        ]

    def assert_tracked(self, name: str, *, count: int | None = None, **wanted: Any) -> Event:
        """Return the first such event. Raises AssertionError for none, or not `count` of them."""
        found = self.find(name, **wanted)
        seen = ", ".join(f"{e.name} {dict(e.props)} {e.url}" for e in self) or "nothing"
        if not found or (count is not None and len(found) != count):
            times = "at least once" if count is None else f"{count} times"
            message = f"{name!r} {wanted or ''} was to be tracked {times}, not {len(found)}"
            raise AssertionError(f"{message}. Tracked: {seen}")
        return found[0]

    def assert_not_tracked(self, name: str, **wanted: Any) -> None:
        """Raise AssertionError when there is such an event."""
        if found := self.find(name, **wanted):
            raise AssertionError(f"{name!r} was not to be tracked, but was: {found[0]}")
