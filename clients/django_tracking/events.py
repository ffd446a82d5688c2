"""Events that a view tells: sent once the transaction they belong to is committed."""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction
from django.http import HttpRequest
from tracking_client.client import Client
from tracking_client.events import Event

from django_tracking.conf import get_client, is_counted, read_visitor


class _Commit:
    """Sends an event; on_commit keeps it until then."""

    def __init__(self, client: Client, event: Event) -> None:
        self.client = client
        self.event = event

    def __call__(self) -> None:
        self.client.send(self.event)


def track(
    request: HttpRequest, name: str, *, url: str = "", using: str | None = None, **fields: Any
) -> None:
    """Count an event of whoever sent the request, once the transaction around it is committed.

    `fields` are those of tracking_client.Event: `revenue=("12.30", "EUR")`, `props={…}`. Returns
    at once; staff, and who opted out, are left out as by the template tag.
    """
    if not is_counted(request):
        return
    event = Event(
        name,
        url or request.build_absolute_uri(),
        **read_visitor(request),
        **fields,
    )
    transaction.on_commit(_Commit(get_client(), event), using=using, robust=True)


def settle() -> None:
    """Send what waits for a commit that a test never makes; what was rolled back is gone."""
    for connection in connections.all(initialized_only=True):
        waiting = connection.run_on_commit
        connection.run_on_commit = [entry for entry in waiting if not isinstance(entry[1], _Commit)]
        for entry in waiting:
            if isinstance(entry[1], _Commit):
                entry[1]()
