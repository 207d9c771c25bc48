"""Webhook endpoints. The secret is answered once, by the creation (stripe-facts §4)."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, array, boolean, text
from ..kernel.ids import token
from ..kernel.lists import PAGE, page
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import META, apply_metadata, assign, deleted, fresh_metadata

NAMES = array(text(required=True), required=True, most=400)
CREATE: Fields = {
    **META,
    "api_version": text(),
    "connect": boolean(),
    "description": text(),
    "enabled_events": NAMES,
    "url": text(required=True),
}
UPDATE: Fields = {
    **META,
    "description": text(),
    "disabled": boolean(),
    "enabled_events": array(text(required=True), most=400),
    "url": text(clearable=False),
}


def _check_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise errors.invalid("Invalid URL: An explicit scheme (such as https) must be provided.")
    return url


def create(world: World, call: Call) -> Json:
    params = call.params
    if not params["enabled_events"]:
        raise errors.missing_parameter("enabled_events")
    identifier = world.identify("we")
    endpoint = world.add(
        "webhook_endpoint",
        {
            "id": identifier,
            "object": "webhook_endpoint",
            "api_version": params.get("api_version"),
            "application": None,
            "created": world.now(),
            "description": params.get("description"),
            "enabled_events": params["enabled_events"],
            "livemode": False,
            "metadata": fresh_metadata(params),
            "status": "enabled",
            "url": _check_url(params["url"]),
            "_secret": "whsec_" + token(world.seed, identifier, 0, 32),
        },
    )
    return {**world.render(endpoint), "secret": endpoint["_secret"]}


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("webhook_endpoint", call.id))


def update(world: World, call: Call) -> Json:
    endpoint, params = world.require("webhook_endpoint", call.id), call.params
    assign(endpoint, params, "description")
    apply_metadata(endpoint, params)
    if params.get("url"):
        endpoint["url"] = _check_url(params["url"])
    if params.get("enabled_events"):
        endpoint["enabled_events"] = params["enabled_events"]
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    return world.render(endpoint)


def delete(world: World, call: Call) -> Json:
    endpoint = world.require("webhook_endpoint", call.id)
    world.store.remove("webhook_endpoint", endpoint["id"])
    return deleted(endpoint)


def index(world: World, call: Call) -> Json:
    return page(world, call.params, world.store.scan("webhook_endpoint"), call.url)


def shapes(known: Shapes) -> None:
    """Nothing in an endpoint is expandable."""


ROUTES = [
    Route("POST", "/v1/webhook_endpoints", create, CREATE),
    Route("GET", "/v1/webhook_endpoints", index, PAGE),
    Route("GET", "/v1/webhook_endpoints/<id>", retrieve, {}),
    Route("POST", "/v1/webhook_endpoints/<id>", update, UPDATE),
    Route("DELETE", "/v1/webhook_endpoints/<id>", delete, {}),
]
