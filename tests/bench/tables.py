"""Plain tables for a terminal: titles, aligned columns, notes."""

from __future__ import annotations

from collections.abc import Sequence

import click


def title(text: str) -> None:
    """Begin a section."""
    click.echo(f"\n{text}\n{'-' * len(text)}")


def note(text: str) -> None:
    """One line of text."""
    click.echo(text)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """``rows`` under ``heads``: the first column to the left, the others to the right."""
    lines = [tuple(heads), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        first, *others = (
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        click.echo("  ".join((first, *others)).rstrip())


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.2f}"


def microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:.0f}"
