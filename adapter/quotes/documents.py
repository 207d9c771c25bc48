"""What the caller reads: current beside new, the money of each timing, what is lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from mappings import Catalogue, Decision, Money, Offer, Selection, UnitPrice, decimals_of

from ..gateway.snapshots import InvoiceSnapshot
from ..holdings import Holding, display_name
from .credits import Payback
from .targets import Target


def money(amount: int, currency: str) -> dict[str, Any]:
    """Integer minor units with their currency, and the same as text for people."""
    return {"amount": amount, "currency": currency, "text": str(Money(amount, currency))}


def offer_document(
    catalogue: Catalogue, offer: Offer | None, held: Holding | None = None
) -> dict[str, Any] | None:
    """An offer with what it gives; ``held`` adds what the account pays and until when."""
    if offer is None:
        return None
    plan, tier = catalogue.plan_of(offer), catalogue.tier_of(offer)
    allowance = catalogue.allowance_of(offer)
    document: dict[str, Any] = {
        "name": display_name(catalogue, offer),
        "family": offer.family,
        "plan": offer.plan,
        "tier": offer.tier,
        "interval": offer.interval,
        "price": _price(catalogue, offer, held),
        "unit_price": _unit_price(catalogue, offer, held),
        "limits": dict(plan.limits),
        "features": list(plan.features),
        "size": tier.size_for(offer.interval),
        "allowance": {"units": allowance.units, "reset": allowance.reset} if allowance else None,
    }
    if held is not None:
        document["quantity"] = None if held.line.meter_id else held.line.quantity
        document["period_end"] = held.line.period_end.isoformat()
    return document


def _price(catalogue: Catalogue, offer: Offer, held: Holding | None) -> dict[str, Any] | None:
    """What is paid: the price held (it may be an older one), else the catalogue's."""
    if held is not None and held.line.unit_amount is not None:
        return money(held.line.unit_amount, held.line.currency)
    if offer not in catalogue.priced_offers():
        return None
    listed = catalogue.price_of(offer)
    return money(listed.amount, listed.currency)


def _unit_price(catalogue: Catalogue, offer: Offer, held: Holding | None) -> dict[str, Any] | None:
    """What one unit of usage costs: as it is held, else as the catalogue says."""
    if held is not None and held.line.unit_price is not None:
        return unit_price(UnitPrice(Decimal(held.line.unit_price), held.line.currency))
    return unit_price(catalogue.unit_price_of(offer)) if catalogue.usage_of(offer) else None


def unit_price(price: UnitPrice) -> dict[str, Any]:
    """A price per unit, in whole units of its currency: as text, for no number keeps it exactly."""
    amount = f"{price.decimal.normalize():f}"
    return {"amount": amount, "currency": price.currency, "text": str(price)}


def losses(catalogue: Catalogue, current: Offer | None, target: Offer | None) -> list[str]:
    """In words, what the account had and will not have: features, and limits that go down."""
    if current is None:
        return []
    old = catalogue.plan_of(current)
    new = catalogue.plan_of(target) if target is not None else None
    kept = set(new.features) if new else set()
    lost = [f"feature {feature}" for feature in old.features if feature not in kept]
    limits = new.limits if new else {}
    for name, had in old.limits.items():
        will_have = limits.get(name, 0)
        if will_have is not None and (had is None or had > will_have):
            lost.append(f"limit {name}: {'unlimited' if had is None else had} -> {will_have}")
    return lost


def billed_now(invoice: InvoiceSnapshot, price: str | None, at: datetime) -> dict[str, Any]:
    """The money of a change that takes effect now, from Stripe's own preview of its invoice."""
    currency = invoice.currency
    credit = -sum(line.amount for line in invoice.lines if line.amount < 0)
    available = max(-invoice.starting_balance, 0)
    renewals = [line.period_end for line in invoice.lines if line.price == price]
    return {
        "effective_at": at.isoformat(),
        "due_now": money(invoice.amount_due, currency),
        "subtotal": money(invoice.subtotal, currency),
        "total": money(invoice.total, currency),
        "credit": money(credit, currency),
        "balance_used": money(min(available, max(invoice.total, 0)), currency),
        "credited_to_balance": money(max(-invoice.total, 0), currency),
        "lines": [line.to_json() for line in invoice.lines],
        "next_invoice": None,
        "next_invoice_at": max(renewals).isoformat() if renewals else None,
    }


def billed_anew(
    invoice: InvoiceSnapshot, ending: InvoiceSnapshot | None, price: str | None, at: datetime
) -> dict[str, Any]:
    """The money of a new subscription in the place of one that ends now.

    ``invoice`` previews the new one with the balance of today, ``ending`` the credit that the end
    of the old one brings (None: none). Stripe previews the two one by one; together, that credit
    is on the balance when the new invoice is made.
    """
    currency = invoice.currency
    credit = max(-ending.total, 0) if ending else 0
    available = max(-invoice.starting_balance, 0) + credit
    return {
        **billed_now(invoice, price, at),
        "due_now": money(max(invoice.amount_due - credit, 0), currency),
        "credit": money(credit, currency),
        "balance_used": money(min(available, max(invoice.total, 0)), currency),
        "credited_to_balance": money(credit, currency),
        "ending_lines": [line.to_json() for line in ending.lines] if ending else [],
    }


def billed_later(preview: InvoiceSnapshot | None, currency: str, at: datetime) -> dict[str, Any]:
    """The money of a change at the period's end: nothing now; ``preview`` is of its first invoice.

    The first invoice is as Stripe sees it today: what is on the balance by then may differ.
    """
    document = billed_nothing(currency, at)
    if preview is not None:
        document["next_invoice"] = {
            "at": at.isoformat(),
            "total": money(preview.total, preview.currency),
            "amount_due": money(preview.amount_due, preview.currency),
            "lines": [line.to_json() for line in preview.lines],
        }
        document["next_invoice_at"] = at.isoformat()
    return document


def billed_nothing(currency: str, at: datetime) -> dict[str, Any]:
    """The money of a change that moves none."""
    nothing = money(0, currency)
    return {
        "effective_at": at.isoformat(),
        "due_now": nothing,
        "subtotal": nothing,
        "total": nothing,
        "credit": nothing,
        "balance_used": nothing,
        "credited_to_balance": nothing,
        "lines": [],
        "next_invoice": None,
        "next_invoice_at": None,
    }


def quote_document(
    catalogue: Catalogue, target: Target, timings: dict[str, Any], payback: Payback | None
) -> dict[str, Any]:
    """The quote without its identity and dates, which ``quotes`` adds."""
    decision, held = target.decision, target.held
    return {
        "kind": target.kind,
        "changes": [
            {
                "family": target.wanted.family,
                "subscription": held.subscription.id if held else None,
                "quantity": target.quantity,
                "current": offer_document(catalogue, target.current, held),
                "new": offer_document(catalogue, target.offer),
                "direction": decision.direction.kind,
                "why": decision.why,
                "decision": _decision(decision),
                "lost": losses(catalogue, target.current, target.offer),
                "replaces": _replaced(target),
                "allowance_credit": _payback(payback),
            }
        ],
        "timings": timings,
        "requires": requirements(decision, target.selections),
    }


def requirements(decision: Decision, selections: Sequence[Selection]) -> dict[str, Any]:
    """What the caller must hand in with the plan change."""
    kind = decision.direction.kind
    return {
        "acknowledgements": [kind] if decision.acknowledge else [],
        "selections": [selection.id for selection in selections],
        "questions": {selection.id: selection.text for selection in selections},
    }


def _replaced(target: Target) -> dict[str, Any] | None:
    """The scheduled change whose place this one takes."""
    line = target.replaces
    if line is None:
        return None
    return {
        "plan_change": line.change.id,
        "to": line.to_offer,
        "effective_at": line.effective_at.isoformat() if line.effective_at else None,
    }


def _payback(payback: Payback | None) -> dict[str, Any] | None:
    """The unused allowance, what one unit was paid with, and what it all is worth at most."""
    if payback is None:
        return None
    decimals = decimals_of(payback.currency)
    return {
        "units": payback.units,
        "price_per_unit": f"{payback.per_unit.scaleb(-decimals).normalize():f}",
        "worth": money(payback.worth, payback.currency),
    }


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "rule": decision.rule,
        "route": decision.route,
        "timing": decision.timing,
        "cycle": decision.cycle,
        "credit": decision.credit,
        "allowance": decision.allowance,
        "on_failed_payment": decision.on_failed_payment,
        "grace_days": decision.grace_days,
    }
