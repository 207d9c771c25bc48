"""Fields and steps that several resources share."""

from __future__ import annotations

from collections.abc import Sequence

from ..kernel.errors import Json
from ..kernel.fields import METADATA, Fields, integer, merge_metadata, record, text
from ..kernel.lists import page, within
from ..kernel.routing import Call
from ..kernel.world import World

ADDRESS: Fields = {
    name: text() for name in ("city", "country", "line1", "line2", "postal_code", "state")
}
SHIPPING = record({"address": record(ADDRESS), "name": text(), "phone": text()})
META: Fields = {"metadata": METADATA}
QUANTITY = integer(least=0, most=999_999_999_999)


def apply_metadata(body: Json, params: Json) -> None:
    if "metadata" in params:
        body["metadata"] = merge_metadata(body["metadata"] or {}, params["metadata"])


def fresh_metadata(params: Json) -> dict[str, str]:
    return merge_metadata({}, params.get("metadata") or {})


def assign(body: Json, params: Json, *names: str) -> None:
    """Copies the named parameters that were sent; an unset one becomes null."""
    for name in names:
        if name in params:
            body[name] = params[name]


def fits(params: Json, body: Json, *names: str) -> bool:
    """Whether an object is what a list was filtered for: by these of its fields, and by its age."""
    alike = all(params.get(name) in (None, body[name]) for name in names)
    return alike and within(params, "created", body.get("created"))


def filtered(world: World, call: Call, entries: Sequence[Json], *names: str) -> Json:
    """One page of those `entries` that fit what the call filters for."""
    params = call.params
    return page(world, params, entries, call.url, lambda body: fits(params, body, *names))


def deleted(body: Json) -> Json:
    return {"id": body["id"], "object": body["object"], "deleted": True}
