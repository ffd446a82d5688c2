"""The marketing group of a visit: the first rule that holds."""

from __future__ import annotations

import json
import re
from inspect import getsource
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trackingsite.tests.shared import shared_folder
from visits.ingestion.channels import _is_paid, choose_channel
from visits.ingestion.hit import Kind, Origin
from visits.ingestion.pipeline import put_channel, put_source
from visits.tests.cost import TIMES, cost_ratio
from visits.tests.hits import make_hit

SEARCH, SOCIAL, VIDEO, SHOPPING, OTHER = (
    Kind.SEARCH,
    Kind.SOCIAL,
    Kind.VIDEO,
    Kind.SHOPPING,
    Kind.OTHER,
)

# By channel, in the order of the rules: source, its kind, medium, campaign.
CASES: Final[dict[str, list[tuple[str, Kind, str, str]]]] = {
    "Direct": [
        ("", OTHER, "", ""),
        ("(direct)", OTHER, "(none)", ""),
        ("(direct)", OTHER, "(not set)", "Cross-network"),
        ("", OTHER, "(none)", ""),
    ],
    "Cross-network": [
        ("Google", SEARCH, "cpc", "Cross-Network spring"),
        ("", OTHER, "", "my-cross-network"),
        ("Facebook", SOCIAL, "email", "CROSS-NETWORK"),
    ],
    "Paid Shopping": [
        ("Amazon", SHOPPING, "cpc", ""),
        ("Google", SEARCH, "cpc", "shopping-spring"),
        ("Google", SEARCH, "paid", "spring shop"),
        ("news.example", OTHER, "retargeting", "Eshop"),
        ("Facebook", SOCIAL, "ppc", "SHOP"),
        ("Amazon", SHOPPING, "cpm", ""),
    ],
    "Paid Search": [
        ("Google", SEARCH, "CPC", ""),
        ("Google", SEARCH, "ppc", "workshop"),
        ("Google", SEARCH, "cpm", ""),
        ("Google", SEARCH, "(gclid)", ""),
        ("Bing", SEARCH, "(msclkid)", ""),
    ],
    "Paid Social": [
        ("Facebook", SOCIAL, "paid_social", ""),
        ("Facebook", SOCIAL, "Paid", ""),
        ("Facebook", SOCIAL, "cpm", ""),
    ],
    "Paid Video": [("YouTube", VIDEO, "retargeting", ""), ("YouTube", VIDEO, "cpv-cpc", "")],
    "Display": [
        ("news.example", OTHER, "banner", ""),
        ("news.example", OTHER, "Display", ""),
        ("news.example", OTHER, "expandable", ""),
        ("news.example", OTHER, "interstitial", ""),
        ("news.example", OTHER, "cpm", ""),
        ("Google", SEARCH, "display", ""),
    ],
    "Paid Other": [
        ("news.example", OTHER, "cpc", ""),
        ("", OTHER, "paid", ""),
        ("ChatGPT", Kind.ASSISTANT, "cpc", ""),
    ],
    "Organic Shopping": [
        ("Amazon", SHOPPING, "", ""),
        ("Newsletter", OTHER, "email", "Shop"),
        ("Amazon", SHOPPING, "social", ""),
    ],
    "Organic Social": [
        ("Facebook", SOCIAL, "", ""),
        ("Facebook", SOCIAL, "organic", ""),
        *(
            ("news.example", OTHER, medium, "")
            for medium in (
                "social",
                "social-network",
                "Social-Media",
                "sm",
                "social network",
                "social media",
            )
        ),
    ],
    "Organic Video": [("YouTube", VIDEO, "", ""), ("news.example", OTHER, "In-Video", "")],
    "AI Assistants": [
        ("ChatGPT", Kind.ASSISTANT, "", ""),
        ("ChatGPT", Kind.ASSISTANT, "referral", ""),
        ("ChatGPT", Kind.ASSISTANT, "organic", ""),
    ],
    "Organic Search": [("Google", SEARCH, "", ""), ("intranet", OTHER, "Organic", "")],
    "Referral": [
        ("news.example", OTHER, "", ""),
        ("news.example", OTHER, "referral", ""),
        ("news.example", OTHER, "App", ""),
        ("news.example", OTHER, "link", ""),
    ],
    "Email": [
        ("Gmail", Kind.EMAIL, "", ""),
        ("Newsletter", OTHER, "E-Mail", ""),
        ("Newsletter", OTHER, "e_mail", ""),
        ("Newsletter", OTHER, "e mail", ""),
        ("email", OTHER, "", ""),
        ("E-mail", OTHER, "spring", ""),
    ],
    "Affiliates": [("partner", OTHER, "Affiliate", "")],
    "Audio": [("podcast", OTHER, "audio", "")],
    "SMS": [("SMS", OTHER, "", ""), ("partner", OTHER, "SMS", "")],
    "Mobile Push Notifications": [
        ("app", OTHER, "web-push", ""),
        ("app", OTHER, "Mobile", ""),
        ("app", OTHER, "my notifications", ""),
        ("firebase", OTHER, "", ""),
        ("Firebase", OTHER, "qr", ""),
    ],
    "Unassigned": [
        ("partner", OTHER, "qr", ""),
        ("", OTHER, "", "spring"),
        # Each is nearly what a rule asks for.
        ("partner", OTHER, "prepaid", ""),
        ("partner", OTHER, "ppc2", ""),
        ("partner", OTHER, "retargeting-b", ""),
        ("partner", OTHER, "banners", ""),
        ("partner", OTHER, "socials", ""),
        ("partner", OTHER, "vide", ""),
        ("partner", OTHER, "organic-search", ""),
        ("partner", OTHER, "links", ""),
        ("partner", OTHER, "emailing", ""),
        ("my email", OTHER, "x", ""),
        ("partner", OTHER, "affiliates", ""),
        ("partner", OTHER, "audio-ad", ""),
        ("partner", OTHER, "mms sms", ""),
        ("partner", OTHER, "pushed", ""),
        ("my firebase", OTHER, "x", ""),
        ("", OTHER, "x", "workshop"),
        ("", OTHER, "x", "cross network"),
        ("(direct)", OTHER, "x", ""),
    ],
}


@pytest.mark.parametrize(
    ("source", "kind", "medium", "campaign", "channel"),
    [(*case, channel) for channel, cases in CASES.items() for case in cases],
)
def test_the_first_rule_that_holds_names_the_channel(
    source: str, kind: Kind, medium: str, campaign: str, channel: str
) -> None:
    origin = Origin(source=source, kind=kind, utm_medium=medium, utm_campaign=campaign)

    assert choose_channel(origin) == channel


@pytest.mark.parametrize(
    ("utm_source", "channel"),
    [("E-Mail", "Email"), ("sms", "SMS"), ("FIREBASE", "Mobile Push Notifications")],
)
def test_rules_on_the_source_are_asked_of_the_campaign_s_too(utm_source: str, channel: str) -> None:
    origin = Origin(source="Some other name", utm_source=utm_source)

    assert choose_channel(origin) == channel


@pytest.mark.parametrize(
    ("query", "referrer", "channel"),
    [
        ("utm_source=newsletter", "", "Unassigned"),
        ("utm_source=newsletter", "https://news.example/", "Unassigned"),
        ("utm_source=partner.example&utm_campaign=spring", "", "Unassigned"),
        ("utm_source=newsletter&utm_medium=(none)", "", "Unassigned"),
        ("utm_source=newsletter&utm_medium=email", "", "Email"),
        ("utm_source=newsletter&utm_medium=referral", "", "Referral"),
        # A rule names the source.
        ("utm_source=email", "", "Email"),
        ("utm_source=google", "", "Organic Search"),
        ("utm_source=facebook", "https://news.example/", "Organic Social"),
        # Whoever names itself so refers, as a page does.
        ("ref=partner", "", "Referral"),
        ("source=partner.example", "", "Referral"),
        ("utm_campaign=spring", "https://news.example/", "Referral"),
        ("", "https://news.example/", "Referral"),
    ],
)
def test_a_campaign_without_a_medium_is_no_referral(
    query: str, referrer: str, channel: str
) -> None:
    hit = put_source(make_hit(url=f"https://example.com/?{query}", referrer=referrer))

    assert put_channel(hit).origin.channel == channel


@pytest.mark.parametrize(
    ("click_id", "kind", "medium", "channel"),
    [
        ("gbraid", SEARCH, "", "Paid Search"),
        ("twclid", SOCIAL, "", "Paid Social"),
        ("gclid", VIDEO, "", "Paid Video"),
        ("dclid", OTHER, "", "Paid Other"),
        ("gclid", SEARCH, "email", "Organic Search"),
        ("fbclid", SOCIAL, "", "Organic Social"),
    ],
)
def test_a_click_id_of_advertisements_is_paid_where_no_medium_is_given(
    click_id: str, kind: Kind, medium: str, channel: str
) -> None:
    origin = Origin(source="Name", kind=kind, utm_medium=medium, click_id=click_id)

    assert choose_channel(origin) == channel


def named_in_order() -> list[str]:
    """Return the channels as the cascade names them, each where it is first named."""
    returned = re.findall(r"return (.+)", getsource(choose_channel))
    names = [name for line in returned for name in re.findall(r'"([^"]+)"', line)]
    return list(dict.fromkeys(names))


def test_the_table_above_has_cases_of_every_channel_in_order() -> None:
    assert list(CASES) == named_in_order()
    assert all(CASES.values())
    assert all(len(channel) <= 40 for channel in CASES)


def test_the_channels_are_those_of_the_published_rules_and_one_more() -> None:
    text = (shared_folder("") / "ga4_channel_rules.json").read_text(encoding="utf-8")
    published = [rule["channel"] for rule in json.loads(text)["rules"]]

    assert len(published) == 19
    assert [name for name in named_in_order() if name != "AI Assistants"] == published
    assert set(CASES) == {*published, "AI Assistants"}


LETTERS: Final = st.text("acdeghinopqrstuvz -_CPSH", max_size=14)


@given(LETTERS | st.from_regex(r"(?i)(pp?aid|retargeting|ppc|cp)[a-z]?", fullmatch=True))
@example("cpc")
@example("paid")
@example("Retargeting")
def test_a_medium_is_paid_as_the_published_expression_says(medium: str) -> None:
    pattern = r"^(.*cp.*|ppc|retargeting|paid.*)$"

    assert _is_paid(medium.lower()) == bool(re.fullmatch(pattern, medium, re.IGNORECASE))


@given(LETTERS | st.from_regex(r"(?i)[a-z ]?(shop|shopping)[a-z]?", fullmatch=True))
@example("workshop")
@example("eshop")
@example("windowshopping")
def test_a_campaign_is_of_a_shop_as_the_published_expression_says(campaign: str) -> None:
    pattern = r"^(.*(([^a-df-z]|^)shop|shopping).*)$"
    origin = Origin(source="x", utm_medium="x", utm_campaign=campaign)

    is_shopping = choose_channel(origin) == "Organic Shopping"
    assert is_shopping == bool(re.fullmatch(pattern, campaign, re.IGNORECASE))


@pytest.mark.parametrize(
    "text",
    ["a" * 65536, "c" * 65536, "sho" * 21845, "shoppin" * 9362, "paid"[:3] * 21845, "e-" * 32768],
)
def test_long_text_costs_little(text: str) -> None:
    def choose(text: str) -> str:
        origin = Origin(source=text, utm_source=text, utm_medium=text, utm_campaign=text)
        return choose_channel(origin)

    assert cost_ratio(choose, text) < 3 * TIMES
