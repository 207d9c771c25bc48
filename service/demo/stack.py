"""Everything running: sandbox, service, worker and mail server, each a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapter.clock import WallClock
from adapter.database import open_database
from adapter.gateway.client import API_VERSION
from adapter.keys import SCOPES, Keys
from adapter.migrations import migrate
from webhooks.registry import LISTED

from .clients import STRIPE_KEY, Planshift, Stripe
from .mailbox import Mailbox
from .processes import HOST, Children, clean_environment, free_ports, listens, wait_for

SENDER = "Planshift <billing@planshift.example>"
SALES = "sales@planshift.example"


class CommandFailed(Exception):
    """A command of the command line ended with an error; the text is one line."""


@dataclass(frozen=True)
class Ports:
    """Where on loopback each of them listens."""

    service: int
    sandbox: int
    mail: int

    @classmethod
    def any(cls) -> Ports:
        """Three that are free."""
        return cls(*free_ports(3))


@dataclass(frozen=True)
class Stack:
    """What is running, and how to reach it. ``env`` is the environment of the processes."""

    folder: Path
    children: Children
    env: Mapping[str, str]
    api_key: str
    planshift: Planshift
    stripe: Stripe
    mailbox: Mailbox

    def command(self, *arguments: str, tell: Callable[[str], None] = lambda _: None) -> None:
        """Run ``planshift arguments…``, handing each line it prints to ``tell``.

        Raises:
            CommandFailed: it ended with an error.
        """
        command = [sys.executable, "-m", "service.cli", *arguments]
        said = ""
        with subprocess.Popen(
            command,
            env=dict(self.env),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        ) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    said = line.strip() or said
                    tell(line)
            except BaseException:
                process.kill()  # interrupted: nobody waits for its end any more
                raise
        if process.returncode:
            raise CommandFailed(f"'planshift {' '.join(arguments)}' failed: {said}")


@contextmanager
def running_stack(catalogue: str, ports: Ports, folder: Path) -> Iterator[Stack]:
    """Start all of it on an empty SQLite database in ``folder``; end it with the block.

    Raises:
        StartFailed: one of the processes did not start.
    """
    mail = folder / "mail"
    mail.mkdir()
    stripe = Stripe(f"http://{HOST}:{ports.sandbox}")
    env = _environment(catalogue, ports, folder)
    with Children(folder) as children:
        outside = clean_environment(os.environ)
        box = children.start("sandbox", "sandbox", "--port", str(ports.sandbox), env=outside)
        into = ("--port", str(ports.mail), "--into", str(mail))
        post = children.start("mail server", "service.demo.mailbox", *into, env=outside)
        api_key = _prepare_database(env["PLANSHIFT_DATABASE_URL"])
        wait_for(box, stripe.is_up)
        env["STRIPE_WEBHOOK_SECRET"] = register_endpoint(stripe, f"http://{HOST}:{ports.service}")
        port = ("--port", str(ports.service))
        service = children.start("service", "service.cli", "serve", *port, env=env)
        children.start("worker", "service.cli", "worker", env=env)
        planshift = Planshift(f"http://{HOST}:{ports.service}", api_key)
        wait_for(post, lambda: listens(ports.mail))
        wait_for(service, planshift.is_ready)
        yield Stack(folder, children, env, api_key, planshift, stripe, Mailbox(mail))


def _environment(catalogue: str, ports: Ports, folder: Path) -> dict[str, str]:
    # A catalogue file is named from where the user stands; the processes stand in the folder.
    named = str(Path(catalogue).resolve()) if Path(catalogue).is_file() else catalogue
    return {
        **clean_environment(os.environ),
        "STRIPE_API_KEY": STRIPE_KEY,
        "STRIPE_API_BASE": f"http://{HOST}:{ports.sandbox}",
        "PLANSHIFT_DATABASE_URL": f"sqlite:///{folder / 'planshift.db'}",
        "PLANSHIFT_CATALOGUE": named,
        "PLANSHIFT_SMTP_URL": f"smtp://{HOST}:{ports.mail}",
        "PLANSHIFT_MAIL_FROM": SENDER,
        "PLANSHIFT_SALES_EMAIL": SALES,
        "PLANSHIFT_PUBLIC_URL": f"http://{HOST}:{ports.service}",
    }


def _prepare_database(url: str) -> str:
    """Bring the database to the newest revision and make an API key that may do everything."""
    database = open_database(url)
    try:
        migrate(database)
        return Keys(database, WallClock()).create("made at start", SCOPES)
    finally:
        database.dispose()


def register_endpoint(stripe: Stripe, service: str) -> str:
    """A webhook endpoint at the sandbox for what the service handles; gives its secret."""
    endpoint = stripe.call(
        "POST",
        "/v1/webhook_endpoints",
        **{
            "url": f"{service}/webhooks/stripe",
            "enabled_events[]": list(LISTED),
            "api_version": API_VERSION,
        },
    )
    return str(endpoint["secret"])
