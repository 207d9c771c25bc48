"""Allowances: units that a plan grants, extra units that are bought, and what was used of them.

The ledger is append-only. A *lot* is units that came together and may be used in [start, end); its
*entries* grant, consume, expire, transfer and credit them; what is left at any instant is their
sum. ``accrue`` brings the ledger up to what the mirror shows, and everything else begins with it,
so nothing has to happen at the moment a period begins. Every moment here is billing time.
"""

from .changing import accrue, activating, applied, ended, given_up
from .packs import grant_pack, pack_end
from .standing import Standing, standings
from .unused import Unused, unused
from .usage import Recorded, UsageRecord, record_usage

__all__ = [
    "Recorded",
    "Standing",
    "Unused",
    "UsageRecord",
    "accrue",
    "activating",
    "applied",
    "ended",
    "given_up",
    "grant_pack",
    "pack_end",
    "record_usage",
    "standings",
    "unused",
]
