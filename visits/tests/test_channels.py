"""The marketing group of a visit: the first rule that holds."""

from __future__ import annotations

import re
from inspect import getsource

import pytest

from visits.ingestion.channels import choose_channel
from visits.ingestion.hit import Kind, Origin

# source, kind, medium, campaign, channel
CASES = [
    ("", Kind.OTHER, "", "", "Direct"),
    ("Google", Kind.SEARCH, "cpc", "Cross-Network spring", "Cross-network"),
    ("Amazon", Kind.SHOPPING, "cpc", "", "Paid Shopping"),
    ("Google", Kind.SEARCH, "cpc", "shopping-spring", "Paid Shopping"),
    ("Google", Kind.SEARCH, "paid", "spring shop", "Paid Shopping"),
    ("Google", Kind.SEARCH, "CPC", "", "Paid Search"),
    ("Google", Kind.SEARCH, "ppc", "workshop", "Paid Search"),
    ("Facebook", Kind.SOCIAL, "paid_social", "", "Paid Social"),
    ("YouTube", Kind.VIDEO, "retargeting", "", "Paid Video"),
    ("news.example", Kind.OTHER, "banner", "", "Display"),
    ("news.example", Kind.OTHER, "cpm", "", "Display"),
    ("news.example", Kind.OTHER, "cpc", "", "Paid Other"),
    ("", Kind.OTHER, "paid", "", "Paid Other"),
    ("Amazon", Kind.SHOPPING, "", "", "Organic Shopping"),
    ("Newsletter", Kind.OTHER, "email", "Shop", "Organic Shopping"),
    ("Facebook", Kind.SOCIAL, "", "", "Organic Social"),
    ("news.example", Kind.OTHER, "social-media", "", "Organic Social"),
    ("YouTube", Kind.VIDEO, "", "", "Organic Video"),
    ("news.example", Kind.OTHER, "in-video", "", "Organic Video"),
    ("ChatGPT", Kind.ASSISTANT, "", "", "AI Assistants"),
    ("ChatGPT", Kind.ASSISTANT, "referral", "", "AI Assistants"),
    ("Google", Kind.SEARCH, "", "", "Organic Search"),
    ("intranet", Kind.OTHER, "organic", "", "Organic Search"),
    ("news.example", Kind.OTHER, "", "", "Referral"),
    ("news.example", Kind.OTHER, "link", "", "Referral"),
    ("Gmail", Kind.EMAIL, "", "", "Email"),
    ("Newsletter", Kind.OTHER, "E-Mail", "", "Email"),
    ("email", Kind.OTHER, "", "", "Email"),
    ("partner", Kind.OTHER, "affiliate", "", "Affiliates"),
    ("podcast", Kind.OTHER, "audio", "", "Audio"),
    ("sms", Kind.OTHER, "", "", "SMS"),
    ("partner", Kind.OTHER, "SMS", "", "SMS"),
    ("app", Kind.OTHER, "web-push", "", "Mobile Push Notifications"),
    ("app", Kind.OTHER, "mobile", "", "Mobile Push Notifications"),
    ("app", Kind.OTHER, "notifications", "", "Mobile Push Notifications"),
    ("firebase", Kind.OTHER, "", "", "Mobile Push Notifications"),
    ("partner", Kind.OTHER, "qr", "", "Unassigned"),
    ("", Kind.OTHER, "", "spring", "Unassigned"),
]


@pytest.mark.parametrize(("source", "kind", "medium", "campaign", "channel"), CASES)
def test_the_first_rule_that_holds_names_the_channel(
    source: str, kind: Kind, medium: str, campaign: str, channel: str
) -> None:
    origin = Origin(source=source, kind=kind, utm_medium=medium, utm_campaign=campaign)

    assert choose_channel(origin) == channel


def test_the_table_above_has_a_case_of_every_channel() -> None:
    named = set(re.findall(r'return "([^"]+)"', getsource(choose_channel))) | {"Unassigned"}

    assert {channel for *_, channel in CASES} == named
    assert all(len(channel) <= 40 for channel in named)
