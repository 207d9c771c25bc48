"""Why an order is not taken, or came to nothing: the answers to its caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import Conflict, Invalid, PaymentFailed
from ..steps import StepRefused
from ..tables import ChangeRow
from .ordered import Order


def check_requirements(needed: Mapping[str, Any], order: Order) -> None:
    """Everything that the quote asks to be confirmed or chosen has to come with the order."""
    missing = [item for item in needed["acknowledgements"] if item not in order.acknowledgements]
    if missing:
        raise Invalid(
            "acknowledgement_required",
            f"Confirm with acknowledgements: {missing}. The quote says what is lost.",
            path="acknowledgements",
            required=missing,
        )
    unselected = [name for name in needed["selections"] if not order.selections.get(name)]
    if unselected:
        questions = " ".join(needed["questions"][name] for name in unselected)
        raise Invalid(
            "selection_required",
            f"{questions} Answer with selections: {', '.join(unselected)}.",
            path="selections",
            required=unselected,
        )


def refuse_named_method(order: Order) -> None:
    if order.payment_method is not None:
        raise Invalid(
            "paid_at_a_page",
            "This is paid at a page, where the customer says what with; leave payment_method out.",
            path="payment_method",
        )


def refusal(change: ChangeRow, refused: StepRefused) -> PaymentFailed | Conflict | Invalid:
    if refused.record.get("after_cancel"):
        return Conflict(
            "failed_after_cancel",
            "The old plan was cancelled and its credit is on the balance, but the new one could "
            f"not be started: {refused.message} Start it again when the payment can be made.",
            plan_change=change.id,
            stripe_code=refused.code,
        )
    if refused.record.get("outstanding"):
        return Conflict(
            "payment_outstanding",
            f"The current period's invoice could not be paid: {refused.message} Pay it first.",
            plan_change=change.id,
            invoice=refused.record["outstanding"],
            payment_url=refused.record["pay_url"],
        )
    if refused.declined:
        return PaymentFailed.declined(change.id, refused.code, refused.message)
    if refused.record.get("param") in ("default_payment_method", "payment_method"):
        return Invalid("unknown_payment_method", refused.message, path="payment_method")
    return Conflict.refused_by_stripe(
        f"Stripe refused the change: {refused.message} Nothing was changed.",
        refused.code,
        plan_change=change.id,
    )
