"""Commands for when something was lost: fetch events that did not arrive, compare with Stripe."""

from __future__ import annotations

import json
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import click

from adapter.reconcile import Finding, Foreign, Walk, left
from adapter.reconcile.report import (
    finding_document,
    finding_line,
    summary_document,
    summary_lines,
)
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


@click.command()
@click.option("--repair", is_flag=True, help="Take over what Stripe has where it differs.")
@click.option("--verbose", is_flag=True, help="List subscriptions of others one by one, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line; the last: summary.")
def reconcile(repair: bool, verbose: bool, as_json: bool) -> None:
    """Compare what is here with what is live at Stripe, object by object.

    Each field that differs is fetched once more, alone, before it is reported: what has moved in
    the meantime is no difference. With --repair it is stored, and what follows from that (e-mails,
    changes that come to their end) follows as if a webhook had told of it. Without --repair
    nothing is changed. The worker does it every day, with --repair.

    One list call for 100 subscriptions and one fetch for each difference. If it is interrupted, run
    it again.

    \b
    Exits with 0 if nothing differs, or everything was repaired,
               1 if differences are left,
               2 if it could not be carried out.
    """

    def tell(finding: Finding) -> None:
        if isinstance(finding, Foreign) and not verbose:
            return
        click.echo(_line(finding_document(finding)) if as_json else finding_line(finding))

    with _failing_with(2):
        walk = _reconcile(repair, tell)
    if as_json:
        click.echo(_line(summary_document(walk)))
    else:
        for line in summary_lines(walk, repair=repair):
            click.echo(line)
    sys.exit(1 if left(walk) else 0)


@plain_errors
def _reconcile(repair: bool, tell: Callable[[Finding], None]) -> Walk:
    reconciling = parts(*NEEDS_STRIPE).reconciling
    return reconciling.run(repair=repair, tell=tell, progress=_walked)


@contextmanager
def _failing_with(code: int) -> Iterator[None]:
    """Whatever goes wrong ends with ``code``, so that no other code is taken for a result."""
    try:
        yield
    except click.ClickException as failed:
        failed.show()
        sys.exit(code)
    except Exception:
        traceback.print_exc()
        sys.exit(code)


def _walked(walk: Walk) -> None:
    """Tells of every step on stderr."""
    seen, found = walk.counts.get("subscriptions", 0), walk.counts.get("differences", 0)
    click.echo(f"... {_count(seen, 'subscription')}, {_count(found, 'difference')}", err=True)


def _line(document: object) -> str:
    return json.dumps(document, ensure_ascii=False)


def _progress() -> Callable[[Window], None]:
    """Tells of every page on stderr, so that stdout is the result and nothing else."""

    def tell(window: Window) -> None:
        click.echo(
            f"... {_count(window.listed, 'event')} looked at, {window.missing} missing", err=True
        )

    return tell


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
