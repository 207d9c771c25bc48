"""What becomes of a notice that the server does not take."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage

import pytest

from adapter.clock import FrozenClock
from adapter.database import Database
from adapter.notices.listing import list_notices
from adapter.notices.sending import LEASE, MAX_ATTEMPTS, NoticeState, send_due
from adapter.notices.smtp import Mailer, MessageDeferred, SmtpMailer
from tests.support.notices import NOW, only_notice, open_account, put
from tests.support.smtp import SmtpReceiver


@pytest.fixture
def mailer(receiver: SmtpReceiver) -> SmtpMailer:
    return SmtpMailer(receiver.url)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


def send(database: Database, mailer: Mailer, clock: FrozenClock) -> int:
    return send_due(database, mailer, "billing@planshift.example", clock, 50)


def test_a_refusal_for_good_is_the_end_and_holds_nothing_back(
    database: Database, receiver: SmtpReceiver, mailer: SmtpMailer, clock: FrozenClock
):
    account = open_account(database)
    put(database, account, occasion="o1")
    put(database, account, occasion="o2")
    receiver.refuse("550 5.1.1 No such user", times=1)
    assert send(database, mailer, clock) == 2
    second, first = list_notices(database)
    assert (first.state, second.state) == (NoticeState.DEAD, NoticeState.SENT)
    assert first.error == "The server refused the message: 550 5.1.1 No such user"


@pytest.mark.parametrize("address", ["", "nobody", "@acme.example", "a@b\r\nBcc: c@d", "a@.b"])
def test_an_address_that_is_none_is_the_end(
    database: Database,
    receiver: SmtpReceiver,
    mailer: SmtpMailer,
    clock: FrozenClock,
    address: str,
):
    put(database, open_account(database, email=address))
    send(database, mailer, clock)
    assert only_notice(database).state == "dead"
    assert receiver.connections == 0


def test_what_is_put_off_is_tried_again_ever_later_and_given_up_after_twenty_attempts(
    database: Database, receiver: SmtpReceiver, mailer: SmtpMailer, clock: FrozenClock
):
    put(database, open_account(database))
    receiver.refuse("451 Greylisted")
    waits = []
    for _ in range(MAX_ATTEMPTS):
        assert send(database, mailer, clock) == 1
        waits.append(only_notice(database).next_at - clock.now())
        clock.at = only_notice(database).next_at
    assert waits[0] <= timedelta(seconds=1)
    assert timedelta(minutes=30) <= waits[-2] <= timedelta(hours=1)
    row = only_notice(database)
    assert (row.state, row.attempts) == ("dead", MAX_ATTEMPTS)
    assert row.error == "The server put the message off: 451 Greylisted"
    assert send(database, mailer, clock) == 0


def test_an_outage_costs_one_attempt_a_round_and_kills_nothing(
    database: Database, receiver: SmtpReceiver, mailer: SmtpMailer, clock: FrozenClock
):
    account = open_account(database)
    put(database, account, occasion="o1")
    put(database, account, occasion="o2")
    rounds = 2 * MAX_ATTEMPTS + 2
    receiver.refuse("421 Down for the weekend", at="mail", times=rounds)
    for _ in range(rounds):
        assert send(database, mailer, clock) == 1
        clock.advance(hours=1)
    assert {notice.state for notice in list_notices(database)} == {NoticeState.PENDING}
    assert send(database, mailer, clock) == 2
    assert {notice.state for notice in list_notices(database)} == {NoticeState.SENT}


def test_a_notice_that_cannot_be_put_into_words_holds_nothing_back(
    database: Database, receiver: SmtpReceiver, mailer: SmtpMailer, clock: FrozenClock
):
    account = open_account(database)
    put(database, account, occasion="o1", paid_until="some day")
    put(database, account, occasion="o2")
    assert send(database, mailer, clock) == 2
    second, first = list_notices(database)
    assert (first.state, second.state) == (NoticeState.PENDING, NoticeState.SENT)
    assert first.error == "ValueError: Invalid isoformat string: 'some day'"
    assert first.next_at > NOW


def test_a_failure_after_the_lease_does_not_overrule_the_worker_that_took_over(
    database: Database, mailer: SmtpMailer, clock: FrozenClock
):
    class TooLate:
        def send(self, message: EmailMessage) -> None:
            clock.advance(seconds=LEASE.total_seconds())
            # Another worker claims it now, and is still at it when this one comes back.
            row = only_notice(database)
            row.attempts, row.next_at = row.attempts + 1, clock.now() + LEASE
            with database.write() as tx:
                tx.merge(row)
            raise MessageDeferred.by_server(451, b"Try later")

    put(database, open_account(database))
    assert send(database, TooLate(), clock) == 1
    row = only_notice(database)
    assert (row.state, row.attempts, row.error) == ("pending", 2, None)
