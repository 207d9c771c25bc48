"""How an open line moves on when the mirror shows what it waited for.

A line that is still executing belongs to whoever executes it and is left alone. Everything that
goes with a movement (notices, allowances, what it takes the place of, work that follows) is in
``finish``, so it happens in the transaction of the movement whoever makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue

from .. import allowances
from ..clock import Moment
from ..due import Work, arm, is_pending
from ..holdings import ENDED
from ..locks import lock
from ..notices.outbox import queue
from ..sales.agreements import settle_agreement
from ..tables import AccountRow, ChangeLineRow, SubscriptionRow
from .adopting import adopt, close_pages
from .drift import drift_of
from .first_invoice import activation_invoice
from .going_on import go_on
from .open_lines import open_lines
from .schedules import follow_end, our_end, scheduled_on
from .states import OPEN, State, move, subject_of
from .telling import notice_of, tell_activation_failed
from .verdicts import may_be_ours, verdict_of

log = structlog.get_logger(__name__)

WAITING = (State.AWAITING_PAYMENT, State.SCHEDULED, State.ACTIVATING)


def settle(
    tx: Session,
    catalogue: Catalogue,
    account: AccountRow,
    sub: SubscriptionRow,
    lines: Sequence[ChangeLineRow],
    at: Moment,
) -> None:
    """Move every waiting line of ``sub`` that the mirrored subscription decides; ``lines`` are all
    that are open of the account.
    """
    adopt(tx, account, sub, lines, at)
    close_pages(tx, account, sub, lines, at)
    follow_end(tx, sub, lines)
    waiting = _waiting(lines, sub)
    rewritten = bool(waiting) and _is_rewritten(tx, sub)
    for line in waiting:
        if State(line.state) not in WAITING:
            continue
        verdict = verdict_of(tx, line, sub)
        if verdict and not (rewritten and may_be_ours(line, verdict)):
            finish(tx, catalogue, account, line, *verdict, at)
        if State(line.state) is State.ACTIVATING:
            _settle_activating(tx, catalogue, account, line, sub, at)


def settle_activation(
    tx: Session, catalogue: Catalogue, account: AccountRow, sub: SubscriptionRow, at: Moment
) -> None:
    """An invoice of ``sub`` moved: see what that decides for lines that wait for its payment."""
    for line in _waiting(open_lines(tx, account), sub):
        if State(line.state) is State.ACTIVATING:
            _settle_activating(tx, catalogue, account, line, sub, at)


def finish(
    tx: Session,
    catalogue: Catalogue,
    account: AccountRow,
    line: ChangeLineRow,
    state: State,
    cause: str,
    at: Moment,
) -> bool:
    """Move ``line``, with all that goes with where it went; False if somebody else moved it."""
    was = State(line.state)
    lock(tx, account.seq)
    if not _still(tx, line, was):
        return False
    if state in (State.APPLIED, State.SCHEDULED):
        _supersede(tx, line, at)
    if not move(tx, line, state, cause, at.wall):
        return False
    if told := notice_of(catalogue, line, was, state, goes_on=_goes_on(tx, line)):
        kind, facts = told
        occasion = f"{line.change.id}:{line.family}:{kind.value}"
        if state is State.AWAITING_PAYMENT:
            # One payment, however many lines it is for.
            occasion = f"{line.change.id}:{kind.value}"
        queue(tx, account, kind, occasion, facts, at.wall)
    if state is State.ACTIVATING:
        _note_item(tx, line)
        allowances.activating(tx, catalogue, account, line, _billing(account, line, at))
    if was is State.ACTIVATING and state is not State.APPLIED:
        allowances.given_up(tx, catalogue, account, line, _billing(account, line, at))
    if state is State.APPLIED:
        settle_agreement(tx, account, line, _billing(account, line, at))
        _settle_allowance(tx, catalogue, account, line, _billing(account, line, at))
        _note_drift(tx, line)
    if state not in OPEN:
        _arm_what_follows(tx, account, line, was, at)
    if was is State.AWAITING_PAYMENT and line.timing == "now":
        _follow(tx, catalogue, account, line, at)
    return True


def _follow(
    tx: Session, catalogue: Catalogue, account: AccountRow, line: ChangeLineRow, at: Moment
) -> None:
    """What waited with ``line`` because it is of the same order goes the same way: scheduled once
    all that was due is paid, ended if it is not.
    """
    order = tx.scalars(
        select(ChangeLineRow).where(ChangeLineRow.change_seq == line.change_seq)
    ).all()
    waiting = [one for one in order if State(one.state) is State.AWAITING_PAYMENT]
    later = [one for one in waiting if one.timing == "period_end"]
    if State(line.state) is not State.APPLIED:
        for one in later:
            cause = f"what was ordered with it is {line.state}"
            finish(tx, catalogue, account, one, State(line.state), cause, at)
    elif len(later) == len(waiting):
        go_on(tx, account, later, "what was due is paid", at)


def _note_item(tx: Session, line: ChangeLineRow) -> None:
    """A phase may put a new item in the place of the old one."""
    sub = tx.get_one(SubscriptionRow, line.subscription_id)
    line.item_id = next(
        item.id for item in sub.lines if item.price_id == line.price_id and not item.removed
    )
    tx.flush()


def _note_drift(tx: Session, line: ChangeLineRow) -> None:
    line.drift = drift_of(tx, line)
    if line.drift is not None:
        log.warning("change_drifted", change=line.change.id, drift=line.drift)
    tx.flush()


def _arm_what_follows(
    tx: Session, account: AccountRow, line: ChangeLineRow, was: State, at: Moment
) -> None:
    """What is left to do at Stripe once a line is over; the worker does it."""
    owner = account.customer_id or account.id
    applied = State(line.state) is State.APPLIED
    if was is State.AWAITING_PAYMENT and not applied and line.change.payment_method:
        arm(tx, Work.RESTORE_METHOD, line.change.id, owner, at.wall)
    if was is State.ACTIVATING and not applied:
        # What was billed for it must not be paid any more.
        arm(tx, Work.GIVE_UP, subject_of(line), owner, at.wall)
    _recompile(tx, account, line, at)


def _still(tx: Session, line: ChangeLineRow, state: State) -> bool:
    """Whether nobody moved the line meanwhile; it is locked from here on."""
    found = tx.execute(
        select(ChangeLineRow.seq)
        .where(ChangeLineRow.seq == line.seq, ChangeLineRow.state == state.value)
        .with_for_update()
    )
    return found.first() is not None


def _is_rewritten(tx: Session, sub: SubscriptionRow) -> bool:
    """Whether we are about to say anew what is scheduled, so that its absence says nothing."""
    executing = tx.scalars(
        select(ChangeLineRow.seq)
        .where(ChangeLineRow.subscription_id == sub.id)
        .where(ChangeLineRow.state == State.EXECUTING.value)
        .limit(1)
    )
    return executing.first() is not None or is_pending(tx, Work.RECOMPILE, sub.id)


def _waiting(lines: Sequence[ChangeLineRow], sub: SubscriptionRow) -> list[ChangeLineRow]:
    return [line for line in lines if line.subscription_id == sub.id and line.state in WAITING]


def _settle_activating(
    tx: Session,
    catalogue: Catalogue,
    account: AccountRow,
    line: ChangeLineRow,
    sub: SubscriptionRow,
    at: Moment,
) -> None:
    """The new plan counts once the invoice of its first period is paid.

    Also if all that is seen is how it ended: what has become of that invoice decides, and the
    worker asks for it if nobody has told of it.
    """
    over = sub.status in ENDED
    invoice = activation_invoice(tx, line, sub)
    if invoice is None:
        if over:
            _arm_activating(tx, account, line, at)
        return
    if line.invoice_id != invoice.id:
        line.invoice_id = invoice.id
        tx.flush()
    # What is paid while the line is given up comes too late: it is credited.
    if invoice.status == "paid" and not (over and line.failure):
        finish(tx, catalogue, account, line, State.APPLIED, "its first period was paid", at)
    elif over or invoice.status in ("void", "uncollectible"):
        cause = (
            "the subscription ended unpaid" if over else f"its first invoice is {invoice.status}"
        )
        if invoice.attempt_count > 0:
            tell_activation_failed(tx, catalogue, account, line, invoice, at.wall)
        finish(tx, catalogue, account, line, State.FAILED, cause, at)
    elif invoice.status != "draft" and invoice.attempt_count > 0 and line.payment_url is None:
        # The first attempt failed: the worker tries the other saved methods.
        line.payment_url = invoice.hosted_invoice_url
        tx.flush()
        _arm_activating(tx, account, line, at)


def _arm_activating(tx: Session, account: AccountRow, line: ChangeLineRow, at: Moment) -> None:
    arm(tx, Work.ACTIVATE, subject_of(line), account.customer_id or account.id, at.wall)


def _goes_on(tx: Session, line: ChangeLineRow) -> bool:
    """Whether the line's subscription has other lines, so that it outlives this one."""
    sub = tx.get(SubscriptionRow, line.subscription_id or "")
    others = [item for item in sub.lines if item.id != line.item_id] if sub else []
    return any(not item.removed for item in others)


def _supersede(tx: Session, line: ChangeLineRow, at: Moment) -> None:
    """What was scheduled for the same plan gives way; it stayed until now in case this failed."""
    for subscription in _subscriptions(line):
        for earlier in scheduled_on(tx, subscription):
            if earlier.family == line.family and earlier.seq != line.seq:
                move(tx, earlier, State.SUPERSEDED, f"replaced by {line.change.id}", at.wall)


def _subscriptions(line: ChangeLineRow) -> list[str]:
    """The subscription a line is on, and the one it was moved from."""
    return [sub for sub in (line.subscription_id, line.moved_from) if sub is not None]


def _settle_allowance(
    tx: Session,
    catalogue: Catalogue,
    account: AccountRow,
    line: ChangeLineRow,
    at: datetime,
) -> None:
    if line.price_id is None and line.subscription_id is None:
        return  # by agreement nothing is granted, and so nothing ends
    if line.price_id is None:
        allowances.ended(tx, catalogue, account, line.family, line.subscription_id or "", at)
        return
    if line.moved_from is not None:
        allowances.ended(tx, catalogue, account, line.family, line.moved_from, at)
    effect = "credited" if line.credited_units is not None else line.decision["allowance"]
    allowances.applied(tx, catalogue, account, line, effect, line.credited_units, at)


def _recompile(tx: Session, account: AccountRow, line: ChangeLineRow, at: Moment) -> None:
    """The schedule is brought in line with what is scheduled now that this line is over."""
    for subscription in _subscriptions(line):
        sub = tx.get(SubscriptionRow, subscription)
        if sub is None or sub.status in ENDED:
            continue
        if sub.schedule_id or our_end(tx, sub) or scheduled_on(tx, sub.id):
            arm(tx, Work.RECOMPILE, sub.id, account.customer_id or account.id, at.wall)


def _billing(account: AccountRow, line: ChangeLineRow, at: Moment) -> datetime:
    """Billing time: a test clock is not read here, so its accounts go by the line's own date."""
    if account.test_clock is None or line.effective_at is None:
        return at.billing
    return line.effective_at
