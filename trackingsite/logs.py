"""Lines of the log about what every request may run into: now and then one tells enough."""

from __future__ import annotations

import logging
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
