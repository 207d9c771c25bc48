"""Disputes of charges: looked at, answered with evidence, given up."""

from __future__ import annotations

from ..billing.disputing import NEEDS_RESPONSE, TEXTS, close, submit
from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.fields import Fields, boolean, record, text
from ..kernel.lists import PAGE, RANGE
from ..kernel.rendering import Shapes
from ..kernel.routing import Call, Route
from ..kernel.world import World
from .common import META, apply_metadata, filtered

UPDATE: Fields = {
    **META,
    "evidence": record({name: text() for name in TEXTS}),
    "submit": boolean(),
}
LIST: Fields = {**PAGE, "charge": text(), "created": RANGE, "payment_intent": text()}


def retrieve(world: World, call: Call) -> Json:
    return world.render(world.require("dispute", call.id))


def update(world: World, call: Call) -> Json:
    """Evidence is submitted at once unless it is only staged (`submit=false`)."""
    dispute, params = world.require("dispute", call.id), call.params
    evidence = params.get("evidence") or {}
    if evidence and dispute["status"] not in NEEDS_RESPONSE:
        raise errors.invalid("This dispute is already closed", "evidence")
    with world.changing(dispute, "charge.dispute.updated"):
        apply_metadata(dispute, params)
        dispute["evidence"] |= evidence
        if any(dispute["evidence"][name] for name in TEXTS):
            dispute["evidence_details"]["has_evidence"] = True
    if evidence and params.get("submit", True):
        submit(world, dispute)
    return world.render(dispute)


def give_up(world: World, call: Call) -> Json:
    """Without evidence it is lost, for good."""
    dispute = world.require("dispute", call.id)
    if dispute["status"] not in NEEDS_RESPONSE:
        raise errors.invalid("This dispute is already closed")
    close(world, dispute, "lost")
    return world.render(dispute)


def index(world: World, call: Call) -> Json:
    return filtered(world, call, world.store.scan("dispute"), "charge", "payment_intent")


def shapes(known: Shapes) -> None:
    known.refer("dispute", charge="charge", payment_intent="payment_intent")


ROUTES = [
    Route("GET", "/v1/disputes", index, LIST),
    Route("GET", "/v1/disputes/<id>", retrieve, {}),
    Route("POST", "/v1/disputes/<id>", update, UPDATE),
    Route("POST", "/v1/disputes/<id>/close", give_up, {}),
]
