"""The billing portal: its configurations and sessions (stripe-facts §3.9)."""

from __future__ import annotations

from ..billing.checkout import page_url
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, array, boolean, enum, record, text
from ..kernel.lists import PAGE
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.store import copy_json
from ..kernel.world import World
from .billing_fields import FEEDBACK, PRORATION
from .common import META, apply_metadata, assign, filtered, fresh_metadata

CONFIGURATION = "billing_portal.configuration"
SESSION = "billing_portal.session"
SWITCH = record({"enabled": boolean(required=True)})
PRODUCTS = array(
    record({"prices": array(text(), required=True), "product": text(required=True)}), most=10
)
FEATURES = record(
    {
        "customer_update": record(
            {
                "allowed_updates": array(
                    enum("address", "email", "name", "phone", "shipping", "tax_id")
                ),
                "enabled": boolean(required=True),
            }
        ),
        "invoice_history": SWITCH,
        "payment_method_update": SWITCH,
        "subscription_cancel": record(
            {
                "cancellation_reason": record(
                    {"enabled": boolean(required=True), "options": array(FEEDBACK)}
                ),
                "enabled": boolean(required=True),
                "mode": enum("at_period_end", "immediately"),
                "proration_behavior": PRORATION,
            }
        ),
        "subscription_update": record(
            {
                # a string here, unlike on subscriptions (§3.9)
                "billing_cycle_anchor": enum("now", "unchanged"),
                "default_allowed_updates": array(enum("price", "promotion_code", "quantity")),
                "enabled": boolean(required=True),
                "products": PRODUCTS,
                "proration_behavior": PRORATION,
                "schedule_at_period_end": record(
                    {
                        "conditions": array(
                            record(
                                {
                                    "type": enum(
                                        "decreasing_item_amount",
                                        "shortening_interval",
                                        required=True,
                                    )
                                }
                            )
                        )
                    }
                ),
                "trial_update_behavior": enum("continue_trial", "end_trial"),
            }
        ),
    }
)
PROFILE = record(
    {name: text() for name in ("headline", "privacy_policy_url", "terms_of_service_url")}
)
UPDATE: Fields = {
    **META,
    "active": boolean(),
    "business_profile": PROFILE,
    "default_return_url": text(),
    "features": FEATURES,
    "login_page": SWITCH,
    "name": text(),
}
CREATE: Fields = {name: field for name, field in UPDATE.items() if name != "active"}
FLOW = record(
    {
        "after_completion": record(
            {
                "redirect": record({"return_url": text(required=True)}),
                "type": enum("hosted_confirmation", "portal_homepage", "redirect", required=True),
            }
        ),
        "subscription_cancel": record({"subscription": text(required=True)}),
        "subscription_update": record({"subscription": text(required=True)}),
        "type": enum(
            "payment_method_update", "subscription_cancel", "subscription_update", required=True
        ),
    }
)
OPEN: Fields = {
    "configuration": text(),
    "customer": text(required=True),
    "flow_data": FLOW,
    "locale": text(),
    "return_url": text(),
}
LIST: Fields = {**PAGE, "active": boolean(), "is_default": boolean()}
PLAIN: Json = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "options": []},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "products": None,
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}


def _new(world: World, params: Json, *, default: bool = False) -> Json:
    now = world.now()
    body = world.add(
        CONFIGURATION,
        {
            "id": world.identify("bpc"),
            "object": CONFIGURATION,
            "active": True,
            "application": None,
            "business_profile": dict.fromkeys(
                ("headline", "privacy_policy_url", "terms_of_service_url")
            ),
            "created": now,
            "default_return_url": params.get("default_return_url"),
            "features": copy_json(PLAIN),
            "is_default": default,
            "livemode": False,
            "login_page": {"enabled": False, "url": None},
            "metadata": fresh_metadata(params),
            "name": params.get("name"),
            "updated": now,
        },
    )
    _apply(world, body, params)
    return body


def _apply(world: World, body: Json, params: Json) -> None:
    body["business_profile"] |= params.get("business_profile") or {}
    for name, wanted in (params.get("features") or {}).items():
        body["features"][name] |= wanted or {}
    for product in body["features"]["subscription_update"]["products"] or []:
        product.setdefault("adjustable_quantity", {"enabled": False, "maximum": None, "minimum": 1})
        world.require("product", product["product"], "features[subscription_update][products]")
        for price in product["prices"]:
            world.require("price", price, "features[subscription_update][products]")


def create(world: World, call: Call) -> Json:
    if not call.params.get("features"):
        raise errors.missing_parameter("features")
    body = _new(world, call.params)
    world.emit("billing_portal.configuration.created", body)
    return world.render(body)


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require(CONFIGURATION, call.id))


def update(world: World, call: Call) -> Json:
    body, params = world.require(CONFIGURATION, call.id), call.params
    with world.changing(body, "billing_portal.configuration.updated"):
        assign(body, params, "active", "default_return_url", "name")
        apply_metadata(body, params)
        _apply(world, body, params)
        body["updated"] = world.now()
    return world.render(body)


def index(world: World, call: Call) -> Json:
    return filtered(world, call, world.store.scan(CONFIGURATION), "active", "is_default")


def open_portal(world: World, call: Call) -> Json:
    """A short-lived way into the portal for one customer."""
    params = call.params
    customer = world.require("customer", params["customer"], "customer")
    if params.get("configuration"):
        setup = world.require(CONFIGURATION, params["configuration"], "configuration")
    else:
        setup = _default(world)
    identifier = world.identify("bps")
    session = world.add(
        SESSION,
        {
            "id": identifier,
            "object": SESSION,
            "configuration": setup["id"],
            "created": world.now(customer),
            "customer": customer["id"],
            "flow": _flow(params.get("flow_data"), setup),
            "livemode": False,
            "locale": params.get("locale"),
            "on_behalf_of": None,
            "return_url": params.get("return_url") or setup["default_return_url"],
            "url": page_url(world, "billing", f"/p/session/{identifier}"),
        },
    )
    world.emit("billing_portal.session.created", session)
    return world.render(session)


def _flow(wanted: Json | None, setup: Json) -> Json | None:
    """What the page leads straight to, which its configuration has to allow."""
    if wanted is None:
        return None
    kind = wanted["type"]
    if not setup["features"][kind]["enabled"]:
        raise errors.invalid(
            f"This session's configuration does not have the `{kind}` feature enabled.",
            "flow_data[type]",
        )
    if kind != "payment_method_update" and not wanted.get(kind):
        raise errors.missing_parameter(f"flow_data[{kind}]")
    after = wanted.get("after_completion") or {"type": "portal_homepage"}
    shown: Json = dict.fromkeys(
        ("subscription_cancel", "subscription_update", "subscription_update_confirm")
    )
    if kind != "payment_method_update":
        shown[kind] = {"subscription": wanted[kind]["subscription"]}
        if kind == "subscription_cancel":
            shown[kind]["retention"] = None
    return {
        "after_completion": {
            "hosted_confirmation": None,
            "redirect": after.get("redirect"),
            "type": after["type"],
        },
        **shown,
        "type": kind,
    }


def _default(world: World) -> Json:
    """What the account has saved in the Dashboard: canceling at the period's end, cards."""
    for body in world.store.scan(CONFIGURATION):
        if body["is_default"]:
            return body
    on = {"enabled": True}
    features = {
        "invoice_history": on,
        "payment_method_update": on,
        "subscription_cancel": on,
    }
    return _new(world, {"features": features}, default=True)


def shapes(known: Shapes) -> None:
    known.refer(SESSION, configuration=CONFIGURATION)


ROUTES = [
    Route("POST", "/v1/billing_portal/configurations", create, CREATE),
    Route("GET", "/v1/billing_portal/configurations", index, LIST),
    Route("GET", "/v1/billing_portal/configurations/<id>", retrieve, {}),
    Route("POST", "/v1/billing_portal/configurations/<id>", update, UPDATE),
    Route("POST", "/v1/billing_portal/sessions", open_portal, OPEN),
]
