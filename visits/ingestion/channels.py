"""The marketing group of a visit: a cascade in which the first rule that holds wins.

Source: Google Analytics 4, "Default channel group", rules for manual traffic, read 2026-11.
Departures: what an AI assistant refers is "AI Assistants", a group of its own; a referrer that no
rule names is "Referral", as no page of ours asks for a medium; mail read in a browser is "Email".
"""

from __future__ import annotations

import re
from typing import Final

from visits.ingestion.hit import Kind, Origin

_PAID: Final = re.compile(r".*cp.*|ppc|retargeting|paid.*")
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
    paid = _PAID.fullmatch(medium) is not None
    shopping = kind is Kind.SHOPPING or _SHOPPING_CAMPAIGN.search(campaign) is not None

    if not source and not medium and not campaign:
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
    if kind is Kind.EMAIL or source in _EMAIL or medium in _EMAIL:
        return "Email"
    if medium == "affiliate":
        return "Affiliates"
    if medium == "audio":
        return "Audio"
    if "sms" in (source, medium):
        return "SMS"
    if medium.endswith("push") or "mobile" in medium or "notification" in medium:
        return "Mobile Push Notifications"
    if source == "firebase":
        return "Mobile Push Notifications"
    return "Referral" if source and not medium else "Unassigned"
