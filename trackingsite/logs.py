"""Lines of the log about what every request may run into: now and then one tells enough."""

from __future__ import annotations

import logging
import re
import threading
import time
from typing import Final

_SECONDS_BETWEEN: Final = 60.0


class SeldomLogger:
    """Logs an error, and for a minute no further one."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._lock = threading.Lock()
        self._told_at = float("-inf")

    def error(self, message: str, error: Exception) -> None:
        """Log the message with the error, unless a line was logged within the last minute."""
        now = time.monotonic()
        with self._lock:
            if now - self._told_at < _SECONDS_BETWEEN:
                return
            self._told_at = now
        self._logger.error(message, exc_info=error)


class SecretAddressFilter(logging.Filter):
    """Leaves out of every line what opens something to whoever reads it: the token of a link."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True; the line has three dots in the token's place, and so has its traceback."""
        if record.exc_info and not record.exc_text:
            record.exc_text = _formatter.formatException(record.exc_info)
        record.msg, record.args = _without_tokens(record.getMessage()), None
        if record.exc_text:
            record.exc_text = _without_tokens(record.exc_text)
        return True


_formatter: Final = logging.Formatter()
_TOKEN: Final = re.compile(r"(/(?:share|invitations|login/forgotten/[^/\s]+)/)[^/\s?'\"]+")


def _without_tokens(text: str) -> str:
    return _TOKEN.sub(r"\1…", text)
