"""Worlds right before a scenario begins, prepared once and lived in many times."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.faults.scenario import Scenario
from tests.faults.stories import Course, prepared, told
from tests.support.copies import drop_copies
from tests.support.killing import Frozen
from tests.support.postgres import PostgresServer
from tests.support.world import world


@dataclass
class Stages:
    """What was prepared so far in this process, per kind of database."""

    new_url: Callable[[str], str]
    folder: Path
    _bases: dict[tuple[Any, ...], Frozen] = field(default_factory=dict)
    _ready: dict[tuple[str, str], Frozen] = field(default_factory=dict)
    _courses: dict[str, Course] = field(default_factory=dict)

    def of(self, scenario: Scenario, kind: str) -> Frozen:
        """The world right before the scenario's first act."""
        key = (kind, scenario.name)
        if key not in self._ready:
            self._ready[key] = prepared(self._base(scenario, kind), scenario, self.folder)
        return self._ready[key]

    def course(self, scenario: Scenario) -> Course:
        """How the scenario goes if nothing goes wrong; the same on either database."""
        if scenario.name not in self._courses:
            self._courses[scenario.name] = told(scenario, self.of(scenario, "sqlite"))
        return self._courses[scenario.name]

    def _base(self, scenario: Scenario, kind: str) -> Frozen:
        key = (kind, scenario.catalogue, scenario.sold, scenario.base)
        if key not in self._bases:
            url = self.new_url(kind)
            sold = scenario.sold() if scenario.sold else None
            with world(url, catalogue=scenario.catalogue, sold=sold) as w:
                scenario.base(w)
            self._bases[key] = Frozen(w, url)
        return self._bases[key]


@pytest.fixture(scope="session")
def postgres_bases(postgres_server: PostgresServer) -> Iterator[Callable[[], str]]:
    """Makes databases that are gone, with all their copies, before their server is."""
    made: list[str] = []

    def make() -> str:
        made.append(postgres_server.create_database())
        return postgres_server.url(made[-1])

    yield make
    for name in made:
        drop_copies(postgres_server.url(name))
        postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def stages(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Stages:
    folder = tmp_path_factory.mktemp("stages")

    def new_url(kind: str) -> str:
        if kind == "sqlite":
            path = folder / f"base{len(list(folder.iterdir()))}.db"
            shutil.copy(sqlite_template, path)
            return f"sqlite:///{path}"
        make: Callable[[], str] = request.getfixturevalue("postgres_bases")
        return make()

    return Stages(new_url, folder)
