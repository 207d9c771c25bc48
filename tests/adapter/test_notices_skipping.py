"""A notice that asks for something is skipped once that is done, and says why in the list."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from adapter.changes.states import State
from adapter.clock import FrozenClock
from adapter.database import Database
from adapter.notices.outbox import Kind
from adapter.notices.sending import send_due
from adapter.notices.smtp import SmtpMailer
from adapter.tables import AccountRow, ChangeLineRow, ChangeRow, InvoiceRow, QuoteRow
from tests.support.notices import NOW, only_notice, open_account, put
from tests.support.smtp import SmtpReceiver

pytestmark = pytest.mark.by_turns


def outcome(database: Database, receiver: SmtpReceiver) -> tuple[str, str | None, int]:
    """The state and error after a round of sending, and how many messages arrived."""
    mailer = SmtpMailer(receiver.url)
    assert send_due(database, mailer, "billing@planshift.example", FrozenClock(NOW), 10) == 1
    row = only_notice(database)
    return row.state, row.error, len(receiver.messages)


def an_invoice(tx: Session, account: AccountRow, status: str) -> None:
    money = dict.fromkeys(
        ("subtotal", "total", "amount_due", "amount_remaining", "starting_balance"), 11385
    )
    tx.add(
        InvoiceRow(
            id="in_1",
            account_seq=account.seq,
            status=status,
            currency="usd",
            amount_paid=0,
            attempt_count=1,
            created_at=NOW,
            lines=[],
            ticket=1,
            **money,
        )
    )


def a_change(tx: Session, account: AccountRow, state: State) -> None:
    quote = QuoteRow(
        id="q_1",
        account_seq=account.seq,
        kind="change",
        created_at=NOW,
        expires_at=NOW,
        request={},
        decision={},
        basis={},
        document={},
    )
    tx.add(quote)
    tx.flush()
    line = ChangeLineRow(
        account_seq=account.seq,
        family="mail",
        timing="now",
        quantity=1,
        decision={},
        state=state.value,
        history=[],
    )
    tx.add(
        ChangeRow(
            id="pc_1",
            account_seq=account.seq,
            quote_id="q_1",
            kind="change",
            timing="now",
            bill={},
            acknowledgements=[],
            selections={},
            created_at=NOW,
            lines=[line],
        )
    )


@pytest.mark.parametrize("status", ["paid", "void", "uncollectible"])
def test_a_failed_payment_that_is_settled_by_now_is_not_told(
    database: Database, receiver: SmtpReceiver, status: str
):
    account = open_account(database)
    with database.write() as tx:
        an_invoice(tx, account, status)
    put(database, account, Kind.PAYMENT_FAILED, invoice="in_1")
    assert outcome(database, receiver) == ("skipped", f"the invoice is {status}", 0)


def test_a_failed_payment_of_an_invoice_that_is_gone_is_not_told(
    database: Database, receiver: SmtpReceiver
):
    put(database, open_account(database), Kind.PAYMENT_FAILED, invoice="in_gone")
    assert outcome(database, receiver) == ("skipped", "the invoice is gone", 0)


def test_a_failed_payment_is_told_while_its_invoice_is_open(
    database: Database, receiver: SmtpReceiver
):
    account = open_account(database)
    with database.write() as tx:
        an_invoice(tx, account, "open")
    put(database, account, Kind.PAYMENT_FAILED, invoice="in_1")
    assert outcome(database, receiver) == ("sent", None, 1)


@pytest.mark.parametrize("state", [State.APPLIED, State.EXPIRED, State.CANCELLED])
def test_a_change_that_no_longer_waits_asks_for_nothing(
    database: Database, receiver: SmtpReceiver, state: State
):
    account = open_account(database)
    with database.write() as tx:
        a_change(tx, account, state)
    put(database, account, Kind.ACTION_REQUIRED, change="pc_1")
    reason = "the change no longer waits for a payment"
    assert outcome(database, receiver) == ("skipped", reason, 0)


def test_a_change_that_waits_for_its_payment_asks_for_it(
    database: Database, receiver: SmtpReceiver
):
    account = open_account(database)
    with database.write() as tx:
        a_change(tx, account, State.AWAITING_PAYMENT)
    put(database, account, Kind.ACTION_REQUIRED, change="pc_1")
    assert outcome(database, receiver) == ("sent", None, 1)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (State.SCHEDULED, ("sent", None, 1)),
        (State.CANCELLED, ("skipped", "the change is no longer scheduled", 0)),
        (State.SUPERSEDED, ("skipped", "the change is no longer scheduled", 0)),
        (State.APPLIED, ("skipped", "the change is no longer scheduled", 0)),
    ],
)
def test_a_change_is_said_to_be_scheduled_while_it_is(
    database: Database, receiver: SmtpReceiver, state: State, told: tuple[str, str | None, int]
):
    account = open_account(database)
    with database.write() as tx:
        a_change(tx, account, state)
    put(database, account, Kind.CHANGE_SCHEDULED, change="pc_1")
    assert outcome(database, receiver) == told


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("open", ("sent", None, 1)),
        ("paid", ("skipped", "the invoice is paid", 0)),
        ("void", ("skipped", "the invoice is void", 0)),
    ],
)
def test_a_failed_activation_asks_for_a_payment_while_it_can_be_made(
    database: Database, receiver: SmtpReceiver, status: str, told: tuple[str, str | None, int]
):
    account = open_account(database)
    with database.write() as tx:
        an_invoice(tx, account, status)
    grace = "2026-11-28T10:00:00+00:00"
    put(database, account, Kind.ACTIVATION_FAILED, invoice="in_1", grace_until=grace)
    assert outcome(database, receiver) == told


def test_a_failed_activation_that_asks_for_nothing_is_told_whatever_became_of_its_invoice(
    database: Database, receiver: SmtpReceiver
):
    account = open_account(database)
    with database.write() as tx:
        an_invoice(tx, account, "void")
    put(database, account, Kind.ACTIVATION_FAILED, invoice="in_1", grace_until=None)
    assert outcome(database, receiver) == ("sent", None, 1)


@pytest.mark.parametrize("kind", Kind)
def test_nobody_writes_to_a_deleted_account(database: Database, receiver: SmtpReceiver, kind: Kind):
    put(database, open_account(database, deleted=True), kind)
    assert outcome(database, receiver) == ("skipped", "the account was deleted", 0)


def test_what_became_untrue_between_two_attempts_is_skipped_too(
    database: Database, receiver: SmtpReceiver
):
    account = open_account(database)
    with database.write() as tx:
        an_invoice(tx, account, "open")
    put(database, account, Kind.PAYMENT_FAILED, invoice="in_1")
    receiver.refuse("451 Greylisted", times=1)
    assert outcome(database, receiver)[0] == "pending"
    with database.write() as tx:
        tx.get_one(InvoiceRow, "in_1").status = "paid"
    later = FrozenClock(only_notice(database).next_at)
    send_due(database, SmtpMailer(receiver.url), "billing@planshift.example", later, 10)
    assert only_notice(database).state == "skipped"
    assert receiver.messages == []
