"""The stats API, as OpenAPI describes it; its words are those of the registries."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.utils import OpenApiResponse, extend_schema

from reports.api import MAX_BODY
from reports.dates import Interval
from reports.metrics import METRICS
from reports.questions import MAX_DIMENSIONS, MAX_OFFSET, MAX_ROWS
from reports.reading.conditions import JOINING, OPERATORS
from reports.vocabulary import PROPERTY, terms

RANGES: Final = ("day", "24h", "7d", "28d", "30d", "91d", "month", "6mo", "12mo", "year", "all")


def describe_question() -> dict[str, Any]:
    """Return the JSON Schema of a question."""
    return {
        "type": "object",
        "required": ["site_id", "metrics", "date_range"],
        "additionalProperties": False,
        "properties": {
            "site_id": {"type": "string", "description": "The site, by its domain."},
            "date_range": _describe_range(),
            "metrics": {
                "type": "array",
                "items": {"type": "string", "enum": [*METRICS]},
                "minItems": 1,
                "uniqueItems": True,
                "description": "What is counted.",
            },
            "dimensions": {
                "type": "array",
                "items": _describe_dimension(),
                "maxItems": MAX_DIMENSIONS,
                "uniqueItems": True,
                "description": "What to group by.",
            },
            "filters": {
                "type": "array",
                "items": _describe_condition(),
                "description": "Conditions on events, all of which hold.",
            },
            "order_by": {
                "type": "array",
                "items": {
                    "type": "array",
                    "items": {"type": "string"},
                    "minItems": 2,
                    "maxItems": 2,
                },
                "description": 'A metric or dimension of the question, and "asc" or "desc".',
            },
            "include": _describe_include(),
            "pagination": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "limit": {
                        "type": "integer",
                        "minimum": 1,
                        "maximum": MAX_ROWS,
                        "default": MAX_ROWS,
                    },
                    "offset": {
                        "type": "integer",
                        "minimum": 0,
                        "maximum": MAX_OFFSET,
                        "default": 0,
                    },
                },
                "description": "Which of the rows.",
            },
        },
        "example": {
            "site_id": "example.com",
            "metrics": ["visitors", "bounce_rate"],
            "date_range": "7d",
            "dimensions": ["visit:source"],
            "filters": [["contains", "event:page", ["/docs"]]],
        },
    }


def describe_answer() -> dict[str, Any]:
    """Return the JSON Schema of an answer."""
    row = {
        "type": "object",
        "required": ["dimensions", "metrics"],
        "properties": {
            "dimensions": {"type": "array", "items": {"type": "string"}},
            "metrics": {"type": "array", "items": {}},
            "comparison": {
                "type": "object",
                "properties": {
                    "metrics": {"type": "array", "items": {}},
                    "change": {"type": "array", "items": {"type": "number", "nullable": True}},
                },
            },
        },
    }
    return {
        "type": "object",
        "required": ["results", "meta", "query"],
        "properties": {
            "results": {
                "type": "array",
                "items": row,
                "description": "A row per group; values are in the question's order.",
            },
            "meta": {"type": "object", "description": "What `include` asked for, and warnings."},
            "query": {"type": "object", "description": "The question with all that it left out."},
        },
        "example": {
            "results": [{"dimensions": ["Google"], "metrics": [42, 37]}],
            "meta": {},
            "query": {"site_id": "example.com"},
        },
    }


def _describe_range() -> dict[str, Any]:
    pair = {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}
    names = ", ".join(f"`{name}`" for name in RANGES)
    return {
        "oneOf": [{"type": "string", "pattern": r"^(day|24h|\d+d|month|\d+mo|year|all)$"}, pair],
        "description": f"{names}, other numbers of days or months, two days, or two times.",
    }


def _describe_dimension() -> dict[str, Any]:
    names = [*terms(), "time", *(f"time:{interval}" for interval in Interval)]
    return {
        "anyOf": [
            {"type": "string", "enum": names},
            {"type": "string", "pattern": f"^{PROPERTY}.+", "example": f"{PROPERTY}plan"},
        ]
    }


def _describe_condition() -> dict[str, Any]:
    operators = ", ".join(f"`{word}`" for word in OPERATORS)
    joining = ", ".join(f"`{word}`" for word in JOINING)
    return {
        "type": "array",
        "items": {},
        "minItems": 2,
        "maxItems": 4,
        "description": (
            f"[operator, dimension, [values]] with one of {operators}, and perhaps a fourth part"
            f' {{"case_sensitive": false}}; or one of {joining} and what it is about.'
        ),
        "example": ["is", "event:page", ["/"]],
    }


def _describe_include() -> dict[str, Any]:
    flags = {
        "imports": "Answered with no: there are none.",
        "time_labels": "Every bucket of the range; needs a dimension of time.",
        "total_rows": "How many rows there are on all pages.",
        "trim_relative_date_range": "A range that has a name ends now.",
    }
    modes = ["previous_period", "year_over_year", "custom"]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{name: {"type": "boolean", "description": text} for name, text in flags.items()},
            "comparisons": {
                "type": "object",
                "required": ["mode"],
                "additionalProperties": False,
                "properties": {
                    "mode": {"type": "string", "enum": modes},
                    "match_day_of_week": {"type": "boolean"},
                    "date_range": {
                        "type": "array",
                        "items": {"type": "string"},
                        "minItems": 2,
                        "maxItems": 2,
                    },
                },
                "description": "An earlier range to compare with; `custom` has its own.",
            },
        },
        "description": "What the answer has besides.",
    }


class QueryDescription(OpenApiViewExtension):
    """`POST /api/v2/query`."""

    target_class = "reports.api.QueryView"

    def view_replacement(self) -> Any:
        """Return the view with its description."""
        error = {
            "type": "object",
            "required": ["error"],
            "properties": {"error": {"type": "string"}},
            "example": {"error": '#/metrics/1: There is no metric "visitor".'},
        }

        class Described(self.target_class):  # type: ignore[misc,name-defined]
            @extend_schema(
                operation_id="query",
                tags=["Figures"],
                summary="Ask for figures",
                description=(
                    "Answers which metrics, over which days, grouped and filtered how, in the words"
                    f" of Plausible's Stats API v2. At most {MAX_BODY // 1024} KB."
                ),
                request={"application/json": describe_question()},
                responses={
                    200: OpenApiResponse(describe_answer(), "The answer."),
                    400: OpenApiResponse(error, "What is wrong with the question, and where."),
                    401: OpenApiResponse(error, "No key, or one that may not read this site."),
                    413: OpenApiResponse(error, "Too large."),
                    (503, "application/json"): OpenApiResponse(
                        error, "It would take too long or too much memory, and was stopped."
                    ),
                    (503, "text/plain"): OpenApiResponse(
                        {"type": "string"}, "The database cannot be reached now."
                    ),
                },
                auth=[{"key": []}],  # type: ignore[list-item]
            )
            def post(self, request: Any) -> Any:
                """Described above."""

        return Described
