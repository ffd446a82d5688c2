"""A database and data folder for one benchmark, in the real settings, gone after it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trackingsite.tests.live import make_environment


@contextmanager
def fresh_database(**variables: str) -> Iterator[dict[str, str]]:
    """Set Django up on an empty SQLite database while the context lasts.

    Gives the environment for further processes that share it. Settings of the machine's
    environment and `.env` file do not count: a benchmark never touches an operator's data. Works
    once in a process, as Django is set up once.
    """
    with tempfile.TemporaryDirectory(prefix="trackingsite-bench-") as folder:
        environment = make_environment(
            {
                "DATA_DIR": folder,
                "DATABASE_URL": f"sqlite:///{Path(folder) / 'db.sqlite3'}",
                **variables,
            }
        ) | {"DJANGO_SETTINGS_MODULE": "bench.support.settings"}
        (Path(folder) / "static").mkdir()  # the server warns where it is missing
        os.environ.update(environment)
        _set_up()
        try:
            yield environment
        finally:
            _close()


def _set_up() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _close() -> None:
    from django.db import connections

    connections.close_all()
