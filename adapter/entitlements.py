"""What counts for an account: the plan in effect, its limits and features.

One pure function from what the mirror holds, the open changes, and the catalogue. It never goes by
what was asked for: a change counts when it is paid, and what Stripe enters before it is paid does
not count yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mappings import Catalogue, Offer, UnknownOffer

from .changes.states import State
from .holdings import Holding
from .prices import offer_from_dict
from .tables import ChangeLineRow


@dataclass(frozen=True)
class InEffect:
    """The plan that counts for a family.

    ``holding`` is the line at Stripe it comes from, None for a free plan. ``waits_for`` is a
    change whose first period is not paid yet, so that the plan before it still counts; ``until``
    is when what counts is known to end or to be replaced.
    """

    offer: Offer | None
    holding: Holding | None = None
    waits_for: ChangeLineRow | None = None
    until: datetime | None = None


def in_effect(
    catalogue: Catalogue,
    family: str,
    holdings: Sequence[Holding],
    open_lines: Sequence[ChangeLineRow],
    agreed: Offer | None = None,
) -> InEffect:
    """What counts for ``family``: the best line in force, or what is held by agreement if that is
    better; else the free plan, else nothing.

    A line of a subscription that is incomplete, unpaid or paused is not in force. Where a line has
    entered a period whose price is not paid yet, the offer before it counts.
    """
    free = catalogue.free_offer(family)
    running = [
        _of_line(held, open_lines, free)
        for held in holdings
        if held.in_force and held.offer and held.offer.family == family
    ]
    if agreed is not None:
        running.append(InEffect(agreed))
    if not running:
        return InEffect(free)
    return max(running, key=lambda found: _rank(catalogue, found.offer))


def _of_line(held: Holding, open_lines: Sequence[ChangeLineRow], free: Offer | None) -> InEffect:
    mine = [
        line
        for line in open_lines
        if held.offer
        and (line.subscription_id, line.family) == (held.subscription.id, held.offer.family)
    ]
    if held.line.meter_id and any(_ends_at_once(line) for line in mine):
        return InEffect(free)
    activating = next((line for line in mine if State(line.state) is State.ACTIVATING), None)
    if activating is None:
        scheduled = next((line for line in mine if State(line.state) is State.SCHEDULED), None)
        until = held.subscription.cancel_at or (scheduled.effective_at if scheduled else None)
        return InEffect(held.offer, held, until=until)
    before = offer_from_dict(activating.from_offer) if activating.from_offer else free
    failed = activating.payment_url is not None
    if failed and activating.decision.get("on_failed_payment") == "free":
        before = free
    return InEffect(before, held, activating, activating.grace_until)


def _ends_at_once(line: ChangeLineRow) -> bool:
    """Whether a plan that is billed by usage is being ended: that takes as long as its bill."""
    to_free = line.to_offer is None or line.to_offer["interval"] is None
    return State(line.state) is State.EXECUTING and to_free and line.change.timing == "now"


def _rank(catalogue: Catalogue, offer: Offer | None) -> tuple[int, int]:
    if offer is None:
        return (-1, -1)
    try:
        return catalogue.plan_of(offer).rank, catalogue.tier_of(offer).size
    except UnknownOffer:
        return (-1, -1)
