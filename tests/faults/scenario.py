"""A story of the faults: who there is before it, what is done, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mappings import Catalogue
from tests import narratives
from tests.support.world import World

Do = Callable[[World], Any]
TEAM = "virtual-team"
WORKSPACE = "workspace"
API, PLUS = "api", ("plus", "usage")
METER_EVENT = "billing.meter_event"
THREE = str(Path(narratives.__file__).with_name("three.toml"))
BACK = "https://acme.example/billing"
AUTHENTICATE = "pm_card_authenticationRequired"
DECLINED = "pm_card_chargeCustomerFail"


@dataclass(frozen=True)
class Asks:
    """A caller's request. One that gets no answer makes it again, as any caller would."""

    request: Do


@dataclass(frozen=True)
class Happens:
    """Something outside: a customer pays, time passes. It happens once, so whatever the service
    has to do with it comes last: a death there leaves nothing of the event undone.
    """

    event: Do


Act = Asks | Happens


@dataclass(frozen=True)
class Scenario:
    """A story.

    ``base`` is what many stories begin with, ``prepare`` what only this one needs; no point is
    counted there. ``ends`` looks at the end of the run in which nothing goes wrong; every other
    run has to end the same."""

    name: str
    base: Do
    prepare: Sequence[Do]
    acts: Sequence[Act]
    ends: Do
    catalogue: str = "operations"
    sold: Callable[[], Catalogue] | None = None

    def __str__(self) -> str:
        return self.name.replace(" ", "-")
