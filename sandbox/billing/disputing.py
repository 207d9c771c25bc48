"""Disputes: a bank claims a charge back (Stripe docs: testing disputes; disputes).

The cards that bring one are charged and then disputed at once. Evidence decides: Stripe's test
texts win or lose it. Stripe's own balance is not kept here, so no movement of it is shown.
"""

from __future__ import annotations

from ..kernel.errors import Json
from ..kernel.world import World

# Stripe gives a week or more, by the card's network.
ANSWER_WITHIN_S = 7 * 86_400
WARNINGS = ("warning_needs_response", "warning_under_review")
NEEDS_RESPONSE = ("needs_response", "warning_needs_response")
# Parts of the evidence that are lists or files are left out: there are no files here.
TEXTS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)


def open_dispute(world: World, charge: Json, reason: str, *, inquiry: bool) -> Json:
    """The customer's bank disputes `charge`; an inquiry takes no money yet."""
    now = world.now(charge)
    dispute = world.add(
        "dispute",
        {
            "id": world.identify("du"),
            "object": "dispute",
            "amount": charge["amount"],
            "balance_transactions": [],
            "charge": charge["id"],
            "created": now,
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": {**dict.fromkeys(TEXTS), "enhanced_evidence": {}},
            "evidence_details": {
                "due_by": now + ANSWER_WITHIN_S,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
            },
            "is_charge_refundable": inquiry,
            "livemode": False,
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "reason": reason,
            "status": "warning_needs_response" if inquiry else "needs_response",
        },
    )
    charge["disputed"] = True
    world.emit("charge.dispute.created", dispute)
    if not inquiry:
        world.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def submit(world: World, dispute: Json) -> None:
    """Evidence goes to the bank, whose answer the test texts name (Stripe docs: testing)."""
    warned = dispute["status"] in WARNINGS
    details = dispute["evidence_details"]
    details["submission_count"] += 1
    text = dispute["evidence"]["uncategorized_text"]
    with world.changing(dispute, "charge.dispute.updated"):
        dispute["status"] = "warning_under_review" if warned else "under_review"
    if text == "winning_evidence":
        close(world, dispute, "warning_closed" if warned else "won")
    elif text == "losing_evidence":
        close(world, dispute, "lost")


def close(world: World, dispute: Json, status: str) -> None:
    """The bank has decided, or nobody answered."""
    withdrawn = dispute["status"] not in WARNINGS
    dispute["status"] = status
    world.emit("charge.dispute.closed", dispute)
    if status == "won" and withdrawn:
        world.emit("charge.dispute.funds_reinstated", dispute)
