"""What everything is made of that reads and writes at Stripe."""

from __future__ import annotations

from dataclasses import dataclass

from mappings import Catalogue

from .clock import Clock
from .database import Database
from .gateway.read import Reader
from .gateway.write import Writer
from .mirror import Mirror
from .steps import Steps


@dataclass(frozen=True)
class Deployment:
    """One deployment: what it sells, its database, its two doors to Stripe, and the time."""

    database: Database
    reader: Reader
    writer: Writer
    catalogue: Catalogue
    mirror: Mirror
    clock: Clock

    def steps(self, subject: str) -> Steps:
        """The remembered steps of ``subject``: every write to Stripe is one of them."""
        return Steps(self.database, self.writer, self.clock, subject)
