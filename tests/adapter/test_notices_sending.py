"""Sending what is due: once if nothing breaks, and with the same Message-ID if something does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage

import pytest

from adapter.clock import FrozenClock
from adapter.database import Database, open_database
from adapter.notices.listing import list_notices
from adapter.notices.outbox import Kind
from adapter.notices.sending import LEASE, send_due
from adapter.notices.smtp import Mailer, SmtpMailer
from tests.support.notices import NOW, only_notice, open_account, put
from tests.support.smtp import SmtpReceiver

SENDER = "Acme Billing <billing@planshift.example>"


class ProcessDied(BaseException):
    """Ends a worker where a kill would: nothing after it runs."""


@dataclass
class Then:
    """Delivers for real, and then does something before its caller hears of it."""

    mailer: Mailer
    action: Callable[[], object]

    def send(self, message: EmailMessage) -> None:
        self.mailer.send(message)
        self.action()


@pytest.fixture
def mailer(receiver: SmtpReceiver) -> SmtpMailer:
    return SmtpMailer(receiver.url)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


def send(database: Database, mailer: Mailer | None, clock: FrozenClock, limit: int = 50) -> int:
    return send_due(database, mailer, SENDER, clock, limit)


def die() -> None:
    raise ProcessDied


def test_a_due_notice_is_sent_once_and_marked(
    database: Database, receiver: SmtpReceiver, mailer: SmtpMailer, clock: FrozenClock
):
    put(database, open_account(database, locale="de-AT"))
    assert send(database, mailer, clock) == 1
    assert send(database, mailer, clock) == 0
    row = only_notice(database)
    assert (row.state, row.sent_at, row.attempts, row.error) == ("sent", NOW, 1, None)
    [message] = receiver.messages
    assert message["Message-ID"] == row.message_id
    assert message["To"] == "Ada Lovelace <acme@acme.example>"
    assert message["From"] == SENDER
    assert message["Subject"] == "Alles beglichen: Ihr Abonnement läuft weiter"
    assert message["Date"].datetime == NOW
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    text = message.get_body(("plain",))
    assert text is not None
    assert "läuft weiter wie bisher" in " ".join(text.get_content().split())


def test_a_name_cannot_bring_headers_or_recipients_with_it(
    database: Database, receiver: SmtpReceiver, mailer: SmtpMailer, clock: FrozenClock
):
    evil = 'Eve"\r\nBcc: all@acme.example\r\n\r\nHello'
    put(database, open_account(database, name=evil), Kind.PLAN_CHANGED, to=evil)
    send(database, mailer, clock)
    [message] = receiver.messages
    assert message["Bcc"] is None
    assert receiver.recipients == ["acme@acme.example"]
    assert [address.addr_spec for address in message["To"].addresses] == receiver.recipients


def test_a_domain_with_umlauts_is_written_to_by_its_ascii_form(
    database: Database, receiver: SmtpReceiver, mailer: SmtpMailer, clock: FrozenClock
):
    put(database, open_account(database, email="info@müller.example"))
    send(database, mailer, clock)
    assert receiver.recipients == ["info@xn--mller-kva.example"]


def test_without_a_mailer_nothing_is_touched(database: Database, clock: FrozenClock):
    put(database, open_account(database))
    before = list_notices(database)
    assert send(database, None, clock) == 0
    assert list_notices(database) == before


def test_no_more_are_taken_than_asked_for(
    database: Database, receiver: SmtpReceiver, mailer: SmtpMailer, clock: FrozenClock
):
    account = open_account(database)
    for number in range(3):
        put(database, account, occasion=f"o{number}")
    put(database, account, occasion="later", now=NOW + timedelta(seconds=1))
    assert send(database, mailer, clock, limit=2) == 2
    assert send(database, mailer, clock, limit=2) == 1
    assert len(receiver.messages) == 3


def test_a_crash_after_the_acceptance_sends_it_again_with_the_same_message_id(
    database: Database, receiver: SmtpReceiver, mailer: SmtpMailer, clock: FrozenClock
):
    put(database, open_account(database))
    with pytest.raises(ProcessDied):
        send(database, Then(mailer, die), clock)
    assert len(receiver.messages) == 1
    assert send(database, mailer, clock) == 0, "another worker must wait for the lease"
    clock.advance(seconds=LEASE.total_seconds())
    assert send(database, mailer, clock) == 1
    first, second = receiver.messages
    assert first["Message-ID"] == second["Message-ID"] == only_notice(database).message_id
    assert first["Date"] == second["Date"]
    assert only_notice(database).state == "sent"


def test_an_acceptance_that_never_reached_us_does_the_same(
    database: Database, receiver: SmtpReceiver, mailer: SmtpMailer, clock: FrozenClock
):
    put(database, open_account(database))
    receiver.drop_after_accepting()
    send(database, mailer, clock)
    clock.advance(seconds=1)
    send(database, mailer, clock)
    assert len({message["Message-ID"] for message in receiver.messages}) == 1
    assert len(receiver.messages) == 2
    assert only_notice(database).state == "sent"


def test_nobody_waits_for_a_delivery_and_nobody_repeats_it(
    database: Database, receiver: SmtpReceiver, mailer: SmtpMailer, clock: FrozenClock
):
    """A write while a message is under way would wait for ever if a transaction were open."""
    account = open_account(database)
    put(database, account)

    def meanwhile() -> None:
        assert send(database, mailer, clock) == 0
        put(database, account, occasion="something else")

    assert send(database, Then(mailer, meanwhile), clock, limit=1) == 1
    assert len(receiver.messages) == 1


def test_workers_side_by_side_send_every_notice_once(
    database: Database, database_url: str, receiver: SmtpReceiver, clock: FrozenClock
):
    account = open_account(database)
    for number in range(24):
        put(database, account, occasion=f"o{number}")
    # A process of its own each on PostgreSQL; SQLite has a single one with several threads.
    own = [database if database.is_sqlite else open_database(database_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        sent = pool.map(lambda one: send(one, SmtpMailer(receiver.url), clock), own)
        assert sum(sent) == 24
    for opened in own:
        opened.dispose()
    assert len({message["Message-ID"] for message in receiver.messages}) == 24
    assert len(receiver.messages) == 24


def test_a_worker_that_outlived_its_lease_still_tells_that_it_sent(
    database: Database, receiver: SmtpReceiver, mailer: SmtpMailer, clock: FrozenClock
):
    put(database, open_account(database))

    def another_worker_fails_meanwhile() -> None:
        clock.advance(seconds=LEASE.total_seconds())
        receiver.refuse("451 Try later")
        assert send(database, mailer, clock) == 1

    send(database, Then(mailer, another_worker_fails_meanwhile), clock)
    assert only_notice(database).state == "sent"
