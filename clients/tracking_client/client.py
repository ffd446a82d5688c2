"""Hands events to a thread that sends them in batches, and again until the server has them."""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
import time
from collections import deque
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tracking_client.events import Event, new_id, now

logger = logging.getLogger("tracking_client")

#: Events of one request.
MAX_BATCH: Final = 200
#: Events that may wait; what comes then is dropped, and said so in the log.
MAX_WAITING: Final = 10_000
#: Seconds until the server is asked again, and at most, each time twice as long.
FIRST_DELAY_SECONDS: Final = 1.0
LONGEST_DELAY_SECONDS: Final = 60.0
#: Seconds that a program which ends waits for its last events.
AT_EXIT_SECONDS: Final = 2.0
_TIMEOUT_SECONDS: Final = 10.0
# The server is away or busy: the same events may be taken later.
_TRY_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

#: Where events go in place of a server, while tests run.
_outbox: list[Any] | None = None


def deliver_to(outbox: list[Any] | None) -> None:
    """Let every client of this process put its events into `outbox`; None: send them again."""
    global _outbox
    _outbox = outbox


class Client:
    """Sends events of one site to one server. Its methods return at once and raise nothing.

    `key` is an API key that may send. Raises ValueError for an address without http or https, an
    empty domain and an empty key.
    """

    def __init__(self, backend_url: str, domain: str, key: str) -> None:
        if urlsplit(backend_url).scheme not in {"http", "https"}:
            raise ValueError(f"{backend_url!r} is no address such as https://stats.example.org.")
        if not domain or not key:
            raise ValueError("A client needs the site's domain, and an API key that may send.")
        self.backend_url = backend_url.rstrip("/")
        self.domain = domain
        #: Events that were dropped: too many waited, or the server refused them.
        self.dropped = 0
        self._key = key
        self._waiting: deque[dict[str, Any]] = deque()
        self._lock = threading.Condition()
        self._in_flight = 0
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        atexit.register(self.flush, AT_EXIT_SECONDS)

    def send(self, event: Event) -> None:
        """Let an event be sent; return at once."""
        if _outbox is not None:
            _outbox.append(event)
        else:
            self._put(event.to_hit(self.domain))

    def track(self, name: str, url: str, **fields: Any) -> None:
        """Let an event be sent, by the fields of Event; return at once."""
        self.send(Event(name, url, **fields))

    def forward(self, hit: dict[str, Any], *, address: str, user_agent: str) -> None:
        """Let a hit of a browser be sent, in the contract's fields, as if it had come itself."""
        own = {"address": address, "user_agent": user_agent, "at": now().isoformat()}
        if not hit.get("id") and not hit.get("event_id"):
            own["event_id"] = new_id()
        if _outbox is not None:
            _outbox.append(_event_of(hit, address, user_agent))
        else:
            self._put({**hit, "domain": hit.get("d") or hit.get("domain") or self.domain, **own})

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until every event has been taken; return whether that came within `timeout`."""
        until = time.monotonic() + timeout
        with self._lock:
            while self._waiting or self._in_flight:
                left = until - time.monotonic()
                if left <= 0 or self._process != os.getpid():
                    return False
                self._lock.wait(left)
        return True

    def _put(self, hit: dict[str, Any]) -> None:
        if self._process != os.getpid():  # a worker that was forked: the thread stayed behind
            self._lock = threading.Condition()
            self._waiting, self._in_flight, self._thread = deque(), 0, None
            self._process = os.getpid()
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                self._drop(1, "too many events wait")
                return
            self._waiting.append(hit)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="tracking", daemon=True)
                self._thread.start()
            self._lock.notify_all()

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._waiting:
                    self._lock.wait()
                size = min(MAX_BATCH, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(size)]
                self._in_flight = size
            try:
                self._deliver(batch)
            except Exception:  # whatever it is, the next events are sent
                logger.exception("Events could not be sent.")
                self.dropped += size
            with self._lock:
                self._in_flight = 0
                self._lock.notify_all()

    def _deliver(self, batch: list[dict[str, Any]]) -> None:
        """Send a batch again and again, with the same ids, until the server answers for it."""
        delay = FIRST_DELAY_SECONDS
        while True:
            try:
                verdicts = self._post(batch)
            except HTTPError as error:
                if error.code not in _TRY_AGAIN:
                    self._drop(len(batch), f"the server answers {error.code}")
                    return
                wait = error.headers.get("Retry-After", "")
                delay = max(delay, float(wait)) if wait.isdigit() else delay
                logger.warning("The server answers %d; tried again in %ds.", error.code, delay)
            except (OSError, ValueError) as error:
                logger.warning("The server is away (%s); tried again in %ds.", error, delay)
            else:
                for verdict in verdicts:
                    if verdict.get("status") == 400:
                        self._drop(1, f"the server refuses it: {verdict.get('errors')}")
                return
            time.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    def _post(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        request = Request(  # noqa: S310  # http or https, as the constructor asks for
            f"{self.backend_url}/api/events",
            data=json.dumps(batch, default=str).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"},
        )
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            verdicts: list[dict[str, Any]] = json.loads(answer.read())
        return verdicts

    def _drop(self, count: int, reason: str) -> None:
        self.dropped += count
        logger.error("Events dropped: %d, since %s.", count, reason)


def _event_of(hit: dict[str, Any], address: str, user_agent: str) -> Event:
    """Return a browser's hit as an event, as tests look at it."""
    revenue = hit.get("$") or hit.get("revenue") or {}
    return Event(
        name=str(hit.get("n") or hit.get("name") or ""),
        url=str(hit.get("u") or hit.get("url") or ""),
        props=hit.get("p") or hit.get("props") or {},
        revenue=(revenue["amount"], revenue["currency"]) if revenue else None,
        interactive=hit.get("i", True) is not False,
        referrer=str(hit.get("r") or ""),
        title=str(hit.get("t") or ""),
        address=address,
        user_agent=user_agent,
    )
