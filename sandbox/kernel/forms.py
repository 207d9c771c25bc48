"""Stripe's form encoding: `items[0][price]=…`, `metadata[k]=…`, `expand[]=…` into nested values."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from .errors import Json, invalid

KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
PART = re.compile(r"\[([^\[\]]*)\]")


def parse_form(encoded: str) -> Json:
    """Nested dictionaries of strings; a list is one of indexes until a field reads it."""
    tree: Json = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        match = KEY.match(name)
        if not match:
            raise invalid(f"Invalid request parameter name: {name}", name)
        _put(tree, [match[1], *PART.findall(match[2])], value, name)
    return tree


def _put(tree: Json, path: list[str], value: str, name: str) -> None:
    node = tree
    for part in path[:-1]:
        child = node.setdefault(part if part else str(len(node)), {})
        if not isinstance(child, dict):
            raise invalid(f"Invalid request: conflicting values for {name}", name)
        node = child
    last = path[-1]
    node[last if last else str(len(node))] = value


def as_list(value: Json) -> list[object] | None:
    """`{"0": a, "1": b}` as `[a, b]`; None when the keys are not indexes."""
    if not all(key.isdigit() for key in value):
        return None
    return [value[key] for key in sorted(value, key=int)]
