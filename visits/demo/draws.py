"""Weighted chance, drawn in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from random import Random
from typing import Final, TypeVar

T = TypeVar("T")

# One call of `choices` for one draw would cost ten times as much.
_BLOCK: Final = 512


def draws(rng: Random, weights: Mapping[T, float]) -> Iterator[T]:
    """Return endless draws of the keys, each as often as its weight says."""
    keys, sums = list(weights), list(accumulate(weights.values()))
    while True:
        yield from rng.choices(keys, cum_weights=sums, k=_BLOCK)


def chances(rng: Random, probability: float) -> Iterator[bool]:
    """Return endless answers, true with `probability`."""
    return draws(rng, {True: probability, False: 1 - probability})


def heavy_tailed(keys: list[T]) -> dict[T, float]:
    """Return weights by Zipf's law: the second key half as often as the first, and so on."""
    return {key: 1 / rank for rank, key in enumerate(keys, start=1)}
