"""Members of a site: invited by their owners, given roles, and sent away."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client
from pytest_django import Settings

from reports.tests.pages import Page
from sites.models import GroupMembership, Invitation, Membership, Site
from sites.services import INVITATION_LIFE, accept, find_invitation, invite
from visits.tests.hits import NOON

PEOPLE: Final = "/reports/example.com/people/"
ACCOUNT: Final = {
    "username": "bob",
    "password1": "spade-and-fork-7",
    "password2": "spade-and-fork-7",
}

Role = Membership.Role


@pytest.fixture
def owner(member: Client) -> Client:
    """Ada, who owns example.com."""
    Membership.objects.update(role=Role.OWNER)
    return member


def invited(owner: Client, role: str = "viewer") -> str:
    """Return the address of a new invitation."""
    answer = owner.post(PEOPLE, {"note": "Bob", "role": role})
    assert answer["Cache-Control"] == "no-store"
    found = re.search(r"http://testserver(/invitations/[\w-]{43}/)", answer.text)
    assert found is not None
    return found[1]


def role_of(name: str) -> str | None:
    """Return the role that somebody has on example.com."""
    rows = Membership.objects.filter(site__domain="example.com", user__username=name)
    return rows.values_list("role", flat=True).first()


def test_who_is_invited_makes_an_account_and_sees_that_site_alone(
    owner: Client, other_site: Site
) -> None:
    address, stranger = invited(owner), Client()
    assert "See the reports of example.com" in stranger.get(address).text

    answer = stranger.post(address, ACCOUNT)

    assert (answer.status_code, answer["Location"]) == (302, "/reports/example.com/")
    assert role_of("bob") == "viewer"
    assert stranger.get("/reports/example.com/").status_code == 200
    assert stranger.get("/reports/other.example/").status_code == 404
    bob = get_user_model().objects.get(username="bob")
    assert not bob.is_staff
    assert not bob.is_superuser


def test_an_invitation_goes_by_mail_and_the_account_has_the_address(
    owner: Client, settings: Settings
) -> None:
    settings.SENDS_MAIL = True

    shown = owner.post(PEOPLE, {"note": "Bob", "role": "viewer", "email": "bob@example.net"})
    letter = mail.outbox[0]
    path = re.search(r"http://testserver(/invitations/\S+/)", f"{letter.body}")
    assert path is not None
    Client().post(path[1], ACCOUNT)

    assert letter.to == ["bob@example.net"]
    assert letter.subject == "See the reports of example.com"
    assert "It was sent to bob@example.net" in shown.text
    assert get_user_model().objects.get(username="bob").email == "bob@example.net"


def test_a_letter_that_does_not_leave_is_said(
    owner: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SENDS_MAIL = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1  # nobody listens there

    shown = owner.post(PEOPLE, {"note": "Bob", "role": "viewer", "email": "bob@example.net"})

    assert shown.status_code == 200
    assert "could not be sent to bob@example.net" in shown.text
    assert "/invitations/" in shown.text


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host"])
def test_an_invitation_names_no_host_that_the_request_chose(
    header: str, owner: Client, settings: Settings
) -> None:
    settings.SENDS_MAIL = True
    fields = {"note": "Bob", "role": "viewer", "email": "bob@example.net"}

    owner.post(PEOPLE, fields, headers={header: "evil.example"})

    assert all("evil.example" not in letter.body for letter in mail.outbox)


def test_where_no_mail_is_sent_none_is_asked_for(owner: Client) -> None:
    owner.post(PEOPLE, {"note": "Bob", "role": "viewer", "email": "bob@example.net"})

    assert not mail.outbox
    assert 'name="email"' not in owner.get(PEOPLE).text


@pytest.mark.parametrize(
    ("own", "of_groups", "expected"),
    [
        (None, [], None),
        (None, ["viewer"], "viewer"),
        (None, ["viewer", "owner"], "owner"),
        ("editor", ["viewer"], "editor"),
        ("viewer", ["editor"], "editor"),
    ],
)
def test_who_is_in_a_group_has_its_role_or_the_greater_own(
    own: str | None, of_groups: list[str], expected: str | None, site: Site, outsider: Client
) -> None:
    eve = get_user_model().objects.get(username="eve")
    if own:
        Membership.objects.create(site=site, user=eve, role=own)
    for role in of_groups:
        group = Group.objects.create(name=role)
        eve.groups.add(group)
        GroupMembership.objects.create(site=site, group=group, role=role)

    pages = ["/reports/example.com/", "/reports/example.com/goals/", PEOPLE]
    answers = [
        outsider.get(pages[0]).status_code,
        outsider.post(pages[1], {}).status_code,
        outsider.get(pages[2]).status_code,
    ]

    level = ["viewer", "editor", "owner"].index(expected) if expected else -1
    assert answers == [
        200 if level >= 0 else 404,
        400 if level >= 1 else 404,
        200 if level >= 2 else 404,
    ]
    visible = Site.objects.visible_to(eve).filter(domain="example.com").count()
    assert visible == (1 if expected else 0)


def test_who_has_an_account_joins_with_it(owner: Client, outsider: Client) -> None:
    address = invited(owner, "editor")
    assert "Join as eve" in outsider.get(address).text

    outsider.post(address)

    assert role_of("eve") == "editor"


def test_an_invitation_is_good_once(owner: Client, outsider: Client) -> None:
    address = invited(owner)
    assert Client().post(address, ACCOUNT).status_code == 302

    assert outsider.get(address).status_code == 404
    assert outsider.post(address).status_code == 404
    assert role_of("eve") is None


def test_of_two_at_one_instant_one_gets_in(site: Site, owner: Client, outsider: Client) -> None:
    users = get_user_model().objects
    ada, eve = users.get(username="ada"), users.get(username="eve")
    _, token = invite(site=site, by=ada, role=Role.VIEWER, note="Bob")
    first, second = find_invitation(token), find_invitation(token)
    assert first is not None
    assert second is not None

    assert accept(first, ada)
    assert not accept(second, eve)
    assert role_of("eve") is None


def test_an_invitation_lasts_a_week(owner: Client) -> None:
    address = invited(owner)

    with time_machine.travel(NOON + INVITATION_LIFE - timedelta(seconds=1), tick=False):
        assert Client().get(address).status_code == 200
    with time_machine.travel(NOON + INVITATION_LIFE, tick=False):
        assert Client().get(address).status_code == 404


def test_one_that_is_taken_back_is_not_there(owner: Client) -> None:
    address = invited(owner)
    pk = Invitation.objects.get().pk

    assert owner.post(f"{PEOPLE}invitations/{pk}/remove/").status_code == 302

    assert Client().get(address).status_code == 404


def test_its_token_is_kept_nowhere(owner: Client) -> None:
    token = invited(owner).split("/")[2]

    assert token not in owner.get(PEOPLE).text
    assert token not in str(Invitation.objects.values())
    answer = Client().get(f"/invitations/{token}/")
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cache-Control"] == "no-store"


def test_a_member_keeps_the_greater_role(owner: Client) -> None:
    owner.post(invited(owner))

    assert role_of("ada") == "owner"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"username": "ada"}, "already exists"),
        ({"password2": "other"}, "match"),
        ({"password1": "1", "password2": "1"}, "too short"),
        ({"username": ""}, "This field is required."),
    ],
)
def test_an_account_that_is_none_takes_nothing_up(
    owner: Client, fields: dict[str, str], says: str
) -> None:
    answer = Client().post(invited(owner), ACCOUNT | fields)

    assert answer.status_code == 400
    assert says in Page.of(answer).text
    assert Invitation.objects.get().accepted_at is None
    assert role_of("bob") is None


def test_an_owner_changes_roles_and_sends_members_away(owner: Client, site: Site) -> None:
    bob = get_user_model().objects.create_user("bob")
    membership = Membership.objects.create(site=site, user=bob)
    address = f"{PEOPLE}{membership.pk}/change/"
    assert "bob" in owner.get(PEOPLE).text

    assert owner.post(address, {"role": "editor"}).status_code == 302
    assert role_of("bob") == "editor"
    assert owner.post(address, {"role": "king"}).status_code == 400
    assert owner.post(address, {"remove": "yes"}).status_code == 302
    assert role_of("bob") is None
    assert owner.post(address, {"role": "editor"}).status_code == 404


def test_who_steps_back_is_led_where_they_may_be(owner: Client) -> None:
    address = f"{PEOPLE}{Membership.objects.get().pk}/change/"

    assert owner.post(address, {"role": "owner"})["Location"] == PEOPLE
    assert owner.post(address, {"role": "viewer"})["Location"] == "/reports/"
    assert owner.get(PEOPLE).status_code == 404


def test_a_site_is_handed_over_where_its_domain_is_typed(owner: Client, site: Site) -> None:
    for name, role in (("bob", Role.VIEWER), ("cem", Role.OWNER), ("dan", Role.VIEWER)):
        Membership.objects.create(
            site=site, user=get_user_model().objects.create_user(name), role=role
        )
    bob = Membership.objects.get(user__username="bob")

    wrong = owner.post(f"{PEOPLE}hand-over/", {"member": bob.pk, "typed": "other.example"})
    right = owner.post(f"{PEOPLE}hand-over/", {"member": bob.pk, "typed": "Example.com"})

    assert (wrong.status_code, right["Location"]) == (400, "/reports/example.com/")
    assert "Type example.com to be sure." in wrong.text
    roles = {name: role_of(name) for name in ("ada", "bob", "cem", "dan")}
    assert roles == {"ada": "editor", "bob": "owner", "cem": "editor", "dan": "viewer"}
    assert owner.get(PEOPLE).status_code == 404
    said = {entry.get_change_message() for entry in LogEntry.objects.all()}
    assert said == {"Is owner now: the site was handed over.", "Is editor now."}


def test_a_site_is_handed_to_its_members_alone(
    owner: Client, other_site: Site, outsider: Client
) -> None:
    eve = Membership.objects.get(user__username="eve")

    answer = owner.post(f"{PEOPLE}hand-over/", {"member": eve.pk, "typed": "example.com"})

    assert answer.status_code == 400
    assert role_of("ada") == "owner"


def test_members_of_another_site_are_not_changed(owner: Client, outsider: Client) -> None:
    other = Membership.objects.get(user__username="eve")

    assert owner.post(f"{PEOPLE}{other.pk}/change/", {"role": "owner"}).status_code == 404
    assert Membership.objects.get(pk=other.pk).role == "viewer"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_only_owners_see_and_change_people(member: Client, role: Role) -> None:
    Membership.objects.update(role=role)
    own = f"{PEOPLE}{Membership.objects.get().pk}/change/"

    assert member.get(PEOPLE).status_code == 404
    assert member.post(PEOPLE, {"note": "x", "role": "owner"}).status_code == 404
    assert member.post(own, {"role": "owner"}).status_code == 404
    assert "People" not in member.get("/reports/example.com/").text
