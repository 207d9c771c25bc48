"""The root command, and those that run something."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from sandbox import server as sandbox_server

from .. import logs, serving
from ..mail import mailer_of
from ..worker import SIDE_BY_SIDE, Worker, stop_on_signals, the_worker
from . import adoption, catalogue, events, keys, looking, recovering, rehearsing, webhooks
from .context import NEEDS_STRIPE, parts, plain_errors


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="planshift")
def main() -> None:
    """Planshift maps what you sell onto Stripe, changes plans by your own rules, and keeps local
    state true from Stripe's webhooks.

    Settings come from the environment; the README lists them. New here? Run 'planshift demo'.
    """


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option(
    "--processes", type=click.IntRange(1), help="Processes; more than 1 on PostgreSQL only."
)
@plain_errors
def serve(host: str, port: int, processes: int | None) -> None:
    """Serve the HTTP API and take in Stripe's webhooks."""
    serving.serve(host, port, processes)


@main.command()
@click.option("--once", is_flag=True, help="Do what is due, then end; for cron.")
@plain_errors
def worker(once: bool) -> None:
    """Process events, due work and notices, until told to stop.

    With --once the exit code is 0 if everything due was done, and 1 if something failed, waits for
    another try, or was interrupted; what that is stands on stderr.
    """
    logs.configure()
    built = parts(*NEEDS_STRIPE)
    found = Worker(built, mailer_of(built.settings), SIDE_BY_SIDE)
    stop_on_signals(found.stop)
    with the_worker(built.database):
        if once:
            found.schedule()
            left = found.until_idle()
            click.echo(str(left), err=True)
            ended = left.nothing
        else:
            ended = found.run()
    if not ended:
        # A thread that waits for Stripe would be waited for; nothing is lost by not doing so.
        sys.stderr.flush()
        os._exit(1)


@main.command()
@click.option("--port", default=12111, show_default=True, help="Port to listen on (loopback).")
@click.option("--forward-to", metavar="URL", help="Send all events there, signed.")
@click.option(
    "--unix-socket",
    type=click.Path(path_type=Path, dir_okay=False, resolve_path=True),
    help="Listen there as well: `stripe trigger v1.billing.meter.*` needs it.",
)
@click.option("--start", type=click.DateTime(), help="Freeze its clock at this moment (UTC).")
@click.option("--seed", default=0, show_default=True, help="What is drawn by chance follows it.")
def sandbox(
    port: int, forward_to: str | None, unix_socket: Path | None, start: datetime | None, seed: int
) -> None:
    """Run a Stripe on this machine: the v1 API with its own clock, and a dashboard at /."""
    at = start.replace(tzinfo=UTC) if start else None
    try:
        server = sandbox_server.open_server(
            port=port, unix_socket=unix_socket, forward_to=forward_to, start=at, seed=seed
        )
    except OSError as error:
        raise click.BadParameter(str(error), param_hint="--unix-socket") from None
    server.run(click.echo)


@main.command()
@click.option("--catalogue", "name", default="operations", show_default=True, help="What to tour.")
@click.option("--no-colour", is_flag=True, help="Plain text.")
def demo(name: str, no_colour: bool) -> None:
    """The tour: real HTTP, real webhooks, real SMTP, a month passing in seconds."""
    from ..demo.tour import tour  # noqa: PLC0415  (it starts servers; nobody else should load it)

    raise SystemExit(tour(name, colour=not no_colour))


@main.command()
@click.option("--catalogue", "name", default="operations", show_default=True, help="What to sell.")
@click.option("--port", default=8000, show_default=True, help="Port of the service.")
@click.option("--sandbox-port", default=12111, show_default=True, help="Port of the sandbox.")
@click.option("--no-colour", is_flag=True, help="Plain text.")
@plain_errors
def run(name: str, port: int, sandbox_port: int, no_colour: bool) -> None:
    """Service, worker and sandbox in one terminal, with an API key, until Ctrl-C."""
    from ..running import run as run_everything  # noqa: PLC0415  (as above)

    raise SystemExit(run_everything(name, port, sandbox_port, colour=not no_colour))


main.add_command(catalogue.group)
main.add_command(keys.group)
main.add_command(rehearsing.rehearse)
main.add_command(events.group)
main.add_command(webhooks.group)
main.add_command(recovering.reconcile)
looking.accounts.add_command(adoption.import_accounts)
looking.accounts.add_command(adoption.migrate)
for command in looking.COMMANDS:
    main.add_command(command)
