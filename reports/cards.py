"""The overview's cards: what stands together on one, and which of it is shown."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext_noop as _

from reports.dimensions import (
    BROWSER,
    CHANNEL,
    COUNTRY,
    DEVICE,
    DIMENSIONS,
    ENTRY_PAGE,
    EXIT_PAGE,
    HOSTNAME,
    LANGUAGE,
    OPERATING_SYSTEM,
    PAGE,
    REFERRER,
    SCREEN,
    SOURCE,
    TITLE,
    Dimension,
)
from reports.filters import Filter
from reports.metrics import BOUNCE_RATE, PAGEVIEWS, VISIT_DURATION, VISITORS, Metric

_UTM: Final = tuple(
    DIMENSIONS[name]
    for name in ("utm_campaign", "utm_source", "utm_medium", "utm_term", "utm_content")
)
_REGION: Final = DIMENSIONS["region"]
_CITY: Final = DIMENSIONS["city"]
_BROWSER_VERSION: Final = DIMENSIONS["browser_version"]
_SYSTEM_VERSION: Final = DIMENSIONS["operating_system_version"]

#: What tells more where a page is about one value of a dimension: all of its visitors share that.
DEEPER: Final = {
    COUNTRY: _REGION,
    _REGION: _CITY,
    BROWSER: _BROWSER_VERSION,
    OPERATING_SYSTEM: _SYSTEM_VERSION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Dimensions of one subject, of which one is shown at a time; each with its table's columns.

    `name` is the address's parameter that chooses. The first dimension is shown by default.
    """

    name: str
    title: str
    tables: dict[Dimension, tuple[Metric, ...]]

    def choose(self, asked: str, filters: Collection[Filter]) -> Dimension:
        """Return the dimension to show: that of the name `asked`, if there is one.

        Else the first; and where the filters leave one value of it, what tells more.
        """
        if asked:
            return DIMENSIONS[asked]
        single = {part.dimension for part in filters if part.is_one_value}
        chosen = next(iter(self.tables))
        while chosen in single and chosen in DEEPER:
            chosen = DEEPER[chosen]
        return chosen

    def tabs(self, chosen: Dimension) -> list[Dimension]:
        """Return the dimensions to choose from; versions are there once they are shown."""
        versions = {_BROWSER_VERSION, _SYSTEM_VERSION} - {chosen}
        return [dimension for dimension in self.tables if dimension not in versions]


CARDS: Final = (
    Card(
        name="sources",
        title=_("Sources"),
        tables=dict.fromkeys((SOURCE, CHANNEL, REFERRER, *_UTM), (VISITORS, BOUNCE_RATE)),
    ),
    Card(
        name="pages",
        title=_("Pages"),
        tables={
            PAGE: (VISITORS, PAGEVIEWS),
            ENTRY_PAGE: (VISITORS, BOUNCE_RATE),
            EXIT_PAGE: (VISITORS, VISIT_DURATION),
            TITLE: (VISITORS, PAGEVIEWS),
            HOSTNAME: (VISITORS, PAGEVIEWS),
        },
    ),
    Card(
        name="places",
        title=_("Places"),
        tables=dict.fromkeys((COUNTRY, _REGION, _CITY, LANGUAGE), (VISITORS, BOUNCE_RATE)),
    ),
    Card(
        name="devices",
        title=_("Devices"),
        tables=dict.fromkeys(
            (BROWSER, OPERATING_SYSTEM, DEVICE, SCREEN, _BROWSER_VERSION, _SYSTEM_VERSION),
            (VISITORS, BOUNCE_RATE),
        ),
    ),
)
