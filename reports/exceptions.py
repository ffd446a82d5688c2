"""What a report may end with in place of an answer.

ReportLimitError
├── ReportTooSlowError
├── ReportTooLargeError
├── TooManyEventsError
├── ExportsBusyError
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


class TooManyEventsError(ReportLimitError):
    """An export would have more events than one may."""

    def __init__(self, events: int, most: int) -> None:
        """Say how many there are, and how many there may be."""
        super().__init__(
            f"This export would have {events:,} events; one has {most:,} at most."
            " Ask for fewer days, one part after the other, or filter the page."
        )


class ExportsBusyError(ReportLimitError):
    """As many exports as may be under way at once already are."""

    def __init__(self) -> None:
        """Say what helps."""
        super().__init__("Other exports are under way. Try again when one of them is over.")


class EventsDroppedError(ReportLimitError):
    """It needs the events of days of which daily figures are all that is kept."""

    def __init__(self, kept_from: date) -> None:
        """Say from which day on there are events."""
        super().__init__(
            f"Events are kept from {kept_from:%-d %B %Y} on; of the days before there are daily"
            " figures alone. Ask for days from then on, or without filters, for whole days."
        )
        self.kept_from = kept_from
