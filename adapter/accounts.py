"""Accounts: created by the caller, each with one customer at Stripe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.orm import Session

from .deployment import Deployment
from .early_events import wake
from .errors import Conflict, Invalid, NotFound
from .gateway.snapshots import TENANT_KEY, CustomerSnapshot, PaymentMethodSnapshot
from .gateway.write import Operation
from .holdings import LIVE, refuse_deleted
from .ids import new_id
from .mirror import Fetched
from .rows import insert_once
from .steps import StepRefused
from .tables import AccountRow, SubscriptionRow

# What a new account's reference may be made of: it is a part of addresses.
REF = re.compile(r"[A-Za-z0-9._:@+-]{1,200}")
REF_LETTERS = "A-Z a-z 0-9 . _ : @ + -"
REF_KEY = "planshift_account"
# Every request asks this, so it is made once.
_BY_REF = select(AccountRow).where(AccountRow.ref == bindparam("ref"))
# Stripe's names of what it may object to, and ours.
CONTACT_PARAMS = {
    "email": "email",
    "name": "name",
    "preferred_locales": "locale",
    "preferred_locales[0]": "locale",
    "test_clock": "test_clock",
}


@dataclass(frozen=True)
class Contact:
    """The billing contact of an account, as the caller states it."""

    email: str
    name: str | None = None
    locale: str = "en"
    test_clock: str | None = None


def new_account(ref: str, contact: Contact, at: datetime) -> dict[str, Any]:
    """The row of an account of which nothing has been read from Stripe yet."""
    return {
        "id": new_id("acct"),
        "ref": ref,
        "email": contact.email,
        "name": contact.name,
        "locale": contact.locale,
        "test_clock": contact.test_clock,
        "created_at": at,
        "balance": 0,
        "deleted": False,
        "ticket": 0,
    }


def account_tags(tenant: str, ref: str) -> dict[str, str]:
    """Metadata that says whose account a customer is, and which."""
    return {TENANT_KEY: tenant, REF_KEY: ref}


class Accounts:
    """The accounts of one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._database = deployment.database
        self._reader = deployment.reader
        self._catalogue = deployment.catalogue
        self._mirror = deployment.mirror
        self._clock = deployment.clock
        self._steps = deployment.steps

    def find(self, ref: str) -> AccountRow:
        """The account with the caller's id ``ref``. Raises NotFound."""
        with self._database.read() as tx:
            row = _by_ref(tx, ref)
        if row is None or row.customer_id is None:
            raise NotFound.account(ref)
        return row

    def put(self, ref: str, contact: Contact) -> tuple[AccountRow, bool]:
        """Create the account or state its contact anew; says whether it was created.

        The row is committed before the customer is made, and putting again finishes what a crash
        left half done: the same idempotency key brings the same customer. Where the customer was
        deleted at Stripe, the account gets a new one.

        Raises:
            Conflict: ``test_clock_fixed``: a customer's test clock cannot be changed;
                ``refused_by_stripe``.
            Invalid: ``refused_contact``: Stripe does not take a part of the contact.
            Unavailable: Stripe did not answer; put again.
        """
        row, created = self._row(ref, contact)
        if row.test_clock != contact.test_clock and contact.test_clock is not None:
            raise Conflict("test_clock_fixed", "The test clock of an account cannot be changed.")
        try:
            if row.customer_id is None or row.deleted:
                self._create_customer(row)
                row = self.find(ref)
            # Not only for old accounts: one left half done was perhaps begun with another contact.
            if (row.email, row.name, row.locale) != (contact.email, contact.name, contact.locale):
                self._update_customer(row, contact)
        except StepRefused as refused:
            self._forget_unmade(row)
            raise _refusal(refused) from refused
        return self.find(ref), created

    def _forget_unmade(self, row: AccountRow) -> None:
        """A row whose customer Stripe refused to make is none: the next put starts afresh."""
        with self._database.write() as tx:
            tx.execute(
                delete(AccountRow).where(
                    AccountRow.seq == row.seq, AccountRow.customer_id.is_(None)
                )
            )

    def listed(self, query: str | None, after: int, limit: int) -> list[AccountRow]:
        """Accounts in order of creation, those whose ref, name or e-mail contains ``query``."""
        statement = select(AccountRow).where(AccountRow.seq > after)
        if query:
            columns = (AccountRow.ref, AccountRow.name, AccountRow.email)
            statement = statement.where(
                or_(*(column.icontains(query, autoescape=True) for column in columns))
            )
        with self._database.read() as tx:
            return list(tx.scalars(statement.order_by(AccountRow.seq).limit(limit)))

    def payment_methods(self, account: AccountRow) -> list[PaymentMethodSnapshot]:
        """The saved payment methods of the account, asked of Stripe now.

        Raises Conflict: ``customer_deleted``.
        """
        refuse_deleted(account)
        assert account.customer_id is not None
        return list(self._reader.payment_methods_of(account.customer_id))

    def _row(self, ref: str, contact: Contact) -> tuple[AccountRow, bool]:
        with self._database.write() as tx:
            created = insert_once(
                tx,
                AccountRow,
                new_account(ref, contact, self._clock.now()),
            )
            row = _by_ref(tx, ref)
        assert row is not None
        return row, created

    def _create_customer(self, row: AccountRow) -> None:
        steps = self._steps(f"account:{row.id}")
        params: dict[str, Any] = {
            **_contact_params(row.email, row.name, row.locale),
            "metadata": account_tags(self._catalogue.tenant, row.ref),
        }
        if row.test_clock:
            params["test_clock"] = row.test_clock
        self._let_go(row)
        step = f"customer_after_{row.customer_id}" if row.customer_id else "customer"
        done = steps.do(
            step, Operation.CUSTOMER_CREATE, params, look=lambda: self._customer_of(row)
        )
        with self._database.write() as tx:
            fresh = tx.get_one(AccountRow, row.seq)
            if fresh.deleted:
                fresh.deleted, fresh.ticket, fresh.balance = False, 0, 0
                fresh.currency = fresh.default_payment_method = None
            fresh.customer_id = done.object_id
            wake(tx, done.object_id, self._clock.now())
            if isinstance(done.snapshot, CustomerSnapshot):
                tx.flush()
                self._mirror.store(tx, Fetched(done.snapshot, done.ticket))

    def _let_go(self, row: AccountRow) -> None:
        """See what is still thought to live of a deleted customer to its end: later events about
        it name a customer that is no account's any more.
        """
        with self._database.read() as tx:
            left = tx.scalars(
                select(SubscriptionRow.id).where(
                    SubscriptionRow.account_seq == row.seq, SubscriptionRow.status.in_(LIVE)
                )
            ).all()
        for subscription in left if row.deleted else ():
            found = self._mirror.seek("subscription", subscription)
            with self._database.write() as tx:
                if isinstance(found, Fetched):
                    self._mirror.store(tx, found)
                else:
                    self._mirror.bury(tx, found, self._reader.time.now())

    def _customer_of(self, row: AccountRow) -> CustomerSnapshot | None:
        """The customer made for this account in an attempt whose key has expired."""
        for found in self._reader.customers_with_email(row.email):
            tags = account_tags(self._catalogue.tenant, row.ref)
            if tags.items() <= (found.metadata or {}).items():
                return found
        return None

    def _update_customer(self, row: AccountRow, contact: Contact) -> None:
        assert row.customer_id is not None
        customer = row.customer_id
        params = _contact_params(contact.email, contact.name, contact.locale)
        if row.name and not contact.name:
            params["name"] = ""  # what is not sent stays; the empty text unsets it
        # Every statement of the contact is a write of its own, so its subject is new each time;
        # setting the same contact twice does no harm.
        steps = self._steps(f"contact:{new_id(row.id)}")
        done = steps.do(
            "update", Operation.CUSTOMER_UPDATE, params, target=customer, look=lambda: None
        )
        with self._database.write() as tx:
            fresh = tx.get_one(AccountRow, row.seq)
            fresh.email, fresh.name, fresh.locale = contact.email, contact.name, contact.locale
            if isinstance(done.snapshot, CustomerSnapshot):
                self._mirror.store(tx, Fetched(done.snapshot, done.ticket))


def _by_ref(tx: Session, ref: str) -> AccountRow | None:
    return tx.scalars(_BY_REF, {"ref": ref}).first()


def _refusal(refused: StepRefused) -> Invalid | Conflict:
    param = str(refused.record.get("param") or "")
    if param in CONTACT_PARAMS:
        return Invalid("refused_contact", refused.message, path=CONTACT_PARAMS[param])
    return Conflict.refused_by_stripe(f"Stripe refused it: {refused.message}", refused.code)


def _contact_params(email: str, name: str | None, locale: str) -> dict[str, Any]:
    params: dict[str, Any] = {"email": email, "preferred_locales": [locale]}
    return {**params, "name": name} if name else params
