"""What an account holds: its live subscriptions, line by line, as the mirror has them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from mappings import Catalogue, Facts, Offer, UnknownOffer

from .errors import Conflict, NotFound
from .prices import offer_of_line
from .tables import AccountRow, InvoiceRow, LineRow, SubscriptionRow

# Everything that is not over: these block a second purchase, whatever their state of payment.
LIVE = frozenset({"active", "trialing", "past_due", "unpaid", "paused", "incomplete"})
# Over for good; Stripe never brings these back.
ENDED = frozenset({"canceled", "incomplete_expired"})
# The plan is in force in these; past_due keeps it until Stripe gives up.
IN_FORCE = frozenset({"active", "trialing", "past_due"})
UNPAID = frozenset({"past_due", "unpaid", "incomplete"})

# Every store of a subscription asks this, so it is made once.
_LIVE_OF = (
    select(SubscriptionRow)
    .where(SubscriptionRow.account_seq == bindparam("account"), SubscriptionRow.status.in_(LIVE))
    .order_by(SubscriptionRow.started_at, SubscriptionRow.id)
)


@dataclass(frozen=True)
class Holding:
    """One line an account holds, with its subscription and what it is mapped to."""

    subscription: SubscriptionRow
    line: LineRow
    offer: Offer | None

    @property
    def in_force(self) -> bool:
        return self.subscription.status in IN_FORCE


def refuse_deleted(account: AccountRow) -> None:
    """Nothing is sold to a customer that was deleted at Stripe, which is for good there.

    Raises: Conflict ``customer_deleted``.
    """
    if account.deleted:
        raise Conflict(
            "customer_deleted",
            f"The customer {account.customer_id} of account {account.ref!r} was deleted at Stripe. "
            f"State the contact anew with PUT /v1/accounts/{account.ref}: that makes a new "
            "customer, without payment methods, balance or plans.",
            customer=account.customer_id,
        )


def holdings_of(tx: Session, account: AccountRow) -> list[Holding]:
    """All lines of the account's live subscriptions, oldest subscription first."""
    rows = tx.scalars(_LIVE_OF, {"account": account.seq}).unique()
    return [
        Holding(row, line, offer_of_line(line))
        for row in rows
        for line in row.lines
        if not line.removed
    ]


def addressed(
    holdings: list[Holding], family: str | None, subscription: str | None
) -> Holding | None:
    """The one holding a request means; None if the account holds nothing of the family.

    Raises:
        NotFound: the named subscription is not one of the account's live ones.
        Conflict: ``ambiguous_target``, with the list to choose from.
    """
    if subscription is not None:
        holdings = [held for held in holdings if held.subscription.id == subscription]
        if not holdings:
            raise NotFound.subscription(subscription)
    if family is not None:
        unknown = [held for held in holdings if held.offer is None]
        holdings = [held for held in holdings if held.offer and held.offer.family == family]
        if not holdings and unknown:
            raise unknown_price(unknown[0])
    if len(holdings) > 1:
        raise Conflict(
            "ambiguous_target",
            "The account holds more than one plan this could mean; name the subscription.",
            choices=[
                {
                    "subscription": held.subscription.id,
                    "family": held.offer.family if held.offer else None,
                    "plan": held.offer.plan if held.offer else None,
                }
                for held in holdings
            ],
        )
    return holdings[0] if holdings else None


def unknown_price(held: Holding) -> Conflict:
    """The refusal to touch a line whose price maps to no offer."""
    return Conflict(
        "unknown_price",
        f"Subscription {held.subscription.id} is on price {held.line.price_id}, which maps to no "
        f"offer ({held.line.unknown_price}) Move it to a known price in Stripe's dashboard, or "
        "add its plan to the catalogue.",
        subscription=held.subscription.id,
        price=held.line.price_id,
    )


def period_invoice(tx: Session, sub: SubscriptionRow) -> InvoiceRow | None:
    """The invoice of the current period.

    A change that was declined leaves its void invoice as the subscription's latest; what was paid
    for the period before that is still paid.
    """
    latest = tx.get(InvoiceRow, sub.latest_invoice or "")
    if latest is None or latest.status != "void":
        return latest
    ends = {line.period_end.isoformat() for line in sub.lines if not line.removed}
    earlier = tx.scalars(
        select(InvoiceRow)
        .where(InvoiceRow.subscription_id == sub.id, InvoiceRow.status != "void")
        .order_by(InvoiceRow.created_at.desc())
    )
    billing = (row for row in earlier if any(line["period"]["end"] in ends for line in row.lines))
    return next(billing, latest)


def facts_of(held: Holding | None, quantity: int = 1, *, chargeable: bool) -> Facts:
    """What the rules may know of the account beside its offer; ``quantity`` is what is wanted."""
    if held is None:
        return Facts(chargeable=chargeable)
    return Facts(
        chargeable=chargeable,
        trialing=held.subscription.status == "trialing",
        quantity_before=held.line.quantity,
        quantity_after=quantity,
    )


def display_name(catalogue: Catalogue, offer: Offer | None) -> str | None:
    """What people call an offer, also when its plan has left the catalogue since."""
    if offer is None:
        return None
    try:
        return catalogue.price_nickname(offer)
    except UnknownOffer:
        return str(offer)
