"""``planshift run``: sandbox, service, worker and mail server in one terminal, until Ctrl-C.

The sandbox keeps its state in memory and gives the same ids each time, so the database lives
exactly as long: in a temporary folder that goes with it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from mappings import load_catalogue

from .demo.cast import Cast, NothingToTour, pick
from .demo.processes import (
    Child,
    StartFailed,
    claim_port,
    ended_by_signals,
    free_ports,
    temporary_folder,
)
from .demo.screen import Screen
from .demo.stack import CommandFailed, Ports, Stack, running_stack

POLL_S = 0.2
MONTH_S = 31 * 86_400


def run(catalogue: str, port: int, sandbox_port: int, *, colour: bool = True) -> int:
    """Run everything until interrupted; gives the exit code.

    Raises:
        CatalogueError: the catalogue has problems.
    """
    screen = Screen(colour=colour)
    try:
        cast = pick(load_catalogue(catalogue))
        ports = Ports(
            service=claim_port(port, "--port"),
            sandbox=claim_port(sandbox_port, "--sandbox-port"),
            mail=free_ports(1)[0],
        )
        with ended_by_signals(), temporary_folder("run", screen.quotation) as folder:
            _run(screen, cast, catalogue, ports, folder)
    except (NothingToTour, StartFailed, CommandFailed, Ended) as wrong:
        screen.failed(str(wrong))
        return 1
    except KeyboardInterrupt:
        screen.verdict(True, "Stopped.")
    return 0


class Ended(Exception):
    """A process ended although nobody told it to; the text is one line."""


def _run(screen: Screen, cast: Cast, catalogue: str, ports: Ports, folder: Path) -> None:
    screen.title("Planshift", f"catalogue {cast.catalogue.name}")
    with running_stack(catalogue, ports, folder) as stack:
        with screen.progress("Syncing the catalogue") as progress:
            stack.command("catalogue", "sync", "--yes", tell=progress.tell)
        _introduce(screen, stack)
        _suggest(screen, cast, stack)
        _follow(screen, stack)


def _introduce(screen: Screen, stack: Stack) -> None:
    screen.facts(
        [
            ("service", stack.planshift.url, "HTTP API; see /openapi.json"),
            ("sandbox", stack.stripe.url, "a Stripe to look at in a browser"),
            ("e-mail", str(stack.folder / "mail"), "as files"),
        ]
    )
    screen.heading("An API key with every scope")
    screen.verbatim(f"export KEY={stack.api_key}")


def _suggest(screen: Screen, cast: Cast, stack: Stack) -> None:
    """Three requests to copy: an account, a quote, a month."""
    account = f"{stack.planshift.url}/v1/accounts/acme"
    head = '-H "Authorization: Bearer $KEY" -H "Content-Type: application/json"'
    small = cast.small
    wanted = {"family": small.family, "plan": small.plan, "tier": small.tier}
    quote = json.dumps({"changes": [{**wanted, "interval": small.interval}]})
    screen.heading("An account")
    contact = json.dumps({"email": "billing@acme.example", "name": "Acme"})
    screen.verbatim(f"curl -X PUT {account} {head} -d '{contact}'")
    screen.heading(f"A quote for {cast.name(small)}")
    screen.verbatim(f"curl {account}/quotes {head} -d '{quote}'")
    screen.heading("A month passes at Stripe")
    advance = json.dumps({"advance": MONTH_S})
    screen.verbatim(f"curl {stack.stripe.url}/_sandbox/clock -d '{advance}'")
    screen.heading("Ctrl-C stops everything")


def _follow(screen: Screen, stack: Stack) -> None:
    """Show what the processes print and which e-mails arrive, for as long as they run.

    Raises:
        Ended: one of them does not run any more.
    """
    logs = [(child, _new_lines(child)) for child in stack.children.all]
    seen = 0
    while True:
        for child, lines in logs:
            for line in next(lines):
                screen.verbatim(f"{child.name:<11}  {line}")
        letters = stack.mailbox.letters()
        for letter in letters[seen:]:
            screen.verbatim(f"{'e-mail':<11}  {letter['To']}: {letter['Subject']}")
        seen = len(letters)
        for child in stack.children.dead():
            raise Ended(f"The {child.name} has ended: {' '.join(child.tail(1))}")
        time.sleep(POLL_S)


def _new_lines(child: Child) -> Iterator[list[str]]:
    """What ``child`` has printed since the last time, in whole lines; the start is skipped."""
    at = child.log.stat().st_size
    while True:
        with child.log.open("rb") as log:
            log.seek(at)
            whole, newline, _ = log.read().rpartition(b"\n")
        at += len(whole) + len(newline)
        yield whole.decode(errors="replace").splitlines()
