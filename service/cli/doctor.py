"""``planshift doctor``: what is wrong with this deployment."""

from __future__ import annotations

import sys

import click

from ..doctor import examine
from .context import NEEDS_STRIPE, parts, plain_errors


@click.command()
@plain_errors
def doctor() -> None:
    """Check settings, database, Stripe and the queues. Exits with 1 if something is wrong."""
    well = True
    for found in examine(parts(*NEEDS_STRIPE, migrated=False)):
        well = well and found.well
        click.echo(f"{'ok  ' if found.well else 'LOOK'}  {found.what}: {found.detail}")
    sys.exit(0 if well else 1)
