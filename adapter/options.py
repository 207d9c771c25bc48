"""The changes open to an account in a family, as callers read them."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from mappings import Catalogue, Decision, Offer, Option, UnknownOffer, options

from .charging import Charging
from .holdings import Holding, facts_of
from .tables import AccountRow


def options_of(
    tx: Session,
    catalogue: Catalogue,
    account: AccountRow,
    family: str,
    held: Holding | None,
    agreed: Offer | None,
) -> list[dict[str, Any]]:
    """What the rules answer to every change, cancel among them. Nothing is asked of Stripe, so a
    quote may still find a reason against one.
    """
    current = held.offer if held is not None else agreed or catalogue.free_offer(family)
    currency = (current and current.currency) or account.currency or catalogue.currencies[0]
    sub = held.subscription if held is not None else None
    can_charge = Charging().can_charge(tx, account, sub)
    facts = facts_of(held, held.line.quantity if held is not None else 1, chargeable=can_charge)
    try:
        found = options(catalogue, family, current, facts, currency)
    except UnknownOffer:
        return []  # what is held has left the catalogue: rules cannot compare with it
    return [_document(catalogue, family, option) for option in found]


def _document(catalogue: Catalogue, family: str, option: Option) -> dict[str, Any]:
    decision, plan = option.decision, option.plan
    refused = decision.route in ("contact_sales", "not_offered")
    return {
        "action": decision.direction.kind,
        "plan": plan,
        "name": catalogue.plan(family, plan).name if plan is not None else None,
        "offers": [
            {"tier": offer.tier, "interval": offer.interval, "currency": offer.currency}
            for offer in option.offers
        ],
        "route": decision.route,
        "when": None if refused else _timings(decision),
        "rule": decision.rule,
        "reason": decision.reason,
        "remedy": decision.remedy,
    }


def _timings(decision: Decision) -> list[str]:
    return ["now", "period_end"] if decision.timing == "caller" else [decision.timing]
