"""Checkout sessions: opened, listed with their lines, expired (stripe-facts §3.9).

What completing one does is in `checkout_payment`.
"""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.money import round_minor
from ..kernel.world import World
from .checkout_templates import SESSION
from .discounts import net_of
from .invoicing import Previewed
from .people import new_customer
from .pricing import amount_of, interval_of
from .setups import new_setup
from .starting import start_subscription
from .templates import fresh

DAY = 86_400
SHORTEST = 30 * 60
COPIED = (
    "allow_promotion_codes",
    "allowed_payment_method_types",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "customer",
    "customer_creation",
    "customer_email",
    "locale",
    "payment_method_collection",
    "submit_type",
    "success_url",
)
HOSTS = {"checkout": "https://checkout.stripe.com", "billing": "https://billing.stripe.com"}


def page_url(world: World, room: str, path: str) -> str:
    """Where a page is: at Stripe, or where this sandbox itself serves it."""
    elsewhere = world.pages.startswith("https://invoice.stripe.com")
    return (HOSTS[room] if elsewhere else world.pages) + path


def open_session(world: World, params: Json) -> Json:
    """A session from validated parameters, with its lines and what they come to."""
    now = world.now({"customer": params.get("customer")})
    identifier = world.identify("cs_test", 40)
    session = fresh(
        SESSION,
        id=identifier,
        created=now,
        expires_at=_expiry(params, now),
        metadata=dict(params.get("metadata") or {}),
        mode=params["mode"],
        url=page_url(world, "checkout", f"/c/pay/{identifier}"),
    )
    session |= {name: params[name] for name in COPIED if params.get(name) is not None}
    types = params.get("allowed_payment_method_types") or params.get("payment_method_types")
    session["payment_method_types"] = types or ["card"]
    session["_lines"] = read_lines(world, params.get("line_items") or [])
    session["_data"] = {name: params[name] for name in params if name.endswith("_data")}
    session["_data"]["discounts"] = params.get("discounts")
    _invoice_creation(session, params)
    world.add("checkout.session", session)
    if session["mode"] == "setup":
        _prepare_setup(world, session, params)
    else:
        check_lines(world, session)
        session["currency"] = session["_lines"][0]["currency"]
        session["customer_creation"] = _creation(session)
        price_session(world, session)
    if session["mode"] == "subscription":
        session["payment_method_collection"] = session["payment_method_collection"] or "always"
    return session


def _expiry(params: Json, now: int) -> int:
    """Half an hour to a day ahead; a day if nothing is said (§3.9)."""
    wanted = params.get("expires_at")
    if wanted is None:
        return now + DAY
    if not now + SHORTEST <= wanted <= now + DAY:
        raise errors.invalid(
            "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from "
            "Checkout Session creation.",
            "expires_at",
        )
    return int(wanted)


def _creation(session: Json) -> str | None:
    if session["customer"] is not None:
        return None
    if session["mode"] == "subscription":
        return "always"
    return session["customer_creation"] or "if_required"


def _invoice_creation(session: Json, params: Json) -> None:
    if session["mode"] != "payment":
        return
    session["invoice_creation"] = invoice_creation(params.get("invoice_creation"))
    if session["invoice_creation"]["enabled"] and session["customer"] is None:
        session["customer_creation"] = "always"


def invoice_creation(wanted: Json | None) -> Json:
    """Whether a payment is to get an invoice, and what that says; shown also where it is not."""
    data: Json = (wanted or {}).get("invoice_data") or {}
    return {
        "enabled": bool(wanted and wanted["enabled"]),
        "invoice_data": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": data.get("description"),
            "footer": data.get("footer"),
            "issuer": None,
            "metadata": dict(data.get("metadata") or {}),
            "rendering_options": None,
        },
    }


def _prepare_setup(world: World, session: Json, params: Json) -> None:
    data = params.get("setup_intent_data") or {}
    setup = new_setup(
        world,
        {
            "customer": session["customer"],
            "description": data.get("description"),
            "metadata": data.get("metadata"),
            "allowed_payment_method_types": session["allowed_payment_method_types"],
            "payment_method_types": session["payment_method_types"],
        },
    )
    session |= {"setup_intent": setup["id"], "payment_status": "no_payment_required"}
    session["currency"] = (params.get("currency") or "").lower() or None
    session["total_details"] = None


def read_lines(world: World, entries: list[Json]) -> list[Json]:
    """The line items, priced on their own; discounts and taxes come with the whole session."""
    lines = []
    for index, entry in enumerate(entries):
        price = _price(world, entry, f"line_items[{index}]")
        metered = bool(price["recurring"]) and price["recurring"]["usage_type"] == "metered"
        quantity = entry.get("quantity")
        if quantity is None and not metered:
            raise errors.invalid(
                f"Quantity is required. Add `quantity` to `line_items[{index}]`",
                f"line_items[{index}][quantity]",
            )
        product = world.store.peek("product", price["product"]) or {}
        lines.append(
            {
                "id": world.identify("li"),
                "object": "item",
                "adjustable_quantity": None,
                **line_amounts(world, price, quantity or 0),
                "currency": price["currency"],
                "description": product.get("name"),
                "metadata": dict(entry.get("metadata") or {}),
                "price": price["id"],
                "quantity": quantity,
                "_recurring": bool(price["recurring"]),
                "_tax_rates": entry.get("tax_rates") or [],
            }
        )
    return lines


def line_amounts(world: World, price: Json, quantity: int) -> Json:
    """Minor units of so many pieces, before discounts and taxes."""
    amount = round_minor(amount_of(price, quantity), world.switches.half_cent)
    return {
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
    }


def _price(world: World, entry: Json, label: str) -> Json:
    if entry.get("_price"):
        return world.store.get("price", entry["_price"])
    if not entry.get("price"):
        raise errors.missing_parameter(f"{label}[price]")
    price = world.require("price", entry["price"], f"{label}[price]")
    if not price["active"]:
        raise errors.invalid(
            f"The price specified is inactive. This field only accepts active prices: "
            f"{price['id']}",
            f"{label}[price]",
        )
    return price


def check_lines(world: World, session: Json) -> None:
    """The lines fit the mode: one currency, recurring where it is a subscription, one interval."""
    prices = [world.store.get("price", line["price"]) for line in session["_lines"]]
    recurring = [price for price in prices if price["recurring"]]
    if session["mode"] == "payment" and recurring:
        raise errors.invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to "
            "`subscription` mode or use only one-time prices.",
            "mode",
        )
    if session["mode"] == "subscription" and not recurring:
        raise errors.invalid(
            "You must provide at least one recurring price in `subscription` mode when using "
            "prices.",
            "mode",
        )
    if len({interval_of(price) for price in recurring}) > 1:
        raise errors.invalid(
            "Checkout does not support multiple prices with different billing intervals.",
            "line_items",
        )
    if len({price["currency"] for price in prices}) > 1:
        raise errors.invalid(
            "All prices on a Checkout session must have the same currency.", "line_items"
        )


def price_session(world: World, session: Json) -> None:
    """What the customer will be asked to pay; for a subscription its first invoice, rehearsed."""
    lines = session["_lines"]
    subtotal = sum(line["amount_subtotal"] for line in lines)
    session |= {"amount_subtotal": subtotal, "amount_total": subtotal}
    if session["mode"] != "subscription":
        return
    invoice = _first_invoice(world, session)
    taxes = sum(tax["amount"] for tax in invoice["total_taxes"]) if invoice else 0
    total = invoice["total"] if invoice else 0
    subtotal = invoice["subtotal"] if invoice else 0
    shown = sum(int(line["amount"]) - net_of(line) for line in invoice["lines"]) if invoice else 0
    session |= {"amount_subtotal": subtotal, "amount_total": total}
    session["total_details"] = {
        "amount_discount": shown,
        "amount_shipping": 0,
        "amount_tax": taxes,
    }


def _first_invoice(world: World, session: Json) -> Json | None:
    """The invoice that completing the session would make; None where it makes none."""
    with world.store.rehearsal():
        was, world.rehearsing = world.rehearsing, True
        try:
            customer = world.store.find("customer", session["customer"] or "")
            if customer is None:
                customer = new_customer(world)
            start_subscription(world, customer, subscription_params(session))
        except Previewed as caught:
            return caught.invoice
        finally:
            world.rehearsing = was
    return None


def subscription_params(session: Json) -> Json:
    """The subscription a session stands for; its metadata is that of subscription_data (§3.9)."""
    data = dict(session["_data"].get("subscription_data") or {})
    items: list[Json] = []
    extras: list[Json] = []
    for line in session["_lines"]:
        # a price made for this session is not active, and yet what is sold (`_known`)
        entry: Json = {"price": line["price"], "_known": True}
        if line["quantity"] is not None:
            entry["quantity"] = line["quantity"]
        if line["_tax_rates"]:
            entry["tax_rates"] = line["_tax_rates"]
        (items if line["_recurring"] else extras).append(entry)
    params: Json = {**data, "items": items, "add_invoice_items": extras}
    if session["_data"].get("discounts"):
        params["discounts"] = session["_data"]["discounts"]
    return params


def expire_session(world: World, session: Json) -> None:
    """Closes an open session: its page is gone, nothing was bought."""
    session |= {"status": "expired", "url": None}
    world.emit("checkout.session.expired", session)


class Sessions:
    """The agenda of Checkout sessions: an open one expires."""

    def due(self, world: World, body: Json) -> int | None:  # noqa: ARG002 - the protocol's shape
        return int(body["expires_at"]) if body["status"] == "open" else None

    def act(self, world: World, body: Json) -> None:
        expire_session(world, body)
