"""What can go wrong with an import.

- RefusedLineError: one line is not taken; the import goes on.
- ImportBusyError: another process is importing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class RefusedLineError(Exception):
    """A line that is not taken: the reason, and what is wrong by field.

    `domains` are those of its sites that do not take it, where others do.
    """

    def __init__(
        self,
        reason: str,
        errors: Mapping[str, Sequence[str]],
        *,
        domains: tuple[str, ...] = (),
    ) -> None:
        super().__init__(reason, errors)
        self.reason = reason
        self.errors = {name: list(messages) for name, messages in errors.items()}
        self.domains = domains


class ImportBusyError(Exception):
    """Another process is importing."""
