"""How the dashboard says things: money, moments, and what an object is called."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ..kernel.errors import Json
from ..kernel.store import Store

# Currencies whose minor unit is the unit itself, or a thousandth of it (Stripe docs: currencies).
WHOLE = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"}
    | {"pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
THOUSANDTHS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
GOOD = frozenset(
    {"active", "paid", "succeeded", "complete", "delivered", "enabled", "ready", "won"}
)
BAD = frozenset(
    {"past_due", "unpaid", "uncollectible", "failed", "incomplete", "dropped", "disabled", "lost"}
)
WAITING = frozenset(
    {"open", "pending", "trialing", "draft", "processing", "paused", "not_started", "advancing"}
    | {"needs_response", "under_review", "requires_action", "requires_payment_method"}
)


def money(amount: int | None, currency: str | None) -> str:
    """`1,234.50 USD` of an amount in minor units; empty for none."""
    if amount is None:
        return ""
    code = currency or ""
    decimals = 0 if code in WHOLE else 3 if code in THOUSANDTHS else 2
    return f"{Decimal(amount).scaleb(-decimals):,.{decimals}f} {code.upper()}".strip()


def moment(unix: int | None) -> str:
    """`10 Feb 2026, 09:00`, in UTC as everywhere."""
    return f"{_at(unix):%-d %b %Y, %H:%M}" if unix is not None else ""


def day(unix: int | None) -> str:
    """`10 Feb 2026`"""
    return f"{_at(unix):%-d %b %Y}" if unix is not None else ""


def clock_face(unix: int) -> str:
    """`Tue 10 Feb 2026 09:00:00`"""
    return f"{_at(unix):%a %-d %b %Y %H:%M:%S}"


def iso(unix: int) -> str:
    """For machines that read the page."""
    return _at(unix).isoformat()


def mood(status: str | None) -> str:
    """What a status is to the reader: good, bad, waiting, or over."""
    for word, known in (("good", GOOD), ("bad", BAD), ("waiting", WAITING)):
        if status in known:
            return word
    return "over"


def price_name(store: Store, identifier: str) -> str:
    """`Small, 10.00 USD a month`"""
    price = store.peek("price", identifier)
    if price is None:
        return identifier
    product = store.peek("product", price["product"]) or {}
    told = [str(product.get("name") or price["product"]), _amount(price)]
    return ", ".join(part for part in told if part)


def items_name(store: Store, items: list[Json]) -> str:
    """What a subscription or a phase bills, line by line."""
    return " + ".join(_item(store, item) for item in items)


def _item(store: Store, item: Json) -> str:
    name = price_name(store, item["price"])
    count = item.get("quantity")
    return f"{count} of {name}" if count not in (None, 1) else name


def name_of(store: Store, body: Json) -> str:
    """What a person would call an object; its id where there is nothing better."""
    kind = body["object"]
    if kind in ("subscription", "subscription_schedule"):
        return _bills(store, body) or str(body["id"])
    if kind == "price":
        return price_name(store, body["id"])
    if kind == "payment_method" and body.get("card"):
        return f"{body['card']['brand']} …{body['card']['last4']}"
    if kind in ("charge", "payment_intent", "refund", "dispute"):
        return money(body["amount"], body["currency"])
    for field in ("number", "name", "email", "type", "url", "description"):
        if isinstance(body.get(field), str) and body[field]:
            return str(body[field])
    return str(body["id"])


def _bills(store: Store, body: Json) -> str:
    if body["object"] == "subscription":
        return items_name(store, body["items"])
    names = [items_name(store, phase["items"]) for phase in body["phases"]]
    return " → ".join(dict.fromkeys(names))


def _amount(price: Json) -> str:
    per = price.get("recurring") or {}
    each = money(price["unit_amount"], price["currency"]) if price["unit_amount"] else ""
    if not per:
        return each
    count = per.get("interval_count", 1)
    every = f"every {count} {per['interval']}s" if count != 1 else f"a {per['interval']}"
    return f"{each} {every}".strip() if each else f"metered, {every}"


def _at(unix: Any) -> datetime:
    return datetime.fromtimestamp(unix, UTC)
