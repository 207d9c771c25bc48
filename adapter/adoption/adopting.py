"""The walk: every customer with a live subscription, once, in one transaction each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ..accounts import REF_KEY, REF_LETTERS, Contact, account_tags, new_account
from ..deployment import Deployment
from ..early_events import wake
from ..errors import Conflict
from ..gateway.snapshots import TENANT_KEY, CustomerSnapshot
from ..gateway.write import Operation
from ..mirror import Fetched
from ..notices.sending import NoticeState
from ..rows import insert_once
from ..steps import StepRefused
from ..tables import AccountRow, NoticeRow
from .obstacles import obstacles
from .refs import RefSource
from .report import Finding, Report

Progress = Callable[[Report], None]
BEFORE_US = "it happened before the account was adopted"


@dataclass(frozen=True)
class _Found:
    """A customer as Stripe has it, with all that belongs into the mirror, in order of storing."""

    customer: CustomerSnapshot
    objects: tuple[Fetched, ...]
    subscriptions: int


class Adoption:
    """Makes accounts of customers that exist at Stripe."""

    def __init__(self, deployment: Deployment) -> None:
        self._database = deployment.database
        self._reader = deployment.reader
        self._catalogue = deployment.catalogue
        self._mirror = deployment.mirror
        self._clock = deployment.clock
        self._steps = deployment.steps

    def run(self, refs: RefSource, progress: Progress, *, commit: bool) -> Report:
        """Adopt every customer that has a live subscription; ``commit`` False only tells.

        Interrupted, it is run again: what is adopted already is passed over, so a second run
        changes nothing. One list call per 100 subscriptions, and four calls per customer that is
        not known yet. Customers on test clocks are not listed by Stripe, and stay out.

        Raises:
            GatewayFailure: Stripe did not answer; run it again.
        """
        report, seen = Report(committed=commit), set[str]()
        for subscription in self._reader.live_subscriptions():
            if subscription.customer not in seen:
                seen.add(subscription.customer)
                self._one(subscription.customer, refs, report)
                progress(report)
        return report

    def _one(self, customer_id: str, refs: RefSource, report: Report) -> None:
        known = self._known(customer_id)
        if known is not None:
            report.known += 1
            if report.committed:
                self._tag(known)
            self._note_obstacles(known, report)
            return
        found = self._fetch(customer_id)
        reason = _unfit(found.customer, self._catalogue.tenant)
        ref = refs.of(found.customer)
        if reason is not None:
            report.left_out.append(reason)
        elif ref is None:
            report.left_out.append(_no_ref(found.customer, refs))
        else:
            self._adopt(found, ref, report)

    def _adopt(self, found: _Found, ref: str, report: Report) -> None:
        """All of it or nothing; in a dry run it is taken back once the obstacles are known."""
        with self._database.write() as tx:
            account = self._insert(tx, found.customer, ref)
            if account is None:
                report.left_out.append(_ref_taken(found.customer, ref))
                return
            for fetched in found.objects:
                self._mirror.store(tx, fetched)
            _keep_quiet(tx, account)
            report.not_changeable += obstacles(tx, account)
            report.adopted += 1
            report.subscriptions += found.subscriptions
            if not report.committed:
                tx.rollback()
                return
        self._tag(account)

    def _fetch(self, customer_id: str) -> _Found:
        """Everything is read under tickets taken before; invoices and schedules are stored first,
        since what follows from a subscription's row looks at them.
        """
        customer = self._mirror.fetch_customer(customer_id)
        assert isinstance(customer.snapshot, CustomerSnapshot)
        ticket = self._database.next_ticket()
        subs = list(self._reader.live_subscriptions(customer_id))
        invoices = list(self._reader.open_invoices_of(customer_id))
        schedules = [
            self._mirror.fetch_schedule(sub.schedule) for sub in subs if sub.schedule is not None
        ]
        objects = (
            customer,
            *(Fetched(invoice, ticket) for invoice in invoices),
            *schedules,
            *(Fetched(sub, ticket) for sub in subs),
        )
        return _Found(customer.snapshot, objects, len(subs))

    def _insert(self, tx: Session, customer: CustomerSnapshot, ref: str) -> AccountRow | None:
        """The account's row; None if another account has this reference."""
        now, locale = self._clock.now(), customer.locale or "en"
        contact = Contact(customer.email or "", customer.name, locale, customer.test_clock)
        values = new_account(ref, contact, now)
        if not insert_once(tx, AccountRow, {**values, "customer_id": customer.id}):
            return None
        wake(tx, customer.id, now)
        return tx.scalars(select(AccountRow).where(AccountRow.customer_id == customer.id)).one()

    def _tag(self, account: AccountRow) -> None:
        """Say at Stripe whose customer it is now, so that no other deployment adopts it too."""
        steps = self._steps(f"account:{account.id}")
        if steps.begun("customer"):
            return  # made here, with the tag
        try:
            steps.do(
                "tag",
                Operation.CUSTOMER_UPDATE,
                {"metadata": account_tags(self._catalogue.tenant, account.ref)},
                target=account.customer_id,
                look=lambda: self._tagged(account),
            )
        except StepRefused as refused:
            if not account.deleted:
                raise Conflict.refused_by_stripe(
                    f"Stripe refused to mark {account.customer_id} as adopted: {refused.message}",
                    refused.code,
                ) from refused

    def _tagged(self, account: AccountRow) -> CustomerSnapshot | None:
        assert account.customer_id is not None
        found = self._reader.customer(account.customer_id)
        return found if (found.metadata or {}).get(REF_KEY) == account.ref else None

    def _known(self, customer_id: str) -> AccountRow | None:
        with self._database.read() as tx:
            return tx.scalars(
                select(AccountRow).where(AccountRow.customer_id == customer_id)
            ).first()

    def _note_obstacles(self, account: AccountRow, report: Report) -> None:
        with self._database.read() as tx:
            report.not_changeable += obstacles(tx, account)


def _keep_quiet(tx: Session, account: AccountRow) -> None:
    """Nobody gets mail about what happened before; the occasions are kept, so they stay told."""
    tx.flush()
    tx.execute(
        update(NoticeRow)
        .where(NoticeRow.account_seq == account.seq)
        .values(state=NoticeState.SKIPPED.value, error=BEFORE_US)
    )


def _unfit(customer: CustomerSnapshot, tenant: str) -> Finding | None:
    """What keeps a customer from being an account at all."""
    if customer.deleted:
        return Finding(customer.id, "customer_deleted", "The customer is deleted at Stripe.")
    theirs = (customer.metadata or {}).get(TENANT_KEY)
    if theirs not in (None, tenant):
        return Finding(
            customer.id,
            "other_tenant",
            f"It belongs to the deployment {theirs!r}; a customer is an account of one of them.",
        )
    if not customer.email:
        return Finding(
            customer.id,
            "no_email",
            "It has no e-mail address, and notices need one: set it at Stripe, then run again.",
        )
    return None


def _no_ref(customer: CustomerSnapshot, refs: RefSource) -> Finding:
    return Finding(
        customer.id,
        "no_ref",
        f"{refs.said} gives no usable reference for it (1-200 of {REF_LETTERS}): set it at Stripe, "
        "then run again.",
    )


def _ref_taken(customer: CustomerSnapshot, ref: str) -> Finding:
    return Finding(
        customer.id,
        "ref_taken",
        f"Another customer is the account {ref!r}: merge the two at Stripe, or give this one a "
        "reference of its own.",
    )
