"""A scenario: who there is, what they do in which order, and what must come of it.

Read from TOML and checked as a whole: every problem at once, each with its path.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from mappings import Catalogue, CatalogueError, load_catalogue
from mappings.problems import Problem, Problems

from .names import check_names
from .schemas import ScenarioSchema

SHIPPED = Path(__file__).parent / "scenarios"


class ScenarioError(Exception):
    """The document is no scenario; ``problems`` lists everything that is wrong with it."""

    def __init__(self, source: str, problems: list[Problem]) -> None:
        super().__init__(f"{len(problems)} problem(s) in {source}")
        self.source = source
        self.problems = problems


@dataclass(frozen=True)
class Step:
    """One thing that happens, and what is expected of it. ``action`` None: only looked at."""

    number: int
    say: str
    action: str | None
    body: Mapping[str, Any]
    expect: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Scenario:
    """A checked scenario with its catalogue. ``accounts`` are contacts and cards, by ref."""

    name: str
    about: str
    catalogue: Catalogue
    catalogue_name: str
    start: datetime
    seed: int
    switches: Mapping[str, Any]
    accounts: Mapping[str, Mapping[str, Any]]
    steps: tuple[Step, ...]


def shipped() -> dict[str, Path]:
    """The scenarios that come with Planshift, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.toml"))}


def load_scenario(name: str) -> Scenario:
    """Read a file, or a shipped scenario by its name.

    Raises:
        ScenarioError: with every problem of the document.
    """
    path = shipped().get(name, Path(name))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(shipped())
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        message = f"cannot be read ({said}); the shipped scenarios are: {known}"
        raise ScenarioError(name, [Problem("", f"{name} {message}", "not_readable")]) from None
    return parse_scenario(text, source=name, beside=path.parent)


def parse_scenario(text: str, source: str = "document", beside: Path = Path()) -> Scenario:
    """Check a scenario given as text; a catalogue file is looked for ``beside`` it.

    Raises:
        ScenarioError: with every problem of the document.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(source, [Problem("", str(error), "invalid_toml")]) from None
    problems = Problems()
    try:
        told = ScenarioSchema().load(document)
    except ValidationError as error:
        _flatten("", error.messages, problems)
        raise ScenarioError(source, list(problems)) from None
    catalogue_name = _catalogue_name(told["catalogue"], beside)
    try:
        catalogue = load_catalogue(catalogue_name)
    except CatalogueError as error:
        found = [Problem(f"catalogue: {one.path}", one.message, one.code) for one in error.problems]
        raise ScenarioError(source, found) from None
    steps = [_step(number, one) for number, one in enumerate(told["steps"], 1)]
    check_names(told, catalogue, problems)
    if problems:
        raise ScenarioError(source, list(problems))
    return Scenario(
        name=told["name"],
        about=told["about"],
        catalogue=catalogue,
        catalogue_name=catalogue_name,
        start=moment(told["start"]),
        seed=told["seed"],
        switches=told["switches"],
        accounts=told["accounts"],
        steps=tuple(steps),
    )


def moment(value: date | datetime) -> datetime:
    """A TOML date or date-time as an aware datetime; UTC where it says no zone."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _catalogue_name(named: str, beside: Path) -> str:
    path = beside / named
    return str(path) if path.is_file() else named


def _step(number: int, told: dict[str, Any]) -> Step:
    rest = {name: value for name, value in told.items() if name not in ("say", "expect")}
    for action, body in rest.items():
        named = body if isinstance(body, dict) else {action: body}
        return Step(number, told["say"], action, named, tuple(told["expect"]))
    return Step(number, told["say"], None, {}, tuple(told["expect"]))


def _flatten(path: str, found: Any, problems: Problems) -> None:
    """Marshmallow's nested messages as problems with paths: ``steps[2].change.plan``.

    Steps are counted from 1, as the report counts them.
    """
    if isinstance(found, dict):
        for key, inner in found.items():
            if isinstance(key, int):
                first = 1 if path == "steps" else 0
                _flatten(f"{path}[{key + first}]", inner, problems)
            elif key in ("_schema", "value"):
                _flatten(path, inner, problems)
            else:
                _flatten(f"{path}.{key}" if path else str(key), inner, problems)
        return
    for message in found if isinstance(found, list) else [found]:
        problems.add(path, "invalid", str(message))
