"""API keys in the admin: shown once, recognised later, revoked, and nobody else's business."""

from __future__ import annotations

import html
import logging
import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sites.keys import REPLACED_FOR, _known, find_key, make_key
from sites.models import ApiKey, Site

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

KEYS: Final = "/admin/sites/apikey/"
ADD: Final = f"{KEYS}add/"
ADMIN: Final = "/admin/"
HOSTILE: Final = '"><script>alert(1)</script>{{ 7|add:7 }}'


def sign_in(name: str, *permissions: str, is_superuser: bool = False) -> Client:
    """Return a client of somebody who may enter the admin and, with API keys, do these things."""
    user = User.objects.create_user(name, is_staff=True, is_superuser=is_superuser)
    names = [f"{permission}_apikey" for permission in permissions]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def staff(db: None) -> Client:
    """Somebody who may do everything."""
    return sign_in("root", is_superuser=True)


def fill(*sites: Site, **fields: str) -> dict[str, object]:
    """Return the form of a key that may send, filled in; an empty field is a box left empty."""
    form = {"name": "shop server", "can_send": "on"} | fields
    return {"sites": [site.pk for site in sites], **{k: v for k, v in form.items() if v}}


def make(*sites: Site, name: str = "shop server", can_read: bool = False) -> tuple[ApiKey, str]:
    """Return a key that may send, and its row."""
    return make_key(name=name, sites=sites, can_send=True, can_read=can_read)


def shown_key(answer: Answer) -> str:
    """Return the key that a page shows to be copied."""
    (key,) = re.findall(r'<input id="made-key" value="(.*?)" readonly', answer.content.decode())
    return str(key)


def text_of(answer: Answer) -> str:
    """Return what a page says, without its elements."""
    said = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", answer.content.decode())
    return " ".join(html.unescape(said).split())


def listed(answer: Answer) -> list[list[str]]:
    """Return the rows of the list of keys, a truth value as the name of its picture."""
    page = answer.content.decode()
    body = re.search(r'(?s)id="result_list".*?<tbody>(.*?)</tbody>', page)
    rows = re.findall(r"(?s)<tr>(.*?)</tr>", body[1]) if body else []
    return [
        [
            " ".join(re.sub(r'<img [^>]*alt="(\w+)">|<[^>]*>', r"\1", cell).split())
            for cell in re.findall(r'(?s)<t[hd] class="field-.*?">(.*?)</t[hd]>', row)
        ]
        for row in rows
    ]


# Making


def test_a_new_key_is_shown_and_works(site: Site, other_site: Site, staff: Client) -> None:
    answer = staff.post(ADD, fill(site))

    row = ApiKey.objects.get()
    found = find_key(shown_key(answer))
    assert answer.status_code == 200
    assert found == row
    assert found.allows(site)
    assert not found.allows(other_site)
    assert (row.name, row.can_send, row.can_read, row.all_sites) == (
        "shop server",
        True,
        False,
        False,
    )
    assert row.created_by == User.objects.get(username="root")
    assert "no-store" in answer["Cache-Control"]


def test_a_new_key_is_shown_once(site: Site, staff: Client) -> None:
    key = shown_key(staff.post(ADD, fill(site)))
    row = ApiKey.objects.get()

    pages = [
        KEYS,
        f"{KEYS}?q={row.prefix}",
        f"{KEYS}{row.pk}/change/",
        f"{KEYS}{row.pk}/history/",
        f"{KEYS}{row.pk}/delete/",
        ADD,
        ADMIN,
        "/admin/sites/",
        f"/admin/sites/site/{site.pk}/change/",
    ]
    for page in pages:
        answer = staff.get(page)
        assert answer.status_code == 200, page
        # Not the key, no more of it than its first characters, and nothing of its hash.
        assert key[:9] not in answer.content.decode(), page
        assert key[9:20] not in answer.content.decode(), page
        assert row.key_hash[:12] not in answer.content.decode(), page


def test_nothing_keeps_the_key(site: Site, staff: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = staff.post(ADD, fill(site))
    key = shown_key(answer)

    held = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            held += [str(value) for row in cursor.fetchall() for value in row]
    held += [str(session.get_decoded()) for session in Session.objects.all()]
    held += [morsel.value for morsel in staff.cookies.values()]
    held += [*answer.headers.values(), caplog.text, repr(answer), repr(answer.wsgi_request)]
    assert ApiKey.objects.get().key_hash in held
    assert not [text for text in held if key[4:] in text]


def test_the_log_of_changes_names_the_key_and_no_part_of_it(site: Site, staff: Client) -> None:
    key = shown_key(staff.post(ADD, fill(site)))
    row = ApiKey.objects.get()
    staff.post(f"{KEYS}{row.pk}/change/", fill(site, name="shop"))
    staff.post(KEYS, {"action": "revoke", "_selected_action": str(row.pk)})
    staff.post(f"{KEYS}{row.pk}/delete/", {"post": "yes"})

    entries = LogEntry.objects.order_by("pk")

    assert [entry.object_repr for entry in entries] == ["shop server", "shop", "shop", "shop"]
    for entry in entries:
        said = f"{entry.object_repr} {entry.change_message} {entry}"
        assert key[4:8] not in said
        assert row.key_hash[:8] not in said


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"can_send": ""}, "Let the key send, read, or both."),
        ({"name": ""}, "This field is required."),
        ({"name": "x" * 101}, "Ensure this value has at most 100 characters"),
        ({"name": "a\0b"}, "Null characters are not allowed."),
        ({"all_sites": "on"}, "Choose sites, all sites, or those of a person: not all and some."),
    ],
)
def test_a_key_of_no_use_is_refused_with_a_sentence(
    fields: dict[str, str], sentence: str, site: Site, staff: Client
) -> None:
    answer = staff.post(ADD, fill(site, **fields))

    assert answer.status_code == 200
    assert sentence in text_of(answer)
    assert "tsk_" not in answer.content.decode()
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("sites", "sentence"),
    [
        ([], "Choose at least one site, all sites, or a person."),
        ([999], "Select a valid choice. 999 is not one of the available choices."),
    ],
)
def test_a_key_without_a_site_is_refused_with_one_sentence(
    sites: list[int], sentence: str, staff: Client
) -> None:
    answer = staff.post(ADD, fill() | {"sites": sites})

    (errors,) = re.findall(r'(?s)<ul class="errorlist".*?</ul>', answer.content.decode())
    assert sentence in html.unescape(errors)
    assert not ApiKey.objects.exists()


def test_a_key_for_all_sites_needs_none(site: Site, staff: Client) -> None:
    found = find_key(shown_key(staff.post(ADD, fill(all_sites="on"))))

    assert found is not None
    assert found.allows(site)


@pytest.mark.parametrize("button", ["_save", "_addanother", "_continue", "_popup", "_saveasnew"])
def test_the_key_is_shown_whatever_button_was_pressed(
    button: str, site: Site, staff: Client
) -> None:
    assert find_key(shown_key(staff.post(ADD, fill(site, **{button: "1"}))))


def test_what_is_sent_for_the_key_itself_does_not_count(site: Site, staff: Client) -> None:
    sent = {"key_hash": "0" * 64, "prefix": "tsk_0000", "revoked_at": "2026-01-01"}

    key = shown_key(staff.post(ADD, fill(site, **sent)))

    row = ApiKey.objects.get()
    assert find_key(key) == row
    assert row.prefix == key[:8]
    assert row.revoked_at is None


@pytest.mark.parametrize("path", [ADD, f"{KEYS}{{pk}}/change/"])
def test_a_form_has_no_field_for_the_key(path: str, site: Site, staff: Client) -> None:
    row, _ = make(site)

    page = staff.get(path.format(pk=row.pk)).content.decode()

    names = set(re.findall(r'name="(\w+)"', page))
    assert {"name", "sites", "all_sites", "person", "can_send", "can_read"} <= names
    assert not names & {"key_hash", "prefix", "revoked_at", "last_used_on", "created_by"}


# Looking


def test_the_list_says_what_each_key_is_good_for(
    site: Site, other_site: Site, staff: Client
) -> None:
    shop, _ = make(site, other_site)
    reader, _ = make_key(name="reader", all_sites=True, can_read=True)
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    ApiKey.objects.update(created_at=noon)
    ApiKey.objects.filter(pk=shop.pk).update(last_used_on=date(2026, 3, 12))
    ApiKey.objects.filter(pk=reader.pk).update(revoked_at=noon + timedelta(days=1))

    rows = listed(staff.get(KEYS))

    start = ["reader", f"{reader.prefix}…", "revoked 2026-03-11", "all sites"]
    assert rows[0] == [*start, "False", "True", "2026-03-10", "never"]
    start = ["shop server", f"{shop.prefix}…", "in use", "example.com, other.example"]
    assert rows[1] == [*start, "True", "False", "2026-03-10", "2026-03-12"]
    assert len(rows) == 2


def test_a_key_can_be_for_the_sites_of_a_person(site: Site, staff: Client) -> None:
    ada = User.objects.create_user("ada")
    site.members.add(ada)

    key = shown_key(staff.post(ADD, fill(person=str(ada.pk))))

    found = find_key(key)
    assert found is not None
    assert found.allows(site)
    assert listed(staff.get(KEYS))[0][3] == "those of ada"


def test_a_keys_page_tells_what_happened_to_it(site: Site, staff: Client) -> None:
    row, _ = make(site)
    ApiKey.objects.filter(pk=row.pk).update(created_at=datetime(2026, 3, 10, 12, tzinfo=UTC))

    said = text_of(staff.get(f"{KEYS}{row.pk}/change/"))

    assert f"Key: {row.prefix}…" in said
    assert "Created: March 10, 2026, noon" in said
    assert "Last used: never" in said
    assert "State: in use" in said


def test_the_list_names_the_first_of_many_sites(staff: Client) -> None:
    make(*[Site.objects.create(domain=f"{letter}.example") for letter in "abcde"])

    assert listed(staff.get(KEYS))[0][3] == "a.example, b.example, c.example and 2 more"


def test_the_list_tells_a_key_that_has_lost_its_sites(site: Site, staff: Client) -> None:
    make(site)
    site.delete()

    assert listed(staff.get(KEYS))[0][3] == "none"


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("SHOP", ["shop server"]),
        ("report", ["reports"]),
        ("{prefix}", ["shop server"]),
        ("{prefix}…", ["shop server"]),
        ("nothing", []),
        ("{hash}", []),
        ("{key}", []),
    ],
)
def test_keys_are_found_by_name_and_by_their_first_characters(
    search: str, found: list[str], site: Site, staff: Client
) -> None:
    row, key = make(site)
    reports, _ = make(site, name="reports")
    ApiKey.objects.filter(pk=reports.pk).update(prefix="tsk_zzzz")

    terms = search.format(prefix=row.prefix, hash=row.key_hash, key=key)

    assert [each[0] for each in listed(staff.get(KEYS, {"q": terms}))] == found


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({"state": "in-use"}, ["both", "sender"]),
        ({"state": "revoked"}, ["old"]),
        ({"state": "nonsense"}, ["old", "both", "sender"]),
        ({"can_read__exact": "1"}, ["both"]),
        ({"all_sites__exact": "1"}, []),
    ],
)
def test_the_list_is_filtered(
    chosen: dict[str, str], found: list[str], site: Site, staff: Client
) -> None:
    make(site, name="sender")
    make(site, name="both", can_read=True)
    old, _ = make(site, name="old")
    staff.post(KEYS, {"action": "revoke", "_selected_action": str(old.pk)})

    assert [row[0] for row in listed(staff.get(KEYS, chosen))] == found


@pytest.mark.parametrize("lookup", ["key_hash", "key_hash__startswith", "key_hash__gt"])
def test_no_address_asks_for_a_hash_letter_by_letter(
    lookup: str, site: Site, staff: Client
) -> None:
    row, _ = make(site)

    assert staff.get(KEYS, {lookup: row.key_hash[:1]}).status_code == 400


@pytest.mark.parametrize("path", [KEYS, f"{KEYS}{{pk}}/change/"])
def test_a_page_asks_no_more_for_more_keys_and_sites(path: str, site: Site, staff: Client) -> None:
    row, _ = make(site)
    address = path.format(pk=row.pk)
    staff.get(address)
    with CaptureQueriesContext(connection) as few:
        staff.get(address)
    sites = [Site.objects.create(domain=f"{number}.example") for number in range(20)]
    for number in range(20):
        make(*sites, name=str(number))
    row.sites.set(sites)

    with CaptureQueriesContext(connection) as many:
        assert staff.get(address).status_code == 200

    assert len(many) == len(few)


def test_a_name_is_text_on_every_page(site: Site, staff: Client) -> None:
    pages = [staff.post(ADD, fill(site, name=HOSTILE))]
    row = ApiKey.objects.get()
    own = (f"{KEYS}{row.pk}/{page}/" for page in ("change", "history", "delete"))
    pages += [staff.get(address) for address in (KEYS, *own)]
    chosen = {"action": "delete_selected", "_selected_action": str(row.pk)}
    pages += [staff.post(KEYS, chosen), staff.get(ADMIN)]

    for number, page in enumerate(pages):
        assert "<script>alert" not in page.content.decode(), number
        assert HOSTILE in html.unescape(page.content.decode()), number


def test_the_page_of_a_new_key_holds_nothing_that_the_policy_blocks(
    site: Site, staff: Client
) -> None:
    answer = staff.post(ADD, fill(site))

    page = answer.content.decode()
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script>", page)


# Changing


def test_name_sites_and_rights_can_be_changed_and_the_key_stays(
    site: Site, other_site: Site, staff: Client
) -> None:
    row, key = make(site)

    answer = staff.post(
        f"{KEYS}{row.pk}/change/", fill(other_site, name="shop", can_send="", can_read="on")
    )

    found = find_key(key)
    assert (answer.status_code, answer["Location"]) == (302, KEYS)
    assert found is not None
    assert (found.name, found.can_send, found.can_read) == ("shop", False, True)
    assert (found.allows(site), found.allows(other_site)) == (False, True)
    assert (found.key_hash, found.prefix) == (row.key_hash, row.prefix)


def test_a_key_cannot_be_changed_to_be_of_no_use(site: Site, staff: Client) -> None:
    row, key = make(site)

    for form in (fill(), fill(site, can_send="")):
        answer = staff.post(f"{KEYS}{row.pk}/change/", form)
        assert answer.status_code == 200

    found = find_key(key)
    assert found is not None
    assert found.can_send
    assert found.allows(site)


def test_changing_a_key_notes_no_other_maker(site: Site, staff: Client) -> None:
    row, _ = make(site)
    ada = User.objects.create_user("ada")
    ApiKey.objects.filter(pk=row.pk).update(created_by=ada)

    staff.post(f"{KEYS}{row.pk}/change/", fill(site, name="shop"))

    row.refresh_from_db()
    assert row.created_by == ada
    assert "ada" in text_of(staff.get(f"{KEYS}{row.pk}/change/"))


def test_a_key_outlives_who_made_it(site: Site, staff: Client) -> None:
    key = shown_key(staff.post(ADD, fill(site)))
    User.objects.all().delete()

    found = find_key(key)

    assert found is not None
    assert found.created_by is None


# Revoking and deleting


def test_revoked_keys_are_refused_at_once_and_stay_as_a_record(site: Site, staff: Client) -> None:
    (first, first_key), (second, second_key), (_, third_key) = (make(site) for _ in range(3))
    assert all(find_key(key) for key in (first_key, second_key, third_key))
    chosen = {"action": "revoke", "_selected_action": [str(first.pk), str(second.pk)]}

    answer = staff.post(KEYS, chosen, follow=True)

    assert [bool(find_key(key)) for key in (first_key, second_key, third_key)] == [
        False,
        False,
        True,
    ]
    assert "Keys revoked: 2." in text_of(answer)
    assert ApiKey.objects.count() == 3
    entries = LogEntry.objects.values_list("object_id", "change_message").order_by("object_id")
    assert sorted(entries) == sorted((str(row.pk), "Revoked.") for row in (first, second))


def test_revoking_twice_says_that_nothing_happened(site: Site, staff: Client) -> None:
    row, _ = make(site)
    chosen = {"action": "revoke", "_selected_action": str(row.pk)}
    staff.post(KEYS, chosen)
    revoked_at = ApiKey.objects.get().revoked_at

    answer = staff.post(KEYS, chosen, follow=True)

    assert "Keys revoked: 0." in text_of(answer)
    assert ApiKey.objects.get().revoked_at == revoked_at
    assert LogEntry.objects.count() == 1


def test_saving_a_revoked_key_does_not_bring_it_back(site: Site, staff: Client) -> None:
    row, key = make(site)
    staff.post(KEYS, {"action": "revoke", "_selected_action": str(row.pk)})

    staff.post(f"{KEYS}{row.pk}/change/", fill(site, name="old shop", revoked_at=""))

    assert find_key(key) is None
    assert ApiKey.objects.get().name == "old shop"


def test_a_key_can_be_deleted(site: Site, staff: Client) -> None:
    row, key = make(site)
    address = f"{KEYS}{row.pk}/delete/"

    asked = staff.get(address)
    assert f"shop server ({row.prefix}…)" in text_of(asked)
    assert find_key(key)

    assert staff.post(address, {"post": "yes"}).status_code == 302
    assert find_key(key) is None
    assert not ApiKey.objects.exists()
    assert Site.objects.filter(pk=site.pk).exists()


def test_chosen_keys_are_deleted_together(site: Site, staff: Client) -> None:
    made = [make(site) for _ in range(2)]
    chosen = {
        "action": "delete_selected",
        "_selected_action": [str(row.pk) for row, _ in made],
        "post": "yes",
    }

    assert staff.post(KEYS, chosen).status_code == 302
    assert [find_key(key) for _, key in made] == [None, None]


# Who may

#: Address, and what is sent there, for each permission that it asks for.
DOORS: Final = {
    "view": (KEYS, None),
    "add": (ADD, {}),
    "change": (f"{KEYS}{{pk}}/change/", {"name": "mine"}),
    "delete": (f"{KEYS}{{pk}}/delete/", {"post": "yes"}),
}


@pytest.mark.parametrize("door", DOORS)
def test_staff_without_permission_are_refused(door: str, site: Site) -> None:
    row, key = make(site)
    address, form = DOORS[door]
    outsider = sign_in("eve")

    assert outsider.get(address.format(pk=row.pk)).status_code == 403
    assert outsider.post(address.format(pk=row.pk), form or {}).status_code == 403
    assert find_key(key) == row
    assert "API keys" not in text_of(outsider.get(ADMIN))


@pytest.mark.parametrize("door", ["add", "change", "delete"])
def test_who_may_view_keys_may_do_nothing_else(door: str, site: Site) -> None:
    row, key = make(site)
    address, form = DOORS[door]
    viewer = sign_in("vera", "view")

    assert listed(viewer.get(KEYS))[0][0] == "shop server"
    page = viewer.get(f"{KEYS}{row.pk}/change/").content.decode()
    assert row.key_hash not in page
    assert viewer.post(address.format(pk=row.pk), fill(site) | (form or {})).status_code == 403
    viewer.post(KEYS, {"action": "revoke", "_selected_action": str(row.pk)})
    assert find_key(key) == row
    assert ApiKey.objects.get().name == "shop server"


def test_who_may_only_add_keys_sees_the_one_that_they_made(site: Site) -> None:
    adder = sign_in("ada", "add")

    answer = adder.post(ADD, fill(site))

    assert find_key(shown_key(answer))
    assert KEYS not in re.findall(r'href="(.*?)"', answer.content.decode())
    assert adder.get(KEYS).status_code == 403


@pytest.mark.parametrize("path", [KEYS, ADD])
@pytest.mark.django_db
def test_others_are_sent_to_sign_in(path: str) -> None:
    member = Client()
    member.force_login(User.objects.create_user("mia"))

    for client in (Client(), member):
        answer = client.post(path, fill(can_read="on", all_sites="on"))
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")
    assert not ApiKey.objects.exists()


def test_another_sites_page_cannot_make_a_key(db: None) -> None:
    user = User.objects.create_superuser("root")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)

    assert client.post(ADD, fill(all_sites="on")).status_code == 403
    assert not ApiKey.objects.exists()


# Keys that end


def test_an_expired_key_is_refused_and_told_as_such(site: Site, staff: Client) -> None:
    row, key = make(site)
    ApiKey.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    _known.clear()
    assert find_key(key) is not None
    assert "in use until" in text_of(staff.get(KEYS))

    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        assert find_key(key) is None  # also while it is known from just before
        assert "expired" in text_of(staff.get(KEYS))
        assert listed(staff.get(KEYS, {"state": "in-use"})) == []
        assert len(listed(staff.get(KEYS, {"state": "revoked"}))) == 1
        row.refresh_from_db()
        assert not row.allows(site)


def replace(client: Client, *rows: ApiKey) -> Answer:
    """Ask for other keys in the place of these, and return the page that answers."""
    chosen = {"action": "replace", "_selected_action": [row.pk for row in rows]}
    return client.post(KEYS, chosen, follow=True)


def test_a_key_is_replaced_by_one_that_may_do_the_same(
    site: Site, other_site: Site, staff: Client
) -> None:
    old, old_key = make(site, other_site, can_read=True)

    key = shown_key(replace(staff, old))

    row = find_key(key)
    assert row is not None
    assert (row.name, row.can_send, row.can_read) == ("shop server", True, True)
    assert row.site_ids == {site.pk, other_site.pk}
    assert find_key(old_key) is not None
    with time_machine.travel(timezone.now() + REPLACED_FOR):
        assert find_key(old_key) is None
        assert find_key(key) is not None


def test_a_key_that_ends_sooner_is_not_kept_alive(site: Site, staff: Client) -> None:
    old, _ = make(site)
    soon = timezone.now() + timedelta(days=1)
    ApiKey.objects.update(expires_at=soon)

    replace(staff, old)

    assert ApiKey.objects.get(pk=old.pk).expires_at == soon


def test_one_key_that_is_in_use_is_replaced_and_no_other(site: Site, staff: Client) -> None:
    first, _ = make(site)
    second, _ = make(site)
    assert "Choose one key that is in use." in text_of(replace(staff, first, second))
    ApiKey.objects.filter(pk=first.pk).update(revoked_at=timezone.now())
    ApiKey.objects.filter(pk=second.pk).update(expires_at=timezone.now())
    for row in (first, second):
        assert "Choose one key that is in use." in text_of(replace(staff, row))

    assert ApiKey.objects.count() == 2


def test_who_may_not_add_keys_replaces_none(site: Site) -> None:
    old, _ = make(site)

    assert replace(sign_in("helper", "view", "change"), old).status_code == 403
    assert ApiKey.objects.get().expires_at is None
