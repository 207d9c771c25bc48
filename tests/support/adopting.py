"""What was at Stripe before Planshift, and its adoption."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from adapter.adoption import RefSource, Report
from adapter.tables import AccountRow, IntentRow, InvoiceRow, NoticeRow, ScheduleRow
from adapter.tables import SubscriptionRow as Sub
from mappings import Offer
from tests.support.world import World

CORE = Offer("operations", "core", "10k", "month", "usd")
PRO = Offer("operations", "pro", "10k", "month", "usd")


def price(w: World, offer: Offer) -> str:
    found = w.stripe("GET", "/v1/prices", **{"lookup_keys[]": w.parts.catalogue.lookup_key(offer)})
    return str(found["data"][0]["id"])


def customer(w: World, number: int = 0, **more: Any) -> str:
    """Somebody who bought before Planshift came, with a card that works."""
    body = {"email": f"someone{number}@shop.example", "metadata[user]": f"user-{number}", **more}
    made = w.stripe("POST", "/v1/customers", **body)["id"]
    card = w.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", customer=made)["id"]
    w.stripe(
        "POST",
        f"/v1/customers/{made}",
        **{"invoice_settings[default_payment_method]": card},
    )
    return str(made)


def subscribe(w: World, who: str, what: str, **more: Any) -> str:
    body = {"customer": who, "items[0][price]": what, **more}
    return str(w.stripe("POST", "/v1/subscriptions", **body)["id"])


def legacy_price(w: World, amount: int = 900, currency: str = "usd", **more: Any) -> str:
    """A price from before, under a product from before."""
    product = w.stripe("POST", "/v1/products", name="The old plan")["id"]
    terms = {"recurring[interval]": "month", "unit_amount": amount, "currency": currency}
    return str(w.stripe("POST", "/v1/prices", product=product, **terms, **more)["id"])


def adopt(w: World, source: str = "customer", *, commit: bool = True) -> Report:
    return w.parts.adoption.run(RefSource(source), lambda _report: None, commit=commit)


def codes(found: list[Any]) -> list[str]:
    return sorted(one.code for one in found)


def rows(w: World) -> dict[str, int]:
    """How many rows there are of everything that an adoption may write."""
    tables = (AccountRow, Sub, InvoiceRow, ScheduleRow, NoticeRow, IntentRow)
    with w.parts.database.read() as tx:
        return {
            table.__tablename__: tx.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables
        }


def refused_change(w: World, ref: str) -> str | None:
    """Quote and execute a change of the account's (first) plan; the code of a refusal."""
    (first, *_) = w.state(ref)["subscriptions"]
    wanted = {"family": "operations", "plan": "pro", "tier": "40k", "interval": "month"}
    body = {"changes": [{**wanted, "subscription": first["id"]}]}
    answer = w.call("POST", f"/v1/accounts/{ref}/quotes", body)
    if answer.status_code == 409:
        return str(answer.json["code"])
    assert answer.status_code == 201, answer.json
    made = w.execute(ref, answer.json)
    assert made.status_code == 201, made.json
    assert made.json["lines"][0]["state"] == "applied", made.json
    return None
