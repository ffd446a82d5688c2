"""Looks at pages for the tag: whether it is there, once, for the right site, and allowed to run.

python -m tracking_client.audit --domain example.com --sitemap https://example.com/sitemap.xml
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.request import Request, urlopen
from xml.etree import ElementTree

OK: Final = "ok"
_TIMEOUT_SECONDS: Final = 10.0
#: A page is read up to here; the tag stands in its head.
_MAX_PAGE: Final = 5_000_000


@dataclass(frozen=True)
class Page:
    """An answer: where from, its status, headers by lower-case names, and its text."""

    url: str
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def is_html(self) -> bool:
        """Whether the answer is a page."""
        return self.headers.get("content-type", "").startswith("text/html")


@dataclass(frozen=True)
class Finding:
    """What was found on a page: OK, or what is wrong with it."""

    url: str
    says: str


class _Tags(HTMLParser):
    """Collects the tags of the script, and the policy that the page has in its own head."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[dict[str, str]] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "script" and "data-domain" in values:
            self.tags.append(values)
        if tag == "meta" and values.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = values.get("content", "")


def look_at(page: Page, domain: str) -> Finding:
    """Return what is wrong with a page first of all, or that nothing is."""
    return Finding(page.url, _first_fault(page, domain) or OK)


def _first_fault(page: Page, domain: str) -> str:
    if page.status != 200:
        return f"answers {page.status}"
    tags = _Tags()
    tags.feed(page.text)
    if not tags.tags:
        return "has no tag"
    if len(tags.tags) > 1:
        return f"has {len(tags.tags)} tags"
    (tag,) = tags.tags
    named = [part.strip() for part in tag["data-domain"].split(",")]
    if domain not in named:
        return f"is counted for {tag['data-domain']}, not for {domain}"
    src = urljoin(page.url, tag.get("src", ""))
    api = urljoin(src, tag.get("data-api") or "/api/event")
    for policy in (page.headers.get("content-security-policy", ""), tags.policy):
        rules = _read_policy(policy)
        if not _allows(rules, ("script-src-elem", "script-src"), src, page.url, tag.get("nonce")):
            return f"forbids the script: its policy has no {_origin(src)} in script-src"
        if not _allows(rules, ("connect-src",), api, page.url, None):
            return f"forbids the hits: its policy has no {_origin(api)} in connect-src"
    return ""


def _read_policy(policy: str) -> dict[str, list[str]]:
    """Return the sources that a Content-Security-Policy names, by directive; the first counts."""
    rules: dict[str, list[str]] = {}
    for part in policy.split(";"):
        name, *sources = part.split() or [""]
        rules.setdefault(name.lower(), sources)
    return rules


def _allows(
    rules: Mapping[str, Sequence[str]],
    directives: Sequence[str],
    url: str,
    page: str,
    nonce: str | None,
) -> bool:
    for directive in (*directives, "default-src"):
        if directive in rules:
            return any(_matches(source, url, page, nonce) for source in rules[directive])
    return True


def _matches(source: str, url: str, page: str, nonce: str | None) -> bool:
    """Return whether one source of a policy allows an address, as CSP Level 3 matches them."""
    if source.startswith("'nonce-"):
        return bool(nonce) and source == f"'nonce-{nonce}'"
    if source == "'self'":
        return _origin(url) == _origin(page)
    if source.startswith("'"):
        return False
    parts = urlsplit(url)
    if source == "*":
        return parts.scheme in {"http", "https"}
    if source.endswith(":"):
        return f"{parts.scheme}:" == source.lower()
    wanted = urlsplit(source if "://" in source else f"{parts.scheme}://{source}")
    host, own = wanted.hostname or "", parts.hostname or ""
    is_host = own.endswith(host[1:]) if host.startswith("*.") else own == host
    is_port = ":*" in wanted.netloc or _port(wanted) == _port(parts)
    is_scheme = wanted.scheme == parts.scheme or (wanted.scheme, parts.scheme) == ("http", "https")
    path = wanted.path
    is_path = parts.path.startswith(path) if path.endswith("/") else path in {"", parts.path}
    return is_host and is_port and is_scheme and is_path


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        port = None
    return port or (443 if parts.scheme == "https" else 80)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def fetch(url: str) -> Page:
    """Return the answer of an address, also one that is no success. Raises OSError for none."""
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ValueError(f"{url!r} is no address with http or https.")
    headers = {"User-Agent": "trackingsite-audit", "Accept": "text/html,*/*"}
    try:
        answer = urlopen(Request(url, headers=headers), timeout=_TIMEOUT_SECONDS)  # noqa: S310
    except HTTPError as error:
        answer = error
    with answer:
        text = answer.read(_MAX_PAGE).decode(errors="replace")
        names = {name.lower(): value for name, value in answer.headers.items()}
        return Page(answer.url or url, answer.status or 0, names, text)


def read_sitemap(text: str) -> Iterator[str]:
    """Yield the addresses of a sitemap, or of the sitemaps that an index names.

    Raises ValueError for what is no XML, or declares entities.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("A sitemap declares no entities.")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  # without entities nothing can grow
    except ElementTree.ParseError as error:
        raise ValueError(f"This is no sitemap: {error}.") from None
    for element in root.iter():
        if element.tag.rpartition("}")[2] == "loc" and element.text:
            yield element.text.strip()


def pages_of_sitemap(url: str, depth: int = 0) -> Iterator[str]:
    """Yield the addresses of pages that a sitemap names, at an address or in a file."""
    text = fetch(url).text if "://" in url else Path(url).read_text(encoding="utf-8")
    for address in read_sitemap(text):
        if depth < 2 and address.endswith(".xml"):
            yield from pages_of_sitemap(address, depth + 1)
        else:
            yield address


def audit(
    urls: Iterable[str],
    domain: str,
    get: Callable[[str], Page] = fetch,
    *,
    skips_refused: bool = False,
) -> Iterator[Finding]:
    """Yield a finding for each page, once, and for each address that answers with no success.

    `skips_refused`: the addresses are not known to be pages, and a 4xx says that one is none.
    """
    seen: set[str] = set()
    for url in urls:
        try:
            page = get(url)
        except (URLError, OSError, ValueError) as error:
            yield Finding(url, f"cannot be read: {error}")
            continue
        is_none = skips_refused and 400 <= page.status < 500
        if page.url in seen or is_none or not (page.is_html or page.status != 200):
            continue
        seen.add(page.url)
        yield look_at(page, domain)


def print_table(findings: Iterable[Finding], write: Callable[[str], object]) -> int:
    """Write a line for each finding and a sum; return 1 when something is wrong, or none was."""
    wrong = count = 0
    for finding in findings:
        count += 1
        wrong += finding.says != OK
        write(f"{'  ' if finding.says == OK else '! '}{finding.url}  {finding.says}")
    write(f"{count} pages, {wrong} wrong." if count else "No page was found.")
    return 1 if wrong or not count else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit the pages of a sitemap or a list; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tracking_client.audit", description=__doc__)
    parser.add_argument("urls", nargs="*", help="addresses of pages")
    parser.add_argument("--domain", required=True, help="the site, as trackingsite knows it")
    parser.add_argument("--sitemap", help="address or file of a sitemap")
    parser.add_argument("--list", type=Path, help="file with an address on each line")
    options = parser.parse_args(arguments)
    urls: list[str] = list(options.urls)
    try:
        if options.list:
            urls += options.list.read_text(encoding="utf-8").split()
        if options.sitemap:
            urls += pages_of_sitemap(options.sitemap)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    return print_table(audit(urls, options.domain), lambda line: sys.stdout.write(f"{line}\n"))


if __name__ == "__main__":
    sys.exit(main())
