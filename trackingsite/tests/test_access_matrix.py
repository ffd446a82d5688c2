"""Every address, by every method, for everybody: who gets an answer, and that nobody else does.

The addresses are those of the URLconf. One that has no row here fails: whoever adds an address
says whom it answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any, Final

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.http import url_has_allowed_host_and_scheme
from django_otp.plugins.otp_totp.models import TOTPDevice

from reports.models import Annotation, Goal, Segment, ShareLink, ShownProperty
from reports.tests.histories import view
from sites.keys import make_key
from sites.models import ApiKey, Invitation, Membership, Site
from sites.services import add_site, invite
from visits.models import Visit
from visits.tests.hits import HOUR, NOON

METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options")

ANONYMOUS, OUTSIDER, VIEWER, EDITOR, OWNER, STAFF, LINK, OTHER_KEY, WAITING = ACTORS = (
    *("anonymous", "outsider", "viewer", "editor", "owner", "staff", "link", "other key"),
    "waiting",  # staff who have shown the password, and not yet the code
)
EVERYBODY: Final = frozenset(ACTORS)
SIGNED_IN: Final = frozenset({OUTSIDER, VIEWER, EDITOR, OWNER, STAFF})
MEMBERS: Final = frozenset({VIEWER, EDITOR, OWNER, STAFF})
OWNERS: Final = frozenset({OWNER, STAFF})
NOBODY: Final = frozenset[str]()

READ: Final = ("get", "head", "options")
Row = dict[str, frozenset[str]]


def row(*methods: str, to: frozenset[str]) -> Row:
    """Return who gets an answer by these methods; by others nobody does."""
    return dict.fromkeys(methods, to)


PAGE: Final = row(*READ, to=MEMBERS)
#: What a link shows too: it is asked for below the link's address, and never for OPTIONS.
SHARED_PAGE: Final = row("get", "head", to=MEMBERS | {LINK}) | row("options", to=MEMBERS)
#: Who waits for the code is led on to where it is typed.
SIGN_IN: Final = row("get", "head", to=EVERYBODY - {WAITING}) | row(
    "post", "put", "options", to=EVERYBODY
)
SCRIPT: Final = row("get", "head", to=EVERYBODY)

MATRIX: Final[dict[str, Row]] = {
    "": row(
        "get", "head", "post", "put", "patch", "delete", "options", to=EVERYBODY
    ),  # to /reports/
    "favicon.ico": row(*METHODS, to=EVERYBODY),
    "health/live": SCRIPT,
    "health/ready": SCRIPT,
    "metrics": SCRIPT,
    "api/event": row("post", "options", to=EVERYBODY),
    "api/events": row("post", "options", to=EVERYBODY),
    "pixel.gif": row("get", to=EVERYBODY),
    "api/event.gif": row("get", to=EVERYBODY),
    "js/script.js": SCRIPT,
    "js/core.js": SCRIPT,
    r"^js/(?:script|plausible)(?:\.[a-z-]+)*\.js$": SCRIPT,
    r"^js/pa-[\w-]+\.js$": SCRIPT,
    "api/v2/query": row("post", to=frozenset({OTHER_KEY})),  # more below
    "api/schema/": SCRIPT,
    "api/docs/": SCRIPT,
    "theme/": row("post", to=SIGNED_IN),
    # Who is signed in is led on, whatever the method.
    "login/": SIGN_IN | row("patch", "delete", to=SIGNED_IN),
    "login/code/": row(*METHODS, to=SIGNED_IN)  # who are led on
    | row("get", "head", "post", "put", "options", to=SIGNED_IN | {WAITING}),
    # No provider is configured, and no mail is sent.
    "login/provider/": {},
    "login/provider/back/": {},
    "login/forgotten/": {},
    "login/forgotten/sent/": {},
    "login/forgotten/<uidb64>/<token>/": {},
    "logout/": row("options", to=EVERYBODY),  # leads to the way in
    "account/": row(*READ, to=SIGNED_IN),
    "account/password/": row(*READ, "post", "put", to=SIGNED_IN),
    "account/second-factor/": row(*READ, "post", "put", to=SIGNED_IN),
    "account/keys/": row("post", "options", to=SIGNED_IN),
    "account/keys/<int:pk>/replace/": row("options", to=SIGNED_IN),
    "account/keys/<int:pk>/revoke/": row("options", to=SIGNED_IN),  # only the key's own person
    "reports/": row(*READ, to=SIGNED_IN),
    "reports/<str:domain>/": SHARED_PAGE,
    "reports/<str:domain>/visits/": PAGE,
    "reports/<str:domain>/visits/<int:pk>/": PAGE,
    "reports/<str:domain>/segments/": row("post", "options", to=MEMBERS),
    "reports/<str:domain>/segments/<int:pk>/remove/": row("post", to=frozenset({EDITOR, *OWNERS}))
    | row("options", to=MEMBERS),
    "reports/<str:domain>/annotations/": row("post", "options", to=MEMBERS),
    "reports/<str:domain>/annotations/<int:pk>/remove/": row(
        "post", to=frozenset({EDITOR, *OWNERS})
    )
    | row("options", to=MEMBERS),
    "reports/<str:domain>/goals/": SHARED_PAGE | row("post", to=frozenset({EDITOR, *OWNERS})),
    "reports/<str:domain>/goals/<int:pk>/remove/": row(
        "post", "options", to=frozenset({EDITOR, *OWNERS})
    ),
    "reports/<str:domain>/properties/": row("post", "options", to=frozenset({EDITOR, *OWNERS})),
    "reports/<str:domain>/properties/<int:pk>/remove/": row(
        "post", "options", to=frozenset({EDITOR, *OWNERS})
    ),
    "reports/<str:domain>/people/": row(*READ, "post", to=OWNERS),
    "reports/<str:domain>/people/<int:pk>/change/": row("post", "options", to=OWNERS),
    "reports/<str:domain>/people/hand-over/": row("post", "options", to=OWNERS),
    "reports/<str:domain>/people/invitations/<int:pk>/remove/": row("post", "options", to=OWNERS),
    "reports/<str:domain>/sharing/": row(*READ, "post", to=OWNERS),
    "reports/<str:domain>/sharing/<int:pk>/revoke/": row("post", "options", to=OWNERS),
    "reports/<str:domain>/realtime/": SHARED_PAGE,
    "reports/<str:domain>/events.csv": row("get", "options", to=MEMBERS),
    "reports/<str:domain>/events.parquet": row("get", "options", to=MEMBERS),
    "reports/<str:domain>/<str:report>.zip": row("get", to=MEMBERS | {LINK})
    | row("options", to=MEMBERS),
    "reports/<str:domain>/<str:report>/<str:dimension>.csv": row("get", to=MEMBERS | {LINK})
    | row("options", to=MEMBERS),
    "reports/<str:domain>/explain/<str:metric>/": SHARED_PAGE,
    "reports/<str:domain>/<str:report>/": SHARED_PAGE,
    "reports/<str:domain>/<str:report>/<str:dimension>/": SHARED_PAGE,
    "invitations/<str:token>/": {},
    # Without a token that is one there is nothing; with one, it is what the link's rows say.
    "share/<str:token>/": {},
    "share/<str:token>/<path:page>": {},
    # The admin decides by permissions; what it has for everybody is the way in.
    "admin/login/": SIGN_IN,
    # Who is not signed in is led to the admin's first page, which then asks.
    "admin/logout/": row(*METHODS, to=EVERYBODY - {STAFF}) | row("options", to=EVERYBODY),
}

#: In place of what an address leaves open.
ARGUMENTS: Final[dict[str, str]] = {
    "<str:domain>": "example.com",
    "<str:report>": "pageviews",
    "<str:dimension>": "page",
    "<str:metric>": "visitors",
    "<str:token>": "x" * 43,
    "<token>": "x" * 43,
    "<uidb64>": "MQ",
    "<path:page>": "example.com/",
    r"^js/(?:script|plausible)(?:\.[a-z-]+)*\.js$": "js/script.hash.js",
    r"^js/pa-[\w-]+\.js$": "js/pa-1.js",
    "<path:object_id>": "1",
    "<int:object_id>": "1",
    "<path:content_type_id>": "1",
    "<int:content_type_id>": "1",
    "<id>": "1",
    "(?P<url>.*)$": "nowhere/",
}


#: What takes <int:pk> in the place of which.
PKS: Final[dict[str, Any]] = {
    "visits": Visit,
    "segments": Segment,
    "annotations": Annotation,
    "sharing": ShareLink,
    "goals": Goal,
    "properties": ShownProperty,
    "people/invitations": Invitation,
    "people": Membership,
    "account/keys": ApiKey,
}


OF_NO_SITE: Final = frozenset({"account/keys"})


def routes(patterns: Any = None, before: str = "") -> Iterator[str]:
    """Give the address of every pattern of the URLconf, as the URLconf writes it."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


ROUTES: Final = sorted(set(routes()))
ADMIN: Final = [route for route in ROUTES if route.startswith("admin/") and route not in MATRIX]


def test_every_address_has_a_row() -> None:
    assert set(MATRIX) | set(ADMIN) == set(ROUTES)


@pytest.fixture
def example(db: None) -> Iterator[Site]:
    """A site with a visit, something kept for everybody, and another site."""
    with time_machine.travel(NOON, tick=False):
        site = add_site(domain="example.com")
        add_site(domain="other.example")
        view(site, NOON - HOUR, visitor=1, page="/docs")
        yield site


@pytest.fixture
def clients(example: Site) -> dict[str, Client]:
    """Everybody, each as a client of their own."""
    users = get_user_model().objects
    found = {name: Client() for name in (ANONYMOUS, LINK)}
    for name in (OUTSIDER, VIEWER, EDITOR, OWNER, STAFF):
        is_staff = name == STAFF
        user = users.create_user(name, is_staff=is_staff, is_superuser=is_staff)
        if name == OUTSIDER:
            Membership.objects.create(site=Site.objects.get(domain="other.example"), user=user)
        elif not is_staff:
            Membership.objects.create(site=example, user=user, role=name)
        found[name] = Client()
        found[name].force_login(user)
    waiting = users.create_user(WAITING, is_staff=True, is_superuser=True)
    TOTPDevice.objects.create(user=waiting, name="app")
    found[WAITING] = Client()
    found[WAITING].force_login(waiting)
    other = Site.objects.get(domain="other.example")
    _, key = make_key(name="other", sites=[other], can_read=True, can_send=True)
    found[OTHER_KEY] = Client(headers={"Authorization": f"Bearer {key}"})
    return found


def address_of(route: str, site: Site) -> str:
    """Return an address that the route matches, of something that there is."""
    address = re.sub(r"\^?\(\?P<app_label>.*\)/\$", "sites/", route)
    for part, value in ARGUMENTS.items():
        address = address.replace(part, value)
    if "<int:pk>" in address:
        name = next(name for name in PKS if f"/{name}/<int:pk>" in f"/{address}")
        found = PKS[name].objects.filter(**({"site": site} if name not in OF_NO_SITE else {}))
        address = address.replace("<int:pk>", str(found.first().pk))
    assert "<" not in address, route
    return f"/{address}"


@pytest.fixture
def kept(example: Site) -> ShareLink:
    """A segment and an annotation for everybody, of nobody here, and a link; returns the link."""
    helper = get_user_model().objects.create_user("helper")
    Membership.objects.create(site=example, user=helper)
    make_key(name="helper's", person=helper, can_read=True)
    invite(site=example, by=helper, role=Membership.Role.VIEWER, note="a friend")
    Goal.objects.create(site=example, name="a", kind=Goal.Kind.PAGE, page="/")
    ShownProperty.objects.create(site=example, name="plan")
    Segment.objects.create(site=example, name="a", filters=["is,page,/"], is_shared=True)
    Annotation.objects.create(
        site=example, happened_on=NOON.date(), text="new release", is_shared=True
    )
    return ShareLink.objects.create(site=example, name="for the board")


def is_answered(answer: Any) -> bool:
    """Whether somebody got more than a way in, or that there is nothing here for them."""
    read_whole(answer)
    if answer.status_code == 302 and "login/" in answer["Location"]:
        return False
    return answer.status_code not in {401, 403, 404, 405}


def read_whole(answer: Any) -> bytes:
    """Return the body; a file that is streamed is read to its end, and closed."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def ask(client: Client, method: str, address: str, **extra: Any) -> Any:
    """Return the answer to an empty request; what it changed is undone."""
    cookies = SimpleCookie(client.cookies.output(header="", sep=";"))
    with transaction.atomic():
        answer = getattr(client, method)(address, **extra)
        read_whole(answer)
        transaction.set_rollback(True)
    client.cookies = cookies
    return answer


@pytest.mark.parametrize("route", sorted(MATRIX))
def test_an_address_answers_whom_its_row_says(
    route: str, clients: dict[str, Client], example: Site, kept: ShareLink
) -> None:
    address = address_of(route, example)
    wrong = []
    for actor, client in clients.items():
        here = address
        if actor == LINK and route.startswith("reports/"):
            here = kept.get_absolute_url() + address.removeprefix("/reports/")
        for method in METHODS:
            answered = is_answered(ask(client, method, here))
            if answered != (actor in MATRIX[route].get(method, NOBODY)):
                wrong.append((actor, method, answered))

    if route == "reports/":  # below a link's address that is the link's own, which leads on
        wrong = [cell for cell in wrong if cell[0] != LINK]
    assert wrong == [], wrong


@pytest.mark.parametrize("route", ADMIN)
def test_the_admin_answers_staff_alone(
    route: str, clients: dict[str, Client], example: Site
) -> None:
    address = address_of(route, example)

    answered = [
        (actor, method)
        for actor, client in clients.items()
        for method in METHODS
        if actor != STAFF and is_answered(ask(client, method, address))
    ]

    assert answered == []


@pytest.mark.parametrize("route", ADMIN)
def test_the_admin_answers_staff_what_they_may(route: str, example: Site) -> None:
    helper = get_user_model().objects.create_user("helper", is_staff=True)
    TOTPDevice.objects.create(user=get_user_model().objects.create_user("other"), name="app")
    client = Client()
    client.force_login(helper)
    for_all_staff = {"admin/", "admin/password_change/", "admin/password_change/done/"}
    for_all_staff |= {"admin/jsi18n/", r"admin/(?P<url>.*)$"}

    answers = [ask(client, method, address_of(route, example)) for method in ("get", "post")]

    if route not in for_all_staff:
        assert not any(answer.status_code == 200 for answer in answers), route


def test_a_link_shows_no_other_site(
    clients: dict[str, Client], example: Site, kept: ShareLink
) -> None:
    for route in MATRIX:
        if "<str:domain>" not in route or "<int:pk>" in route:
            continue
        address = address_of(route, example).replace("example.com", "other.example")
        here = kept.get_absolute_url() + address.removeprefix("/reports/")
        assert not is_answered(ask(Client(), "get", here)), route


def test_a_key_reads_its_own_sites_alone(clients: dict[str, Client], example: Site) -> None:
    question = {"metrics": ["visitors"], "date_range": "7d"}
    client = clients[OTHER_KEY]

    statuses = [
        client.post(
            "/api/v2/query", question | {"site_id": domain}, content_type="application/json"
        ).status_code
        for domain in ("other.example", "example.com", "nowhere.example")
    ]

    assert statuses == [200, 401, 401]


@pytest.mark.parametrize("route", [route for route in sorted(MATRIX) if "<str:domain>" in route])
def test_a_public_site_shows_everybody_its_reports_to_read(
    route: str, clients: dict[str, Client], example: Site, kept: ShareLink
) -> None:
    Site.objects.update(is_public=True)
    address = address_of(route, example)

    answered = {
        (actor, method)
        for actor in (ANONYMOUS, OUTSIDER)
        for method in METHODS
        if is_answered(ask(clients[actor], method, address))
    }

    is_shared = LINK in MATRIX[route].get("get", NOBODY)
    wanted = {method for method in READ if method in MATRIX[route]} if is_shared else set()
    assert answered == {(actor, method) for actor in (ANONYMOUS, OUTSIDER) for method in wanted}


ELSEWHERE: Final = ("//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:x")
#: What takes what anybody sends: hits, questions that bring a key, a link's password.
FOR_PROGRAMS: Final = frozenset(
    {
        "api/event",
        "api/events",
        "api/v2/query",
        "share/<str:token>/",
        "share/<str:token>/<path:page>",
    }
)


@pytest.mark.parametrize("route", sorted(MATRIX))
def test_no_answer_names_a_host_that_the_request_chose(
    route: str, clients: dict[str, Client], example: Site, kept: ShareLink
) -> None:
    address = address_of(route, example)
    for actor in (ANONYMOUS, STAFF):
        for method in ("get", "post"):
            for header in ("Host", "X-Forwarded-Host", "Forwarded"):
                value = "host=evil.example" if header == "Forwarded" else "evil.example"
                with transaction.atomic():
                    answer = getattr(clients[actor], method)(address, headers={header: value})
                    body = read_whole(answer)
                    transaction.set_rollback(True)
                assert b"evil" not in body, (actor, method, header)
                assert "evil" not in f"{answer.headers}", (actor, method, header)


@pytest.mark.parametrize("route", sorted(MATRIX))
def test_nobody_is_led_elsewhere(
    route: str, clients: dict[str, Client], example: Site, kept: ShareLink
) -> None:
    address = address_of(route, example)
    for actor in (ANONYMOUS, STAFF, WAITING):
        for target in ELSEWHERE:
            with transaction.atomic():
                answers = [
                    clients[actor].get(address, {"next": target}),
                    clients[actor].post(address, {"next": target}),
                ]
                for answer in answers:
                    read_whole(answer)
                clients[actor].cookies.pop("messages", None)
                transaction.set_rollback(True)
            for answer in answers:
                leads = answer.headers.get("Location", "")
                assert url_has_allowed_host_and_scheme(leads, {"testserver"}) or not leads, leads


@pytest.mark.parametrize("route", sorted({*MATRIX} - FOR_PROGRAMS))
def test_no_form_of_another_site_is_taken(
    route: str, clients: dict[str, Client], example: Site, kept: ShareLink
) -> None:
    staff = Client(enforce_csrf_checks=True)
    staff.cookies = clients[STAFF].cookies
    headers = {"Origin": "https://evil.example", "Referer": "https://evil.example/"}

    answer = ask(staff, "post", address_of(route, example), headers=headers)

    # What has no form at all says so; the first page leads on whatever comes.
    assert answer.status_code in {403, 404, 405} or route in {"", "favicon.ico"}, answer
