"""A walk over all that is live at Stripe, and the edits by hand that it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from adapter.reconcile import Difference, Finding, Walk
from adapter.tables import (
    AccountRow,
    InvoiceRow,
    LineRow,
    NoticeRow,
    ScheduleRow,
    SubscriptionRow,
)
from sandbox.kernel.store import copy_json
from tests.support.world import World

MIRRORED = (AccountRow, SubscriptionRow, LineRow, InvoiceRow, ScheduleRow)


@dataclass
class Told:
    """A walk, and all it told of."""

    walk: Walk
    found: list[Finding] = field(default_factory=list)

    @property
    def differences(self) -> set[tuple[str, str, str]]:
        """Account, kind and field of each."""
        return {(d.account, d.kind, d.field) for d in self.found if isinstance(d, Difference)}

    def of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.found if isinstance(one, kind)]


def reconcile(w: World, *, repair: bool = False, wait: Callable[[], object] = lambda: None) -> Told:
    found: list[Finding] = []
    walk = w.parts.reconciling.run(
        repair=repair,
        tell=found.append,
        progress=lambda _: None,
        wait=lambda _: wait() and None,
    )
    return Told(walk, found)


def subscribed(w: World, *refs: str) -> None:
    for ref in refs:
        w.account(ref)
        w.change(ref, "core", "10k")


def unheard(w: World) -> None:
    """From here on no event arrives."""
    w.box.delivery.put_on(drop=1.0)


def rows(w: World) -> list[Any]:
    """All that is mirrored, to the last column."""
    with w.parts.database.read() as tx:
        return [
            tuple(row)
            for table in MIRRORED
            for row in tx.execute(select(table.__table__).order_by(*table.__table__.primary_key))
        ]


def notices(w: World) -> list[str]:
    with w.parts.database.read() as tx:
        return list(tx.scalars(select(NoticeRow.kind).order_by(NoticeRow.seq)))


def price_of(w: World, plan: str, tier: str) -> str:
    catalogue = w.parts.catalogue
    key = catalogue.lookup_key(catalogue.offer("operations", plan, tier, "month", "usd"))
    return str(w.stripe("GET", "/v1/prices", **{"lookup_keys[]": key})["data"][0]["id"])


def strange_price(w: World) -> str:
    product = w.stripe("POST", "/v1/products", name="Something else")["id"]
    price = {"product": product, "unit_amount": 500, "currency": "usd"}
    return str(w.stripe("POST", "/v1/prices", **price, **{"recurring[interval]": "month"})["id"])


def edits(w: World, ref: str, **params: Any) -> str:
    """Somebody edits the account's subscription in the dashboard; its id."""
    sub = w.subscription(ref)["id"]
    w.stripe("POST", f"/v1/subscriptions/{sub}", **params)
    return str(sub)


def many_foreign(w: World, number: int) -> None:
    """Subscriptions of somebody else, as many as that."""
    stranger = w.stripe("POST", "/v1/customers", email="x@y.example", source="tok_visa")["id"]
    price = {"items[0][price]": price_of(w, "core", "10k")}
    first = w.stripe("POST", "/v1/subscriptions", customer=stranger, **price)["id"]
    store = w.box.world.store
    with store.transaction():
        for count in range(number - 1):
            store.insert(
                "subscription",
                {**copy_json(store.get("subscription", first)), "id": f"sub_{count}"},
            )
