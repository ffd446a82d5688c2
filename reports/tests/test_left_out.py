"""What was left out: by reason and range, with its share of the hits that came."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from reports.left_out import (
    REASONS,
    LeftOut,
    LeftOutRow,
    Part,
    left_out_between,
    left_out_on,
    tell_left_out,
)
from visits.ingestion.hit import DropReason

TODAY: Final = date(2026, 3, 10)

#: Hits of three days within the ranges, of the first day after them, and of one that is to come.
COUNTS: Final = {
    date(2026, 3, 11): Counter(hits=1, bot=1),
    date(2026, 3, 10): Counter(hits=10, bot=2, prefetch=1, judged_address=7, bounded_values=9),
    date(2026, 3, 4): Counter(hits=20, bot=1),
    date(2026, 3, 3): Counter(hits=30, prefetch=6, no_visit=1),
    date(2026, 2, 9): Counter(hits=40),
    date(2026, 2, 8): Counter(hits=50, bot=50),
}


def test_reasons_are_told_for_today_a_week_and_a_month() -> None:
    assert tell_left_out(COUNTS, TODAY) == LeftOut(
        ranges=["Today", "Last 7 days", "Last 30 days"],
        came=[10, 30, 100],
        all=[Part(3, 10), Part(4, 30), Part(11, 100)],
        rows=[
            LeftOutRow(
                "prefetch",
                "a browser loads the page ahead; nobody has seen it",
                [Part(1, 10), Part(1, 30), Part(7, 100)],
            ),
            LeftOutRow(
                "bot",
                "the user agent names a program, or there is none",
                [Part(2, 10), Part(3, 30), Part(3, 100)],
            ),
            LeftOutRow(
                "no_visit",
                "it is engagement with a page whose visit is over",
                [Part(0, 10), Part(0, 30), Part(1, 100)],
            ),
        ],
    )


def test_reasons_of_some_days_are_of_their_hits() -> None:
    reasons = left_out_between(COUNTS, date(2026, 3, 3), date(2026, 3, 11))

    assert [(reason.words, reason.part) for reason in reasons] == [
        ("a browser loads the page ahead; nobody has seen it", Part(7, 60)),
        ("the user agent names a program, or there is none", Part(3, 60)),
        ("it is engagement with a page whose visit is over", Part(1, 60)),
    ]
    assert left_out_between(COUNTS, date(2026, 3, 12), date(2026, 3, 20)) == []


def test_nothing_left_out_has_no_rows() -> None:
    assert tell_left_out({}, TODAY).rows == []
    assert tell_left_out({TODAY: Counter(hits=5)}, TODAY).all[0] == Part(0, 5)


@pytest.mark.parametrize(
    ("day", "part"),
    [
        (TODAY, Part(3, 10)),
        (date(2026, 2, 8), Part(50, 50)),
        (date(2026, 2, 9), Part(0, 40)),
        (date(2026, 1, 1), Part(0, 0)),
    ],
)
def test_a_days_part_is_of_all_reasons(day: date, part: Part) -> None:
    assert left_out_on(COUNTS, day) == part


@pytest.mark.parametrize(
    ("part", "share"), [(Part(1, 4), 0.25), (Part(0, 4), 0), (Part(0, 0), None)]
)
def test_a_share_of_nothing_is_none(part: Part, share: float | None) -> None:
    assert part.share == share


def test_the_docs_have_each_reason_in_the_same_words() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "ingestion.md").read_text(encoding="utf-8")
    section = docs.partition("## Why a hit is dropped")[2].partition("\n## ")[0]
    # Links and names of files are for readers of the docs alone.
    plain = re.sub(r"\[(.+?)\]\(.+?\)| \(`.+?`\)", r"\1", section)

    assert {reason.value for reason in REASONS} == set(DropReason)
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", plain, re.MULTILINE)) == REASONS
