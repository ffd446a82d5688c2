"""People in the admin, with the sites that they see."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from reports.tests.pages import Page
from sites.models import GroupMembership, Membership, Site
from sites.services import add_site


@pytest.fixture
def staff(db: None) -> Client:
    """Somebody who may everything."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def form_of(answer: Any) -> dict[str, Any]:
    """Return what the page's form sends when nothing is changed."""
    form = answer.context["adminform"].form
    fields = {name: form[name].value() for name in form.fields if name != "password"}
    sent = {name: value for name, value in fields.items() if value not in (None, False, "")}
    for formset in answer.context["inline_admin_formsets"]:
        for part in [formset.formset.management_form, *formset.formset.forms]:
            for field in part:
                value = field.value()
                sent[field.html_name] = "" if value is None else value
    return {name: list(value) if hasattr(value, "all") else value for name, value in sent.items()}


def test_the_list_says_which_sites_people_see(staff: Client, site: Site) -> None:
    ada, bob = User.objects.create_user("ada"), User.objects.create_user("bob")
    for number in range(4):
        add_site(domain=f"{number}.example").members.add(ada)
    site.members.add(bob)

    rows = Page.of(staff.get("/admin/auth/user/")).admin_list

    assert {row[0]: row[-1] for row in rows} == {
        "ada": "0.example, 1.example, 2.example and 1 more",
        "bob": "example.com",
        "root": "all",
    }


def test_a_person_is_made_a_member_on_their_page(staff: Client, site: Site) -> None:
    ada = User.objects.create_user("ada")
    address = f"/admin/auth/user/{ada.pk}/change/"
    sent = form_of(staff.get(address)) | {
        "memberships-TOTAL_FORMS": "1",
        "memberships-0-site": f"{site.pk}",
        "memberships-0-user": f"{ada.pk}",
        "memberships-0-role": "owner",
        "date_joined_0": "2026-03-10",
        "date_joined_1": "12:00:00",
    }

    answer = staff.post(address, sent)

    assert answer.status_code == 302, answer.context["errors"]
    assert Membership.objects.get().role == "owner"


def test_a_group_is_given_sites_on_its_page(staff: Client, site: Site) -> None:
    group = Group.objects.create(name="sales")
    address = f"/admin/auth/group/{group.pk}/change/"
    sent = form_of(staff.get(address)) | {
        "site_memberships-TOTAL_FORMS": "1",
        "site_memberships-0-site": f"{site.pk}",
        "site_memberships-0-group": f"{group.pk}",
        "site_memberships-0-role": "viewer",
    }

    answer = staff.post(address, sent)

    assert answer.status_code == 302, answer.context["errors"]
    assert GroupMembership.objects.get().group == group


def test_a_new_person_is_asked_for_name_and_password_alone(staff: Client) -> None:
    page = staff.get("/admin/auth/user/add/")

    assert page.status_code == 200
    assert page.context["inline_admin_formsets"] == []
