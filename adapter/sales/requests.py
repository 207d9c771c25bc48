"""Requests to sales: stored, and mailed to those who sell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from mappings import Catalogue, UnknownOffer

from ..clock import Clock
from ..database import Database
from ..errors import Conflict, Invalid
from ..ids import new_id
from ..notices.outbox import Kind, queue
from ..tables import AccountRow, SalesRequestRow

# All names and values together, in letters: a form, not an archive.
MOST_LETTERS = 20_000
MOST_FIELDS = 50


@dataclass(frozen=True)
class SalesForm:
    """What somebody wants of sales: the plan they ask about, and whatever the form had."""

    fields: Mapping[str, str]
    family: str | None = None
    plan: str | None = None


class SalesRequests:
    """Takes requests; ``address`` is where they are mailed to, None if nobody said."""

    def __init__(
        self, database: Database, catalogue: Catalogue, clock: Clock, address: str | None
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._clock = clock
        self._address = address

    def take(self, account: AccountRow, form: SalesForm) -> SalesRequestRow:
        """Store a request, and queue the mail of it in the same transaction.

        Raises:
            Invalid: ``unknown_family``, ``unknown_plan``, ``form_too_long``.
            Conflict: ``sales_not_configured``: there is nobody to tell, so nothing is stored.
        """
        about = self._about(form)
        _refuse_long(form)
        if self._address is None:
            raise Conflict(
                "sales_not_configured",
                "Nobody would read it: PLANSHIFT_SALES_EMAIL is not set. Set it, or contact sales "
                "by other means.",
            )
        now = self._clock.now()
        row = SalesRequestRow(
            id=new_id("sr"),
            account_seq=account.seq,
            family=form.family,
            plan=form.plan,
            fields=dict(form.fields),
            created_at=now,
        )
        facts = {
            "to": self._address,
            "request": row.id,
            "account": account.ref,
            "company": account.name,
            "contact": account.email,
            "plan": about,
            "fields": [f"{name}: {value}" for name, value in form.fields.items()],
        }
        with self._database.write() as tx:
            tx.add(row)
            queue(tx, account, Kind.SALES_REQUEST, row.id, facts, now)
        return row

    def of_account(self, account: AccountRow, after: int, limit: int) -> list[SalesRequestRow]:
        """The account's requests, newest first."""
        statement = select(SalesRequestRow).where(SalesRequestRow.account_seq == account.seq)
        if after:
            statement = statement.where(SalesRequestRow.seq < after)
        with self._database.read() as tx:
            return list(tx.scalars(statement.order_by(SalesRequestRow.seq.desc()).limit(limit)))

    def _about(self, form: SalesForm) -> str | None:
        """The plan that is asked about, as people call it."""
        if form.family is None:
            if form.plan is not None:
                raise Invalid("unknown_family", "Name the plan's family.", path="family")
            return None
        try:
            family = self._catalogue.family(form.family)
            if form.plan is None:
                return family.name
            return f"{family.name} {family.plan(form.plan).name}"
        except UnknownOffer as unknown:
            raise Invalid(
                f"unknown_{unknown.field}",
                str(unknown),
                path=unknown.field,
                known=list(unknown.known),
            ) from unknown


def _refuse_long(form: SalesForm) -> None:
    letters = sum(len(name) + len(value) for name, value in form.fields.items())
    if letters > MOST_LETTERS or len(form.fields) > MOST_FIELDS:
        raise Invalid(
            "form_too_long",
            f"The form has {len(form.fields)} fields with {letters:,} letters; {MOST_FIELDS} and "
            f"{MOST_LETTERS:,} are taken.",
            path="fields",
        )
