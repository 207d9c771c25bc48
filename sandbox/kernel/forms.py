"""Stripe's form encoding: `items[0][price]=…`, `metadata[k]=…`, `expand[]=…` into nested values.

The JSON of the v2 API is read into the same tree, so that one set of fields reads both.
"""

from __future__ import annotations

import json
import re
from typing import Any
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


def parse_json(encoded: str) -> Json:
    """The tree of a JSON object; no body at all is one without members."""
    try:
        value = json.loads(encoded or "{}")
    except ValueError:
        raise invalid("The request body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise invalid("The request body must be a JSON object.")
    return {name: _indexed(entry) for name, entry in value.items()}


def _indexed(value: Any) -> Any:
    if isinstance(value, list):
        return {str(index): _indexed(entry) for index, entry in enumerate(value)}
    if isinstance(value, dict):
        return {name: _indexed(entry) for name, entry in value.items()}
    return value


def as_list(value: Json) -> list[object] | None:
    """`{"0": a, "1": b}` as `[a, b]`; None when the keys are not indexes."""
    if not all(key.isdigit() for key in value):
        return None
    return [value[key] for key in sorted(value, key=int)]
