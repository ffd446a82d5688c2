"""A page taken apart for tests: its elements, its tables, what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final

from reports.views.four import REPORTS

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

#: One of each kind of page of the site example.com; {visit} is a visit's id.
KINDS: Final = {
    "overview": "/reports/example.com/",
    "realtime": "/reports/example.com/realtime/",
    "pageviews": "/reports/example.com/pageviews/",
    "visitors": "/reports/example.com/visitors/",
    "bounce-rates": "/reports/example.com/bounce-rates/",
    "engagement": "/reports/example.com/engagement/",
    "breakdown": "/reports/example.com/visitors/source/",
    "explanation": "/reports/example.com/explain/bounce_rate/",
    "visits": "/reports/example.com/visits/",
    "visit": "/reports/example.com/visits/{visit}/",
}

BREAKDOWNS: Final = [
    f"/reports/example.com/{report.name}/{dimension.name}/"
    for report in REPORTS.values()
    for dimension in report.breakdowns
]

#: Elements that have no end.
_VOID: Final = frozenset(
    {"area", "base", "br", "embed", "hr", "img", "input", "link", "meta", "wbr"}
)


@dataclass(frozen=True, slots=True)
class Element:
    """An element's name and attributes, and the text directly or deeper in it."""

    tag: str
    attributes: dict[str, str]
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text as a browser shows it, white space folded."""
        return " ".join("".join(self.texts).split())


class Page(HTMLParser):
    """The elements of a page in their order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()

    @classmethod
    def of(cls, answer: Answer) -> Page:
        """Return the page that was answered."""
        return cls(answer.content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element; its text comes until its end."""
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        """Close the last element of this name and what is open in it."""
        places = [place for place, element in enumerate(self._open) if element.tag == tag]
        if places:
            del self._open[places[-1] :]

    def handle_data(self, data: str) -> None:
        """Give the text to every element that it stands in."""
        for element in self._open:
            element.texts.append(data)

    @property
    def text(self) -> str:
        """All that the page says."""
        return next(element.text for element in self.elements if element.tag == "html")

    @property
    def headings(self) -> list[str]:
        """The headings, whatever their level."""
        return [e.text for e in self.elements if e.tag in {"h1", "h2"}]

    def links(self, start: str = "") -> list[str]:
        """The addresses of links that begin with `start`."""
        found = (e.attributes.get("href", "") for e in self.elements if e.tag == "a")
        return [address for address in found if address.startswith(start)]

    def with_class(self, name: str) -> list[Element]:
        """The elements of a class."""
        return [e for e in self.elements if name in e.attributes.get("class", "").split()]

    @property
    def headline(self) -> dict[str, str]:
        """The headline's figures by their labels."""
        labels = [element.text for element in self.with_class("label")]
        return dict(zip(labels, (e.text for e in self.with_class("value")), strict=True))

    def table(self, heading: str) -> list[list[str]]:
        """The rows of the first table whose first column has this heading, without their shares."""
        return next(rows[1:] for _, rows in self._tables() if rows[0][0] == heading)

    @property
    def admin_list(self) -> list[list[str]]:
        """The rows of the list on a page of the admin, without the boxes that choose them."""
        tables = (rows for name, rows in self._tables() if name == "result_list")
        return [[cell for cell in row if cell] for row in next(tables, [])[1:]]

    def _tables(self) -> Iterator[tuple[str, list[list[str]]]]:
        """Yield each table's id and rows."""
        html = re.sub(r'<span class="share">.*?</span>', "", self.html)
        for table in re.findall(r"<table.*?</table>", html, re.DOTALL):
            elements = Page(table).elements
            rows: list[list[str]] = []
            for element in elements:
                if element.tag == "tr":
                    rows.append([])
                elif element.tag in {"th", "td"}:
                    rows[-1].append(element.text)
            yield elements[0].attributes.get("id", ""), rows
