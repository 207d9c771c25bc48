"""Fields and steps that several resources share."""

from __future__ import annotations

from ..kernel.errors import Json
from ..kernel.fields import METADATA, Fields, integer, merge_metadata, record, text

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


def deleted(body: Json) -> Json:
    return {"id": body["id"], "object": body["object"], "deleted": True}
