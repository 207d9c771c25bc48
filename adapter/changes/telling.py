"""Which notice goes with which movement of a line, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from mappings import Catalogue, Money

from ..billing import Purchase, bill_from_json
from ..gateway.snapshots import InvoiceSnapshot
from ..holdings import display_name
from ..notices.outbox import Kind, queue
from ..prices import offer_from_dict
from ..sales.agreements import agreed_offer
from ..tables import AccountRow, ChangeLineRow, InvoiceRow
from .states import State


def notice_of(
    catalogue: Catalogue, line: ChangeLineRow, was: State, now: State, *, goes_on: bool
) -> tuple[Kind, dict[str, object]] | None:
    """The notice of this movement, if there is one.

    The end of a whole subscription, set or come about, is told by the subscription itself
    (``adapter.effects``), whoever caused it; told here as well it would be told twice. Where the
    subscription goes on with other lines, only the line tells of its end.
    """
    if now is State.AWAITING_PAYMENT:
        return _to_be_paid(catalogue, line) if line.timing == "now" else None
    facts = notice_facts(catalogue, line)
    if now is State.APPLIED and (line.price_id is not None or agreed_offer(line) is not None):
        return Kind.PLAN_CHANGED, facts
    if line.price_id is None:
        # What was held by agreement has no subscription that could tell of its end.
        tells = goes_on or line.subscription_id is None
        return _end_of_a_line(catalogue, line, was, now) if tells else None
    if now is State.SCHEDULED:
        return Kind.CHANGE_SCHEDULED, facts
    if was is State.SCHEDULED and now is State.CANCELLED:
        return Kind.CHANGE_CANCELLED, facts
    return None


def _to_be_paid(catalogue: Catalogue, line: ChangeLineRow) -> tuple[Kind, dict[str, object]]:
    """What the customer has to act for: all that is due now, in one payment."""
    due = [one for one in line.change.lines if one.timing == "now"]
    bill = bill_from_json(line.change.bill)
    nothing_due = isinstance(bill, Purchase) and bill.metered
    told = {**together(catalogue, due), "pay_url": line.payment_url, "nothing_due": nothing_due}
    return Kind.ACTION_REQUIRED, told


def together(catalogue: Catalogue, lines: Sequence[ChangeLineRow]) -> dict[str, object]:
    """The facts of several lines that are paid together, their plans named one after another."""
    facts = [notice_facts(catalogue, line) for line in lines]
    named = {way: [one[way] for one in facts if one[way]] for way in ("from", "to")}
    joined = {way: ", ".join(map(str, names)) or None for way, names in named.items()}
    return {**facts[0], **joined}


def _end_of_a_line(
    catalogue: Catalogue, line: ChangeLineRow, was: State, now: State
) -> tuple[Kind, dict[str, object]] | None:
    facts = notice_facts(catalogue, line)
    plans, moment = [facts["from"]], facts["effective_at"]
    if now is State.SCHEDULED:
        return Kind.CANCELLATION_SET, {"plans": plans, "ends_at": moment}
    if now is State.APPLIED:
        told = {"plans": plans, "ended_at": moment, "reason": "cancellation_requested"}
        return Kind.CANCELLATION_ENDED, told
    if was is State.SCHEDULED and now is State.CANCELLED:
        return Kind.UNCANCELLED, {"plans": plans, "paid_until": moment}
    return None


def notice_facts(catalogue: Catalogue, line: ChangeLineRow) -> dict[str, object]:
    """What a notice about a change says of it."""
    old = offer_from_dict(line.from_offer) if line.from_offer else None
    new = offer_from_dict(line.to_offer) if line.to_offer else None
    return {
        "change": line.change.id,
        "line": line.family,
        "family": catalogue.family(line.family).name,
        "from": display_name(catalogue, old),
        "to": display_name(catalogue, new),
        "effective_at": line.effective_at.isoformat() if line.effective_at else None,
    }


def tell_activation_failed(
    tx: Session,
    catalogue: Catalogue,
    account: AccountRow,
    line: ChangeLineRow,
    invoice: InvoiceRow | InvoiceSnapshot,
    now: datetime,
) -> None:
    """Queue the one notice of a scheduled change that was not paid; ``now`` is wall time."""
    until = line.grace_until
    facts = {
        **together(catalogue, billed_together(line)),
        "invoice": invoice.id,
        "amount": str(Money(invoice.amount_remaining, invoice.currency)),
        "pay_url": invoice.hosted_invoice_url,
        "grace_until": until.isoformat() if until else None,
    }
    # One invoice is one thing to pay, however many lines of the order it bills.
    kind = Kind.ACTIVATION_FAILED
    queue(tx, account, kind, f"{line.change.id}:{invoice.id}:{kind.value}", facts, now)


def billed_together(line: ChangeLineRow) -> list[ChangeLineRow]:
    """The lines of an order that wait for the same invoice."""
    return [one for one in line.change.lines if one.invoice_id == line.invoice_id]
