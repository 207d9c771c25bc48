"""Writes that an earlier run sent, or was about to send, and never saw answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from ..database import Database
from ..steps import KEY_LIFETIME
from ..tables import IntentRow

SUBJECT = "catalogue"
UNSETTLED = ("open", "unsure")


class Interrupted:
    """The unsettled intents of all catalogue runs, oldest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def intents(self) -> list[IntentRow]:
        """Their rows."""
        with self._database.read() as tx:
            return list(
                tx.scalars(
                    select(IntentRow)
                    .where(IntentRow.subject.startswith(f"{SUBJECT}:"))
                    .where(IntentRow.outcome.in_(UNSETTLED))
                    .order_by(IntentRow.created_at, IntentRow.key)
                )
            )

    def lines(self) -> list[str]:
        """A line for each, for people."""
        return [said(intent) for intent in self.intents()]

    def close(self, intent: IntentRow) -> None:
        """Give an intent up: what became of it is seen at Stripe by the plan that follows."""
        with self._database.write() as tx:
            tx.execute(update(IntentRow).where(IntentRow.key == intent.key).values(outcome="lost"))


def said(intent: IntentRow) -> str:
    """An interrupted write in one line: "prices.create planshift.operations.…"."""
    names = (intent.target, intent.params.get("lookup_key"), intent.params.get("id"))
    return f"{intent.operation} {next((name for name in names if name), '')}".rstrip()


def can_be_resent(intent: IntentRow, now: datetime) -> bool:
    """Whether its idempotency key still makes sending it again safe (``now`` is wall time)."""
    return intent.outcome == "open" and now - intent.created_at < KEY_LIFETIME
