"""Setup intents: a payment method saved for later charges, challenged where the bank wants it."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json, StripeError
from ..kernel.world import World
from .cards import CARDS, Card, declined, look_of
from .charging import NOT_AUTHENTICATED, next_action
from .intents import check_usable
from .methods import attach_method, find_method
from .templates import SETUP_INTENT, fresh

# Cards that are challenged when they are saved, not only when they are charged.
CHALLENGED = (
    "authenticationRequired",
    "authenticationRequiredOnSetup",
    "authenticationRequiredSetupForOffSession",
    "threeDSecure2Required",
    "threeDSecureRequired",
)
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def new_setup(world: World, params: Json) -> Json:
    """A setup intent from validated parameters; `usage` is off_session unless said otherwise."""
    identifier = world.identify("seti")
    allowed = params.get("allowed_payment_method_types")
    setup = world.add(
        "setup_intent",
        fresh(
            SETUP_INTENT,
            id=identifier,
            allowed_payment_method_types=allowed,
            client_secret=world.identify(f"{identifier}_secret"),
            created=world.now({"customer": params.get("customer")}),
            customer=params.get("customer"),
            description=params.get("description"),
            metadata=dict(params.get("metadata") or {}),
            payment_method_types=allowed or params.get("payment_method_types") or ["card"],
            usage=params.get("usage") or "off_session",
        ),
    )
    world.emit("setup_intent.created", setup)
    return setup


def choose_setup_method(world: World, setup: Json, identifier: str) -> Json:
    """Names the method to be saved; a test card's alias becomes a new one."""
    method = find_method(world, identifier, "payment_method")
    check_usable(method, setup["customer"])
    setup["payment_method"] = method["id"]
    if setup["status"] == "requires_payment_method":
        setup["status"] = "requires_confirmation"
    return method


def confirm_setup(world: World, setup: Json) -> StripeError | None:
    """Saves the method, or challenges, or refuses: then the 402 to raise comes back."""
    method = world.store.get("payment_method", setup["payment_method"])
    look = look_of(method)
    if look.at_attach:
        _refuse(world, setup, method, look)
        shown = {"setup_intent": world.render(setup)}
        return declined(method, shown, keep_effects=True)
    if _challenged(method):
        url = f"https://hooks.stripe.com/3d_secure_2/hosted?setup_intent={setup['id']}"
        setup |= {"status": "requires_action", "next_action": next_action(url)}
        world.emit("setup_intent.requires_action", setup)
        return None
    _succeed(world, setup, method)
    return None


def _challenged(method: Json) -> bool:
    challenged = method["_card"] in CHALLENGED and method["_card"] in CARDS
    return challenged and not method.get("_authenticated")


def _succeed(world: World, setup: Json, method: Json) -> None:
    """Attached on success, if there is a customer; without one it can be charged once."""
    setup |= {"status": "succeeded", "next_action": None, "last_setup_error": None}
    if setup["customer"] and method["customer"] is None:
        customer = world.require("customer", setup["customer"], "customer")
        attach_method(world, method["id"], customer)
    world.emit("setup_intent.succeeded", setup)


def _refuse(world: World, setup: Json, method: Json, look: Card) -> None:
    setup |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_setup_error": {
            "code": look.code,
            "decline_code": look.decline_code,
            "doc_url": f"https://stripe.com/docs/error-codes/{look.code.replace('_', '-')}",
            "message": "Your card was declined.",
            "payment_method": world.render(method),
            "type": "card_error",
        },
    }
    world.emit("setup_intent.setup_failed", setup)


def authenticate_setup(world: World, identifier: str, *, succeed: bool) -> None:
    """The customer answers the challenge. LookupError when none is open."""
    setup = world.store.find("setup_intent", identifier)
    if setup is None or setup["status"] != "requires_action":
        raise LookupError(identifier)
    method = world.store.get("payment_method", setup["payment_method"])
    if succeed:
        method["_authenticated"] = True
        _succeed(world, setup, method)
        return
    _refuse(world, setup, method, look_of(method))
    setup["last_setup_error"] |= {
        "code": "setup_intent_authentication_failure",
        "decline_code": None,
        "message": NOT_AUTHENTICATED,
        "type": "invalid_request_error",
    }


def cancel_setup(world: World, setup: Json, reason: str | None) -> None:
    """Gives it up; nothing was saved."""
    if setup["status"] not in OPEN:
        raise unexpected_setup(world, setup, "cancel")
    setup |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    world.emit("setup_intent.canceled", setup)


def unexpected_setup(world: World, setup: Json, verb: str) -> StripeError:
    """400 `setup_intent_unexpected_state`, with the setup intent in it."""
    return errors.StripeError(
        400,
        f"You cannot {verb} this SetupIntent because it has a status of {setup['status']}.",
        code="setup_intent_unexpected_state",
        extra={"setup_intent": world.render(setup)},
    )
