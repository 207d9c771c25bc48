"""Why a change is not possible now, each with the way out."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Decision

from ..changes.schedules import live_schedule, refuse_foreign
from ..changes.states import BUSY, State
from ..errors import Conflict, Invalid
from ..holdings import UNPAID, Holding
from ..prices import CurrentPrice
from ..tables import AccountRow, ChangeLineRow, InvoiceRow


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


def refuse_busy_subscription(tx: Session, held: Holding) -> None:
    """A second pending update of one subscription would void the first one's invoice."""
    sub = held.subscription.id
    waiting = tx.scalars(
        select(ChangeLineRow)
        .where((ChangeLineRow.subscription_id == sub) | (ChangeLineRow.moved_from == sub))
        .where(ChangeLineRow.state.in_((State.EXECUTING.value, State.AWAITING_PAYMENT.value)))
    ).first()
    if waiting is not None:
        raise change_in_progress(waiting)


def change_in_progress(line: ChangeLineRow) -> Conflict:
    """The refusal of a second change while ``line`` is being carried out."""
    waits = State(line.state) in (State.AWAITING_PAYMENT, State.ACTIVATING)
    remedy = "pay it or cancel it" if waits else "wait until it is done"
    return Conflict(
        "change_in_progress",
        f"Plan change {line.change.id} is {line.state.replace('_', ' ')}; {remedy} first.",
        plan_change=line.change.id,
        payment_url=line.payment_url,
    )


def refuse_unchangeable(held: Holding) -> None:
    """What no plan change can be made on, in whatever state it is paid."""
    sub = held.subscription
    if sub.billing_mode != "flexible":
        raise Conflict(
            "classic_billing",
            f"Subscription {sub.id} bills in Stripe's classic mode, where cycles and credits "
            f"follow other rules. Migrate it, for good: 'planshift accounts migrate {sub.id}'.",
            subscription=sub.id,
        )
    if len({line.interval for line in sub.lines if not line.removed}) > 1:
        raise Conflict(
            "mixed_intervals",
            f"Subscription {sub.id} has lines of several intervals; split it at Stripe into one "
            "subscription for each.",
            subscription=sub.id,
        )


def refuse_invoiced(held: Holding) -> None:
    """A change that waits for its payment exists only where Stripe charges by itself: pending
    updates are for ``charge_automatically`` (stripe-facts §3.5).
    """
    sub = held.subscription
    if sub.collection_method != "charge_automatically":
        raise Conflict(
            "send_invoice",
            f"Subscription {sub.id} is paid by invoices that are sent, so a change now would be in "
            "force before it is paid. Let Stripe charge it automatically first, or end it.",
            subscription=sub.id,
        )


def refuse_unpaid(tx: Session, held: Holding) -> None:
    """Nothing is changed while money is owed (cancelling stays possible, without credit).

    A period whose invoice is still a draft is no obstacle: a change now pays it first.
    """
    sub = held.subscription
    if sub.status == "paused" or sub.paused_collection:
        # While collection is paused an upgrade's invoice would be voided, and the upgrade free.
        raise Conflict("resume_first", f"Subscription {sub.id} is paused; resume it first.")
    if sub.status in UNPAID:
        invoice = tx.get(InvoiceRow, sub.latest_invoice or "")
        raise payment_outstanding(invoice)


def payment_outstanding(invoice: InvoiceRow | None) -> Conflict:
    """The refusal to change what is not paid, with the link to pay."""
    return Conflict(
        "payment_outstanding",
        "The current period's invoice is not paid yet; pay it first, then change the plan.",
        invoice=invoice.id if invoice else None,
        payment_url=invoice.hosted_invoice_url if invoice else None,
    )


def refuse_if_scheduled_elsewhere(
    tx: Session, held: Holding, replaces: ChangeLineRow | None
) -> None:
    """What we scheduled ourselves is replaced by what is asked for now; what somebody else did is
    not. Ending a plan at once is always possible.
    """
    refuse_foreign(live_schedule(tx, held.subscription))
    sub = held.subscription
    if sub.cancel_at is None or replaces is not None:
        return
    raise Conflict(
        "cancellation_pending",
        f"The plan was set to end on {sub.cancel_at:%Y-%m-%d}, not from here; undo that first with "
        "DELETE /v1/accounts/{ref}/cancellation.",
        subscription=sub.id,
    )


def refuse_by_rule(decision: Decision, replaces: ChangeLineRow | None) -> None:
    """Answer with the rule's own reason where it says that the change is not self-serve."""
    facts = {"rule": decision.rule, "why": decision.why, "remedy": decision.remedy}
    reason = decision.reason or decision.why
    if decision.direction.kind == "same":
        if replaces is not None:
            facts["remedy"] = f"To keep it, cancel plan change {replaces.change.id}."
        raise Conflict(
            "already_on_offer",
            "The account already has exactly this offer.",
            **facts,
            scheduled=replaces.change.id if replaces else None,
        )
    if decision.route == "contact_sales":
        raise Conflict("contact_sales", reason, **facts)
    if decision.route == "not_offered":
        raise Conflict("not_offered", reason, **facts)


def refuse_misfit(
    held: Holding | None,
    price: CurrentPrice | None,
    quantity: int | None,
    invoice_days: int | None,
    path: str,
) -> None:
    """What is billed by usage is not held several times; usage and a fixed price never share a
    subscription, so there are two of them in turn; and only a start says how it is collected.
    """
    if invoice_days is not None and (held is not None or price is None):
        raise Invalid(
            "invoice_only_at_start",
            "Only a subscription that begins can be billed by sent invoices; leave it out.",
            path=f"{path}.invoice_days",
        )
    if price is not None and price.metered and quantity not in (None, 1):
        raise Invalid(
            "usage_has_no_quantity",
            "The plan is billed by what is used of it; leave the quantity out.",
            path=f"{path}.quantity",
        )
    if held is None or price is None or not (held.line.meter_id or price.metered):
        return
    raise Conflict(
        "end_plan_first",
        "A plan that is billed by usage and one with a fixed price do not change into each other: "
        "end the one that is held, then start the other.",
        subscription=held.subscription.id,
    )
