"""Due work: what has to be done at a time even if the process that began it is gone."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from .rows import insert_once
from .tables import DueWorkRow


class Work(StrEnum):
    """The kinds of due work; ``subject`` says of what."""

    CARRY_OUT = "carry_out"  # subject: plan change id
    UNDO = "undo"  # subject: plan change id, and the family if only its line is taken back
    UNCANCEL = "uncancel"  # subject: subscription id
    RECOMPILE = "recompile"  # subject: subscription id
    ACTIVATE = "activate"  # subject: plan change id and family
    GIVE_UP = "give_up"  # subject: plan change id and family
    CLOSE_PAGE = "close_page"  # subject: plan change id
    RESTORE_METHOD = "restore_method"  # subject: plan change id
    BUY = "buy"  # subject: purchase id
    RETRY_PAYMENT = "retry_payment"  # subject: invoice id
    CHECKOUT = "checkout"  # subject: our id of a Checkout Session
    METER = "meter"  # subject: account id
    CHARGES = "charges"  # subject: subscription id
    BACKFILL = "backfill"  # subject: the sweep's name
    RECONCILE = "reconcile"  # subject: the sweep's name


# These come again by themselves: however one run of them fails, it is tried again.
RECURRING = frozenset({Work.BACKFILL, Work.RECONCILE})

WALL = "wall"
BILLING = "billing"


def arm_first(
    tx: Session, kind: Work, subject: str, owner: str, at: datetime, clock: str = WALL
) -> bool:
    """As ``arm``, but only if this was never asked for; says whether it was not."""
    row = {"kind": kind.value, "subject": subject, "owner": owner, "next_at": at, "clock": clock}
    return insert_once(tx, DueWorkRow, {**row, "state": "pending", "attempts": 0, "generation": 1})


# Every poll asks the last two, so all are made once: making one costs more than running it.
_PENDING = select(DueWorkRow.seq).where(
    DueWorkRow.kind == bindparam("kind"),
    DueWorkRow.subject == bindparam("subject"),
    DueWorkRow.state == "pending",
)
_CLOCKS = (
    select(DueWorkRow.clock)
    .where(DueWorkRow.state == "pending", DueWorkRow.clock.not_in((WALL, BILLING)))
    .distinct()
)
_DUE = (
    select(DueWorkRow)
    .where(DueWorkRow.state == "pending", DueWorkRow.next_at <= bindparam("now"))
    .where(DueWorkRow.clock == bindparam("clock"))
    .order_by(DueWorkRow.next_at, DueWorkRow.seq)
    .limit(bindparam("most"))
)


def arm(tx: Session, kind: Work, subject: str, owner: str, at: datetime, clock: str = WALL) -> int:
    """Make sure that ``kind`` is done for ``subject`` at ``at`` or after; gives its generation.

    ``owner`` is the customer the work belongs to; the worker claims by it. ``clock`` is what
    ``at`` is read on: wall time, Stripe's present moment, or a test clock's id.
    """
    if arm_first(tx, kind, subject, owner, at, clock):
        return 1
    again = tx.execute(
        update(DueWorkRow)
        .where(DueWorkRow.kind == kind.value, DueWorkRow.subject == subject)
        .values(
            state="pending",
            attempts=0,
            next_at=at,
            owner=owner,
            clock=clock,
            error=None,
            generation=DueWorkRow.generation + 1,
        )
        .returning(DueWorkRow.generation)
    )
    return int(again.scalar_one())


def disarm(tx: Session, kind: Work, subject: str, generation: int | None = None) -> None:
    """The work is done. With a ``generation``: only if nobody has asked for it again since."""
    statement = update(DueWorkRow).where(
        DueWorkRow.kind == kind.value, DueWorkRow.subject == subject
    )
    if generation is not None:
        statement = statement.where(DueWorkRow.generation == generation)
    tx.execute(statement.values(state="done", error=None))


def is_pending(tx: Session, kind: Work, subject: str) -> bool:
    """Whether this work was asked for and is not done."""
    return tx.scalars(_PENDING, {"kind": kind.value, "subject": subject}).first() is not None


def generation_of(tx: Session, kind: Work, subject: str) -> int:
    """How often this work was asked for; 0 if never."""
    found = tx.scalars(
        select(DueWorkRow.generation).where(
            DueWorkRow.kind == kind.value, DueWorkRow.subject == subject
        )
    )
    return found.first() or 0


def due(tx: Session, clock: str, now: datetime, limit: int) -> list[DueWorkRow]:
    """Work whose time has come on ``clock``, oldest first."""
    return list(tx.scalars(_DUE, {"clock": clock, "now": now, "most": limit}))


def clocks_waited_for(tx: Session) -> list[str]:
    """The test clocks that pending work is read on."""
    return list(tx.scalars(_CLOCKS))
