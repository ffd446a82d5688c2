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

from django.utils.dateformat import format as format_date
from django.utils.translation import gettext

from reports.words import write_number


class ReportLimitError(Exception):
    """A report needs more than it may use, or than is kept; the message says what helps."""


class ReportTooSlowError(ReportLimitError):
    """It was stopped because it took too long."""

    def __init__(self, seconds: float) -> None:
        """Say how long it may take."""
        super().__init__(
            gettext(
                "This report would take longer than {seconds} seconds and was stopped."
                " Ask for fewer days or a simpler filter."
            ).format(seconds=f"{seconds:g}")
        )


class ReportTooLargeError(ReportLimitError):
    """It was stopped because it needed too much memory."""

    def __init__(self, megabytes: int) -> None:
        """Say how much it may use."""
        super().__init__(
            gettext(
                "This report would need more than {megabytes} MB of memory and was stopped."
                " Ask for fewer days or a simpler filter."
            ).format(megabytes=megabytes)
        )


class TooManyEventsError(ReportLimitError):
    """An export would have more events than one may."""

    def __init__(self, events: int, most: int) -> None:
        """Say how many there are, and how many there may be."""
        super().__init__(
            gettext(
                "This export would have {events} events; one has {most} at most."
                " Ask for fewer days, one part after the other, or filter the page."
            ).format(events=write_number(events), most=write_number(most))
        )


class ExportsBusyError(ReportLimitError):
    """As many exports as may be under way at once already are."""

    def __init__(self) -> None:
        """Say what helps."""
        super().__init__(
            gettext("Other exports are under way. Try again when one of them is over.")
        )


class EventsDroppedError(ReportLimitError):
    """It needs the events of days of which daily figures are all that is kept."""

    def __init__(self, kept_from: date) -> None:
        """Say from which day on there are events."""
        super().__init__(
            gettext(
                "Events are kept from {day} on; of the days before there are daily figures alone."
                " Ask for days from then on, or without filters, for whole days."
            ).format(day=format_date(kept_from, "j F Y"))
        )
        self.kept_from = kept_from
