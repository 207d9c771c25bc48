"""What a renewal costs in the sandbox as it grows: a month passes for each of its subscriptions."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from sandbox import Sandbox

from .load import Broken
from .tables import milliseconds, note, table, title

SIZES = (1_000, 10_000)
START = datetime(2026, 1, 1, tzinfo=UTC)
MONTH = timedelta(days=31)
HEADERS = {"Authorization": "Bearer sk_test_bench"}
CARD = "pm_card_visa"


@dataclass(frozen=True)
class Month:
    """A sandbox of a size, with what it took (seconds of CPU) to fill it and to let it renew."""

    size: int
    filling: float
    renewing: float

    @property
    def each(self) -> float:
        return self.renewing / self.size


def measure() -> None:
    """Fill, let a month pass, and print."""
    title("5. Cost per renewal in the sandbox as it grows (milliseconds of CPU per subscription)")
    note("monthly, by card: a look ahead, a draft, its finalization, the payment, and ten events")
    months = [_month(size) for size in SIZES]
    heads = ("subscriptions", "to subscribe", "to renew", "renewals/s", "ratio")
    table(heads, [_line(month, months[0]) for month in months])


def _line(month: Month, first: Month) -> tuple[str, ...]:
    return (
        f"{month.size:,}",
        milliseconds(month.filling / month.size),
        milliseconds(month.each),
        f"{1 / month.each:,.0f}",
        f"{month.each / first.each:.2f}",
    )


def _month(size: int) -> Month:
    gc.collect()
    begin = time.process_time()
    box = _filled(size)
    full = time.process_time()
    box.advance(seconds=int(MONTH.total_seconds()) + 3600)
    done = time.process_time()
    paid = [one for one in box.world.store.scan("invoice") if one["status"] == "paid"]
    if len(paid) != 2 * size:
        raise Broken(f"{len(paid)} invoices are paid, not two for each of {size} subscriptions")
    return Month(size, full - begin, done - full)


def _filled(size: int) -> Sandbox:
    box = Sandbox(START)
    product = _ask(box, "/v1/products", name="Small")
    recurring = {"recurring[interval]": "month"}
    terms = {"product": product, "currency": "usd", "unit_amount": 1000, **recurring}
    price = _ask(box, "/v1/prices", **terms)
    paying = {"payment_method": CARD, "invoice_settings[default_payment_method]": CARD}
    for _ in range(size):
        customer = _ask(box, "/v1/customers", **paying)
        _ask(box, "/v1/subscriptions", **{"customer": customer, "items[0][price]": price})
    return box


def _ask(box: Sandbox, path: str, **form: Any) -> str:
    reply = box.call("POST", path, urlencode(form), HEADERS)
    if reply.status != 200:
        raise Broken(f"the sandbox answered {path} with {reply.status}")
    return str(reply.body["id"])
