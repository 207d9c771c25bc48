"""The whole run: ``python -m tests.bench [--only SECTION]``."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import click

from . import claiming, draining, ingest, machine, pieces, renewing
from .databases import Databases, databases
from .load import Broken
from .tables import note

SECTIONS = ("ingest", "claiming", "draining", "renewing")


@click.command()
@click.option("--only", type=click.Choice(SECTIONS), help="One section alone.")
def bench(only: str | None) -> None:
    """Measure, in one run, and print ratios."""
    begin = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="bench") as name, databases(Path(name)) as made:
            sound = _measure(made, {only} if only else set(SECTIONS))
    except Broken as broken:
        note(f"*** BROKEN: {broken} ***")
        sound = False
    note(f"\nTook {time.monotonic() - begin:.0f} s.")
    sys.exit(0 if sound else 1)


def _measure(made: Databases, wanted: set[str]) -> bool:
    """Every section; True if nothing acknowledged is missing and nothing was left unprocessed."""
    if made.server is None:
        note(f"*** POSTGRESQL NOT MEASURED: {made.why_no_postgres} ***\n")
    machine.introduce(made.folder, made.make("PostgreSQL") if made.server else None)
    sound = True
    if "ingest" in wanted:
        with ingest.targets(made) as found:
            sound = ingest.measure(found)
            pieces.measure(made, found[0])
    if "claiming" in wanted:
        claiming.measure(made)
    if "draining" in wanted:
        sound = draining.measure(made) and sound
    if "renewing" in wanted:
        renewing.measure()
    return sound


if __name__ == "__main__":
    bench()
