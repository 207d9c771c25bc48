"""Purchases as callers meet them: ordered, looked up, resumed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mappings import Money, Pack, UnknownOffer

from ..due import Work, arm, disarm
from ..errors import Conflict, Invalid, NotFound, PaymentFailed, Unavailable
from ..holdings import UNPAID, Holding, addressed, holdings_of, refuse_deleted
from ..ids import new_id
from ..quotes.documents import money
from ..quotes.refusals import refuse_if_busy
from ..steps import StepRefused
from ..tables import AccountRow, InvoiceRow, PurchaseRow
from ..tools import Tools
from .by_invoice import ByInvoice
from .by_page import ByPage
from .one_purchase import OnePurchase
from .states import State

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Basket:
    """What a caller buys: ``quantity`` packs of a family.

    ``request`` identifies the request, so that repeating it does not buy twice.
    ``payment_method`` is one of the account's; None for its default. ``return_url`` is where the
    customer goes from the page, if one is needed.
    """

    request: str
    family: str
    pack: str
    quantity: int
    payment_method: str | None = None
    return_url: str | None = None


class Purchases:
    """The purchases of one deployment.

    ``ownership`` is how long a purchase belongs to the request that brought it; after that the
    worker takes it over.
    """

    def __init__(self, tools: Tools, ownership: timedelta) -> None:
        self._tools = tools
        self._database = tools.database
        self._ownership = ownership

    def buy(self, account: AccountRow, basket: Basket) -> PurchaseRow:
        """Buy packs; the same request again gives the same purchase.

        Raises:
            Invalid: ``unknown_family``, ``unknown_pack``, ``unknown_payment_method``,
                ``idempotency_key_reused``.
            Conflict: ``plan_required``, ``payment_outstanding``, ``ambiguous_target``,
                ``change_in_progress``, ``refused_by_stripe``.
            PaymentFailed: the payment was declined; nothing was charged, nothing is owed.

        If Stripe does not answer, the purchase comes back still executing and goes on by itself.
        """
        earlier = self._of_request(account, basket)
        if earlier is None:
            earlier = self._record(account, basket)
        if State(earlier.state) is State.EXECUTING:
            self._carry_out(earlier)
        purchase = self.find(earlier.id)
        if State(purchase.state) is State.FAILED and purchase.failure is not None:
            raise _refusal(purchase)
        return purchase

    def find(self, purchase_id: str) -> PurchaseRow:
        """A purchase by id. Raises NotFound."""
        with self._database.read() as tx:
            row = tx.scalars(select(PurchaseRow).where(PurchaseRow.id == purchase_id)).first()
        if row is None:
            raise NotFound("unknown_purchase", f"There is no purchase {purchase_id!r}.")
        return row

    def of_account(self, account: AccountRow, before: int, limit: int) -> list[PurchaseRow]:
        """The account's purchases, newest first."""
        statement = select(PurchaseRow).where(PurchaseRow.account_seq == account.seq)
        if before:
            statement = statement.where(PurchaseRow.seq < before)
        with self._database.read() as tx:
            return list(tx.scalars(statement.order_by(PurchaseRow.seq.desc()).limit(limit)))

    def resume(self, purchase_id: str) -> None:
        """Carry on with a purchase whose process is gone, or that waits; called by the worker.

        A refusal by Stripe is an end like any other here: the purchase says so.
        """
        purchase = self.find(purchase_id)
        way = self._way(purchase)
        try:
            if State(purchase.state) is State.EXECUTING:
                way.carry_out()
            elif State(purchase.state) is State.AWAITING_PAYMENT:
                way.follow()
            else:
                with self._database.write() as tx:
                    disarm(tx, Work.BUY, purchase_id)
        except StepRefused:
            return

    def _carry_out(self, purchase: PurchaseRow) -> None:
        try:
            self._way(purchase).carry_out()
        except StepRefused as refused:
            raise _refusal(self.find(purchase.id)) from refused
        except Unavailable:
            # The intent is committed: the worker carries on where this stopped.
            log.warning("purchase_unanswered", purchase=purchase.id)

    def _way(self, purchase: PurchaseRow) -> ByInvoice | ByPage:
        one = OnePurchase(self._tools, purchase)
        method = purchase.payment_method
        return ByPage(one) if method is None else ByInvoice(one, method)

    def _of_request(self, account: AccountRow, basket: Basket) -> PurchaseRow | None:
        with self._database.read() as tx:
            known = tx.scalars(
                select(PurchaseRow).where(
                    PurchaseRow.account_seq == account.seq, PurchaseRow.request == basket.request
                )
            ).first()
        asked = (basket.family, basket.pack, basket.quantity)
        if known is not None and (known.family, known.pack, known.quantity) != asked:
            raise Invalid(
                "idempotency_key_reused",
                f"This Idempotency-Key bought {known.quantity} of {known.pack!r}; use a new one.",
                path="Idempotency-Key",
            )
        return known

    def _record(self, account: AccountRow, basket: Basket) -> PurchaseRow:
        """Commit the purchase as executing, with the work that resumes it."""
        pack = self._pack(basket)
        with self._database.read() as tx:
            held = self._held(tx, account, basket.family)
        price = _price(pack, held.line.currency)
        now = self._tools.clock.now()
        row = PurchaseRow(
            id=new_id("pu"),
            account_seq=account.seq,
            request=basket.request,
            family=basket.family,
            pack=pack.id,
            description=pack.name,
            quantity=basket.quantity,
            units=pack.units * basket.quantity,
            amount=price.amount * basket.quantity,
            currency=price.currency,
            subscription_id=held.subscription.id,
            payment_method=basket.payment_method or self._default_method(account, held),
            return_url=basket.return_url,
            state=State.EXECUTING.value,
            created_at=now,
            history=[],
        )
        try:
            with self._database.write() as tx:
                tx.add(row)
                tx.flush()
                owner = account.customer_id or account.id
                arm(tx, Work.BUY, row.id, owner, now + self._ownership)
        except IntegrityError:
            twin = self._of_request(account, basket)
            if twin is None:
                raise
            return twin
        return self.find(row.id)

    def _pack(self, basket: Basket) -> Pack:
        try:
            return self._tools.catalogue.family(basket.family).pack(basket.pack)
        except UnknownOffer as unknown:
            raise Invalid(
                f"unknown_{unknown.field}",
                str(unknown),
                path=unknown.field,
                known=list(unknown.known),
            ) from unknown

    def _held(self, tx: Session, account: AccountRow, family: str) -> Holding:
        """The paid plan that the packs come on top of."""
        refuse_deleted(account)
        refuse_if_busy(tx, account, family, None)
        held = addressed(holdings_of(tx, account), family, None)
        if held is None:
            raise Conflict(
                "plan_required",
                f"Packs come on top of a paid plan, and the account holds none in {family!r}. "
                "Subscribe to one first.",
            )
        sub = held.subscription
        if sub.status in UNPAID or not held.in_force:
            invoice = tx.get(InvoiceRow, sub.latest_invoice or "")
            raise Conflict(
                "payment_outstanding",
                f"Subscription {sub.id} is {sub.status.replace('_', ' ')}; settle that first, then "
                "buy more.",
                invoice=invoice.id if invoice else None,
                payment_url=invoice.hosted_invoice_url if invoice else None,
            )
        return held

    def _default_method(self, account: AccountRow, held: Holding) -> str | None:
        """What the plan itself is charged to; looked up afresh before a page is used instead."""
        method = held.subscription.default_payment_method or account.default_payment_method
        if method is None and account.customer_id is not None:
            method = self._tools.mirror.refresh_customer(account.customer_id).default_payment_method
        return method


def _price(pack: Pack, currency: str) -> Money:
    if currency not in pack.prices:
        raise Invalid(
            "unknown_currency",
            f"Pack {pack.id!r} is not sold in {currency.upper()}.",
            path="pack",
            known=sorted(pack.prices),
        )
    return pack.prices[currency]


def _refusal(purchase: PurchaseRow) -> PaymentFailed | Conflict | Invalid:
    """A failed purchase as the error its caller gets."""
    failure = purchase.failure or {}
    message = str(failure.get("message"))
    if failure.get("declined"):
        return PaymentFailed(
            "payment_failed",
            f"{message} Nothing was bought and nothing was charged. Use another payment method.",
            purchase=purchase.id,
            decline_code=failure.get("code"),
        )
    if failure.get("param") == "payment_method":
        return Invalid("unknown_payment_method", message, path="payment_method")
    return Conflict.refused_by_stripe(
        f"Stripe refused the purchase: {message} Nothing was charged.",
        failure.get("code"),
        purchase=purchase.id,
    )


def purchase_document(row: PurchaseRow) -> dict[str, Any]:
    """A purchase as callers read it."""
    return {
        "id": row.id,
        "account": row.account.ref,
        "family": row.family,
        "pack": row.pack,
        "quantity": row.quantity,
        "units": row.units,
        "amount": money(row.amount, row.currency),
        "state": row.state,
        "invoice": row.invoice_id,
        "payment_url": row.payment_url,
        "failure": row.failure,
        "created_at": row.created_at.isoformat(),
        "granted_at": row.granted_at.isoformat() if row.granted_at else None,
        "history": row.history,
    }
