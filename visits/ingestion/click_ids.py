"""What a click id in a page's address tells: the network, and whether it was an advertisement.

Only the parameter's name is used. Its value stands for one click of one person and is not kept,
wherever in an address it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class _ClickId:
    #: What campaigns call the network; empty where the id does not say which of its sites it was.
    network: str
    #: Whether advertisements alone carry it.
    paid: bool = True


# The parameters' public names. Where an address has several, the first here counts; those that
# ordinary links carry come last.
_CLICK_IDS: Final[Mapping[str, _ClickId]] = {
    "gclid": _ClickId("google"),
    "gbraid": _ClickId("google"),
    "wbraid": _ClickId("google"),
    "dclid": _ClickId(""),  # Google's, for advertisements on anybody's pages
    "msclkid": _ClickId("bing"),
    "ttclid": _ClickId("tiktok"),
    "twclid": _ClickId("twitter"),
    "li_fat_id": _ClickId("linkedin"),
    "rdt_cid": _ClickId("reddit"),
    "sccid": _ClickId("snapchat"),
    "yclid": _ClickId("yandex"),
    "fbclid": _ClickId("", paid=False),  # on every link that leaves Facebook or Instagram
}

#: One within a text, from the sign before its name to that before its value, which an address in an
#: address may have in percent-encoding, and one in that again. Part of another name is none.
_IN_TEXT: Final = re.compile(
    rf"(?:^|[^\w%-]|%(?:25)*[0-9a-f]{{2}})(?:{'|'.join(_CLICK_IDS)})(?:=|%(?:25)*3d)", re.IGNORECASE
)

#: Click ids that stand in for a medium that is not given, and the source that must have set them.
_MEDIA: Final = {"gclid": "Google", "msclkid": "Bing"}


def find_click_id(query: Mapping[str, str]) -> str:
    """Return the name of the click id among the parameters ("gclid"); empty text for none."""
    return next((name for name in _CLICK_IDS if query.get(name)), "")


def cut_click_id(text: str) -> str:
    """Return `text` up to the first click id in it: `/a` of `/a;gclid=x`, of `/a%26GCLID%3Dx`."""
    if "=" not in text and "%" not in text:
        return text
    found = _IN_TEXT.search(text)
    return text[: found.start()].rstrip() if found else text


def is_ad_click(click_id: str) -> bool:
    """Return whether the click id of that name is an advertisement's; false for empty text."""
    return click_id in _CLICK_IDS and _CLICK_IDS[click_id].paid


def network_of_click(click_id: str) -> str:
    """Return what campaigns call the network that sets it; empty text where that is not certain."""
    return _CLICK_IDS[click_id].network if click_id in _CLICK_IDS else ""


def medium_of_click(click_id: str, *, source: str) -> str:
    """Return the medium that stands for an untagged click on a search engine's advertisement.

    It is `(gclid)` on Google and `(msclkid)` on Bing, as Plausible has it, else empty text.
    """
    return f"({click_id})" if source and _MEDIA.get(click_id) == source else ""
