"""All kinds of bills, and how they are stored with their change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .changing import UpdateNow
from .ending import Cancel, EndUsage, RemoveNow
from .lines import Credit, Entry
from .replacing import Replace, Resubscribe
from .starting import Purchase


@dataclass(frozen=True)
class Later:
    """Changes and ends at their period's end: a matter of each subscription's schedule.

    Nothing is billed now, so nothing has to agree with a preview.
    """

    customer: str


@dataclass(frozen=True)
class ByAgreement:
    """A plan without a price begins or ends: nothing of it is at Stripe."""

    customer: str


# What Stripe can be asked to preview.
Billed = Purchase | UpdateNow | RemoveNow | Cancel | EndUsage | Resubscribe | Replace
Bill = Billed | Later | ByAgreement
_KINDS: Mapping[str, type[Bill]] = {
    "purchase": Purchase,
    "update_now": UpdateNow,
    "remove_now": RemoveNow,
    "cancel": Cancel,
    "end_usage": EndUsage,
    "later": Later,
    "by_agreement": ByAgreement,
    "resubscribe": Resubscribe,
    "replace": Replace,
}


def bill_to_json(bill: Bill) -> dict[str, Any]:
    """A bill as it is stored with the change, so that resuming sends what was quoted."""
    kind = next(name for name, known in _KINDS.items() if isinstance(bill, known))
    return {"kind": kind, **asdict(bill)}


def bill_from_json(stored: dict[str, Any]) -> Bill:
    """The inverse of ``bill_to_json``."""
    members = {name: value for name, value in stored.items() if name != "kind"}
    if isinstance(members.get("credit"), dict):
        members["credit"] = Credit(**members["credit"])
    if "entries" in members:
        members["entries"] = tuple(Entry(**entry) for entry in members["entries"])
    if "items" in members:
        members["items"] = tuple(members["items"])
    return _KINDS[stored["kind"]](**members)
