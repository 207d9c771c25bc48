"""Ids of our own things: a prefix that says what it is, and 96 random bits."""

from __future__ import annotations

import secrets


def new_id(prefix: str) -> str:
    """For example ``pc_6f1e…`` for a plan change; unguessable, and safe in a URL."""
    return f"{prefix}_{secrets.token_hex(12)}"
