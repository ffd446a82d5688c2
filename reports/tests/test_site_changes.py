"""What staff do to a site as a whole: its domain, its end, its settings as a file; test hits."""

from __future__ import annotations

import json
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, Final

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client

from reports.models import Goal, ShareLink, ShownProperty
from reports.site_settings import (
    SettingsFileError,
    apply_settings,
    read_settings,
    write_settings,
)
from reports.tests.pages import Page
from sites.models import Exclusion, Site
from sites.services import FORMER_FOR, change_domain
from visits.models import Event
from visits.tests.hits import CHROME, NOON, Sender

SITES: Final = "/admin/sites/site/"


def page_of(site: Site) -> str:
    """Return the address of the page."""
    return f"{SITES}{site.pk}/changes/"


def change(client: Client, site: Site, what: str, **fields: Any) -> Any:
    """Return the answer to a button of the page."""
    return client.post(page_of(site), {"what": what, **fields})


def test_another_domain_wants_the_old_one_typed(site: Site, staff: Client, send: Sender) -> None:
    for typed in ("", "example", "new.example"):
        assert change(staff, site, "domain", domain="new.example", typed=typed).status_code == 400
    answer = change(staff, site, "domain", domain="WWW.New.example", typed="example.com ")

    assert answer["Location"] == f"{SITES}{site.pk}/change/"
    site.refresh_from_db()
    assert site.domain == "new.example"
    assert "X-Tracking-Dropped" not in send(domain="example.com")
    assert "X-Tracking-Dropped" not in send(domain="new.example", url="https://new.example/")
    entry = LogEntry.objects.get()
    assert "The domain is new.example now; it was example.com." in entry.get_change_message()


def test_addresses_with_the_domain_before_lead_on_for_a_while(
    site: Site, member: Client, outsider: Client
) -> None:
    """Members alone: nobody else is told that a site has moved, or where to."""
    with time_machine.travel(NOON, tick=False) as clock:
        change_domain(site, "new.example")
        page = member.get("/reports/example.com/pageviews/page/?period=7d&f=is%2Cpage%2C%2F")
        answers = [
            member.get("/reports/example.com/"),
            outsider.get("/reports/example.com/"),
            Client().get("/reports/example.com/"),
            member.post("/reports/example.com/goals/"),
        ]
        clock.shift(FORMER_FOR)
        later = member.get("/reports/example.com/")

    expected = "/reports/new.example/pageviews/page/?period=7d&f=is%2Cpage%2C%2F"
    assert page["Location"] == expected
    assert answers[0]["Location"] == "/reports/new.example/"
    assert [answer.status_code for answer in answers[1:]] == [404, 302, 404]
    assert answers[2]["Location"] == "/login/?next=/reports/example.com/"
    assert later.status_code == 404


def test_a_link_that_names_the_domain_before_leads_on_too(site: Site, other_site: Site) -> None:
    own = ShareLink.objects.create(site=site, name="a").get_absolute_url()
    others = ShareLink.objects.create(site=other_site, name="a").get_absolute_url()
    with time_machine.travel(NOON, tick=False):
        change_domain(site, "new.example")

        answers = [Client().get(f"{link}example.com/?period=7d") for link in (own, others)]

    assert answers[0]["Location"] == f"{own}new.example/?period=7d"
    assert answers[1].status_code == 404


def test_a_domain_that_is_taken_is_refused(site: Site, other_site: Site, staff: Client) -> None:
    answer = change(staff, site, "domain", domain="other.example", typed="example.com")

    assert answer.status_code == 400
    assert "already exists" in answer.content.decode()
    assert "Change example.com" in answer.content.decode()


def test_the_sites_own_form_changes_no_domain(site: Site, staff: Client) -> None:
    page = Page.of(staff.get(f"{SITES}{site.pk}/change/"))

    assert "domain" not in {e.attributes.get("name") for e in page.elements if e.tag == "input"}


def test_beginning_anew_is_an_erasure_of_everything(site: Site, staff: Client) -> None:
    links = Page.of(staff.get(page_of(site))).links("/admin/archive/erasure/add/")
    everything = next(link for link in links if "kind=all" in link)

    form = staff.get(everything).context["adminform"].form

    assert (form.initial["site"], form.initial["kind"]) == (f"{site.pk}", "all")


def test_archiving(site: Site, staff: Client, send: Sender) -> None:
    assert change(staff, site, "archive", typed="x").status_code == 400
    change(staff, site, "archive", typed="example.com")

    assert send()["X-Tracking-Dropped"] == "site_paused"
    assert "example.com" not in staff.get("/reports/").text
    assert "example.com" in staff.get("/reports/?q=example").text
    assert staff.get("/reports/example.com/").status_code == 200
    assert "archived since" in staff.get(f"{SITES}{site.pk}/change/").text
    listed = [row[0] for row in Page.of(staff.get(f"{SITES}?state=in-use")).admin_list]
    assert listed == []

    change(staff, site, "take_back")

    assert "X-Tracking-Dropped" not in send()
    assert "example.com" in staff.get("/reports/").text


@pytest.mark.parametrize("page", ["changes/", "settings.json"])
def test_who_may_not_change_sites_does_not(page: str, site: Site) -> None:
    helper = get_user_model().objects.create_user("helper", is_staff=True)
    client = Client()
    client.force_login(helper)

    assert client.get(f"{SITES}{site.pk}/{page}").status_code == 403
    assert client.get(f"{SITES}import/").status_code == 403
    helper.user_permissions.add(Permission.objects.get(codename="view_site"))
    client.force_login(get_user_model().objects.get(pk=helper.pk))
    expected = 200 if page == "settings.json" else 403
    assert client.get(f"{SITES}{site.pk}/{page}").status_code == expected


def test_a_site_that_there_is_not(staff: Client) -> None:
    assert staff.get(f"{SITES}4711/changes/").status_code == 404
    assert staff.get(f"{SITES}4711/settings.json").status_code == 404


def act(client: Client, action: str, *sites: Site, **extra: Any) -> Any:
    """Return the answer to an action on some of the list's sites."""
    chosen = {"action": action, "_selected_action": [f"{site.pk}" for site in sites]}
    return client.post(SITES, chosen, **extra)


def test_a_test_hit_says_what_became_of_it(site: Site, other_site: Site, staff: Client) -> None:
    Site.objects.filter(pk=other_site.pk).update(collects=False)

    act(staff, "send_test_hits", site, other_site, headers={"User-Agent": CHROME})
    page = staff.get(SITES).text

    assert "A test hit of example.com: stored." in page
    assert "A test hit of other.example: left out: site_paused." in page
    event = Event.objects.get()
    assert (event.site, event.name, event.page) == (site, "Test hit", "/")
    assert event.visit.pageviews == 0


def test_erasing_leads_to_its_form_with_the_site_chosen(
    site: Site, other_site: Site, staff: Client
) -> None:
    answer = act(staff, "erase", site)
    form = staff.get(answer["Location"])

    assert form.context["adminform"].form.initial["site"] == f"{site.pk}"
    assert act(staff, "erase", site, other_site).status_code == 302
    assert "Choose one site." in staff.get(SITES).text


@pytest.fixture
def rich(site: Site) -> Site:
    """A site with something of everything."""
    Site.objects.filter(pk=site.pk).update(
        name="Läden", timezone="Asia/Kolkata", week_begins=7, currency="EUR", keeps_screen=False
    )
    site.metadata.create(key="team", value="sales")
    Exclusion.objects.create(site=site, kind="network", value="203.0.113.0/24")
    Goal.objects.create(
        site=site,
        name="signup",
        kind="event",
        event="signup",
        conditions=["is,property:plan,pro"],
        value_amount=Decimal("9.50"),
        value_currency="EUR",
    )
    ShownProperty.objects.create(site=site, name="plan")
    return Site.objects.get(pk=site.pk)


def test_there_and_back(rich: Site, staff: Client) -> None:
    file = staff.get(f"{SITES}{rich.pk}/settings.json")
    before = write_settings(rich)
    rich.delete()

    answer = staff.post(f"{SITES}import/", {"file": BytesIO(file.content)})

    assert answer.status_code == 302
    assert "settings-example.com-" in file["Content-Disposition"]
    assert write_settings(Site.objects.get()) == before
    assert before["goals"][0]["value_amount"] == "9.50"


def test_settings_are_given_to_another_site(rich: Site, other_site: Site, staff: Client) -> None:
    Goal.objects.create(site=other_site, name="goes", kind="page", page="/")
    kept = Goal.objects.create(site=other_site, name="signup", kind="page", page="/x")
    text = json.dumps(write_settings(rich)).encode()

    change(staff, other_site, "settings", file=BytesIO(text))

    found, wanted = write_settings(Site.objects.get(pk=other_site.pk)), write_settings(rich)
    for each in (found, wanted):
        del each["site"]["domain"], each["site"]["base_url"]
    assert found == wanted
    assert Site.objects.get(pk=other_site.pk).domain == "other.example"
    assert Goal.objects.get(pk=kept.pk).event == "signup"  # the same goal, changed


def test_several_sites_are_one_file(rich: Site, other_site: Site, staff: Client) -> None:
    file = act(staff, "export_settings", rich, other_site)
    every = read_settings(file.content)
    Site.objects.filter(pk=other_site.pk).update(name="changed")
    rich.delete()

    staff.post(f"{SITES}import/", {"file": BytesIO(file.content)})

    assert [each["site"]["domain"] for each in every] == ["example.com", "other.example"]
    assert set(Site.objects.values_list("domain", "name")) == {
        ("example.com", "Läden"),
        ("other.example", ""),
    }
    alone = change(staff, other_site, "settings", file=BytesIO(file.content))
    assert "several sites" in alone.content.decode()


WRONG: Final[list[tuple[str, str]]] = [
    ("", "not JSON"),
    ("{", "not JSON"),
    ("[" * 100_000, "not JSON"),
    ('{"site": {}}', "no settings"),
    ("7", "no settings"),
    ('{"trackingsite_settings": 2}', "no settings"),
    ('{"trackingsite_settings": 1, "site": []}', "site: this has to be an object"),
    ('{"trackingsite_settings": 1, "site": {"x": 1}}', "no setting x"),
    ('{"trackingsite_settings": 1, "site": {"uuid": "1"}}', "no setting uuid"),
    ('{"trackingsite_settings": 1, "site": {"domain": "a b"}}', "site: domain"),
    ('{"trackingsite_settings": 1, "site": {"domain": "\\u0000"}}', "NUL"),
    ('{"trackingsite_settings": 1, "site": {"domain": "\\ud800"}}', "not JSON"),
    ('{"trackingsite_settings": 1}', "site: domain"),
]
OF_A_SITE: Final[list[tuple[dict[str, Any], str]]] = [
    ({"site": {"timezone": "Mars/Olympus"}}, "site: timezone"),
    ({"site": {"collects": "perhaps"}}, "site: collects"),
    ({"site": {"week_begins": 3}}, "site: week_begins"),
    ({"site": {"keep_events_days": 1}}, "site: keep_events_days"),
    ({"site": {"keep_events_days": 10**30}}, "site: keep_events_days"),
    ({"site": {"name": None}}, "site: name"),
    ({"site": {"currency": "euro"}}, "site: currency"),
    ({"metadata": {"k": None}}, "metadata k: value"),
    ({"metadata": {"k" * 101: ""}}, "key"),
    ({"metadata": ["k"]}, "metadata: this has to be an object"),
    ({"exclusions": {}}, "exclusions: this has to be a list"),
    ({"exclusions": [7]}, "exclusions: this has to be a list of objects"),
    ({"exclusions": [{}]}, "exclusions 0: kind"),
    ({"exclusions": [{"kind": "country", "value": "Germany"}]}, "exclusions 0: value"),
    ({"goals": [{}]}, "goals 0: name"),
    ({"properties": [7]}, "properties: this has to be a list"),
    ({"properties": ["x" * 301]}, "properties 0: name"),
    ({"goals": [{"name": "a", "kind": "page", "page": "x"}]}, "goals 0: page"),
    ({"goals": [{"name": "a", "kind": "page", "page": 7}]}, "goals 0: page"),
    ({"goals": [{"name": "a", "kind": "event", "event": "a", "conditions": 7}]}, "conditions"),
]


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_a_file_that_is_none_is_refused(text: str, told: str, staff: Client) -> None:
    answer = staff.post(f"{SITES}import/", {"file": BytesIO(text.encode() or b" ")})

    assert answer.status_code == 400
    assert told in answer.context["file_form"].errors["file"][0]
    assert not Site.objects.exists()


@pytest.mark.parametrize(("part", "told"), OF_A_SITE)
def test_a_value_that_is_none_changes_nothing(part: dict[str, Any], told: str, rich: Site) -> None:
    before = write_settings(rich)
    settings = {**before, **part}
    if "site" in part:
        settings["site"] = {**before["site"], **part["site"]}

    with pytest.raises(SettingsFileError, match=told):
        apply_settings(settings)

    assert write_settings(Site.objects.get()) == before


def test_of_two_sites_a_wrong_one_leaves_both(rich: Site, other_site: Site, staff: Client) -> None:
    first, second = write_settings(rich), write_settings(other_site)
    first["site"]["name"] = "changed"
    second["site"]["timezone"] = "nowhere"

    answer = staff.post(f"{SITES}import/", {"file": BytesIO(json.dumps([first, second]).encode())})

    assert answer.status_code == 400
    assert Site.objects.get(pk=rich.pk).name == "Läden"


def test_the_command_there_and_back(rich: Site, tmp_path: Path) -> None:
    text = StringIO()
    call_command("site_settings", "export", "example.com", stdout=text)
    file = tmp_path / "settings.json"
    file.write_text(text.getvalue(), encoding="utf-8")

    said = StringIO()
    call_command("site_settings", "import", str(file), "--domain", "new.example", stdout=said)
    call_command("site_settings", "import", str(file), stdout=said)

    assert said.getvalue().splitlines() == ["new.example: added", "example.com: changed"]
    assert Site.objects.get(domain="new.example").base_url == "https://new.example"
    for command in (
        ["import", str(tmp_path / "none")],
        ["import", __file__],
        ["export", "nowhere.example"],
    ):
        with pytest.raises(CommandError):
            call_command("site_settings", *command, stdout=said)
