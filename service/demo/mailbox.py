"""A mail server that delivers to nobody: every message becomes a file, numbered as they come.

``python -m service.demo.mailbox --port 2525 --into DIR`` runs it; ``Mailbox`` reads what arrived.
"""

from __future__ import annotations

import argparse
import asyncio
import email
import itertools
import time
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from .processes import HOST

POLL_S = 0.05


class Mailbox:
    """The messages that arrived, in order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def letters(self) -> list[EmailMessage]:
        """All of them, oldest first."""
        files = sorted(self._folder.glob("*.eml"))
        return [email.message_from_bytes(file.read_bytes(), policy=default) for file in files]

    def wait_for(self, count: int, timeout_s: float) -> list[EmailMessage]:
        """The letters once there are at least ``count``, or those there are when time is up."""
        deadline = time.monotonic() + timeout_s
        while len(found := self.letters()) < count and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return found


def text_of(letter: EmailMessage) -> str:
    """The plain text of a letter."""
    body = letter.get_body(("plain",))
    return str(body.get_content()).strip() if body else ""


class _Files:
    """The handler that aiosmtpd calls."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        number = next(self._numbers)
        # Written aside and renamed, so that a reader never sees half a letter.
        unfinished = self._folder / f"{number:04}.part"
        unfinished.write_bytes(envelope.content)
        unfinished.rename(self._folder / f"{number:04}.eml")
        return "250 OK"


async def serve(port: int, folder: Path) -> None:
    """Take mail until cancelled."""
    loop = asyncio.get_running_loop()
    handler = _Files(folder)
    server = await loop.create_server(lambda: SMTP(handler, hostname="mailbox"), HOST, port)
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="mailbox", description="Mail, as files.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--into", type=Path, required=True)
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.port, chosen.into))


if __name__ == "__main__":
    main()
