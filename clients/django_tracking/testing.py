"""For Django's own test runner: `class ShopTests(TrackingTestMixin, TestCase)`."""

from __future__ import annotations

from typing import Any

from tracking_client.events import Event
from tracking_client.testing import Outbox


class TrackingTestMixin:
    """Gives each test an outbox of events, in place of sending them."""

    tracking_outbox: Outbox

    def setUp(self) -> None:
        """Begin with an empty outbox."""
        super().setUp()  # type: ignore[misc]  # of the TestCase beside it
        self.tracking_outbox = Outbox()
        self.tracking_outbox.start()
        self.addCleanup(self.tracking_outbox.stop)  # type: ignore[attr-defined]

    def assertTracked(self, name: str, **wanted: Any) -> Event:  # noqa: N802  # as unittest's are
        """Return the event: `assertTracked("signup", props={…}, url="/welcome/", count=1)`."""
        return self.tracking_outbox.assert_tracked(name, **wanted)

    def assertNotTracked(self, name: str, **wanted: Any) -> None:  # noqa: N802
        """Fail when there is such an event."""
        self.tracking_outbox.assert_not_tracked(name, **wanted)
