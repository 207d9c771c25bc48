"""``planshift events``: what Stripe told us, what became of it, and running it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

import click

from webhooks.inbox import event_document

from .context import parts, plain_errors, table
from .recovering import backfill

Command = TypeVar("Command", bound=Callable[..., object])

STATES = ("pending", "processed", "ignored", "foreign", "dead")
LIMIT = click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))


def _filters(command: Command) -> Command:
    """The options that choose events."""
    kind = click.option("--type", "kind", metavar="TYPE", help="Only this type: invoice.paid.")
    customer = click.option("--customer", metavar="CUS", help="Only of this customer of Stripe's.")
    return kind(customer(command))


@click.group("events")
def group() -> None:
    """Events received from Stripe.

    pending: to be processed, or tried again. processed: done. ignored: not handled here. foreign:
    somebody else's, or of a customer that is no account yet. dead: failed, and waits for a person.
    """


@group.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@_filters
@LIMIT
@plain_errors
def list_events(state: str | None, kind: str | None, customer: str | None, limit: int) -> None:
    """Events, newest first."""
    rows = parts().inbox.listed(state, 0, limit, kind=kind, customer=customer)
    table(
        ("ID", "TYPE", "STATE", "OBJECT", "CUSTOMER", "RECEIVED", "TRIED", "ERROR"),
        [
            (
                row.id,
                row.type,
                row.state,
                row.object_id,
                row.customer_id,
                f"{row.received_at:%Y-%m-%d %H:%M:%S}",
                row.attempts,
                row.error,
            )
            for row in rows
        ],
    )


@group.command("show")
@click.argument("event_id")
@plain_errors
def show_event(event_id: str) -> None:
    """One event, as JSON; with the traceback if it is dead."""
    row = parts().inbox.find(event_id)
    document = {**event_document(row), "traceback": row.traceback}
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


@group.command("replay")
@click.argument("event_ids", nargs=-1, metavar="[EVT]...")
@click.option(
    "--state",
    type=click.Choice([state for state in STATES if state not in ("pending", "ignored")]),
    help="All in this state, in place of single ones: dead, once the cause is mended.",
)
@_filters
@plain_errors
def replay(
    event_ids: tuple[str, ...], state: str | None, kind: str | None, customer: str | None
) -> None:
    """Run events again: those named, or all of a state. Always safe.

    Objects are fetched anew and each effect comes about once, so running one too many changes
    nothing. The worker picks them up.
    """
    if bool(event_ids) == bool(state):
        raise click.UsageError("Name the events, or choose them with --state.")
    if event_ids and (kind or customer):
        raise click.UsageError("--type and --customer go with --state.")
    inbox = parts().inbox
    for event_id in event_ids:
        inbox.replay(event_id)
        click.echo(f"{event_id} is pending again; the worker picks it up.")
    if state is not None:
        count = inbox.replay_all(state, kind=kind, customer=customer)
        chosen = " ".join(filter(None, (state, kind, f"of {customer}" if customer else None)))
        said = f"{count} event{'' if count == 1 else 's'} pending again; the worker picks them up."
        click.echo(said if count else f"There is no event that is {chosen}.")


group.add_command(backfill)
