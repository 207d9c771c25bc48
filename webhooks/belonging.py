"""Whose a customer is: an account's, an account's that is not here yet, or somebody else's.

A Stripe account may be shared with other programs and other deployments, whose events come here
too. Every customer we make carries our tenant's tag, so its own metadata decides, and Stripe is
asked for it: once for each customer that is not ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import bindparam, select

from adapter.database import Database
from adapter.gateway.failures import Gone
from adapter.gateway.read import Reader
from adapter.gateway.snapshots import TENANT_KEY
from adapter.tables import AccountRow, EventRow
from adapter.tables.work import FOREIGN

NOBODY = "it names no customer"


class Whose(StrEnum):
    """``NOT_YET``: it carries our tag, so the account's own commit is on its way."""

    OURS = "ours"
    NOT_YET = "not yet"
    FOREIGN = "foreign"


@dataclass(frozen=True)
class Verdict:
    """Whose a customer is; ``why`` is for a person, and empty for our own."""

    whose: Whose
    why: str = ""


# Every customer's turn asks this, so it is made once.
_KNOWN = select(AccountRow.seq).where(AccountRow.customer_id == bindparam("customer"))


class Belonging:
    """Tells whose customers are."""

    def __init__(self, database: Database, reader: Reader, tenant: str) -> None:
        self._database = database
        self._reader = reader
        self._tenant = tenant

    def of(self, customer: str) -> Verdict:
        """Whose ``customer`` is (outside any transaction).

        Raises: as ``Reader``, where Stripe has to be asked and does not answer.
        """
        if not customer:
            return Verdict(Whose.FOREIGN, NOBODY)
        with self._database.read() as tx:
            if tx.scalars(_KNOWN, {"customer": customer}).first() is not None:
                return Verdict(Whose.OURS)
            judged = select(EventRow.error).where(EventRow.customer_id == customer, FOREIGN)
            before = tx.scalars(judged.limit(1)).first()
        if before is not None:
            return Verdict(Whose.FOREIGN, before)
        return self._asked(customer)

    def _asked(self, customer: str) -> Verdict:
        try:
            tenant = (self._reader.customer(customer).metadata or {}).get(TENANT_KEY)
        except Gone:
            return Verdict(Whose.FOREIGN, "the customer is gone at Stripe")
        if tenant == self._tenant:
            return Verdict(Whose.NOT_YET, f"no account here has customer {customer} yet")
        if tenant:
            return Verdict(Whose.FOREIGN, f"the customer belongs to tenant {tenant!r}")
        return Verdict(Whose.FOREIGN, "the customer is not an account here")
