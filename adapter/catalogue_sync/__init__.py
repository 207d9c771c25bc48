"""Bringing Stripe in line with the catalogue: what would change, said first; then done, once.

``plan_sync`` compares and changes nothing (``planshift catalogue diff``). ``CatalogueSync.run``
finishes what an interrupted run left open, plans, shows the plan, and carries it out
(``planshift catalogue sync``). What Stripe holds is the only state a plan is made from, so a run
that died is finished by running again, and a second run has nothing left to do. Whatever does not
carry this catalogue's tenant in its metadata is left alone.
"""

from .actions import (
    Action,
    ArchivePrice,
    ArchiveProduct,
    CorrectPrice,
    CreateMeter,
    CreatePrice,
    CreateProduct,
    ReactivateMeter,
    ReKeyPrice,
    UpdateProduct,
)
from .carrying_out import CatalogueSync, Refusal, SyncResult
from .inventory import Inventory, take_inventory
from .naming_conflicts import NameTaken
from .planning import SyncPlan, plan_sync
from .report import plan_lines, plan_summary, progress_line, result_lines
from .retired import KeptPrice

__all__ = [
    "Action",
    "ArchivePrice",
    "ArchiveProduct",
    "CatalogueSync",
    "CorrectPrice",
    "CreateMeter",
    "CreatePrice",
    "CreateProduct",
    "Inventory",
    "KeptPrice",
    "NameTaken",
    "ReKeyPrice",
    "ReactivateMeter",
    "Refusal",
    "SyncPlan",
    "SyncResult",
    "UpdateProduct",
    "plan_lines",
    "plan_summary",
    "plan_sync",
    "progress_line",
    "result_lines",
    "take_inventory",
]
