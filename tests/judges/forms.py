"""What a request says, read from its form or JSON: the judge's own reader, not the sandbox's."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

PARTS = re.compile(r"\[([^\]]*)\]")


def read_form(encoded: str) -> dict[str, Any]:
    """``items[0][price]=p&expand[]=x`` as ``{"items": {"0": {"price": "p"}}, "expand": …}``."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        head, bracket, rest = name.partition("[")
        *path, last = [head, *PARTS.findall(bracket + rest)]
        node = tree
        for part in path:
            child = node.setdefault(part or str(len(node)), {})
            node = child if isinstance(child, dict) else node
        node[last or str(len(node))] = value
    return tree


def read_json(encoded: str) -> dict[str, Any]:
    """A JSON object in the shape of a form; no body says nothing."""
    tree: dict[str, Any] = _indexed(json.loads(encoded or "{}"))
    return tree


def _indexed(value: Any) -> Any:
    if isinstance(value, list):
        return {str(index): _indexed(entry) for index, entry in enumerate(value)}
    if isinstance(value, dict):
        return {name: _indexed(entry) for name, entry in value.items()}
    return value
