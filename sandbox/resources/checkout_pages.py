"""What Checkout's page itself asks the API, undocumented: the official CLI completes sessions so
(stripe-facts §6.2). A person uses the page at the session's url instead."""

from __future__ import annotations

from ..billing.checkout_payment import visit_checkout
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, integer, text
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World

CONFIRM: Fields = {"expected_amount": integer(), "payment_method": text(required=True)}


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("checkout.session", call.id))


def confirm(world: World, call: Call) -> Json:
    session = world.require("checkout.session", call.id)
    expected = call.params.get("expected_amount")
    if expected is not None and expected != (session["amount_total"] or 0):
        raise errors.invalid("The amount has changed since the page was loaded.", "expected_amount")
    try:
        ending = visit_checkout(world, session["id"], call.params["payment_method"])
    except LookupError:
        message = f"This Checkout Session has a status of `{session['status']}`."
        raise errors.invalid(message, code="checkout_not_active_session") from None
    except ValueError as error:
        raise errors.invalid(str(error), "payment_method") from None
    if ending != "complete":
        raise errors.StripeError(
            402,
            "Your card was declined.",
            kind="card_error",
            code="card_declined",
            keep_effects=True,
        )
    return world.render(session)


def shapes(known: Shapes) -> None:
    """Nothing here is expandable."""


ROUTES = [
    Route("GET", "/v1/payment_pages/<id>", retrieve, {}),
    Route("POST", "/v1/payment_pages/<id>/confirm", confirm, CONFIRM),
]
