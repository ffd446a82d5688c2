"""Crawlers and browsers as others collected them: what is recognised, and who must not be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import crawleruseragents
import pytest
import yaml

from trackingsite.tests.shared import shared_folder
from visits.ingestion.bots import NARROWED_RULES, is_declared_bot

LISTED: Final = [
    (entry["pattern"], user_agent)
    for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA
    for user_agent in entry["instances"]
]

#: How most of uap-core's cases of programs read; its browsers of people have none of these words.
PROGRAM: Final = re.compile(r"bot\b|bot[/_-]|crawl|spider|https?://", re.IGNORECASE)

#: Its programs that go on like a browser, or like a phone, without any of those words: monitors,
#: previewers, testers and libraries. WhatsApp fetches previews by this name.
PROGRAMS: Final = (
    "BingPreview",
    "Boto3",
    "Catchpoint",
    "DAVdroid",
    "Datanyze",
    "Google Web Preview",
    "Google-InspectionTool",
    "GomezAgent",
    "HTTrack",
    "HeadlessChrome",
    "MySpaceScraper",
    "OpenVAS",
    "PTST/",
    "PhantomJS",
    "PingdomTMS",
    "PostmanRuntime",
    "Python-urllib",
    "RuxitSynthetic",
    "StatusCake",
    "Wget",
    "WhatsApp",
    "YottaaMonitor",
    "ZyBorg",
    "aws-sdk-dotnet",
    "curl",
    "python-requests",
    "scooter",
)


def read_cases(name: str) -> Iterator[tuple[str, str]]:
    """Give family and user agent of each of uap-core's cases of one kind."""
    with (shared_folder("uap-core") / f"test_{name}.yaml").open(encoding="utf-8") as file:
        # The loader in C, where there is one, reads 16,000 cases in a tenth of the time.
        cases = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["test_cases"]
    for case in cases:
        yield case["family"], case["user_agent_string"]


def is_of_people(kind: str, family: str, user_agent: str) -> bool:
    """Whether a case is a browser of people, or a phone's own: no program that is known here.

    Among the browsers uap-core lists a hundred libraries and tools too; those that people see
    pages with all begin in the same two ways.
    """
    if kind == "ua" and not user_agent.startswith(("Mozilla/", "Opera/")):
        return False
    if any(name in user_agent for name in PROGRAMS) or PROGRAM.search(user_agent):
        return False
    return family != "Spider"


def test_recognises_99_of_100_crawlers_of_the_list() -> None:
    missed = [rule for rule, user_agent in LISTED if not is_declared_bot(user_agent)]

    assert len(LISTED) > 2000
    assert len(missed) <= len(LISTED) / 100
    # What is missed is what was left out, since it is no program.
    assert set(missed) <= {rule for rule, narrow in NARROWED_RULES.items() if narrow is None}


def test_narrows_rules_that_the_list_has() -> None:
    rules = {entry["pattern"] for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA}

    assert NARROWED_RULES.keys() <= rules


def test_recognises_the_spiders_of_uap_core() -> None:
    spiders = [user_agent for family, user_agent in read_cases("device") if family == "Spider"]

    assert len(spiders) > 50
    assert [user_agent for user_agent in spiders if not is_declared_bot(user_agent)] == []


def test_recognises_those_that_uap_core_calls_bots_or_crawlers() -> None:
    word = re.compile(r"bot\b|crawler|spider", re.IGNORECASE)
    named = [user_agent for family, user_agent in read_cases("ua") if word.search(family)]
    missed = [user_agent for user_agent in named if not is_declared_bot(user_agent)]

    assert len(named) > 500
    assert missed == []


@pytest.mark.parametrize(("kind", "at_least"), [("ua", 480), ("os", 450), ("device", 15_000)])
def test_takes_no_browser_of_people_for_a_program(kind: str, at_least: int) -> None:
    people = [text for family, text in read_cases(kind) if is_of_people(kind, family, text)]
    taken = [user_agent for user_agent in people if is_declared_bot(user_agent)]

    assert len(people) >= at_least
    assert taken == []
