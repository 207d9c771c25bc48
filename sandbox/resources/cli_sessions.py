"""What `stripe listen` asks for before it opens its WebSocket, undocumented (stripe-facts §6.4)."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..kernel.errors import Json
from ..kernel.fields import Fields, array, enum, text
from ..kernel.ids import token
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from ..switches import LATEST_API_VERSION

FAMILY = "_cli_session"
PATH = "/stripecli/subscribe/"
SNAPSHOTS, THIN = "webhooks", "v2_events"
RECONNECT_S = 60
ADDRESSES = (
    "forward_to_url",
    "forward_connect_to_url",
    "forward_thin_to_url",
    "forward_thin_connect_to_url",
)
CREATE: Fields = {
    **{name: text() for name in ADDRESSES},
    "device_name": text(),
    "websocket_features": array(enum(SNAPSHOTS, THIN)),
}


def create(world: World, call: Call) -> Json:
    """A session; the same command on the same machine is the same listener.

    The secret depends on the machine alone, so that `listen --print-secret` tells, once and for
    all, the one that every `listen` there will sign with.
    """
    params = call.params
    device = params.get("device_name") or "unnamed"
    features = params.get("websocket_features") or [SNAPSHOTS]
    what = [device, *features, *(params.get(name) or "" for name in ADDRESSES)]
    session = world.add(
        FAMILY,
        {
            "id": world.identify("cliws"),
            "object": FAMILY,
            "listener": "we_" + token(world.seed, "\n".join(what), 0),
            "features": features,
            "forward_to": next((params[name] for name in ADDRESSES if params.get(name)), ""),
            "secret": "whsec_" + token(world.seed, f"listens on {device}", 0, 40),
        },
    )
    return {
        "websocket_url": f"ws://{urlsplit(world.pages).netloc}{PATH}{session['id']}",
        "websocket_id": session["id"],
        "websocket_authorized_feature": features[0],
        "secret": session["secret"],
        "reconnect_delay": RECONNECT_S,
        "default_version": world.switches.default_api_version,
        "latest_version": LATEST_API_VERSION,
        "device_token": session["listener"],
        "display_connect_filter_warning": False,
    }


def admit(world: World, session: Json) -> Json:
    """The listener of a session, from now on among those that events go to."""
    known = world.store.peek("_listener", session["listener"])
    return known or world.add(
        "_listener",
        {
            "id": session["listener"],
            "object": "_listener",
            "enabled_events": ["*"],
            "features": session["features"],
            "status": "enabled",
            "url": session["forward_to"],
            "_secret": session["secret"],
        },
    )


def shapes(known: Shapes) -> None:
    """Nothing in a session is expandable."""


ROUTES = [Route("POST", "/v1/stripecli/sessions", create, CREATE)]
