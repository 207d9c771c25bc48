"""Sending what is due: each notice is claimed, sent with no transaction open, and marked.

SMTP cannot be exactly once: if this process dies between the server's acceptance and the mark,
the notice is sent again, with the same Message-ID, by which mail systems recognise it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from ..backoff import wait
from ..changes.states import State
from ..clock import Clock
from ..database import Database
from ..tables import (
    AccountRow,
    ChangeLineRow,
    ChangeRow,
    InvoiceRow,
    NoticeRow,
    SubscriptionRow,
)
from ..trials import is_trialing
from .outbox import Kind
from .rendering import Contact, one_line, render
from .smtp import DeliveryFailed, Mailer, MessageRefused, ServerUnavailable, without_addresses

log = structlog.get_logger(__name__)

# How long a claim holds: several times what a delivery can take (``smtp.TIMEOUT_S``), so that no
# two workers send the same notice; and how long a notice waits whose worker died.
LEASE = timedelta(minutes=5)
MAX_ATTEMPTS = 20

# 7bit bodies: smtplib does not announce 8bit ones, and old servers mangle them.
_POLICY = SMTP.clone(cte_type="7bit")


class NoticeState(StrEnum):
    """Where a notice stands; all but pending are final."""

    PENDING = "pending"
    SENT = "sent"
    SKIPPED = "skipped"
    DEAD = "dead"


# Every poll asks this, so it is made once: making it costs more than running it.
_NEXT_DUE = (
    select(NoticeRow)
    .where(NoticeRow.state == NoticeState.PENDING, NoticeRow.next_at <= bindparam("now"))
    .order_by(NoticeRow.next_at, NoticeRow.seq)
    .limit(1)
    .with_for_update(skip_locked=True)
)


def send_due(
    database: Database,
    mailer: Mailer | None,
    sender: str,
    clock: Clock,
    limit: int,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Take up to ``limit`` due notices and send, skip or put off each; gives how many those were.

    ``sender`` is the From address, ``"Acme <billing@acme.example>"`` or bare. Any number of
    workers may run this at once. Without a mailer nothing is touched. A server that is
    unavailable ends the round, so that an outage costs one timeout and not one per notice; and
    none is begun once ``stopping`` says so.
    """
    if mailer is None:
        return 0
    for taken in range(limit):
        if stopping():
            return taken
        with database.write() as tx:
            notice = _next_due(tx, clock.now())
            account = _claim(tx, notice, clock.now()) if notice else None
        if notice is None:
            return taken
        if account is None:
            continue
        failure = _send(mailer, notice, account, sender)
        with database.write() as tx:
            _record(tx, notice, failure, clock.now())
        if isinstance(failure, ServerUnavailable):
            return taken + 1
    return limit


def compose(notice: NoticeRow, account: AccountRow, sender: str) -> EmailMessage:
    """The message of a notice: the same one, Message-ID and Date included, however often.

    Raises:
        MessageRefused: the account's address is none.
    """
    contact = Contact(account.name, account.email)
    words = render(Kind(notice.kind), account.locale, contact, notice.facts)
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = _recipient(notice, contact)
    if notice.kind == Kind.SALES_REQUEST:
        message["Reply-To"] = _address(contact)
    message["Subject"] = words.subject
    message["Date"] = notice.created_at
    message["Message-ID"] = notice.message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(words.text)
    message.add_alternative(words.html, subtype="html")
    return message


def _next_due(tx: Session, now: datetime) -> NoticeRow | None:
    """The longest due notice that no other worker is claiming at this moment.

    SQLite has no row locks and needs none: ``write()`` is one at a time there.
    """
    return tx.scalars(_NEXT_DUE, {"now": now}).first()


def _claim(tx: Session, notice: NoticeRow, now: datetime) -> AccountRow | None:
    """Lease the notice to this worker; None if it has become untrue, which is recorded."""
    account = tx.get_one(AccountRow, notice.account_seq)
    untrue = "the account was deleted" if account.deleted else None
    if check := _STILL_TRUE.get(notice.kind):
        untrue = untrue or check(tx, notice.facts)
    if untrue:
        notice.state, notice.error = NoticeState.SKIPPED, untrue
        return None
    notice.attempts += 1
    notice.next_at = now + LEASE
    return account


def _invoice_is_open(tx: Session, facts: Mapping[str, Any]) -> str | None:
    invoice = tx.get(InvoiceRow, facts.get("invoice", ""))
    if invoice is None:
        return "the invoice is gone"
    return None if invoice.status == "open" else f"the invoice is {invoice.status}"


def _payment_is_awaited(tx: Session, facts: Mapping[str, Any]) -> str | None:
    waits = _change_is(tx, facts, State.AWAITING_PAYMENT)
    return None if waits else "the change no longer waits for a payment"


def _is_scheduled(tx: Session, facts: Mapping[str, Any]) -> str | None:
    scheduled = _change_is(tx, facts, State.SCHEDULED)
    return None if scheduled else "the change is no longer scheduled"


def _activation_can_be_paid(tx: Session, facts: Mapping[str, Any]) -> str | None:
    """Without grace nothing is asked for: it only tells what happened."""
    return _invoice_is_open(tx, facts) if facts.get("grace_until") else None


def _trial_runs(tx: Session, facts: Mapping[str, Any]) -> str | None:
    sub = tx.get(SubscriptionRow, facts.get("subscription", ""))
    if sub is None or not is_trialing(sub) or sub.trial_end is None:
        return "the trial is over, or the plan ends with it"
    moved = sub.trial_end.isoformat() != facts.get("ends_at")
    return "the trial ends at another time" if moved else None


def _change_is(tx: Session, facts: Mapping[str, Any], state: State) -> bool:
    found = tx.scalars(
        select(ChangeLineRow.seq)
        .join(ChangeRow, ChangeRow.seq == ChangeLineRow.change_seq)
        .where(ChangeRow.id == facts.get("change"))
        .where(ChangeLineRow.state == state)
        # A notice of before names no line.
        .where(ChangeLineRow.family == facts.get("line", ChangeLineRow.family))
        .limit(1)
    )
    return found.first() is not None


# Which notices ask for something that may have been done by the time they are due; each check
# gives the reason not to send. The others tell what happened, which stays true.
_STILL_TRUE: Mapping[str, Callable[[Session, Mapping[str, Any]], str | None]] = {
    Kind.PAYMENT_FAILED: _invoice_is_open,
    Kind.ACTION_REQUIRED: _payment_is_awaited,
    Kind.CHANGE_SCHEDULED: _is_scheduled,
    Kind.ACTIVATION_FAILED: _activation_can_be_paid,
    Kind.TRIAL_ENDING: _trial_runs,
}


def _send(mailer: Mailer, notice: NoticeRow, account: AccountRow, sender: str) -> Exception | None:
    """Send the notice; gives why it could not be.

    Any exception, since a notice that cannot be put into words must not hold back the others.
    """
    try:
        mailer.send(compose(notice, account, sender))
    except DeliveryFailed as failure:
        return failure
    except Exception as mistake:
        log.exception("notice_failed", notice=notice.seq, kind=notice.kind)
        return mistake
    return None


def _record(tx: Session, notice: NoticeRow, failure: Exception | None, now: datetime) -> None:
    mark = update(NoticeRow).where(
        NoticeRow.seq == notice.seq, NoticeRow.state == NoticeState.PENDING
    )
    if failure is None:
        tx.execute(mark.values(state=NoticeState.SENT, sent_at=now, error=None))
        return
    final = _is_final(failure, notice.attempts)
    values = {
        "state": NoticeState.DEAD if final else NoticeState.PENDING,
        "error": _told(failure),
        "next_at": now + wait(notice.attempts),
    }
    # If the lease ran out, the attempt is another worker's by now, and so is the verdict.
    mine = mark.where(NoticeRow.attempts == notice.attempts).values(values)
    if tx.execute(mine.returning(NoticeRow.seq)).first() and final:
        log.warning("notice_dead", notice=notice.seq, kind=notice.kind, error=values["error"])


def _is_final(failure: Exception, attempts: int) -> bool:
    """An outage of the server is nobody's last word: its notices wait as long as it takes."""
    if isinstance(failure, ServerUnavailable):
        return False
    return isinstance(failure, MessageRefused) or attempts >= MAX_ATTEMPTS


def _told(failure: Exception) -> str:
    if isinstance(failure, DeliveryFailed):
        return failure.detail
    return f"{type(failure).__name__}: {without_addresses(str(failure))}"


def _recipient(notice: NoticeRow, contact: Contact) -> Address:
    """The billing contact; of a sales request those who sell, as they were when it was made."""
    if notice.kind == Kind.SALES_REQUEST:
        return _address(Contact(None, str(notice.facts.get("to", ""))))
    return _address(contact)


def _address(contact: Contact) -> Address:
    user, _, domain = contact.email.rpartition("@")
    if not user or not domain:
        raise MessageRefused.unusable_address()
    try:
        # A domain with umlauts goes by its ASCII form, which every server understands.
        return Address(one_line(contact.name or ""), user, domain.encode("idna").decode("ascii"))
    except ValueError as unusable:
        raise MessageRefused.unusable_address() from unusable
