"""The page of an address, in the form in which pages are grouped."""

from functools import lru_cache
from urllib.parse import parse_qsl, unquote, urlsplit

from sites.domains import normalise_domain
from visits.ingestion.click_ids import cut_click_id
from visits.ingestion.hit import Page
from visits.ingestion.text import clean_text

MAX_PATH = 2000
MAX_HOSTNAME = 253


def read_page(url: str, *, hash_mode: bool) -> Page:
    """Return host and path of `url`: host without `www.`, path decoded, `/` where it is empty.

    The query is left out: it holds campaigns, which become a source, and what nobody should
    store. With `hash_mode` the fragment belongs to the path, as single-page apps route by it; its
    own query is left out too. Either ends before a click id.
    """
    if hash_mode:
        page = _page_of(cut_click_id(url.partition("#")[0].partition("?")[0]))
        fragment = urlsplit(url).fragment.partition("?")[0]
        route = cut_click_id(f"#{clean_text(unquote(fragment))}") if fragment else ""
        return Page(page.hostname, (page.path + route)[:MAX_PATH])
    return _page_of(cut_click_id(url.partition("?")[0]))


# Most hits are of a few thousand pages. What a query holds is kept by nobody, not here either.
@lru_cache(maxsize=10_000)
def _page_of(url: str) -> Page:
    parts = urlsplit(url)
    path = cut_click_id(clean_text(unquote(parts.path))) or "/"
    return Page(normalise_domain(parts.hostname or "")[:MAX_HOSTNAME], path[:MAX_PATH])


def read_query(url: str) -> dict[str, str]:
    """Return the query parameters by lower-case name, the first of each.

    In clean text, which ends before a click id.
    """
    parameters: dict[str, str] = {}
    if "?" not in url:
        return parameters
    for name, value in parse_qsl(urlsplit(url).query, max_num_fields=100_000):
        parameters.setdefault(name.lower(), cut_click_id(clean_text(value)))
    return parameters
