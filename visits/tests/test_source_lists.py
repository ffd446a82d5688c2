"""Our list of sources against the community's lists of search engines, networks, assistants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from sites.domains import normalise_domain
from trackingsite.tests.shared import shared_folder
from visits.ingestion.hit import Kind
from visits.ingestion.sources import _find_by_host

CORPUS: Final = "searchengine-and-social-list"

#: Where we say something else than the list, and why.
DEPARTURES: Final = {
    # Videos, as Google Analytics has it.
    "youtube.com": Kind.VIDEO,
    "youtu.be": Kind.VIDEO,
    "vimeo.com": Kind.VIDEO,
    "bilibili.com": Kind.VIDEO,
    # Named, but no network of people: code, and where one signs in.
    "github.com": Kind.OTHER,
    "login.live.com": Kind.OTHER,
    # Listed as search engines, and again as what they are, or social in Google Analytics.
    "facebook.com": Kind.SOCIAL,
    "searchservice.myspace.com": Kind.SOCIAL,
    "digg.com": Kind.SOCIAL,
    "friendfeed.com": Kind.SOCIAL,
    "tieba.baidu.com": Kind.SOCIAL,
    "chatgpt.com": Kind.ASSISTANT,
    "chat.openai.com": Kind.ASSISTANT,
    "perplexity.ai": Kind.ASSISTANT,
    "you.com": Kind.ASSISTANT,
    # A newspaper, whose articles link to pages.
    "cnn.com": None,
}

#: What `{}` stands for at the end of a host, and elsewhere.
COUNTRIES: Final = ("de", "co.uk", "com.br", "com")
SUBDOMAINS: Final = ("de", "nl")


def read_list(name: str) -> Any:
    """Return a file of the corpus: brands, each with its hosts or their groups."""
    return yaml.safe_load((shared_folder(CORPUS) / name).read_text(encoding="utf-8"))


def expand(pattern: str) -> Iterator[str]:
    """Yield the hosts of a pattern; none where a path tells more than the host does."""
    if "/" in pattern:
        return
    head, is_ending, _ = pattern.partition(".{}") if pattern.endswith(".{}") else (pattern, "", "")
    for subdomain in SUBDOMAINS if "{}" in head else ("",):
        host = normalise_domain(head.replace("{}", subdomain))
        yield from (f"{host}.{country}" for country in COUNTRIES) if is_ending else (host,)


def find_wrong(hosts: set[str], kind: Kind) -> dict[str, Kind | None]:
    """Return the hosts that are not of this kind, nor a departure, with what they are."""
    found = {host: _find_by_host(host) for host in hosts}
    kinds = {host: source.kind if source else None for host, source in found.items()}
    return {h: is_kind for h, is_kind in kinds.items() if is_kind != DEPARTURES.get(h, kind)}


@pytest.mark.parametrize(
    ("name", "kind", "at_least"),
    [("Socials.yml", Kind.SOCIAL, 200), ("AIAssistants.yml", Kind.ASSISTANT, 20)],
)
def test_knows_every_network_and_assistant(name: str, kind: Kind, at_least: int) -> None:
    hosts = {host for urls in read_list(name).values() for url in urls for host in expand(url)}

    assert len(hosts) >= at_least
    assert find_wrong(hosts, kind) == {}


def test_knows_every_search_engine() -> None:
    engines = read_list("SearchEngines.yml")
    urls = [url for groups in engines.values() for group in groups for url in group["urls"]]
    hosts = {host for url in urls for host in expand(url)}

    assert len(hosts) >= 600
    assert find_wrong(hosts, Kind.SEARCH) == {}


def test_every_departure_is_one() -> None:
    listed = {
        host
        for name in ("Socials.yml", "AIAssistants.yml")
        for urls in read_list(name).values()
        for url in urls
        for host in expand(url)
    } | {
        host
        for groups in read_list("SearchEngines.yml").values()
        for group in groups
        for url in group["urls"]
        for host in expand(url)
    }

    assert set(DEPARTURES) <= listed
