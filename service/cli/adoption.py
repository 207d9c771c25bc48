"""``planshift accounts import`` and ``migrate``: taking over what exists at Stripe."""

from __future__ import annotations

import json
import sys

import click

from adapter.adoption import RefSource, Report, report_document, report_lines

from .context import NEEDS_STRIPE, parts, plain_errors

EVERY = 25


@click.command("import")
@click.option(
    "--ref",
    "source",
    default="customer",
    show_default=True,
    help="Where your own id of a customer stands: customer (Stripe's id), email, metadata:KEY.",
)
@click.option("--yes", is_flag=True, help="Do it; without this nothing is changed.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@plain_errors
def import_accounts(source: str, yes: bool, as_json: bool) -> None:
    """Adopt the customers and live subscriptions that exist at Stripe already.

    Without --yes it is a dry run: the same report, and nothing is changed. What is adopted can be
    quoted and changed, except what the report names, each with a reason and what to do: prices that
    map to no offer ('planshift catalogue adopt'), classic billing ('planshift accounts migrate'),
    money that is owed, schedules of others.

    Run it once the webhook endpoint receives events, so that nothing moves unseen. It sends no
    e-mail about what happened before, charges nothing, and changes nothing at Stripe but two keys
    in each customer's metadata. It may be interrupted and run again; what is adopted already is
    passed over. Customers without a live subscription become accounts with PUT /v1/accounts/{ref}.

    Exits with 1 if something is left for a person to look at.
    """
    refs = RefSource(source)
    built = parts(*NEEDS_STRIPE)
    report = built.adoption.run(refs, _progress, commit=yes)
    if as_json:
        click.echo(json.dumps(report_document(report), indent=2, ensure_ascii=False))
    else:
        for line in report_lines(report):
            click.echo(line)
    sys.exit(0 if report.clean else 1)


def _progress(report: Report) -> None:
    if report.seen % EVERY == 0:
        click.echo(f"{report.seen} customers seen, {report.adopted} new …", err=True)


@click.command()
@click.argument("subscription")
@click.option("--yes", is_flag=True, help="Do not ask before acting.")
@plain_errors
def migrate(subscription: str, yes: bool) -> None:
    """Move SUBSCRIPTION from Stripe's classic billing mode to flexible; there is no way back.

    Nothing is billed by that. Prorations of later changes credit what was really paid.
    """
    if not yes:
        click.confirm(f"Migrate {subscription} for good?", abort=True)
    moved = parts(*NEEDS_STRIPE).migration.migrate(subscription)
    click.echo(f"{subscription} {'bills' if moved else 'billed already'} in flexible mode.")
