"""What no line of the log tells."""

from __future__ import annotations

import logging.config
from typing import Any

import pytest
from django.conf import settings


def test_a_links_token_is_in_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:]
    logging.config.dictConfig(settings.LOGGING)
    try:
        logger = logging.getLogger("django.request")
        logger.error("Internal Server Error: %s", "/share/s3cret-token/example.com/")
        logger.error("Internal Server Error: %s", "/login/forgotten/Mg/s3cret-token/")
        logger.error("Kept: %s and %d", "/reports/example.com/", 7)
        try:
            raise ValueError("at /share/s3cret-token/example.com/?f=is,page,/")
        except ValueError as error:
            logger.error("Failed", exc_info=error)
    finally:
        root: Any = logging.getLogger()
        root.handlers[:] = before

    lines = capsys.readouterr().err
    assert "s3cret-token" not in lines
    assert "/share/…/example.com/" in lines
    assert "/login/forgotten/Mg/…/" in lines
    assert "Kept: /reports/example.com/ and 7" in lines
    assert "ValueError: at /share/…/example.com/" in lines
