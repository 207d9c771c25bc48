"""What a request says, read from its form: the judge's own reader, not the sandbox's."""

from __future__ import annotations

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
