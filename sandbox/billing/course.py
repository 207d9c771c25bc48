"""What becomes of an invoice that a subscription drafted by itself (stripe-facts §3.6)."""

from __future__ import annotations

from ..kernel.errors import Json
from ..kernel.world import World
from .collection import finalize
from .documents import finalize_document
from .standing import void_invoice, write_off


def set_course(world: World, subscription: Json, invoice: Json) -> None:
    """A draft for about an hour; while unpaid it stays one and is not attempted (§3.6); while
    collection is paused it goes the way that was chosen (Stripe docs: pause payment)."""
    if subscription["pause_collection"]:
        hold(world, subscription, invoice)
    elif subscription["status"] == "unpaid":
        invoice["auto_advance"] = False
    else:
        later = invoice["created"] + world.switches.draft_seconds
        invoice["automatically_finalizes_at"] = later


def hold(world: World, subscription: Json, invoice: Json) -> None:
    """Paused collection: kept as a draft, voided, or marked uncollectible, all at once."""
    behavior = subscription["pause_collection"]["behavior"]
    if behavior == "keep_as_draft":
        invoice["auto_advance"] = False
        return
    if invoice["amount_due"] == 0:
        finalize(world, invoice)
        return
    finalize_document(world, invoice)
    if behavior == "void":
        void_invoice(world, invoice)
    else:
        write_off(world, invoice, "subscription_paused")
