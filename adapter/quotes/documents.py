"""What the caller reads: current beside new, the money of each timing, what is lost."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue, Decision, Money, Offer, UnitPrice, decimals_of

from ..changes.states import State
from ..holdings import Holding, display_name
from ..prices import offer_from_dict
from ..tables import AccountRow, ChangeLineRow
from .credits import Payback
from .order import Ordered
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


def quote_document(
    catalogue: Catalogue,
    order: Ordered,
    timings: dict[str, Any],
    payback: Payback | None,
    earlier: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """The quote without its identity and dates, which ``quotes`` adds.

    ``payback`` is of the one line that pays back allowance, ``earlier`` what is scheduled already.
    """
    return {
        "kind": order.kind,
        "changes": [_change(catalogue, target, payback) for target in order.targets],
        "timings": timings,
        "already_scheduled": list(earlier),
        "requires": requirements(order),
    }


def _change(catalogue: Catalogue, target: Target, payback: Payback | None) -> dict[str, Any]:
    decision, held = target.decision, target.held
    return {
        "family": target.family,
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


def requirements(order: Ordered) -> dict[str, Any]:
    """What the caller must hand in with the plan change."""
    kinds = [one.decision.direction.kind for one in order.targets if one.decision.acknowledge]
    selections = {each.id: each.text for one in order.targets for each in one.selections}
    return {
        "acknowledgements": sorted(set(kinds)),
        "selections": list(selections),
        "questions": selections,
    }


def already_scheduled(
    tx: Session, catalogue: Catalogue, account: AccountRow, order: Ordered
) -> list[dict[str, Any]]:
    """What earlier orders have scheduled and this one leaves alone: it keeps its date, and is not
    charged before.
    """
    replaced = {one.replaces.seq for one in order.targets if one.replaces is not None}
    lines = tx.scalars(
        select(ChangeLineRow)
        .where(ChangeLineRow.account_seq == account.seq)
        .where(ChangeLineRow.state == State.SCHEDULED.value)
        .order_by(ChangeLineRow.effective_at, ChangeLineRow.seq)
    )
    return [_already(catalogue, line) for line in lines if line.seq not in replaced]


def _already(catalogue: Catalogue, line: ChangeLineRow) -> dict[str, Any]:
    to = offer_from_dict(line.to_offer) if line.to_offer else None
    return {
        "plan_change": line.change.id,
        "family": line.family,
        "subscription": line.subscription_id,
        "to": display_name(catalogue, to),
        "effective_at": line.effective_at.isoformat() if line.effective_at else None,
        "price": line_price(line),
        "active": False,
    }


def line_price(line: ChangeLineRow) -> dict[str, Any] | None:
    """What a line of a change costs each period once it has come about; None where it ends."""
    if line.unit_amount is None or line.to_offer is None:
        return None
    return money(line.unit_amount * line.quantity, line.to_offer["currency"])


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
