"""``planshift rehearse``: a scenario played in seconds, and compared with what it expects."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click
import structlog

if TYPE_CHECKING:
    from ..rehearsal import Played, Scenario


@click.command("rehearse")
@click.argument("name", required=False, metavar="[SCENARIO.toml|NAME]")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--list", "listing", is_flag=True, help="The scenarios that come along.")
@click.option("--show", metavar="NAME", help="Print one that comes along, to start from.")
@click.option(
    "--log", type=click.File("w", lazy=False), help="Write what the service logs to a file."
)
@click.option("--no-colour", is_flag=True, help="Plain text.")
def rehearse(
    name: str | None,
    as_json: bool,
    listing: bool,
    show: str | None,
    log: TextIO | None,
    no_colour: bool,
) -> None:
    """Play a scenario against a Stripe of its own: what would happen, when, and what it costs.

    Nothing real is touched, no network is used, and the same scenario comes out the same every
    time. Exits with 0 if all came out as expected, 1 if something did not, 2 if the document is no
    scenario; docs/rehearsing.md explains how one is written.
    """
    from .. import rehearsal  # noqa: PLC0415  (it starts a sandbox; nobody else should load it)

    if listing:
        for known, path in rehearsal.shipped().items():
            click.echo(f"{known:<14}  {rehearsal.load_scenario(known).about or path.name}")
    elif show is not None:
        _show(show, rehearsal.shipped())
    elif name is None:
        raise click.UsageError("name a scenario: a file, or one of --list")
    else:
        scenario = _loaded(name)
        try:
            with _logging_to(log):
                code = _play(scenario, as_json=as_json, colour=not no_colour)
        except rehearsal.Interrupted as wrong:
            raise click.ClickException(str(wrong)) from wrong
        raise SystemExit(code)


def _show(name: str, shipped: Mapping[str, Path]) -> None:
    if name not in shipped:
        raise click.UsageError(f"there is no scenario {name!r}; see --list")
    click.echo(shipped[name].read_text(encoding="utf-8"), nl=False)


def _loaded(name: str) -> Scenario:
    from .. import rehearsal  # noqa: PLC0415  (as above)

    try:
        return rehearsal.load_scenario(name)
    except rehearsal.ScenarioError as wrong:
        for problem in wrong.problems:
            click.echo(f"{problem.path}: {problem.message}".removeprefix(": "), err=True)
        click.echo(f"Error: {wrong}", err=True)
        raise SystemExit(2) from wrong


def _play(scenario: Scenario, *, as_json: bool, colour: bool) -> int:
    from .. import rehearsal  # noqa: PLC0415  (as above)
    from ..demo.screen import Screen  # noqa: PLC0415  (as above)

    with tempfile.TemporaryDirectory(prefix="planshift-rehearsal-") as folder:
        if as_json:
            done = rehearsal.rehearse(scenario, Path(folder))
            click.echo(json.dumps(rehearsal.to_json(done), indent=2, ensure_ascii=False))
            return 0 if done.held else 1
        screen, preparing = Screen(colour=colour), ExitStack()

        def tell(played: Played) -> None:
            preparing.close()
            rehearsal.told(screen, played)

        screen.title(scenario.name, f"catalogue {scenario.catalogue.name}")
        with preparing:
            preparing.enter_context(screen.progress("The catalogue is put on sale"))
            done = rehearsal.rehearse(scenario, Path(folder), tell)
        rehearsal.verdict(screen, done)
    return 0 if done.held else 1


@contextmanager
def _logging_to(file: TextIO | None) -> Iterator[None]:
    """Off the screen: what the service logs of planned faults is no news to the reader."""
    before = structlog.get_config()
    kept = structlog.PrintLoggerFactory(file) if file else structlog.ReturnLoggerFactory()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=kept,
    )
    try:
        yield
    finally:
        structlog.configure(**before)
