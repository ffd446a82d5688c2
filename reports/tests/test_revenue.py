"""Amounts are numbers for programs, and short or long for people."""

from __future__ import annotations

from decimal import Decimal

import pytest

from reports.metrics import Money
from reports.revenue import describe_money


@pytest.mark.parametrize(
    ("amount", "currency", "short", "long"),
    [
        ("0", "EUR", "€0.0", "€0.00"),
        ("12.3450", "EUR", "€12.3", "€12.34"),
        ("-12.30", "USD", "-$12.3", "-$12.30"),
        ("999.94", "USD", "$999.9", "$999.94"),
        ("1234.56", "GBP", "£1.2K", "£1,234.56"),
        ("500200700.25", "EUR", "€500.2M", "€500,200,700.25"),
        ("7000000000", "JPY", "¥7.0B", "¥7,000,000,000.00"),
        ("5", "CHF", "CHF 5.0", "CHF 5.00"),
    ],
)
def test_describes_money(amount: str, currency: str, short: str, long: str) -> None:
    assert describe_money(Money(Decimal(amount), currency)) == {
        "value": float(amount),
        "currency": currency,
        "short": short,
        "long": long,
    }
