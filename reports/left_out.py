"""What was left out of a site's figures: hits by reason, and the share of all that came."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.utils.translation import gettext_noop as _

from reports.dates import DAY, PRESETS, Preset
from visits.daily import HITS, DayCounts
from visits.ingestion.hit import DropReason

#: The reasons in words, as docs/ingestion.md has them. The first two belong to no site that
#: collects, and are told to the sender alone.
REASONS: Final[dict[DropReason, str]] = {
    DropReason.UNKNOWN_SITE: _("no site has this domain"),
    DropReason.SITE_PAUSED: _("staff switched the site's collecting off"),
    DropReason.GPC: _(
        "the browser asks for privacy by Global Privacy Control, and the site grants it"
    ),
    DropReason.DNT: _("the browser asks by Do Not Track, and the site grants it"),
    DropReason.PREFETCH: _("a browser loads the page ahead; nobody has seen it"),
    DropReason.AUTOMATION: _("the browser says that a program drives it, as one under test does"),
    DropReason.BOT: _("the user agent names a program, or there is none"),
    DropReason.SPAM_REFERRER: _(
        "its referrer, or the source that its campaign names, is there to be seen in reports"
    ),
    DropReason.EXCLUDED: _("the site leaves out its network, country, path or host"),
    DropReason.RATE_LIMITED: _("the site, or one network, sends more than its limit"),
    DropReason.SALT_GONE: _("it happened, as its server says, on a day whose salt is destroyed"),
    DropReason.NO_VISIT: _("it is engagement with a page whose visit is over"),
}

_NAMES: Final = frozenset(reason.value for reason in REASONS)

#: The ranges that are shown beside each other, and how many days the longest looks back.
RANGES: Final[tuple[Preset, ...]] = (PRESETS["day"], PRESETS["7d"], PRESETS["30d"])
MOST_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Part:
    """So many hits of those that came."""

    hits: int
    of: int

    @property
    def share(self) -> float | None:
        """The part as a fraction; None where no hit came."""
        return self.hits / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class LeftOutRow:
    """One reason, its name and its words, with a part for each of the ranges."""

    name: str
    words: str
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was left out of a site's hits: hits that came, and a row for each reason that occurred.

    `came`, `all` and the parts of a row are in the order of RANGES. Rows are in the order of the
    longest range, the largest first; there are none when nothing was left out.
    """

    ranges: list[str]
    came: list[int]
    all: list[Part]
    rows: list[LeftOutRow]


def tell_left_out(counts: DayCounts, today: date) -> LeftOut:
    """Return what was left out by reason, today and in the days before it.

    `counts` are those of `visits.daily.read_counts`, at least MOST_DAYS days of them.
    """
    spans = [preset.days(today) for preset in RANGES]
    came = [_count(counts, {HITS}, *span) for span in spans]

    def parts(names: Set[str]) -> list[Part]:
        return [
            Part(_count(counts, names, *span), of) for span, of in zip(spans, came, strict=True)
        ]

    rows = [
        LeftOutRow(reason.value, words, parts({reason.value})) for reason, words in REASONS.items()
    ]
    occurred = [row for row in rows if row.parts[-1].hits]
    return LeftOut(
        ranges=[preset.label for preset in RANGES],
        came=came,
        all=parts(_NAMES),
        rows=sorted(occurred, key=lambda row: -row.parts[-1].hits),
    )


@dataclass(frozen=True, slots=True)
class Reason:
    """Why hits were left out, in words, and how many of those that came."""

    words: str
    part: Part


def left_out_between(counts: DayCounts, first_day: date, end_day: date) -> list[Reason]:
    """Return what was left out on the days [first_day, end_day) by reason, the largest first.

    Reasons that did not occur are not among them.
    """
    span = (first_day, end_day)
    came = _count(counts, {HITS}, *span)
    found = [
        Reason(words, Part(_count(counts, {reason.value}, *span), came))
        for reason, words in REASONS.items()
    ]
    occurred = [reason for reason in found if reason.part.hits]
    return sorted(occurred, key=lambda reason: -reason.part.hits)


def left_out_on(counts: DayCounts, day: date) -> Part:
    """Return how many hits of one day were left out, for whatever reason."""
    span = (day, day + DAY)
    return Part(_count(counts, _NAMES, *span), _count(counts, {HITS}, *span))


def _count(counts: DayCounts, names: Set[str], first_day: date, end_day: date) -> int:
    """Return how often any of the names was counted on the days [first_day, end_day)."""
    return sum(
        count
        for day, of_day in counts.items()
        if first_day <= day < end_day
        for name, count in of_day.items()
        if name in names
    )
