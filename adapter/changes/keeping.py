"""The quote of un-cancelling: what goes on, and what is billed next, if the end is taken back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue

from ..clock import to_unix
from ..errors import Conflict
from ..holdings import Holding, addressed, holdings_of
from ..quotes.documents import offer_document
from ..quotes.timings import billed_later
from ..tables import AccountRow, ChangeLineRow
from ..tools import Tools
from .schedules import live_schedule, picture_of, refuse_foreign
from .schedules.compiling import schedule_params
from .states import State

NOT_RESTORED = "The plan goes on. Changes that the cancellation replaced do not come back."


def set_to_end(
    tx: Session, account: AccountRow, family: str | None, subscription: str | None
) -> tuple[Holding, ChangeLineRow | None]:
    """The one plan that is set to end, and our change that had set it, if it was one of ours.

    Raises:
        Conflict: ``not_cancelled`` if nothing is set to end, ``ambiguous_target``.
    """
    ending = {line.item_id: line for line in _scheduled_ends(tx, account)}
    candidates = [
        held
        for held in holdings_of(tx, account)
        if held.subscription.cancel_at or held.line.id in ending
    ]
    held = addressed(candidates, family, subscription) if candidates else None
    if held is None:
        raise Conflict("not_cancelled", "No plan of this account is set to end.")
    return held, ending.get(held.line.id)


def quote_of_keeping(
    tools: Tools, account: AccountRow, family: str | None, subscription: str | None
) -> dict[str, Any]:
    """What taking the end back means: nothing is due now, and the next invoice as Stripe sees it.

    Raises: as ``set_to_end``; Conflict ``foreign_schedule``.
    """
    with tools.database.read() as tx:
        held, line = set_to_end(tx, account, family, subscription)
        asked = _next_invoice(tx, tools.catalogue, held, line)
        change = line.change.id if line else None
    ends = held.subscription.cancel_at or held.line.period_end
    preview = tools.reader.preview(asked)
    return {
        "subscription": held.subscription.id,
        "plan_change": change,
        "ends_at": ends.isoformat(),
        "kept": offer_document(tools.catalogue, held.offer, held),
        "if_taken_back": billed_later(preview, held.line.currency, held.line.period_end),
        "detail": NOT_RESTORED,
    }


def _next_invoice(
    tx: Session, catalogue: Catalogue, held: Holding, line: ChangeLineRow | None
) -> dict[str, Any]:
    """Preview parameters for the next invoice of the subscription without that end."""
    sub = held.subscription
    schedule = live_schedule(tx, sub)
    refuse_foreign(schedule)
    if schedule is not None and schedule.phase_start is not None:
        goal = picture_of(tx, sub.id, without=[line] if line else ()).goal
        start = to_unix(schedule.phase_start)
        details = schedule_params(goal, schedule.phases, start, catalogue.tenant)
        del details["metadata"]
        return {"schedule": schedule.id, "schedule_details": details}
    clear = {"cancel_at_period_end": False} if sub.cancel_at_period_end else {"cancel_at": ""}
    return {"subscription": sub.id, "subscription_details": clear}


def _scheduled_ends(tx: Session, account: AccountRow) -> list[ChangeLineRow]:
    found = tx.scalars(
        select(ChangeLineRow)
        .where(ChangeLineRow.account_seq == account.seq)
        .where(ChangeLineRow.state == State.SCHEDULED.value, ChangeLineRow.price_id.is_(None))
    )
    return list(found.all())
