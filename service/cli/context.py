"""What commands share: parts from the environment, and errors as one clear line."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from sqlalchemy.exc import SQLAlchemyError

from adapter.database import is_away
from adapter.errors import AdapterError
from adapter.gateway.failures import GatewayFailure
from adapter.migrations import is_current
from mappings import CatalogueError

from ..settings import Settings, SettingsError
from ..wiring import Parts, build

Command = TypeVar("Command", bound=Callable[..., Any])
NEEDS_STRIPE = ("STRIPE_API_KEY",)


def environment() -> Mapping[str, str]:
    """The environment; the only place of the command line that reads it."""
    return os.environ


def parts(*needs: str, migrated: bool = True) -> Parts:
    """The parts, for a command that cannot do without the settings ``needs``."""
    built = build(Settings.from_environment(environment(), needs=needs))
    click.get_current_context().call_on_close(built.database.dispose)
    if migrated and not is_current(built.database):
        raise SettingsError(
            "The database is not at the newest revision: run 'planshift db upgrade'."
        )
    return built


def plain_errors(command: Command) -> Command:
    """Show expected errors as one line on stderr and exit with 1, not as a traceback."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except CatalogueError as wrong:
            for found in wrong.problems:
                click.echo(f"{found.path}: {found.message}", err=True)
            raise click.ClickException(
                f"{len(wrong.problems)} problem(s) in {wrong.name}"
            ) from wrong
        except AdapterError as wrong:
            raise click.ClickException(f"{wrong.detail} [{wrong.code}]") from wrong
        except (SettingsError, GatewayFailure) as wrong:
            raise click.ClickException(str(wrong)) from wrong
        except SQLAlchemyError as wrong:
            if not is_away(wrong):
                raise
            raise click.ClickException(f"The database does not answer: {wrong}") from wrong

    return run  # type: ignore[return-value]  # wraps keeps the signature; the type system cannot say so


def table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    """Print rows under their headings, in columns as wide as their widest cell."""
    cells = [head, *[tuple("" if cell is None else str(cell) for cell in row) for row in rows]]
    widths = [max(len(str(row[n])) for row in cells) for n in range(len(head))]
    for row in cells:
        click.echo(
            "  ".join(
                str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)
            ).rstrip()
        )
