"""What a request means for this account: from where, to where, by which rule, or why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue, Decision, Offer, UnknownOffer, decide

from ..changes.states import BUSY, State
from ..errors import Conflict, Invalid
from ..holdings import UNPAID, Holding, addressed, facts_of, holdings_of, unknown_price
from ..prices import CurrentPrice, current_price
from ..tables import AccountRow, ChangeLineRow, InvoiceRow


@dataclass(frozen=True)
class Wanted:
    """One entry of a quote request, as asked. ``plan`` None asks for a cancellation."""

    family: str
    plan: str | None
    tier: str | None = None
    interval: str | None = None
    currency: str | None = None
    quantity: int = 1
    subscription: str | None = None

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


@dataclass(frozen=True)
class Target:
    """A request resolved: what is held, what is wanted, and what the rules decided."""

    kind: str  # "start", "change" or "cancel"
    wanted: Wanted
    held: Holding | None
    current: Offer | None
    offer: Offer | None
    price: CurrentPrice | None
    decision: Decision

    def basis(self) -> dict[str, Any]:
        """The state this was computed on; a quote is stale once it differs."""
        if self.held is None:
            return {"subscription": None}
        sub, line = self.held.subscription, self.held.line
        return {
            "subscription": sub.id,
            "status": sub.status,
            "cancel_at": sub.cancel_at.isoformat() if sub.cancel_at else None,
            "schedule": sub.schedule_id,
            "item": line.id,
            "price": line.price_id,
            "quantity": line.quantity,
            "period_start": line.period_start.isoformat(),
        }


def resolve(tx: Session, catalogue: Catalogue, account: AccountRow, wanted: Wanted) -> Target:
    """Work out what ``wanted`` means.

    Raises:
        Invalid: the offer does not exist (``unknown_family``, ``unknown_plan``…), with its path.
        Conflict: the rules or the state of the subscription do not allow it, with the way out.
    """
    refuse_if_busy(tx, account, wanted.family, wanted.subscription)
    holdings = holdings_of(tx, account)
    offer = _offer(catalogue, account, wanted)
    held = addressed(holdings, wanted.family, wanted.subscription)
    if held is not None and held.offer is None:
        raise unknown_price(held)
    current = held.offer if held else catalogue.free_offer(wanted.family)
    ends = offer is None or offer.is_free
    if held is not None:
        _refuse_unpaid(tx, held, ends=ends)
        _refuse_ending(held, ends=ends)
    if ends and held is None:
        raise Conflict("nothing_to_cancel", "The account holds no paid plan in this family.")
    decision = decide(catalogue, current, offer, facts_of(account, held))
    _refuse_by_rule(decision, wanted, held)
    if ends:
        return Target("cancel", wanted, held, current, offer, None, decision)
    assert offer is not None
    price = current_price(tx, catalogue, offer)
    kind = "start" if held is None else "change"
    return Target(kind, wanted, held, current, offer, price, decision)


def refuse_if_busy(tx: Session, account: AccountRow, family: str, subscription: str | None) -> None:
    """409 while another change of the same line is under way, with its link."""
    statement = select(ChangeLineRow).where(
        ChangeLineRow.account_seq == account.seq,
        ChangeLineRow.family == family,
        ChangeLineRow.state.in_([state.value for state in BUSY]),
    )
    if subscription is not None:
        statement = statement.where(ChangeLineRow.subscription_id == subscription)
    open_line = tx.scalars(statement).first()
    if open_line is not None:
        raise change_in_progress(open_line)


def change_in_progress(line: ChangeLineRow) -> Conflict:
    """The refusal of a second change while ``line`` is being carried out."""
    waits = State(line.state) is State.AWAITING_PAYMENT
    remedy = "pay it or cancel it" if waits else "wait until it is done"
    return Conflict(
        "change_in_progress",
        f"Plan change {line.change.id} is {line.state.replace('_', ' ')}; {remedy} first.",
        plan_change=line.change.id,
        payment_url=line.payment_url,
    )


def _offer(catalogue: Catalogue, account: AccountRow, wanted: Wanted) -> Offer | None:
    try:
        catalogue.family(wanted.family)
        if wanted.plan is None:
            return None
        currency = wanted.currency or account.currency or catalogue.currencies[0]
        return catalogue.offer(wanted.family, wanted.plan, wanted.tier, wanted.interval, currency)
    except UnknownOffer as unknown:
        raise Invalid(
            f"unknown_{unknown.field}",
            str(unknown),
            path=f"changes[0].{unknown.field}",
            known=list(unknown.known),
        ) from unknown


def _refuse_unpaid(tx: Session, held: Holding, *, ends: bool) -> None:
    """Nothing is changed while money is owed (cancelling stays possible, without credit)."""
    sub = held.subscription
    if ends:
        return
    if sub.status == "paused":
        raise Conflict("resume_first", f"Subscription {sub.id} is paused; resume it first.")
    invoice = tx.get(InvoiceRow, sub.latest_invoice or "")
    draft = invoice is not None and invoice.status == "draft"
    if sub.status in UNPAID or draft:
        raise Conflict(
            "payment_outstanding",
            "The current period's invoice is not paid yet; pay it first, then change the plan."
            if not draft
            else "The current period's invoice is being prepared and is charged within about an "
            "hour; ask again when it is paid.",
            invoice=invoice.id if invoice else None,
            payment_url=invoice.hosted_invoice_url if invoice else None,
        )


def _refuse_ending(held: Holding, *, ends: bool) -> None:
    """A subscription that is set to end is un-cancelled before it is changed."""
    if not ends:
        refuse_if_ending(held)


def refuse_if_ending(held: Holding) -> None:
    """What is set to end may end sooner, but neither change nor be set to end once more."""
    sub = held.subscription
    if sub.cancel_at is None:
        return
    raise Conflict(
        "cancellation_pending",
        f"The plan is set to end on {sub.cancel_at:%Y-%m-%d}; undo that first with "
        "DELETE /v1/accounts/{ref}/cancellation.",
        subscription=sub.id,
    )


def _refuse_by_rule(decision: Decision, wanted: Wanted, held: Holding | None) -> None:
    """Answer with the rule's own reason where it says that the change is not self-serve."""
    facts = {"rule": decision.rule, "why": decision.why, "remedy": decision.remedy}
    reason = decision.reason or decision.why
    if decision.direction.kind == "same" and _same_quantity(wanted, held):
        raise Conflict("already_on_offer", "The account already has exactly this offer.", **facts)
    if decision.route == "contact_sales":
        raise Conflict("contact_sales", reason, **facts)
    if decision.route == "cancel_and_resubscribe":
        raise Conflict("cancel_and_resubscribe", reason, **facts)
    if decision.route == "not_offered":
        raise Conflict("not_offered", reason, **facts)


def _same_quantity(wanted: Wanted, held: Holding | None) -> bool:
    return held is None or held.line.quantity == wanted.quantity
