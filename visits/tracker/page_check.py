"""What a look at a site's own page says of its tag."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser

from sites.domains import normalise_domain
from sites.models import Site
from visits.tracker.public_web import UnreachableError, fetch_public


@dataclass(frozen=True, slots=True)
class PageCheck:
    """What was found, in a sentence for staff, and whether it is as it should be."""

    is_fine: bool
    words: str


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.domains: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "script" and "data-domain" in values:
            self.domains.append(values["data-domain"] or "")


def check_page(site: Site) -> PageCheck:
    """Fetch the site's page at its base URL, and say what its tag is like; raises nothing."""
    url = site.base_url or f"https://{site.domain}"
    try:
        page = fetch_public(url)
    except UnreachableError as error:
        return PageCheck(False, f"The page {url} was not looked at: {error}")
    if page.status != 200:
        return PageCheck(False, f"The page {page.url} answers {page.status}.")
    tags = _Tags()
    tags.feed(page.text)
    if not tags.domains:
        return PageCheck(False, f"The page {page.url} has no tag. A script may still put one in.")
    if len(tags.domains) > 1:
        return PageCheck(False, f"The page {page.url} has {len(tags.domains)} tags; leave one.")
    named = {normalise_domain(part) for part in tags.domains[0].split(",")}
    if site.domain not in named:
        return PageCheck(
            False, f"The page {page.url} is counted for {tags.domains[0]}, not for this site."
        )
    return PageCheck(True, f"The page {page.url} has the tag of this site.")
