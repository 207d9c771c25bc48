"""Events of refunds and disputes. They name no customer: whose they are is seen when fetched."""

from __future__ import annotations

from adapter.tables import EventRow

from ..refs import Ref


def refund_created(event: EventRow) -> list[Ref]:
    """``refund.created``: money goes back, from here, the dashboard, or another program."""
    return _refund(event)


def refund_updated(event: EventRow) -> list[Ref]:
    """``refund.updated``: a refund of some days came about."""
    return _refund(event)


def refund_failed(event: EventRow) -> list[Ref]:
    """``refund.failed``: the money came back, to us."""
    return _refund(event)


def dispute_created(event: EventRow) -> list[Ref]:
    """``charge.dispute.created``: evidence has to be handed in by a date."""
    return _dispute(event)


def dispute_updated(event: EventRow) -> list[Ref]:
    """``charge.dispute.updated``: evidence was handed in, or an inquiry has become a dispute."""
    return _dispute(event)


def dispute_closed(event: EventRow) -> list[Ref]:
    """``charge.dispute.closed``: won, lost, or withdrawn."""
    return _dispute(event)


def _refund(event: EventRow) -> list[Ref]:
    return [Ref("refund", event.object_id)] if event.object_id else []


def _dispute(event: EventRow) -> list[Ref]:
    return [Ref("dispute", event.object_id)] if event.object_id else []
