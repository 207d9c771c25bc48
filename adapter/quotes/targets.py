"""What one entry of a request means: from where, to where, by which rule, or why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import (
    Catalogue,
    Decision,
    Offer,
    Selection,
    UnknownOffer,
    agreed_with_sales,
    decide,
    required_selections,
)

from ..changes.states import State
from ..charging import Charging
from ..errors import Conflict, Invalid
from ..holdings import (
    Holding,
    addressed,
    facts_of,
    holdings_of,
    period_invoice,
    refuse_deleted,
    unknown_price,
)
from ..prices import CurrentPrice, price_at_stripe
from ..sales.agreements import Agreement, agreements_of
from ..tables import AccountRow, ChangeLineRow, InvoiceRow
from .company import host_of, others_of
from .refusals import (
    refuse_busy_subscription,
    refuse_by_rule,
    refuse_if_busy,
    refuse_if_scheduled_elsewhere,
    refuse_invoiced,
    refuse_misfit,
    refuse_unchangeable,
    refuse_unpaid,
)

# Credit that comes after a page where the new plan was paid: no pending update is made.

TO_BALANCE = "time_to_balance"


@dataclass(frozen=True)
class Wanted:
    """One entry of a quote request, as asked. ``plan`` None asks for a cancellation; ``quantity``
    None means as many as are held, or one.

    ``in_use`` says how much of a limit the account uses, where that is less than it may.
    ``by_sales``: it was agreed with sales, whom rules send callers to; it may be billed by sent
    invoices then, due in ``invoice_days``.
    """

    family: str
    plan: str | None
    tier: str | None = None
    interval: str | None = None
    currency: str | None = None
    quantity: int | None = None
    subscription: str | None = None
    in_use: Mapping[str, int] = field(default_factory=dict)
    by_sales: bool = False
    invoice_days: int | None = None

    @property
    def needs_sales(self) -> bool:
        """Whether it takes somebody who speaks for sales to ask for this."""
        return self.by_sales or self.invoice_days is not None

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


@dataclass(frozen=True)
class Target:
    """One entry resolved: what is held, what is wanted, and what the rules decided.

    ``host`` is a line whose subscription a start joins, where the families share one.
    ``replaces`` is the scheduled change that this one takes the place of. ``others`` are the other
    lines of the subscription that is changed or joined. ``agreed`` is what is held by agreement,
    without a line at Stripe.
    """

    kind: str  # "start", "change" or "cancel"
    wanted: Wanted
    held: Holding | None
    host: Holding | None
    current: Offer | None
    offer: Offer | None
    quantity: int
    price: CurrentPrice | None
    decision: Decision
    selections: tuple[Selection, ...]
    replaces: ChangeLineRow | None
    others: tuple[Holding, ...]
    paid: bool
    draft: bool
    agreed: Agreement | None = None

    @property
    def family(self) -> str:
        return self.wanted.family

    @property
    def pays_first(self) -> bool:
        """Whether the period is paid, or will be before a change now is made."""
        return self.paid or (self.draft and not self.trialing)

    @property
    def reanchors(self) -> bool:
        """Whether the interval changes, so that a cycle of its own has to begin."""
        held, wanted = self.current, self.offer
        differs = bool(held and wanted and held.interval != wanted.interval)
        return self.kind == "change" and differs

    @property
    def restarts(self) -> bool:
        """Whether a change now begins a cycle: a new interval always does, and during a trial
        nothing, for the trial goes on.
        """
        return (self.decision.cycle == "restart" or self.reanchors) and not self.trialing

    @property
    def at_a_page(self) -> bool:
        """Whether a change now is sold anew at a page of Stripe's, and what is left of the old
        plan credited to the balance: nobody can be charged for it otherwise.
        """
        decision = self.decision
        credited = self.kind == "change" and decision.credit == TO_BALANCE
        return credited and decision.route == "self_serve"

    @property
    def trialing(self) -> bool:
        """A trial goes on through a change: nothing was paid, nothing is owed before its end."""
        return self.at is not None and _trials(self.at)

    @property
    def subscription(self) -> str | None:
        """The subscription that is changed; None if one is to be made."""
        return self.at.subscription.id if self.at else None

    @property
    def at(self) -> Holding | None:
        """The line that is changed, or the one whose subscription is joined."""
        return self.held or self.host

    def timing(self, when: str) -> str:
        """When it comes about, if ``when`` is chosen for what its rule leaves open."""
        return when if self.decision.timing == "caller" else self.decision.timing

    def basis(self) -> dict[str, Any]:
        """The state this was computed on; a quote is stale once it differs."""
        at = self.at
        if at is None and self.agreed is not None:
            return {"subscription": None, "agreement": self.agreed.seq}
        if at is None:
            return {"subscription": None, "rule": self.decision.rule}
        sub, line = at.subscription, at.line
        return {
            "subscription": sub.id,
            "status": sub.status,
            "cancel_at": sub.cancel_at.isoformat() if sub.cancel_at else None,
            "schedule": sub.schedule_id,
            "scheduled": self.replaces.change.id if self.replaces else None,
            "item": line.id,
            "price": line.price_id,
            "quantity": line.quantity,
            "period_start": line.period_start.isoformat(),
            "paid": self.paid,
            "rule": self.decision.rule,
        }


def resolve(
    tx: Session,
    catalogue: Catalogue,
    account: AccountRow,
    wanted: Wanted,
    charging: Charging,
    path: str = "changes[0]",
) -> Target:
    """Work out what ``wanted`` means, by itself; ``path`` is where it stands in the request.

    Raises:
        Invalid: the offer does not exist (``unknown_family``, ``unknown_plan``…), with its path.
        Conflict: the rules or the state of the subscription do not allow it, with the way out.
    """
    refuse_deleted(account)
    refuse_if_busy(tx, account, wanted.family, wanted.subscription)
    holdings = holdings_of(tx, account)
    offer = _offer(catalogue, account, wanted, path)
    held = addressed(holdings, wanted.family, wanted.subscription)
    if held is not None and held.offer is None:
        raise unknown_price(held)
    agreed = agreements_of(tx, account).get(wanted.family) if held is None else None
    current = held.offer if held else _without_line(catalogue, wanted.family, agreed)
    ends = offer is None or offer.is_free
    if ends and held is None and agreed is None:
        raise Conflict("nothing_to_cancel", "The account holds no paid plan in this family.")
    replaces = _scheduled(tx, account, held) if held else None
    if held is not None:
        _refuse_as_it_stands(tx, held, replaces, ends=ends)
    quantity = wanted.quantity or (held.line.quantity if held else 1)
    can_charge = charging.can_charge(tx, account, held.subscription if held else None)
    facts = facts_of(held, quantity, chargeable=can_charge)
    decision = _decided(decide(catalogue, current, offer, facts), wanted, held, replaces, ends=ends)
    host = host_of(tx, catalogue, holdings, offer) if held is None and offer is not None else None
    price = price_at_stripe(tx, catalogue, offer)
    refuse_misfit(held, price, wanted.quantity, wanted.invoice_days, path)
    invoice = period_invoice(tx, held.subscription) if held else None
    return Target(
        kind="cancel" if ends else "start" if held is None else "change",
        wanted=wanted,
        held=held,
        host=host,
        current=current,
        offer=offer,
        quantity=quantity,
        price=price,
        decision=decision,
        selections=required_selections(catalogue, decision, current, offer, wanted.in_use),
        replaces=replaces,
        others=others_of(holdings, held, host),
        paid=_has_status(invoice, "paid") and held is not None and not _trials(held),
        draft=_has_status(invoice, "draft"),
        agreed=agreed,
    )


def _decided(
    ruled: Decision,
    wanted: Wanted,
    held: Holding | None,
    replaces: ChangeLineRow | None,
    *,
    ends: bool,
) -> Decision:
    """What the rules say, or sales; refused where it says no, or asks what cannot be done."""
    decision = agreed_with_sales(ruled) if wanted.by_sales else ruled
    refuse_by_rule(decision, replaces)
    if held is not None and not ends and decision.timing == "now" and decision.credit != TO_BALANCE:
        refuse_invoiced(held)
    return decision


def _refuse_as_it_stands(
    tx: Session, held: Holding, replaces: ChangeLineRow | None, *, ends: bool
) -> None:
    """What the state of the subscription does not allow; ending a plan stays possible."""
    refuse_busy_subscription(tx, held)
    if not ends:
        refuse_unchangeable(held)
        refuse_unpaid(tx, held)
        refuse_if_scheduled_elsewhere(tx, held, replaces)


def _without_line(catalogue: Catalogue, family: str, agreed: Agreement | None) -> Offer | None:
    """What an account has that holds nothing of the family at Stripe."""
    return agreed.offer if agreed is not None else catalogue.free_offer(family)


def _has_status(invoice: InvoiceRow | None, status: str) -> bool:
    return invoice is not None and invoice.status == status


def _trials(held: Holding) -> bool:
    return held.subscription.status == "trialing"


def _offer(catalogue: Catalogue, account: AccountRow, wanted: Wanted, path: str) -> Offer | None:
    try:
        catalogue.family(wanted.family)
        if wanted.plan is None:
            return None
        currency = wanted.currency or account.currency or catalogue.currencies[0]
        return catalogue.offer(wanted.family, wanted.plan, wanted.tier, wanted.interval, currency)
    except UnknownOffer as unknown:
        raise Invalid(
            f"unknown_{unknown.field}",
            str(unknown),
            path=f"{path}.{unknown.field}",
            known=list(unknown.known),
        ) from unknown


def _scheduled(tx: Session, account: AccountRow, held: Holding) -> ChangeLineRow | None:
    """What is scheduled for the held line."""
    assert held.offer is not None
    return tx.scalars(
        select(ChangeLineRow)
        .where(ChangeLineRow.account_seq == account.seq)
        .where(ChangeLineRow.family == held.offer.family)
        .where(ChangeLineRow.subscription_id == held.subscription.id)
        .where(ChangeLineRow.state == State.SCHEDULED.value)
    ).first()
