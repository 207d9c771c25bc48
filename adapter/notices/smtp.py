"""Handing a message to an SMTP server, and telling what a refusal means.

Nothing here is written to a log, and no error repeats the URL, the credentials or an address.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from contextlib import closing, suppress
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import unquote, urlsplit

from ..errors import AdapterError, Misconfigured

# Per answer of the server, of which there are about ten in a delivery.
TIMEOUT_S = 10.0
PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}

_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")


class DeliveryFailed(AdapterError):
    """Root of what can go wrong with a delivery: the server did not confirm the message."""


class MessageRefused(DeliveryFailed):
    """The server will never take this message for this recipient."""

    @classmethod
    def by_server(cls, code: int, answer: bytes) -> MessageRefused:
        return cls("message_refused", f"The server refused the message: {_said(code, answer)}")

    @classmethod
    def unusable_address(cls) -> MessageRefused:
        return cls(
            "unusable_address",
            "The account's e-mail address cannot be written to; correct it with PUT "
            "/v1/accounts/{ref}.",
        )


class MessageDeferred(DeliveryFailed):
    """The server does not take this message now; it may later."""

    @classmethod
    def by_server(cls, code: int, answer: bytes) -> MessageDeferred:
        return cls("message_deferred", f"The server put the message off: {_said(code, answer)}")


class ServerUnavailable(DeliveryFailed):
    """No message gets through now: no connection, no TLS, no login, or the sender is refused.

    Also raised if the connection broke after the message was handed over: it may have arrived.
    """

    @classmethod
    def because(cls, error: Exception) -> ServerUnavailable:
        return cls("mail_server_unavailable", f"The mail server is of no use now: {_why(error)}")


class Mailer(Protocol):
    """Delivers one message at a time."""

    def send(self, message: EmailMessage) -> None:
        """Return once the server has taken responsibility for ``message``.

        Raises:
            MessageRefused: for good, for this message only.
            MessageDeferred: for now, for this message only.
            ServerUnavailable: for now, for any message.
        """


class SmtpMailer:
    """A mailer on one SMTP server, with a connection per message.

    ``url`` is ``smtp://``, ``smtps://`` (TLS from the start) or ``smtp+starttls://`` (TLS or
    nothing), then ``[user:password@]host[:port]``, percent-encoded. ``timeout`` is in seconds, for
    each answer of the server. ``tls`` replaces the system's trusted authorities.

    Raises:
        Misconfigured: the URL is none of these.
    """

    def __init__(
        self, url: str, timeout: float = TIMEOUT_S, tls: ssl.SSLContext | None = None
    ) -> None:
        try:
            parts = urlsplit(url)
            self._scheme, host, port = parts.scheme, parts.hostname, parts.port
        except ValueError:
            # Its text would quote the part of the URL that holds the password.
            raise _bad_url() from None
        if self._scheme not in PORTS or not host or parts.path not in {"", "/"}:
            raise _bad_url()
        self._host = host
        self._port = port or PORTS[self._scheme]
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        if not (self._user + self._password).isascii():
            raise _bad_url("its user and password must be ASCII")
        self._timeout = timeout
        # Loading the authorities takes 20 ms; a plain connection needs none.
        self._tls = tls or (None if self._scheme == "smtp" else ssl.create_default_context())

    def __repr__(self) -> str:
        return f"SmtpMailer({self._scheme}://{self._host}:{self._port})"

    def send(self, message: EmailMessage) -> None:
        """Deliver ``message`` to its To address from its From address (see ``Mailer.send``)."""
        try:
            connection = self._connect()
        except OSError as error:
            raise ServerUnavailable.because(error) from error
        with closing(connection):
            try:
                self._introduce(connection)
            except OSError as error:
                raise ServerUnavailable.because(error) from error
            try:
                connection.send_message(message)
            except OSError as error:
                raise _sorted(error) from error
            # It is accepted: whatever happens to the goodbye, sending it again would be wrong.
            with suppress(OSError):
                connection.quit()

    def _connect(self) -> smtplib.SMTP:
        if self._scheme == "smtps":
            return smtplib.SMTP_SSL(
                self._host, self._port, timeout=self._timeout, context=self._tls
            )
        return smtplib.SMTP(self._host, self._port, timeout=self._timeout)

    def _introduce(self, connection: smtplib.SMTP) -> None:
        if self._scheme == "smtp+starttls":
            # Raises if the server does not offer it: never in the clear where TLS was asked for.
            connection.starttls(context=self._tls)
        if self._user:
            connection.login(self._user, self._password)


def _sorted(error: OSError) -> DeliveryFailed:
    """What a failure after the introduction means (every SMTPException is an OSError)."""
    if isinstance(error, smtplib.SMTPNotSupportedError):
        # The only extension a message may need: SMTPUTF8, for an address that is not ASCII.
        return MessageRefused.unusable_address()
    verdict = _verdict(error)
    if verdict is None:
        return ServerUnavailable.because(error)
    code, answer = verdict
    if code == 421:
        return ServerUnavailable.because(smtplib.SMTPResponseException(code, answer))
    # 530 and 5.7.x (RFC 3463: security, policy) are mostly about us, for example relaying that
    # is not allowed yet: an operator can put that right, so it is no reason to give up at once.
    about_us = code == 530 or str(answer, "utf-8", "replace").startswith("5.7.")
    if code >= 500 and not about_us:
        return MessageRefused.by_server(code, answer)
    return MessageDeferred.by_server(code, answer)


def _verdict(error: OSError) -> tuple[int, bytes] | None:
    """The server's answer if it is about this recipient or this message."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, answer = next(iter(error.recipients.values()))
        return code, answer
    if isinstance(error, smtplib.SMTPDataError):
        return error.smtp_code, _bytes(error.smtp_error)
    return None


def _why(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"it refused the login ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error.smtp_code, error.smtp_error)
    return f"{type(error).__name__}: {without_addresses(str(error))}"


def _said(code: int, answer: bytes | str) -> str:
    words = _bytes(answer).decode("utf-8", "replace")
    return f"{code} {without_addresses(' '.join(words.split()))[:200]}"


def _bytes(answer: bytes | str) -> bytes:
    """smtplib keeps answers as bytes, but is typed as if they could be text."""
    return answer if isinstance(answer, bytes) else answer.encode()


def without_addresses(words: str) -> str:
    """``words`` with every e-mail address left out, since errors are listed and logged."""
    return _ADDRESS.sub("<address>", words)


def _bad_url(why: str = "it is not in one of these forms") -> Misconfigured:
    return Misconfigured(
        "bad_smtp_url",
        f"PLANSHIFT_SMTP_URL cannot be used: {why}. Write smtp://, smtps:// or smtp+starttls://, "
        "then [user:password@]host[:port].",
    )
