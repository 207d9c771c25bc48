"""``planshift webhooks``: where Stripe sends its events."""

from __future__ import annotations

import sys

import click

from adapter.endpoints import Endpoints, Plan
from adapter.steps import StepRefused

from .context import NEEDS_STRIPE, parts, plain_errors

YES = click.option("--yes", is_flag=True, help="Do not ask before acting.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")


@click.group("webhooks")
def group() -> None:
    """The webhook endpoint at Stripe.

    It sends to PLANSHIFT_PUBLIC_URL + /webhooks/stripe, the events that are handled here, in the
    API version that is spoken here.
    """


@group.command()
@YES
@DRY_RUN
@plain_errors
def register(yes: bool, dry_run: bool) -> None:
    """Make the endpoint, or bring it in line; safe to repeat.

    The signing secret of a new one is printed, once: Stripe does not tell it again. Run this again
    after an upgrade, which may handle more events.
    """
    endpoints = parts(*NEEDS_STRIPE).endpoints
    plan = endpoints.registration()
    if _agreed(plan, yes, dry_run) and _made(endpoints, plan):
        click.echo("Set it for 'planshift serve', then start that.")


@group.command()
@YES
@DRY_RUN
@click.option("--force", is_flag=True, help="Retire the old one although nothing came by the new.")
@plain_errors
def rotate(yes: bool, dry_run: bool, force: bool) -> None:
    """Replace the endpoint, and with it its secret and API version, without losing an event.

    Run it twice. The first run makes a second endpoint beside the old one and prints its secret;
    events come by both, and count once. The second run deletes the old one, when Stripe has reached
    the new one.
    """
    endpoints = parts(*NEEDS_STRIPE).endpoints
    plan = endpoints.rotation(forced=force)
    if not _agreed(plan, yes, dry_run):
        return
    if _made(endpoints, plan):
        click.echo("1. Move what STRIPE_WEBHOOK_SECRET holds now to")
        click.echo("   STRIPE_WEBHOOK_SECRET_FALLBACKS, and put this one in its place.")
        click.echo("2. Restart 'planshift serve'.")
        click.echo("3. When an event has come, run 'planshift webhooks rotate' again.")
        return
    click.echo("Deleted. Its secret can be taken out of STRIPE_WEBHOOK_SECRET_FALLBACKS.")


def _agreed(plan: Plan, yes: bool, dry_run: bool) -> bool:
    """Show the plan; whether it is to be carried out."""
    for line in plan.lines:
        click.echo(line)
    if not plan.actions:
        click.echo("Nothing to do: Stripe sends what is handled here.")
        return False
    if not yes and not dry_run and sys.stdin.isatty():
        click.confirm("Go ahead?", abort=True)
    return not dry_run


def _made(endpoints: Endpoints, plan: Plan) -> bool:
    """Carry the plan out; tells the secret of an endpoint that was made, if one was."""
    try:
        made = endpoints.carry_out(plan)
    except StepRefused as refused:
        raise click.ClickException(f"Stripe refused: {refused.message}") from refused
    if made is None or made.secret is None:
        return False
    click.echo(f"Made {made.id}. Its signing secret, which is shown only now:")
    click.echo(f"  STRIPE_WEBHOOK_SECRET={made.secret}")
    return True
