"""Who can be charged without being asked, and by what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from .gateway.snapshots import PaymentMethodSnapshot
from .tables import AccountRow, InvoiceRow, SubscriptionRow

# The types that Stripe charges again by itself and answers for at once. A change now is a pending
# update, and those are not supported with bank debits (docs.stripe.com, "Pending updates"), whose
# answer comes days later. Whoever has another type than these pays at a page of Stripe's.
ACCEPTED = frozenset(
    {
        "amazon_pay",
        "card",
        "cashapp",
        "kakao_pay",
        "kr_card",
        "link",
        "naver_pay",
        "paypal",
        "revolut_pay",
    }
)


@dataclass(frozen=True)
class Charging:
    """What is known of an account's payment methods.

    ``asked`` is what Stripe said of those that the mirror does not know enough of, by id; None for
    one that is gone.
    """

    asked: Mapping[str, PaymentMethodSnapshot | None] = field(default_factory=dict)

    def can_charge(self, tx: Session, account: AccountRow, sub: SubscriptionRow | None) -> bool:
        """Whether ``sub``, or a new subscription, is charged by itself and a change now can be.

        The method of the latest successful payment must be there to pay with again, or the one
        that would be charged must have been saved since.
        """
        if sub is not None and sub.collection_method != "charge_automatically":
            return False
        if self._type(account, sub) not in ACCEPTED:
            return False
        charged, last = charged_method(account, sub), _last_paid(tx, account)
        if charged is None or last is None or last.tried_method == charged:
            return charged is not None
        used, saved = self.asked.get(last.tried_method or ""), self.asked.get(charged)
        if used is not None and used.customer == account.customer_id:
            return True
        return saved is not None and saved.created_at >= last.created_at

    def _type(self, account: AccountRow, sub: SubscriptionRow | None) -> str | None:
        found = self.asked.get(charged_method(account, sub) or "")
        return found.type if found is not None else charged_type(account, sub)


def to_be_asked(
    tx: Session, account: AccountRow, subs: Sequence[SubscriptionRow | None]
) -> frozenset[str]:
    """Payment methods of which the mirror cannot tell whether they can be charged.

    None if the latest payment was made with what is charged: the mirror knows that one.
    """
    last = _last_paid(tx, account)
    used = last.tried_method if last is not None else None
    asked = set()
    for sub in subs:
        charged = charged_method(account, sub)
        if charged is not None and (charged != (used or charged) or not charged_type(account, sub)):
            asked |= {charged, used or charged}
    return frozenset(asked)


def charged_method(account: AccountRow, sub: SubscriptionRow | None) -> str | None:
    """What Stripe charges by itself: the subscription's own method before the customer's
    (stripe-facts §3.6).
    """
    own = sub.default_payment_method if sub is not None else None
    return own or account.default_payment_method


def charged_type(account: AccountRow, sub: SubscriptionRow | None) -> str | None:
    """The type of ``charged_method``; None if there is none, or nobody said."""
    if sub is not None and sub.default_payment_method:
        return sub.default_method_type
    return account.default_method_type if account.default_payment_method else None


def _last_paid(tx: Session, account: AccountRow) -> InvoiceRow | None:
    """The invoice of the latest successful payment; one that only the balance paid is none."""
    return tx.scalars(
        select(InvoiceRow)
        .where(InvoiceRow.account_seq == account.seq, InvoiceRow.status == "paid")
        .where(InvoiceRow.amount_paid > 0, InvoiceRow.tried_method != "")
        .order_by(InvoiceRow.created_at.desc(), InvoiceRow.ticket.desc())
        .limit(1)
    ).first()
