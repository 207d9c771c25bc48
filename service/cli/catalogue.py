"""``planshift catalogue``: check, show, compare with Stripe, bring Stripe in line."""

from __future__ import annotations

import json
import sys

import click

from adapter.catalogue_sync import plan_lines, progress_line, result_lines
from adapter.catalogue_sync.actions import Action
from adapter.catalogue_sync.planning import SyncPlan
from mappings import builtin_catalogues, describe, load_catalogue

from ..settings import Settings
from .context import NEEDS_STRIPE, environment, parts, plain_errors

NAME = click.argument("name", required=False, metavar="[FILE|NAME]")


@click.group("catalogue")
def group() -> None:
    """What is sold: the catalogue document and its image at Stripe.

    PLANSHIFT_CATALOGUE names the catalogue: a file, or a built-in one.
    """


@group.command()
@NAME
@plain_errors
def check(name: str | None) -> None:
    """Report every problem of the catalogue at once, each with its path."""
    found = load_catalogue(_named(name))
    plans = sum(len(family.plans) for family in found.families.values())
    prices = sum(1 for _ in found.sold_offers())
    click.echo(f"{found.name}: {len(found.families)} families, {plans} plans, {prices} prices: ok")


@group.command()
@NAME
@plain_errors
def show(name: str | None) -> None:
    """Print the catalogue as the API gives it, as JSON."""
    click.echo(json.dumps(describe(load_catalogue(_named(name))), indent=2, ensure_ascii=False))


@group.command("list")
def list_builtin() -> None:
    """The built-in catalogues."""
    for name in builtin_catalogues():
        click.echo(name)


@group.command()
@plain_errors
def diff() -> None:
    """Say what 'sync' would do, and do nothing. Exits with 1 if there is something to do."""
    plan = parts(*NEEDS_STRIPE).catalogue_sync.plan()
    _show(plan)
    sys.exit(1 if plan.actions else 0)


@group.command()
@click.option("--yes", is_flag=True, help="Do not ask before acting.")
@plain_errors
def sync(yes: bool) -> None:
    """Bring Stripe in line with the catalogue; safe to repeat, and to interrupt.

    Products and prices that do not carry this catalogue's tenant are never touched.
    """

    def agreed(plan: SyncPlan) -> bool:
        _show(plan)
        if not plan.actions or yes or not sys.stdin.isatty():
            return True
        return click.confirm("Go ahead?")

    def progress(number: int, total: int, action: Action) -> None:
        click.echo(progress_line(number, total, action))

    result = parts(*NEEDS_STRIPE).catalogue_sync.run(agreed, progress)
    if result is None:
        raise click.Abort
    for line in result_lines(result):
        click.echo(line)
    sys.exit(1 if result.refused else 0)


@group.command()
@click.argument("price")
@click.argument("offer", metavar="FAMILY/PLAN/TIER/INTERVAL")
@plain_errors
def adopt(price: str, offer: str) -> None:
    """Say that PRICE, made before there was a catalogue, carries an offer of it.

    Its subscriptions map back from then on, and keep what they pay. It gets the offer's metadata
    at Stripe, nothing else of it changes; 'sync' archives it once nobody uses it.
    """
    found, subscriptions = parts(*NEEDS_STRIPE).adopted_prices.adopt(price, offer)
    click.echo(f"{price} carries {found}; {subscriptions} subscription(s) here were mapped anew.")


def _named(name: str | None) -> str:
    return name or Settings.from_environment(environment()).catalogue


def _show(plan: SyncPlan) -> None:
    for line in plan_lines(plan):
        click.echo(line)
