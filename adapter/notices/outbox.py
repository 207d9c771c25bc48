"""The outbox: exactly one row per occasion."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from ..ids import new_id
from ..rows import insert_once
from ..tables import AccountRow, NoticeRow


class Kind(StrEnum):
    """What a notice tells; each has its templates."""

    CANCELLATION_SET = "cancellation_set"
    CANCELLATION_ENDED = "cancellation_ended"
    UNCANCELLED = "uncancelled"
    PLAN_CHANGED = "plan_changed"
    CHANGE_SCHEDULED = "change_scheduled"
    CHANGE_CANCELLED = "change_cancelled"
    ACTIVATION_FAILED = "activation_failed"
    PAYMENT_FAILED = "payment_failed"
    ACTION_REQUIRED = "action_required"
    RECOVERED = "recovered"
    TRIAL_ENDING = "trial_ending"
    SALES_REQUEST = "sales_request"


def queue(
    tx: Session,
    account: AccountRow,
    kind: Kind,
    occasion: str,
    facts: dict[str, Any],
    now: datetime,
) -> bool:
    """Put a notice into the outbox, unless this occasion has one already.

    ``occasion`` names what happened (``sub_1:ended:1700000000``), not the event that told of it:
    Stripe may tell the same fact twice under two ids. ``now`` is wall time. True if it is new.
    """
    row = {
        "occasion": occasion,
        "kind": kind.value,
        "account_seq": account.seq,
        "message_id": f"<{new_id('notice')}@planshift>",
        "facts": facts,
        "created_at": now,
        "next_at": now,
        "state": "pending",
        "attempts": 0,
    }
    return insert_once(tx, NoticeRow, row)
