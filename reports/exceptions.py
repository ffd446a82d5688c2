"""What a report may end with in place of an answer.

ReportLimitError
├── ReportTooSlowError
├── ReportTooLargeError
└── EventsDroppedError
"""

from __future__ import annotations

from datetime import date


class ReportLimitError(Exception):
    """A report needs more than it may use, or than is kept; the message says what helps."""


class ReportTooSlowError(ReportLimitError):
    """It was stopped because it took too long."""

    def __init__(self, seconds: float) -> None:
        """Say how long it may take."""
        super().__init__(
            f"This report would take longer than {seconds:g} seconds and was stopped."
            " Ask for fewer days or a simpler filter."
        )


class ReportTooLargeError(ReportLimitError):
    """It was stopped because it needed too much memory."""

    def __init__(self, megabytes: int) -> None:
        """Say how much it may use."""
        super().__init__(
            f"This report would need more than {megabytes} MB of memory and was stopped."
            " Ask for fewer days or a simpler filter."
        )


class EventsDroppedError(ReportLimitError):
    """It needs the events of days of which daily figures are all that is kept."""

    def __init__(self, kept_from: date) -> None:
        """Say from which day on there are events."""
        super().__init__(
            f"Events are kept from {kept_from:%-d %B %Y} on; of the days before there are daily"
            " figures alone. Ask for days from then on, or without filters, for whole days."
        )
        self.kept_from = kept_from
