"""``planshift keys``: who may call the API."""

from __future__ import annotations

import click

from adapter.keys import SCOPES

from .context import parts, plain_errors, table


@click.group("keys")
def group() -> None:
    """API keys: make, list and revoke them."""


@group.command()
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, required=True, metavar="S", help="Repeat for more."
)
@plain_errors
def create(name: str, scopes: tuple[str, ...]) -> None:
    """Make a key for NAME and print it, once: only its digest is kept.

    Scopes: accounts:read, accounts:write, changes:write, changes:sales, usage:write, events:read,
    events:write, or 'all'.
    """
    wanted = SCOPES if scopes == ("all",) else scopes
    click.echo(parts().keys.create(name, wanted))


@group.command("list")
@plain_errors
def list_keys() -> None:
    """All keys; never their secrets."""
    rows = [
        (row.id, row.name, ",".join(row.scopes), row.created_at.date(), row.revoked_at or "")
        for row in parts().keys.listed()
    ]
    table(("ID", "NAME", "SCOPES", "CREATED", "REVOKED"), [tuple(row) for row in rows])


@group.command()
@click.argument("key_id")
@plain_errors
def revoke(key_id: str) -> None:
    """End the key KEY_ID at once."""
    parts().keys.revoke(key_id)
    click.echo(f"{key_id} is revoked.")
