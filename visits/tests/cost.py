"""What a text costs as it gets longer, against what a part of it costs on the same machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from timeit import repeat
from typing import Final

#: How many times as long a text is as its part.
TIMES: Final = 8


def cost_ratio(read: Callable[[str], object], text: str) -> float:
    """Return the time for the text in times of that for its first eighth: 8 where cost is even.

    What goes through all of the text again for each of its letters costs 64 times as much.
    """
    part = text[: len(text) // TIMES]
    whole, less = (min(repeat(partial(read, each), number=3, repeat=7)) for each in (text, part))
    return whole / less
