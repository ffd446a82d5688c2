"""The marketing group of a visit: a cascade in which the first rule that holds wins.

Source: Google Analytics 4, "Default channel group", rules for manual traffic, read 2026-11.
Departures:

- What an AI assistant refers is "AI Assistants", a group of its own, before "Organic Search": an
  assistant is no search engine, whatever the medium says. Its advertisements are "Paid Other".
- Mail read in a browser is "Email".
- A click id of advertisements is as good as a paid medium, where no medium is given.
- A referrer that no rule names is "Referral", as no page of ours asks for a medium; so is what
  `ref` or `source` names in the page's address, which Analytics does not read.
- A campaign of no source is not "Direct": somebody has tagged the link.

Agreed on, though it may surprise: `utm_source=newsletter` without a medium is "Unassigned", as of
any source that no rule names. That somebody referred is not said, nor that it was mail.
"""

from __future__ import annotations

import re
from typing import Final

from visits.ingestion.click_ids import is_ad_click
from visits.ingestion.hit import Kind, Origin

_NO_MEDIUM: Final = frozenset({"", "(none)", "(not set)"})
_PAID: Final = frozenset({"ppc", "retargeting", "(gclid)", "(msclkid)"})
# A word that begins with "shop", also "eshop"; not "workshop".
_SHOPPING_CAMPAIGN: Final = re.compile(r"(^|[^a-df-z])shop|shopping")
_DISPLAY: Final = frozenset({"display", "banner", "expandable", "interstitial", "cpm"})
_SOCIAL: Final = frozenset(
    {"social", "social-network", "social-media", "sm", "social network", "social media"}
)
_REFERRAL: Final = frozenset({"referral", "app", "link"})
_EMAIL: Final = frozenset({"email", "e-mail", "e_mail", "e mail"})


def choose_channel(origin: Origin) -> str:
    """Return the name of the group; "Direct" when nothing is known of how the visitor came."""
    source, kind = origin.source.lower(), origin.kind
    medium, campaign = origin.utm_medium.lower(), origin.utm_campaign.lower()
    named = {source, origin.utm_source.lower()}
    paid = _is_paid(medium) or (not medium and is_ad_click(origin.click_id))
    shopping = kind is Kind.SHOPPING or _SHOPPING_CAMPAIGN.search(campaign) is not None

    if medium in _NO_MEDIUM and ("(direct)" in named or not (source or campaign or paid)):
        return "Direct"
    if "cross-network" in campaign:
        return "Cross-network"
    if paid and shopping:
        return "Paid Shopping"
    if paid and kind is Kind.SEARCH:
        return "Paid Search"
    if paid and kind is Kind.SOCIAL:
        return "Paid Social"
    if paid and kind is Kind.VIDEO:
        return "Paid Video"
    if medium in _DISPLAY:
        return "Display"
    if paid:
        return "Paid Other"
    if shopping:
        return "Organic Shopping"
    if kind is Kind.SOCIAL or medium in _SOCIAL:
        return "Organic Social"
    if kind is Kind.VIDEO or "video" in medium:
        return "Organic Video"
    if kind is Kind.ASSISTANT:
        return "AI Assistants"
    if kind is Kind.SEARCH or medium == "organic":
        return "Organic Search"
    if medium in _REFERRAL:
        return "Referral"
    if kind is Kind.EMAIL or named & _EMAIL or medium in _EMAIL:
        return "Email"
    if medium == "affiliate":
        return "Affiliates"
    if medium == "audio":
        return "Audio"
    if "sms" in named or medium == "sms":
        return "SMS"
    if medium.endswith("push") or "mobile" in medium or "notification" in medium:
        return "Mobile Push Notifications"
    if "firebase" in named:
        return "Mobile Push Notifications"
    is_referral = source and not medium and not origin.utm_source
    return "Referral" if is_referral else "Unassigned"


def _is_paid(medium: str) -> bool:
    """Return whether the medium is `^(.*cp.*|ppc|retargeting|paid.*)$`, or stands for a click."""
    return "cp" in medium or medium.startswith("paid") or medium in _PAID
