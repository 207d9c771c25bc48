"""Charging."""

from __future__ import annotations

from ..kernel.world import World


def authenticate(world: World, payment_intent: str, *, succeed: bool) -> None:
    raise LookupError(payment_intent)
