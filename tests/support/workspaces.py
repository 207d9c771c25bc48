"""An account on the catalogue `cancel-first`, and the other answer that its file shows."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import mappings
from mappings import Catalogue, parse_catalogue
from tests.support.world import World

WORKSPACE = "workspace"
FREE = ("free", "3")
PROFESSIONAL = ("professional", "50")
ENTERPRISE = ("enterprise", "500")


REFUSED = re.compile(
    r'route = "not_offered"\nreason = "A paid plan.*?"\nremedy = "Cancel.*?"\n', re.S
)
IN_ONE = """route = "cancel_and_resubscribe"
timing = "now"
cycle = "restart"
credit = "time_to_balance"
acknowledge = true
"""


def buy(w: World, offer: tuple[str, str]) -> Any:
    return w.change("acme", *offer, family=WORKSPACE)


@cache
def in_one_request() -> Catalogue:
    """The shipped catalogue with the answer that it shows in a comment."""
    shipped = (Path(mappings.__file__).parent / "catalogues" / "cancel-first.toml").read_text()
    text, replaced = REFUSED.subn(IN_ONE, shipped)
    assert replaced == 1
    assert all(f"#   {line}" in shipped for line in IN_ONE.splitlines())
    return parse_catalogue(text)
