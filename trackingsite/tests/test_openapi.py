"""The APIs' description says what they do, in the registries' words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, Final

import jsonschema
import pytest
from django.test import Client

from reports.metrics import METRICS
from reports.tests.test_api import EXAMPLES
from reports.vocabulary import terms
from sites.keys import make_key
from sites.models import Site
from trackingsite.openapi import Text, get_schema, list_operations
from visits.ingestion.fields import LONG_NAMES, READERS, REQUIRED, TRUSTED_READERS

PATHS: Final = ["/api/event", "/api/events", "/api/v2/query"]


def body_of(path: str) -> dict[str, Any]:
    """Return the schema of a request's body."""
    post = get_schema()["paths"][path]["post"]
    schema: dict[str, Any] = post["requestBody"]["content"]["application/json"]["schema"]
    return schema


def test_describes_each_address_of_the_apis() -> None:
    assert [*get_schema()["paths"]] == PATHS
    assert [operation.path for operation in list_operations()] == PATHS


def test_is_served_as_openapi_3(client: Client) -> None:
    answer = client.get("/api/schema/")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["openapi"].startswith("3.0")
    assert client.post("/api/schema/").status_code == 405


def test_a_hit_has_the_fields_that_are_read() -> None:
    fields = body_of("/api/event")["properties"]

    assert fields.keys() == {*READERS, *TRUSTED_READERS, "version"}
    for short, long in LONG_NAMES.items():
        assert f"`{short}`" in fields[long]["description"]


def test_a_question_has_the_words_of_the_registries() -> None:
    fields = body_of("/api/v2/query")["properties"]

    assert fields["metrics"]["items"]["enum"] == [*METRICS]
    assert set(terms()) <= set(fields["dimensions"]["items"]["anyOf"][0]["enum"])


@pytest.mark.parametrize("question", [question for question, _, _ in EXAMPLES.values()])
def test_the_published_examples_are_valid(question: dict[str, Any]) -> None:
    jsonschema.validate({"site_id": "dummy.site"} | question, body_of("/api/v2/query"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"metrics": []},
        {"metrics": ["baa"]},
        {"date_range": "soon"},
        {"dimensions": ["baa"]},
        {"pagination": {"limit": 0}},
        {"baa": 1},
    ],
)
def test_what_is_refused_is_not_valid(wrong: dict[str, Any]) -> None:
    question = {"site_id": "dummy.site", "metrics": ["visitors"], "date_range": "7d"} | wrong

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(question, body_of("/api/v2/query"))


@pytest.mark.parametrize("names", [("name", "url", "domain"), ("n", "u", "d"), ("n", "url", "d")])
def test_a_hit_needs_its_name_address_and_site_long_or_short(names: tuple[str, ...]) -> None:
    hit = dict(zip(names, ("pageview", "https://example.com/", "example.com"), strict=True))
    schema = body_of("/api/event")

    jsonschema.validate(hit, schema)
    for missing in names:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({k: v for k, v in hit.items() if k != missing}, schema)
    assert {LONG_NAMES.get(name, name) for name in names} == REQUIRED


def test_the_example_of_each_address_is_taken(client: Client, site: Site) -> None:
    _, key = make_key(name="reader", sites=[site], can_read=True)

    statuses = [
        client.post(
            operation.path,
            operation.example,
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}"} if operation.needs_key else {},
        ).status_code
        for operation in list_operations()
    ]

    assert statuses == [202, 202, 200]


def test_words_between_backticks_are_code() -> None:
    assert [*Text("Also `n`, `name`.")] == [
        ("Also ", False),
        ("n", True),
        (", ", False),
        ("name", True),
        (".", False),
    ]


class Links(HTMLParser):
    """Collects what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address of a script, style or picture."""
        names = {"script": "src", "link": "href", "img": "src"}
        self.loaded += [value or "" for name, value in attrs if names.get(tag) == name]


def test_the_page_is_for_everybody_and_loads_nothing_from_elsewhere(
    client: Client, db: None
) -> None:
    answer = client.get("/api/docs/")
    page = answer.content.decode()
    links = Links()
    links.feed(page)

    assert answer.status_code == 200
    assert all(path in page for path in PATHS)
    assert all(f"<code>{name}</code>" in page for name in (*METRICS, *terms()))
    assert "`" not in page
    assert links.loaded
    assert all(address.startswith("/static/") for address in links.loaded)


def each_ref(value: Any) -> Iterator[str]:
    """Yield each reference within a description."""
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for part in value.values():
            yield from each_ref(part)
    elif isinstance(value, list):
        for part in value:
            yield from each_ref(part)


def test_it_refers_to_nothing_that_is_not_there() -> None:
    assert [*each_ref(get_schema())] == []
    assert get_schema()["components"]["securitySchemes"].keys() == {"key"}
    assert json.loads(json.dumps(get_schema())) == get_schema()
