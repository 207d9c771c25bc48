"""The whole run: ``python -m tests.bench [--full]``."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import click

from . import claiming, draining, ingest, machine, pieces
from .databases import Databases, databases
from .load import Broken
from .tables import note


@click.command()
@click.option("--full", is_flag=True, help="Also the inbox of a million processed events.")
def bench(full: bool) -> None:
    """Measure, in one run, and print ratios."""
    begin = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="bench") as name, databases(Path(name)) as made:
            sound = _measure(made, full)
    except Broken as broken:
        note(f"*** BROKEN: {broken} ***")
        sound = False
    note(f"\nTook {time.monotonic() - begin:.0f} s.")
    sys.exit(0 if sound else 1)


def _measure(made: Databases, full: bool) -> bool:
    """Every section; True if nothing acknowledged is missing and nothing was left unprocessed."""
    if made.server is None:
        note(f"*** POSTGRESQL NOT MEASURED: {made.why_no_postgres} ***\n")
    machine.introduce(made.folder, made.make("PostgreSQL") if made.server else None)
    with ingest.targets(made) as found:
        complete = ingest.measure(found)
        pieces.measure(made, found[0])
    claiming.measure(made, full)
    return draining.measure(made) and complete


if __name__ == "__main__":
    bench()
