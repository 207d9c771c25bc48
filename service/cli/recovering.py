"""Commands for when something was lost: fetch the events that did not arrive."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import click

from webhooks.backfill import Window

from .context import NEEDS_STRIPE, parts, plain_errors

AGE = re.compile(r"(\d+)(m|h|d)")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}

Since = datetime | timedelta


def moment(text: str) -> Since:
    """A moment (RFC 3339, or a date; UTC unless it says otherwise), or how long ago it was."""
    age = AGE.fullmatch(text)
    try:
        if age:
            return timedelta(**{UNITS[age[2]]: int(age[1])})
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as wrong:
        raise click.BadParameter(
            f"{text!r} is no moment; use 2026-01-31T09:00:00Z, 2026-01-31, 36h or 7d."
        ) from wrong
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@click.command()
@click.option(
    "--since",
    type=moment,
    metavar="T",
    help="Fetch everything since T, delivered or not: 2026-01-31T09:00Z, 2026-01-31, 36h, 7d.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@plain_errors
def backfill(since: Since | None, as_json: bool) -> None:
    """Fetch events that did not arrive; the worker then processes them.

    Without --since: those that Stripe could not deliver, from where the last backfill ended (the
    worker does this by itself every ten minutes). With --since: all that happened since then, for
    when events were delivered and lost here, as after restoring a backup, or when there was no
    endpoint. Stripe keeps events for 30 days.

    Safe at any time: an event that is here already is left alone. Killed in the middle, the
    command goes on where it was when it is given again.
    """
    seen = parts(*NEEDS_STRIPE).backfill.run(since, _progress())
    if as_json:
        click.echo(json.dumps({"listed": seen.listed, "missing": seen.missing}))
        return
    click.echo(
        f"{_count(seen.listed, 'event')} listed at Stripe, {seen.missing} were missing here."
    )
    if seen.missing:
        click.echo("They are in the inbox now; the worker processes them.")


def _progress() -> Callable[[Window], None]:
    """Tells of every page on stderr, so that stdout is the result and nothing else."""

    def tell(window: Window) -> None:
        click.echo(
            f"... {_count(window.listed, 'event')} looked at, {window.missing} missing", err=True
        )

    return tell


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
