"""`/api/schema/` and `/api/docs/`: what the APIs take and answer, for programs and for people.

Both are made of one description, which each app gives of its own views. The page is the server's
own: it loads nothing from elsewhere, and works without JavaScript.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

import reports.schema  # noqa: F401 -- its views are described once it is imported
import visits.schema  # noqa: F401 -- as above


@dataclass(frozen=True, slots=True)
class Text:
    """A description, in which words between backticks are code."""

    text: str

    def __iter__(self) -> Iterator[tuple[str, bool]]:
        """Yield its parts in order, and whether each is code."""
        return ((part, place % 2 == 1) for place, part in enumerate(self.text.split("`")))


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a request: its name, kind and meaning."""

    name: str
    kind: str
    is_required: bool
    description: Text
    choices: list[str]


@dataclass(frozen=True, slots=True)
class Operation:
    """What can be done at one address."""

    method: str
    path: str
    summary: str
    description: Text
    needs_key: bool
    fields: list[Field]
    example: str
    answers: list[tuple[str, Text]]


@cache
def get_schema() -> dict[str, Any]:
    """Return the description of all APIs in OpenAPI 3; it is the same while the process runs."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return schema


@cache
def list_operations() -> list[Operation]:
    """Return what can be done, by address."""
    return [
        _operation(method, path, described)
        for path, methods in get_schema()["paths"].items()
        for method, described in methods.items()
    ]


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """Answer the description as JSON."""
    return JsonResponse(get_schema())


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Answer the page that people read."""
    return render(request, "api_docs.html", {"operations": list_operations()})


def _operation(method: str, path: str, described: dict[str, Any]) -> Operation:
    body = described["requestBody"]["content"]["application/json"]["schema"]
    item = body.get("items", body)
    example = [item["example"]] if "items" in body else item["example"]
    return Operation(
        method=method.upper(),
        path=path,
        summary=described["summary"],
        description=Text(described["description"]),
        needs_key={} not in described["security"],
        fields=_fields(item),
        example=json.dumps(example, indent=2, ensure_ascii=False),
        answers=[
            (status, Text(said["description"])) for status, said in described["responses"].items()
        ],
    )


def _fields(described: dict[str, Any]) -> list[Field]:
    required = described.get("required", [])
    return [
        Field(
            name=name,
            kind=field.get("type", "any"),
            is_required=name in required,
            description=Text(field.get("description", "")),
            choices=_choices(field.get("items", field)),
        )
        for name, field in described["properties"].items()
    ]


def _choices(described: dict[str, Any]) -> list[str]:
    """The words that a field takes; none where it takes any."""
    kinds = [described, *described.get("anyOf", [])]
    choices = [word for kind in kinds for word in kind.get("enum", [])]
    return choices + [kind["example"] for kind in kinds[1:] if "enum" not in kind]
