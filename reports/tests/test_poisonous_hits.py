"""Every page comes, whatever hits were accepted and whatever its address says."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import pytest
from django.test import Client
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from reports.tests.pages import BREAKDOWNS, KINDS, Page
from sites.models import Site
from visits.models import Event, Visit
from visits.tests.hits import CHROME, Sender

# Hits

#: Everything that JSON in UTF-8 can hold.
TEXT: Final = st.text(st.characters(codec="utf-8"), max_size=40)
#: Much of it, as part of an address.
PART: Final = TEXT.map(quote) | TEXT | st.sampled_from(["%00", "%ED%A0%80", "%FF", "..", "//", "%"])
SCALAR: Final = TEXT | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(width=32)
HOST: Final = st.sampled_from(
    ["example.com", "[::1]", "bücher.example", "a" * 300, "-", "\u0130.tr"]
)


@st.composite
def hits(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the fields of a hit that is odd, and is accepted more often than not."""
    query = "&".join(
        f"{name}={draw(PART)}"
        for name in draw(
            st.lists(st.sampled_from(["utm_source", "utm_campaign", "utm_medium", "ref", "gclid"]))
        )
    )
    optional = {
        "t": TEXT,
        "r": st.builds("https://{}/{}".format, HOST, PART) | TEXT,
        "p": st.dictionaries(TEXT, SCALAR, max_size=3),
        "$": st.fixed_dictionaries(
            {
                "currency": st.sampled_from(["EUR", "JPY", "KWD"]),
                "amount": st.decimals(allow_nan=False, allow_infinity=False).map(str),
            }
        ),
        "i": st.booleans(),
        "h": st.sampled_from([0, 1]),
        "w": st.integers(0, 100_000),
        "l": TEXT,
        "tz": TEXT | st.sampled_from(["Europe/Vienna", "Asia/Kathmandu"]),
    }
    chosen = draw(st.sets(st.sampled_from([*optional])))
    fields = {name: draw(optional[name]) for name in sorted(chosen)}
    fields["n"] = draw(st.sampled_from(["pageview", "pageview", "engagement"]) | TEXT)
    fields["u"] = f"https://{draw(HOST)}/{draw(PART)}?{query}#{draw(PART)}"
    if fields["n"] == "engagement":
        fields |= {"e": draw(st.integers(0, 86_400_000)), "sd": draw(st.integers(0, 100))}
    return fields


#: Every page that shows something of the site's hits; those of one visit or event come beside it.
PAGES: Final = (
    *(address for address in KINDS.values() if "{visit}" not in address),
    *BREAKDOWNS,
    "/reports/",
    "/admin/",
    "/admin/sites/site/",
    "/admin/visits/visit/",
    "/admin/visits/event/",
)


def assert_is_shown(client: Client, address: str) -> None:
    """Fail unless the page comes, whole, and can be read."""
    answer = client.get(address)
    assert answer.status_code == 200, address
    assert Page.of(answer).html.rstrip().endswith("</html>")


@settings(
    max_examples=2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(hits(), min_size=20, max_size=30), st.sampled_from(["UTC", "Asia/Kathmandu"]))
def test_every_page_shows_every_hit_that_was_accepted(
    site: Site, send: Sender, staff: Client, sent: list[dict[str, Any]], zone: str
) -> None:
    Visit.objects.all().delete()
    Site.objects.filter(pk=site.pk).update(timezone=zone, address_kept=Site.AddressKept.WHOLE)
    for number, fields in enumerate(sent):
        answer = send(
            **fields,
            address=f"2001:db8::{number // 2}",
            user_agent=CHROME.replace("Windows", str(fields.get("t", ""))[:20].encode().hex()),
        )
        assert answer.status_code in {202, 400}
    event(f"{Event.objects.count() * 10 // len(sent)} of ten accepted")

    for address in PAGES:
        assert_is_shown(staff, address)
    assert_is_shown(staff, f"/admin/sites/site/{site.pk}/change/")
    for visit in Visit.objects.order_by("pk")[:8]:
        assert_is_shown(staff, KINDS["visit"].format(visit=visit.pk))
        assert_is_shown(staff, f"/admin/visits/visit/{visit.pk}/change/")
    for pk in Event.objects.order_by("pk").values_list("pk", flat=True)[:8]:
        assert_is_shown(staff, f"/admin/visits/event/{pk}/change/")


# Addresses of pages

INSTANTS: Final = [
    "0001-01-01",
    "0000-00-00",
    "-0001-01-01",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31",
    "9999-12-31T23:59:59-14:00",
    "10000-01-01",
    "1999-12-31",
    "2100-01-01",
    "2026-02-30",
    "2026-W10-2",
    "20260310",
    "9" * 5000,
    "-" + "9" * 5000,
    str(2**63),
    str(-(2**63)),
    "1e308",
    "NaN",
    "\u0662\u0660\u0662\u0666-03-10\u200e",
]


@pytest.mark.parametrize("instant", INSTANTS, ids=lambda text: ascii(text)[1:30])
@pytest.mark.parametrize("kind", ["overview", "engagement", "breakdown"])
def test_a_day_that_no_report_reaches_is_told(kind: str, instant: str, member: Client) -> None:
    days = quote(instant)
    for first, last in ((days, days), (days, "2026-03-10"), ("2026-03-10", days)):
        query = f"from={first}&to={last}"
        answer = member.get(f"{KINDS[kind]}?{query}")

        assert answer.status_code == 400, query
        assert Page.of(answer).headings == ["This address is not right"]
