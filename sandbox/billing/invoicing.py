"""Drafting invoices: which lines, which totals, what the customer balance will take.

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
from .lines import line_from_pending, name_credited_lines, note_invoiced
from .pending_items import waiting


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
        subscription["latest_invoice"] = invoice["id"]
    if world.rehearsing:
        raise Previewed(copy_json(invoice))
    world.emit("invoice.created", invoice)
    return invoice


def compute_totals(world: World, invoice: Json) -> None:
    """Sums, and what will be due after the balance: shown on drafts as it stands now (§3.6)."""
    subtotal = sum(int(line["amount"]) for line in invoice["lines"])
    customer = world.store.get("customer", invoice["customer"])
    due, ending = split_balance(subtotal, customer["balance"], world.switches.minimum_charge)
    invoice |= {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": subtotal,
        "total_excluding_tax": subtotal,
        "starting_balance": customer["balance"],
        "amount_due": due,
        "amount_remaining": due,
        "_ending": ending,
    }


def split_balance(total: int, balance: int, minimum: int) -> tuple[int, int]:
    """`(amount_due, ending_balance)`: credit is used up first, a negative total becomes credit,
    and an amount too small to charge is carried as a debit (§3.6)."""
    due = total + balance
    if due <= 0:
        return 0, due
    if due < minimum:
        return 0, due
    return due, 0


def _blank(world: World, customer: Json, subscription: Json | None, plan: Plan) -> Json:
    now = world.now(subscription or customer)
    collection = subscription["collection_method"] if subscription else "charge_automatically"
    days = subscription["days_until_due"] if subscription else None
    invoice: Json = {
        "id": world.identify("in"),
        "object": "invoice",
        "account_country": "US",
        "account_name": "Sandbox",
        "account_tax_ids": None,
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": None,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": plan.auto_advance,
        "automatic_tax": {"enabled": False, "liability": None, "status": None},
        "automatically_finalizes_at": None,
        "billing_reason": plan.reason,
        "collection_method": collection,
        "created": now,
        "currency": subscription["currency"] if subscription else None,
        "custom_fields": None,
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "due_date": now + days * 86_400 if days is not None else None,
        "effective_at": None,
        "ending_balance": None,
        "footer": customer["invoice_settings"]["footer"],
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": [],
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "parent": _parent(subscription),
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": now,
        "period_start": now,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": customer["balance"],
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": 0,
        "subtotal_excluding_tax": 0,
        "test_clock": customer["test_clock"],
        "total": 0,
        "total_discount_amounts": [],
        "total_excluding_tax": 0,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": now,
        "_subscription": subscription["id"] if subscription else None,
        "_ending": 0,
    }
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
