"""Drafting invoices: which lines they hold.

Every invoice is drafted by `draft_invoice`. A preview is the same operation carried out in a
rehearsal: the draft is caught there (`Previewed`) and everything is rolled back, so a preview
equals what execution then charges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..kernel.errors import Json
from ..kernel.store import copy_json
from ..kernel.world import World
from .coupons import running
from .customer_discounts import customer_discounts
from .discounts import spend_once
from .lines import line_from_pending, name_credited_lines, note_invoiced
from .pending_items import waiting
from .templates import INVOICE, fresh
from .totals import compute_totals


class Previewed(Exception):
    """Unwinds a rehearsal with the invoice it came to."""

    def __init__(self, invoice: Json) -> None:
        super().__init__(invoice["id"])
        self.invoice = invoice


@dataclass
class Plan:
    """What an invoice is to hold. `charges` make lines for the subscription's own items."""

    reason: str
    charges: Iterable[Callable[[Json], Json]] = field(default_factory=tuple)
    take_pending: bool = True
    auto_advance: bool = True
    settings: Json = field(default_factory=dict)


def draft_invoice(world: World, customer: Json, subscription: Json | None, plan: Plan) -> Json:
    """A draft with its lines and totals, stored and announced."""
    invoice = _blank(world, customer, subscription, plan)
    world.add("invoice", invoice)
    lines: list[Json] = invoice["lines"]
    if plan.take_pending:
        # pending items newest first, then the subscription's items (§3.6)
        for entry in waiting(world, customer["id"], subscription):
            invoice["currency"] = invoice["currency"] or entry["currency"]
            lines.append(line_from_pending(world, invoice, entry))
    lines.extend(charge(invoice) for charge in plan.charges)
    name_credited_lines(world, invoice)
    invoice["currency"] = invoice["currency"] or customer["currency"] or "usd"
    customer["currency"] = customer["currency"] or invoice["currency"]
    compute_totals(world, invoice)
    if subscription is not None:
        note_invoiced(world, subscription, invoice)
        spend_once(world, subscription, invoice)
        subscription["latest_invoice"] = invoice["id"]
    if world.rehearsing:
        raise Previewed(copy_json(invoice))
    world.emit("invoice.created", invoice)
    return invoice


def _blank(world: World, customer: Json, subscription: Json | None, plan: Plan) -> Json:
    now = world.now(subscription or customer)
    days = subscription["days_until_due"] if subscription else None
    invoice = fresh(
        INVOICE,
        id=world.identify("in"),
        auto_advance=plan.auto_advance,
        billing_reason=plan.reason,
        created=now,
        customer=customer["id"],
        due_date=now + days * 86_400 if days is not None else None,
        footer=customer["invoice_settings"]["footer"],
        parent=_parent(subscription),
        period_end=now,
        period_start=now,
        starting_balance=customer["balance"],
        test_clock=customer["test_clock"],
        webhooks_delivered_at=now,
        _subscription=subscription["id"] if subscription else None,
    )
    for name in ("address", "email", "name", "phone", "shipping", "tax_exempt"):
        invoice[f"customer_{name}"] = customer[name]
    if subscription is not None:
        invoice["collection_method"] = subscription["collection_method"]
        invoice["currency"] = subscription["currency"]
        invoice["default_tax_rates"] = list(subscription["default_tax_rates"])
        invoice["discounts"] = [
            discount["id"] for discount in running(world, subscription["discounts"], now)
        ]
    invoice["discounts"] = invoice["discounts"] or customer_discounts(world, customer, now)
    return {**invoice, **plan.settings}


def _parent(subscription: Json | None) -> Json | None:
    if subscription is None:
        return None
    return {
        "quote_details": None,
        "subscription_details": {
            "metadata": dict(subscription["metadata"]),
            "subscription": subscription["id"],
        },
        "type": "subscription_details",
    }
