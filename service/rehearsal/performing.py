"""A scenario being played, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sandbox import Sandbox
from sandbox.switchboard import turn

from .acting import Done, Troupe
from .chronicle import Chronicle, Happening
from .company import Stock, open_company, synced
from .expecting import Finding, compare
from .scenario import Scenario, Step


@dataclass(frozen=True)
class Played:
    """A step that was played: until when, what came of it, and every comparison."""

    step: Step
    until: datetime
    done: Done
    happened: Sequence[Happening]
    findings: Sequence[Finding]

    @property
    def held(self) -> bool:
        return all(finding.held for finding in self.findings)


@dataclass
class Performance:
    """What was played so far."""

    scenario: Scenario
    played: list[Played] = field(default_factory=list)

    @property
    def held(self) -> bool:
        """Whether everything was as expected."""
        return all(one.held for one in self.played)


def rehearse(
    scenario: Scenario,
    folder: Path,
    tell: Callable[[Played], None] = lambda _: None,
    *,
    box: Sandbox | None = None,
    stock: Stock = synced,
) -> Performance:
    """Play all steps, also those after one that fails; ``tell`` hears of each as it ends.

    ``folder`` is where the database lives; ``box`` and ``stock`` as in ``open_company``.

    Raises:
        Interrupted: an account cannot be made, or the service does not come to rest.
    """
    performance = Performance(scenario)
    with open_company(scenario, folder, box, stock) as company:
        turn(company.box.switches, dict(scenario.switches))
        troupe, chronicle = Troupe(scenario, company), Chronicle()
        troupe.enter()
        company.box.observers.append(chronicle)
        for step in scenario.steps:
            done = troupe.act(step)
            happened = chronicle.since_last(troupe)
            findings = list(compare(troupe, step, done, happened))
            played = Played(step, company.now(), done, happened, findings)
            performance.played.append(played)
            tell(played)
    return performance
