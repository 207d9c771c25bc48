"""Ending subscriptions."""

from __future__ import annotations

from ..kernel.errors import Json
from ..kernel.world import World


def end_now(world: World, subscription: Json, *, reason: str) -> None:
    raise LookupError(subscription["id"])
