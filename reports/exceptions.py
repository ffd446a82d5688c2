"""What a report may end with in place of an answer.

ReportLimitError
├── ReportTooSlowError
└── ReportTooLargeError
"""

from __future__ import annotations


class ReportLimitError(Exception):
    """A report needs more than it may use; the message says what, and what helps."""


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
