"""What happens to a payment after the request that began it: the customer answers a challenge, the
bank answers a debit. Who waits for it (an invoice, a Checkout session) is told."""

from __future__ import annotations

from ..kernel.errors import Json
from ..kernel.world import World
from .cards import behaviour
from .charging import capture, decline, fail_challenge, hold
from .collection import collected, refused
from .setups import authenticate_setup

DAY = 86_400


class PaymentIntents:
    """The agenda of payment intents: debits under way are answered by the bank."""

    def due(self, world: World, body: Json) -> int | None:  # noqa: ARG002 - the protocol's shape
        if body["status"] != "processing":
            return None
        moment: int = body["_settles_at"]
        return moment

    def act(self, world: World, body: Json) -> None:
        method = world.store.get("payment_method", body["payment_method"])
        if behaviour(method, off_session=True) == "later":
            capture(world, body, method)
            _tell(world, body, method, paid=True)
        else:
            decline(world, body, method)
            _tell(world, body, method, paid=False)
            _plan_retry(world, body)


def _plan_retry(world: World, intent: Json) -> None:
    """A renewal that a debit did not pay goes on along the retry schedule."""
    invoice = world.store.find("invoice", intent["_invoice"] or "")
    ladder = world.switches.retry_days
    if invoice is None or not invoice["auto_advance"] or invoice["status"] != "open":
        return
    tries = invoice["attempt_count"]
    if 0 < tries <= len(ladder):
        invoice["next_payment_attempt"] = world.now(invoice) + ladder[tries - 1] * DAY


def authenticate(world: World, identifier: str, *, succeed: bool) -> None:
    """The customer answers the 3-D Secure challenge of a payment intent or a setup intent.
    LookupError when none is open."""
    if identifier.startswith("seti_"):
        authenticate_setup(world, identifier, succeed=succeed)
        return
    intent = world.store.find("payment_intent", identifier)
    if intent is None or intent["status"] != "requires_action" or not intent["payment_method"]:
        raise LookupError(identifier)
    method = world.store.get("payment_method", intent["payment_method"])
    if not succeed:
        fail_challenge(world, intent, method)
    elif intent["capture_method"] == "manual":
        method["_authenticated"] = True
        hold(world, intent, method)
        return
    else:
        method["_authenticated"] = True
        capture(world, intent, method)
    _tell(world, intent, method, paid=succeed)


def _tell(world: World, intent: Json, method: Json, *, paid: bool) -> None:
    invoice = world.store.find("invoice", intent["_invoice"] or "")
    if invoice is not None and paid:
        invoice["attempt_count"] = max(1, invoice["attempt_count"])
        collected(world, invoice, method)
    elif invoice is not None:
        refused(world, invoice)
    _tell_session(world, intent, paid=paid)


def _tell_session(world: World, intent: Json, *, paid: bool) -> None:
    """A session that was completed before its money came hears of it (Stripe docs: Checkout)."""
    for session in world.store.where("checkout.session", "_payment_intent", intent["id"]):
        if session["status"] == "complete" and session["payment_status"] == "unpaid":
            session["payment_status"] = "paid" if paid else "unpaid"
            outcome = "succeeded" if paid else "failed"
            world.emit(f"checkout.session.async_payment_{outcome}", session)
