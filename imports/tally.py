"""What became of the lines of an import, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from visits.daily import HITS, Counts

#: Refused lines that are told one by one.
MAX_EXAMPLES: Final = 20


@dataclass(slots=True)
class Tally:
    """Counts of lines and hits; those of a part, or of a whole import."""

    lines: int = 0
    #: Hits, of known sites, that were neither refused nor dropped.
    hits: int = 0
    #: Hits for sites that have them from an earlier import of the same content.
    known: int = 0
    #: Lines by the reason for which they are not taken.
    refused: Counter[str] = field(default_factory=Counter)
    #: Of malformed lines, the fields that are wrong.
    wrong_fields: Counter[str] = field(default_factory=Counter)
    #: Fields that were cut to their limit.
    cut_fields: Counter[str] = field(default_factory=Counter)
    #: The first refused lines: number, and errors by field.
    examples: list[tuple[int, dict[str, list[str]]]] = field(default_factory=list)
    #: Hits by the reason for which they were dropped, once the whole import is summed up.
    dropped: Counter[str] = field(default_factory=Counter)
    #: Hits and drops of each site, day and name, as live hits are counted.
    counts: Counts = field(default_factory=Counter)

    def refuse(self, line: int, reason: str, errors: dict[str, list[str]]) -> None:
        """Count a line that is not taken."""
        self.refused[reason] += 1
        if reason == "malformed":
            self.wrong_fields.update(errors.keys())
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append((line, errors))

    def add(self, other: Tally) -> None:
        """Add what came after."""
        self.lines += other.lines
        self.hits += other.hits
        self.known += other.known
        self.refused += other.refused
        self.wrong_fields += other.wrong_fields
        self.cut_fields += other.cut_fields
        self.counts += other.counts
        self.examples += other.examples[: MAX_EXAMPLES - len(self.examples)]

    def sum_up(self) -> None:
        """Keep of the counts by day only how many hits were dropped for each reason."""
        for (_, _, name), count in self.counts.items():
            if name != HITS:
                self.dropped[name] += count
        self.counts.clear()

    def as_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {
            "lines": self.lines,
            "hits": self.hits,
            "known": self.known,
            "refused": dict(self.refused),
            "wrong_fields": dict(self.wrong_fields),
            "cut_fields": dict(self.cut_fields),
            "dropped": dict(self.dropped),
            "examples": self.examples,
            "counts": [[site, str(day), name, n] for (site, day, name), n in self.counts.items()],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Tally:
        """Return the tally that `as_json` wrote."""
        return cls(
            lines=data["lines"],
            hits=data["hits"],
            known=data["known"],
            refused=Counter(data["refused"]),
            wrong_fields=Counter(data["wrong_fields"]),
            cut_fields=Counter(data["cut_fields"]),
            dropped=Counter(data["dropped"]),
            examples=[(line, errors) for line, errors in data["examples"]],
            counts=Counter(
                {(site, date.fromisoformat(day), name): n for site, day, name, n in data["counts"]}
            ),
        )
