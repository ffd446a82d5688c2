"""The archive app: finished visits become columnar files."""

from django.apps import AppConfig


class ArchiveConfig(AppConfig):
    """Owns the files, their list, and the rows that are not in them yet."""

    name = "archive"
