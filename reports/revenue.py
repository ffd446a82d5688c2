"""Amounts of money as programs get them, and why one is missing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from reports.components import REVENUE_EVENTS as COUNTED
from reports.metrics import METRICS, Metric, Money, Unit
from reports.queries import ReportQuery, Row

#: How many events have an amount; asked beside revenue, to tell none from several currencies.
REVENUE_EVENTS: Final = Metric(
    name="revenue_events",
    label="Events with revenue",
    unit=Unit.COUNT,
    components=(COUNTED,),
    expression="revenue_events",
)

_SIGNS: Final = {
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
    "INR": "₹",
    "KRW": "₩",
    "UAH": "₴",
    "ILS": "₪",
}
_SHORT: Final = ((10**9, "B"), (10**6, "M"), (10**3, "K"))


def describe_money(money: Money) -> dict[str, Any]:
    """Return an amount as a number, and as people read it, short and long."""
    sign = _SIGNS.get(money.currency, f"{money.currency} ")
    return {
        "value": float(money.amount),
        "currency": money.currency,
        "short": _signed(sign, money.amount, _shorten(abs(money.amount))),
        "long": _signed(sign, money.amount, f"{abs(money.amount):,.2f}"),
    }


def find_warnings(query: ReportQuery, rows: list[Row]) -> dict[str, dict[str, str]]:
    """Return, by the name of a metric, why its amounts are missing somewhere; empty if none is."""
    missing = [row for row in rows if not row.figures.get("total_revenue", True)]
    missing += [row for row in rows if not row.figures.get("average_revenue", True)]
    if not missing:
        return {}
    if any(row.figures[REVENUE_EVENTS.name] for row in missing):
        warning = {
            "code": "no_single_revenue_currency",
            "warning": "Amounts of several currencies are not added up; the revenue is null.",
        }
    else:
        warning = {
            "code": "no_revenue_goals_matching",
            "warning": "Nothing that was asked about has an amount; the revenue is null.",
        }
    money = [m.name for m in query.metrics if m.unit is Unit.MONEY]
    return {name: warning for name in METRICS if name in money}


def _signed(sign: str, amount: Decimal, text: str) -> str:
    return f"-{sign}{text}" if amount < 0 else f"{sign}{text}"


def _shorten(amount: Decimal) -> str:
    for size, letter in _SHORT:
        if amount >= size:
            return f"{amount / size:.1f}{letter}"
    return f"{amount:.1f}"
