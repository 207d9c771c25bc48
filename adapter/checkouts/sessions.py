"""Opening, following and closing Checkout Sessions, and using what they save."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ..clock import Moment
from ..deployment import Deployment
from ..due import BILLING, Work, arm, disarm
from ..errors import Conflict, Unavailable
from ..gateway.snapshots import TENANT_KEY, CheckoutSnapshot, CustomerSnapshot
from ..gateway.write import Operation
from ..holdings import refuse_deleted
from ..ids import new_id
from ..mirror import Fetched
from ..steps import StepRefused, Steps
from ..tables import AccountRow, CheckoutRow
from .mirroring import CHECKOUT_KEY, CheckoutMirror, FetchedCheckout, Purpose

# A page that is about to expire is of no use to whoever is sent to it.
SHORTEST = timedelta(minutes=5)
# The event of an end should be here by then; if not, Stripe is asked.
OVERDUE = timedelta(minutes=10)


@dataclass(frozen=True)
class Wanted:
    """A Checkout Session that is wanted.

    ``params`` are Stripe's, without those that every session has. ``return_url`` is where the
    customer goes afterwards, None for the service's own address.
    """

    purpose: Purpose
    subject: str
    params: Mapping[str, Any]
    return_url: str | None = None


class Checkouts:
    """The Checkout Sessions of one deployment.

    ``ownership`` is how long a session that is being made belongs to the request that wants it;
    ``public_url`` is where customers go who were not sent anywhere else.
    """

    def __init__(
        self,
        deployment: Deployment,
        checkout_mirror: CheckoutMirror,
        ownership: timedelta,
        public_url: str,
    ) -> None:
        self._deployment = deployment
        self._database = deployment.database
        self._reader = deployment.reader
        self._catalogue = deployment.catalogue
        self._mirror = deployment.mirror
        self._checkout_mirror = checkout_mirror
        self._clock = deployment.clock
        self._ownership = ownership
        self._public_url = public_url

    def save_method(self, account: AccountRow, return_url: str) -> CheckoutRow:
        """A page to save a payment method, which then becomes the account's default.

        Asking again while the page is open gives the same page.

        Raises:
            Conflict: ``customer_deleted``, ``refused_by_stripe``.
            Unavailable: Stripe did not answer; ask again.
        """
        refuse_deleted(account)
        subject = hashlib.sha256(return_url.encode()).hexdigest()
        wanted = Wanted(Purpose.METHOD, subject, self.setup_params(account), return_url)
        try:
            return self.open(account, wanted)
        except StepRefused as refused:
            said = f"Stripe refused the page: {refused.message}"
            raise Conflict.refused_by_stripe(said, refused.code) from refused

    def setup_params(self, account: AccountRow) -> dict[str, Any]:
        """Parameters of a session that saves a payment method and charges nothing."""
        # The currency decides which kinds of methods are shown.
        return {"mode": "setup", "currency": account.currency or self._catalogue.currencies[0]}

    def open(self, account: AccountRow, wanted: Wanted) -> CheckoutRow:
        """The open page for ``wanted``: made now, or the one that is open already.

        Raises:
            StepRefused: Stripe does not make such a page.
            Unavailable: Stripe did not answer, or another request is making the page at this
                moment; opening again finishes it.
        """
        known = self._unclosed(account, wanted)
        if known is not None and known.state == "open":
            known = self._still_of_use(known)
        if known is None:
            return self._made(self._recorded(account, wanted))
        if known.state == "opening" and self._clock.now() < known.created_at + self._ownership:
            raise _being_made()
        return self._made(known)

    def find(self, checkout_id: str) -> CheckoutRow:
        """A session by our id."""
        with self._database.read() as tx:
            return tx.scalars(select(CheckoutRow).where(CheckoutRow.id == checkout_id)).one()

    def latest(self, purpose: Purpose, subject: str) -> CheckoutRow | None:
        """The last session made for ``subject``."""
        with self._database.read() as tx:
            return tx.scalars(
                select(CheckoutRow)
                .where(CheckoutRow.purpose == purpose, CheckoutRow.subject == subject)
                .order_by(CheckoutRow.seq.desc())
                .limit(1)
            ).first()

    def refresh(self, row: CheckoutRow) -> CheckoutRow:
        """The session as Stripe has it now, and everything that follows from that.

        Raises StepRefused: it was never made, because Stripe refuses such a page.
        """
        if row.session_id is None:
            return self._made(row)
        self._checkout_mirror.refresh(row.account, row.session_id)
        return self.find(row.id)

    def expire(self, row: CheckoutRow) -> CheckoutRow:
        """Close an open page, so that nobody pays there any more; see what became of it."""
        if row.state == "opening":
            row = self._made(row)
        session = row.session_id
        if session is None or row.state != "open":
            return row
        # Refused if it was completed, or expired, a moment before; the fetch tells.
        with suppress(StepRefused):
            self._steps(row).do(
                "expire",
                Operation.CHECKOUT_EXPIRE,
                {},
                target=session,
                look=lambda: self._not_open(session),
            )
        return self.refresh(row)

    def resume(self, checkout_id: str) -> None:
        """Carry on with a session; called by the worker.

        A refusal by Stripe is an end like any other here.
        """
        row = self.find(checkout_id)
        with suppress(StepRefused):
            row = self.refresh(row)
            if row.state == "complete" and row.purpose == Purpose.METHOD:
                self.use_method(row)
        if row.state == "open":
            self._watch(row)
            return
        with self._database.write() as tx:
            disarm(tx, Work.CHECKOUT, row.id)

    def use_method(self, row: CheckoutRow) -> None:
        """Make what a completed session has saved the customer's default. Raises StepRefused."""
        customer, method = row.account.customer_id, row.payment_method
        assert customer is not None
        assert method is not None, f"{row.id} is complete and has saved nothing"
        done = self._steps(row).do(
            "default_method",
            Operation.CUSTOMER_UPDATE,
            {"invoice_settings": {"default_payment_method": method}},
            target=customer,
            look=lambda: self._charged_to(customer, method),
        )
        if isinstance(done.snapshot, CustomerSnapshot):
            with self._database.write() as tx:
                if self._mirror.store(tx, Fetched(done.snapshot, done.ticket)):
                    return
        self._mirror.refresh_customer(customer)

    def _still_of_use(self, row: CheckoutRow) -> CheckoutRow | None:
        """The open page if a customer can still be sent to it; None once it is closed."""
        row = self.refresh(row)
        if row.state != "open":
            return None
        now = self._reader.billing_now(row.account.test_clock)
        assert row.expires_at is not None
        if row.expires_at - now >= SHORTEST:
            return row
        self.expire(row)
        return None

    def _recorded(self, account: AccountRow, wanted: Wanted) -> CheckoutRow:
        """Commit what is wanted, with the work that resumes it."""
        now = self._clock.now()
        row_id = new_id("co")
        back = wanted.return_url or self._public_url
        row = CheckoutRow(
            id=row_id,
            account_seq=account.seq,
            purpose=wanted.purpose.value,
            subject=wanted.subject,
            params={
                "customer": account.customer_id,
                "client_reference_id": row_id,
                "metadata": {CHECKOUT_KEY: row_id, TENANT_KEY: self._catalogue.tenant},
                "success_url": back,
                "cancel_url": back,
                **wanted.params,
            },
            state="opening",
            created_at=now,
        )
        try:
            with self._database.write() as tx:
                tx.add(row)
                tx.flush()
                owner = account.customer_id or account.id
                arm(tx, Work.CHECKOUT, row_id, owner, now + self._ownership)
        except IntegrityError as first:
            raise _being_made() from first
        return self.find(row_id)

    def _unclosed(self, account: AccountRow, wanted: Wanted) -> CheckoutRow | None:
        with self._database.read() as tx:
            return tx.scalars(
                select(CheckoutRow).where(
                    CheckoutRow.account_seq == account.seq,
                    CheckoutRow.purpose == wanted.purpose.value,
                    CheckoutRow.subject == wanted.subject,
                    CheckoutRow.state.in_(("opening", "open")),
                )
            ).first()

    def _made(self, row: CheckoutRow) -> CheckoutRow:
        """Have Stripe make the session; nothing happens if it has been made.

        Raises StepRefused, now as in any earlier run.
        """
        if row.state not in ("opening", "refused"):
            return row
        try:
            done = self._steps(row).do(
                "create",
                Operation.CHECKOUT_CREATE,
                row.params,
                look=lambda: self._made_before(row),
            )
        except StepRefused:
            with self._database.write() as tx:
                tx.get_one(CheckoutRow, row.seq).state = "refused"
                disarm(tx, Work.CHECKOUT, row.id)
            raise
        if isinstance(done.snapshot, CheckoutSnapshot):
            fetched = FetchedCheckout(done.snapshot, done.ticket)
        else:
            fetched = self._checkout_mirror.fetch(done.object_id)
        at = self._reader.billing_now(row.account.test_clock)
        with self._database.write() as tx:
            self._checkout_mirror.store(tx, fetched, Moment(self._clock.now(), at))
        row = self.find(row.id)
        if row.state == "open":
            self._watch(row)
        return row

    def _watch(self, row: CheckoutRow) -> None:
        """Ask Stripe once the page must have closed, should the event of it not arrive."""
        assert row.expires_at is not None
        account = row.account
        clock = account.test_clock or BILLING
        at = max(row.expires_at, self._reader.billing_now(account.test_clock)) + OVERDUE
        with self._database.write() as tx:
            if tx.get_one(CheckoutRow, row.seq).state == "open":
                owner = account.customer_id or account.id
                arm(tx, Work.CHECKOUT, row.id, owner, at, clock)

    def _steps(self, row: CheckoutRow) -> Steps:
        return self._deployment.steps(f"checkout:{row.id}")

    def _made_before(self, row: CheckoutRow) -> CheckoutSnapshot | None:
        assert row.account.customer_id is not None
        for found in self._reader.checkouts_of(row.account.customer_id):
            if found.metadata.get(CHECKOUT_KEY) == row.id:
                return found
        return None

    def _not_open(self, session: str) -> CheckoutSnapshot | None:
        found = self._reader.checkout(session)
        return found if found.status != "open" else None

    def _charged_to(self, customer: str, method: str) -> CustomerSnapshot | None:
        found = self._reader.customer(customer)
        return found if found.default_payment_method == method else None


def _being_made() -> Unavailable:
    return Unavailable(
        "stripe_unavailable", "Another request is making the same page at this moment; ask again."
    )
