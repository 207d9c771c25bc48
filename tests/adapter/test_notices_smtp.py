"""The SMTP mailer against a real server: what arrives, and what each failure means."""

from __future__ import annotations

import os
import socket
import ssl
from email.message import EmailMessage

import pytest

from adapter.errors import Misconfigured
from adapter.notices.smtp import (
    DeliveryFailed,
    MessageDeferred,
    MessageRefused,
    ServerUnavailable,
    SmtpMailer,
)
from tests.support.smtp import NoOpenssl, SmtpReceiver, Step, certificate

SECRET = "s3cret/p@ss"
ENCODED = "s3cret%2Fp%40ss"


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    try:
        return certificate(tmp_path_factory.mktemp("tls"))
    except NoOpenssl as reason:
        if os.environ.get("CI"):
            pytest.fail(f"CI must test TLS: {reason}")
        pytest.skip(f"*** SMTP OVER TLS NOT TESTED: {reason} ***")


def a_message(to: str = "ada@acme.example") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Billing <billing@planshift.example>"
    message["To"] = to
    message["Subject"] = "Grüße"
    message.set_content("Hello\n")
    return message


def failure_of(mailer: SmtpMailer) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        mailer.send(a_message())
    return caught.value


def test_a_message_arrives_once_as_it_was_written(receiver: SmtpReceiver):
    SmtpMailer(receiver.url).send(a_message())
    [arrived] = receiver.messages
    assert arrived["Subject"] == "Grüße"
    assert receiver.recipients == ["ada@acme.example"]


@pytest.mark.parametrize(
    ("at", "reply", "meaning"),
    [
        ("rcpt", "550 5.1.1 No such user", MessageRefused),
        ("rcpt", "450 4.2.0 Greylisted", MessageDeferred),
        ("rcpt", "554 5.7.1 Relay access denied", MessageDeferred),
        ("rcpt", "530 Authentication required", MessageDeferred),
        ("rcpt", "421 Too busy", ServerUnavailable),
        ("data", "552 5.2.3 Too big", MessageRefused),
        ("data", "451 4.3.0 Try later", MessageDeferred),
        ("mail", "550 5.7.1 Sender not allowed", ServerUnavailable),
        ("mail", "451 Try later", ServerUnavailable),
    ],
)
def test_an_answer_is_sorted_by_what_can_be_done_about_it(
    receiver: SmtpReceiver, at: Step, reply: str, meaning: type[DeliveryFailed]
):
    receiver.refuse(reply, at=at)
    failure = failure_of(SmtpMailer(receiver.url))
    assert type(failure) is meaning
    assert reply in failure.detail
    assert receiver.messages == []


def test_an_acceptance_that_never_reached_us_counts_as_not_confirmed(receiver: SmtpReceiver):
    receiver.drop_after_accepting()
    assert type(failure_of(SmtpMailer(receiver.url))) is ServerUnavailable
    assert len(receiver.messages) == 1


def test_what_happens_after_the_acceptance_changes_nothing(receiver: SmtpReceiver):
    receiver.drop_at_quit()
    SmtpMailer(receiver.url).send(a_message())
    assert len(receiver.messages) == 1


def test_a_server_that_is_not_there_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert type(failure_of(SmtpMailer(f"smtp://127.0.0.1:{port}"))) is ServerUnavailable


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_server_that_never_answers_is_given_up_after_the_timeout(scheme: str):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        assert type(failure_of(SmtpMailer(url, timeout=0.1))) is ServerUnavailable


def test_a_login_is_percent_decoded_and_used():
    with SmtpReceiver(users={"ada@acme.example": SECRET}) as receiver:
        url = f"smtp://ada%40acme.example:{ENCODED}@127.0.0.1:{receiver.port}"
        SmtpMailer(url).send(a_message())
        assert len(receiver.messages) == 1


def test_a_refused_login_tells_no_secret():
    with SmtpReceiver(users={"ada": "another"}) as receiver:
        failure = failure_of(SmtpMailer(f"smtp://ada:{ENCODED}@127.0.0.1:{receiver.port}"))
    assert type(failure) is ServerUnavailable
    assert "refused the login (535)" in failure.detail
    assert SECRET not in failure.detail
    assert "ada" not in failure.detail


def test_starttls_encrypts_before_anything_is_said(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
):
    server, client = contexts
    with SmtpReceiver(users={"ada": SECRET}, tls=server) as receiver:
        url = f"smtp+starttls://ada:{ENCODED}@127.0.0.1:{receiver.port}"
        SmtpMailer(url, tls=client).send(a_message())
        assert len(receiver.messages) == 1


def test_a_certificate_nobody_vouches_for_is_refused(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
):
    with SmtpReceiver(tls=contexts[0]) as receiver:
        failure = failure_of(SmtpMailer(f"smtp+starttls://127.0.0.1:{receiver.port}"))
        assert receiver.messages == []
    assert type(failure) is ServerUnavailable
    assert "CERTIFICATE_VERIFY_FAILED" in failure.detail


def test_starttls_never_falls_back_to_clear_text(receiver: SmtpReceiver):
    failure = failure_of(SmtpMailer(f"smtp+starttls://ada:{ENCODED}@127.0.0.1:{receiver.port}"))
    assert type(failure) is ServerUnavailable
    assert receiver.messages == []


def test_errors_name_no_address(receiver: SmtpReceiver):
    receiver.refuse("550 5.1.1 <ada@acme.example>: Recipient unknown")
    detail = failure_of(SmtpMailer(receiver.url)).detail
    assert "550 5.1.1 <address>: Recipient unknown" in detail


@pytest.mark.parametrize(
    "url",
    [
        f"http://ada:{ENCODED}@mail.example",
        f"smtp://ada:{ENCODED}@",
        f"smtp://ada:{SECRET}@mail.example:25",
        f"smtp://ada:{ENCODED}@mail.example:smtp",
        f"smtp://ada:{ENCODED}é@mail.example",
        f"smtp://ada:{ENCODED}@mail.example/path",
        "",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_repeating_it(url: str):
    with pytest.raises(Misconfigured, match="PLANSHIFT_SMTP_URL") as caught:
        SmtpMailer(url)
    assert caught.value.code == "bad_smtp_url"
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_mailer_shows_its_server_and_not_its_password():
    mailer = SmtpMailer(f"smtps://ada:{ENCODED}@mail.example")
    assert repr(mailer) == "SmtpMailer(smtps://mail.example:465)"
