"""Commands that look at local state, and the few that act on it."""

from __future__ import annotations

import json

import click

from adapter.migrations import migrate
from adapter.notices.listing import list_notices
from adapter.notices.sending import NoticeState
from adapter.state import change_document
from adapter.tables import ChangeRow

from .context import NEEDS_STRIPE, parts, plain_errors, table
from .doctor import doctor

LIMIT = click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))


def _print(document: object) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


@click.group()
def accounts() -> None:
    """Accounts as they stand here."""


@accounts.command("list")
@click.option("-q", "query", help="Find in ref, name and e-mail.")
@LIMIT
@plain_errors
def list_accounts(query: str | None, limit: int) -> None:
    """Accounts in order of creation."""
    rows = parts().accounts.listed(query, 0, limit)
    table(("REF", "NAME", "CUSTOMER"), [(row.ref, row.name, row.customer_id) for row in rows])


@accounts.command("show")
@click.argument("ref")
@plain_errors
def show_account(ref: str) -> None:
    """The whole state of account REF, as JSON."""
    built = parts()
    _print(built.states.account(built.accounts.find(ref)))


@click.group()
def changes() -> None:
    """Plan changes."""


@changes.command("list")
@click.argument("ref")
@click.option("--state", help="Only those in this state.")
@LIMIT
@plain_errors
def list_changes(ref: str, state: str | None, limit: int) -> None:
    """The plan changes of account REF, newest first."""
    built = parts()
    rows = built.orders.of_account(built.accounts.find(ref), state, 0, limit)
    table(
        ("ID", "KIND", "WHEN", "STATE", "CREATED"),
        [(row.id, row.kind, row.timing, _states(row), row.created_at) for row in rows],
    )


def _states(change: ChangeRow) -> str:
    """The state of each line; once if it is the same."""
    return ", ".join(dict.fromkeys(line.state for line in change.lines))


@changes.command("show")
@click.argument("change_id")
@plain_errors
def show_change(change_id: str) -> None:
    """One plan change, with its history, as JSON."""
    _print(change_document(parts().orders.find(change_id)))


@changes.command("cancel")
@click.argument("change_id")
@click.option("--family", help="Only this family's line of the order.")
@plain_errors
def cancel_change(change_id: str, family: str | None) -> None:
    """Take back what is scheduled, or waits for its payment."""
    built = parts(*NEEDS_STRIPE)
    built.undoing.cancel(built.orders.find(change_id), family)
    _print(change_document(built.orders.find(change_id)))


@click.group()
def notices() -> None:
    """Notices: the e-mails, sent and unsent."""


@notices.command("list")
@click.option("--state", type=click.Choice([state.value for state in NoticeState]))
@LIMIT
@plain_errors
def show_notices(state: str | None, limit: int) -> None:
    """Notices, newest first; without SMTP settings they are kept here unsent."""
    built = parts()
    rows = list_notices(built.database, NoticeState(state) if state else None, limit)
    table(
        ("KIND", "STATE", "CREATED", "SENT", "ERROR"),
        [(row.kind, row.state, row.created_at, row.sent_at, row.error) for row in rows],
    )
    if built.settings.smtp_url is None and any(row.state == "pending" for row in rows):
        click.echo(
            "PLANSHIFT_SMTP_URL is not set: pending notices are kept and not sent.", err=True
        )


@click.group()
def db() -> None:
    """The database."""


@db.command()
@plain_errors
def upgrade() -> None:
    """Bring the database to the newest revision."""
    migrate(parts(migrated=False).database)
    click.echo("The database is at the newest revision.")


COMMANDS = (accounts, changes, notices, db, doctor)
