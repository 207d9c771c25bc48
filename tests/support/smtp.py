"""A real SMTP server on loopback that keeps what it is sent and fails when told to."""

from __future__ import annotations

import email
import itertools
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

Step = Literal["mail", "rcpt", "data"]


class SmtpReceiver:
    """Receives mail between ``with`` and its end; ``messages`` are those it took, parsed.

    ``users`` (name to password) makes it require a login; ``tls`` makes it offer STARTTLS, and
    refuse mail without it.
    """

    def __init__(
        self, *, users: Mapping[str, str] | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.connections = 0
        self._users = users or {}
        self._refusals: dict[Step, Iterator[str]] = {}
        self._drops: dict[str, int] = {}
        self._controller = _OnAnyPort(
            self,
            authenticator=self._authenticate if users else None,
            auth_require_tls=tls is not None,
            tls_context=tls,
            require_starttls=tls is not None,
        )
        self.port = self._controller.port

    @property
    def url(self) -> str:
        """For ``SmtpMailer``."""
        return f"smtp://127.0.0.1:{self.port}"

    def refuse(self, reply: str, at: Step = "rcpt", times: int | None = None) -> None:
        """Answer ``reply`` ("550 5.1.1 No such user") at a step, ``times`` times or always."""
        replies = itertools.repeat(reply) if times is None else itertools.repeat(reply, times)
        self._refusals[at] = replies

    def drop_after_accepting(self, times: int = 1) -> None:
        """Keep the message, but break the connection before the answer that says so."""
        self._drops["data"] = times

    def drop_at_quit(self, times: int = 1) -> None:
        """Break the connection in answer to QUIT."""
        self._drops["quit"] = times

    def __enter__(self) -> SmtpReceiver:
        self._controller.start()
        self.connections = 0  # the controller connects once to see whether it is up
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._controller.stop()

    # What aiosmtpd calls; it finds these by their names.

    async def handle_EHLO(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._users and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if refusal := self._refusal("mail"):
            return refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self._refusal("rcpt"):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if refusal := self._refusal("data"):
            return refusal
        assert isinstance(envelope.content, bytes)
        self.messages.append(email.message_from_bytes(envelope.content, policy=default))
        self.recipients += envelope.rcpt_tos
        self._maybe_drop("data", server)
        return "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self._maybe_drop("quit", server)
        return "221 Bye"

    def _refusal(self, at: Step) -> str | None:
        return next(self._refusals.get(at, iter(())), None)

    def _maybe_drop(self, at: str, server: SMTP) -> None:
        if self._drops.get(at, 0) > 0:
            self._drops[at] -= 1
            assert server.transport is not None
            server.transport.abort()  # type: ignore[attr-defined]

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        known = self._users.get(data.login.decode())
        welcome = known is not None and known.encode() == data.password
        # "handled" would mean that the refusal was already said.
        return AuthResult(success=welcome, handled=False)


class _OnAnyPort(Controller):
    """A controller on a free port of loopback, bound at once so that nobody else can take it."""

    def __init__(self, handler: object, **options: Any) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        super().__init__(handler, "127.0.0.1", self._socket.getsockname()[1], **options)

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._socket)


class NoOpenssl(Exception):
    """There is no ``openssl`` to make a certificate with."""


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a fresh certificate for 127.0.0.1, and a client's that trusts it.

    Raises:
        NoOpenssl: the program is not installed.
    """
    program = shutil.which("openssl")
    if program is None:
        raise NoOpenssl("install the package 'openssl'")
    key, cert = folder / "key.pem", folder / "cert.pem"
    kind = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([program, *kind, *names, *files], check=True, capture_output=True, timeout=60)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    return server, ssl.create_default_context(cafile=str(cert))
