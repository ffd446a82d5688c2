"""Every change on pages leaves its entry in the trail, which nobody changes."""

from __future__ import annotations

from typing import Final

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.test import Client

from reports.models import Goal, ShareLink
from sites.models import Invitation, Membership, Site

SITE: Final = "/reports/example.com/"
TRAIL: Final = "/admin/admin/logentry/"


@pytest.fixture
def owner(member: Client) -> Client:
    """Ada, who owns example.com."""
    Membership.objects.update(role=Membership.Role.OWNER)
    return member


def trail() -> list[tuple[str, str, str, str]]:
    """Return who did what to which thing, and what it was, in order."""
    return [
        (entry.user.get_username(), entry.get_action_flag_display(), entry.object_repr, str(entry))
        for entry in LogEntry.objects.select_related("user").order_by("pk")
    ]


def test_each_change_on_a_page_is_noted(owner: Client, site: Site) -> None:
    bob = get_user_model().objects.create_user("bob")
    owner.post(f"{SITE}goals/", {"name": "Buys", "kind": "event", "event": "Purchase"})
    owner.post(f"{SITE}goals/{Goal.objects.get().pk}/remove/")
    owner.post(f"{SITE}sharing/", {"name": "board", "pages": ["overview"], "theme": "auto"})
    owner.post(f"{SITE}sharing/{ShareLink.objects.get().pk}/revoke/")
    owner.post(f"{SITE}people/", {"note": "Eve", "role": "viewer"})
    owner.post(f"{SITE}people/invitations/{Invitation.objects.get().pk}/remove/")
    member = Membership.objects.create(site=site, user=bob)
    owner.post(f"{SITE}people/{member.pk}/change/", {"role": "editor"})
    owner.post(f"{SITE}people/{member.pk}/change/", {"remove": "yes"})

    assert [entry[:3] for entry in trail()] == [
        ("ada", "Addition", "Buys"),
        ("ada", "Deletion", "Buys"),
        ("ada", "Addition", "board"),
        ("ada", "Change", "board"),
        ("ada", "Addition", "Eve"),
        ("ada", "Deletion", "Eve"),
        ("ada", "Change", "bob sees example.com"),
        ("ada", "Deletion", "bob sees example.com"),
    ]


def test_who_takes_an_invitation_up_is_noted(owner: Client, outsider: Client) -> None:
    address = owner.post(f"{SITE}people/", {"note": "Eve", "role": "viewer"}).text
    token = address.partition("/invitations/")[2].partition("/")[0]

    outsider.post(f"/invitations/{token}/")

    assert trail()[-1][:3] == ("eve", "Change", "Eve")
    assert token not in str(LogEntry.objects.values())


def test_staff_see_the_trail_and_nobody_changes_it(owner: Client, staff: Client) -> None:
    owner.post(f"{SITE}goals/", {"name": "Buys", "kind": "event", "event": "Purchase"})
    entry = LogEntry.objects.get()

    page = staff.get(TRAIL).text
    assert "Buys" in page
    assert "On example.com." in page
    assert staff.get(f"{TRAIL}?q=ada").status_code == 200
    assert staff.post(f"{TRAIL}{entry.pk}/change/", {"object_repr": "x"}).status_code == 403
    assert staff.post(f"{TRAIL}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert LogEntry.objects.get().object_repr == "Buys"
