"""What plan changes are asked for with, and what of them is looked at."""

from __future__ import annotations

from typing import Any

NOW = {"proration_behavior": "always_invoice"}


def amounts(invoice: Any) -> list[int]:
    return [line["amount"] for line in invoice["lines"]["data"]]
