"""The trail of changes: who changed what, on pages as in the admin, where it is listed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db.models import Model


def note_added(by: Any, thing: Model, message: str = "") -> None:
    """Note that a person has made something; `message` says more."""
    _note(by, thing, ADDITION, message)


def note_changed(by: Any, thing: Model, message: str) -> None:
    """Note that a person has changed something."""
    _note(by, thing, CHANGE, message)


def note_each_changed(by: Any, things: Sequence[Model], message: str) -> None:
    """Note that a person has changed several things in the same way; nothing for none."""
    LogEntry.objects.log_actions(
        user_id=by.pk, queryset=things, action_flag=CHANGE, change_message=message
    )


def note_removed(by: Any, thing: Model, message: str = "") -> None:
    """Note that a person removes something; before it is gone, as then nothing names it."""
    _note(by, thing, DELETION, message)


def _note(by: Any, thing: Model, flag: int, message: str) -> None:
    LogEntry.objects.log_actions(
        user_id=by.pk,
        queryset=[thing],
        action_flag=flag,
        change_message=message,
        single_object=True,
    )
