"""The state of an account as one document, and what it is entitled to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mappings import Catalogue, Offer, UnitPrice, UnknownOffer

from .changes.schedules import live_schedule
from .changes.states import OPEN, State
from .clock import iso
from .database import Database
from .entitlements import InEffect, in_effect
from .holdings import Holding, holdings_of
from .invoice_documents import invoice_document, reversals_document
from .metering.standing import upcoming
from .options import options_of
from .quotes.documents import line_price, money, offer_document, unit_price
from .sales.agreements import Agreement, agreements_of
from .tables import (
    AccountRow,
    ChangeLineRow,
    ChangeRow,
    InvoiceRow,
    LineRow,
    ReversalRow,
    SubscriptionRow,
)


class States:
    """Documents about accounts, read from the local database only."""

    def __init__(self, database: Database, catalogue: Catalogue) -> None:
        self._database = database
        self._catalogue = catalogue

    def account(self, account: AccountRow) -> dict[str, Any]:
        """The whole state: contact, plans in effect, subscriptions, open changes, balance."""
        with self._database.read() as tx:
            holdings = holdings_of(tx, account)
            subscriptions = _subscriptions(tx, account)
            changes = _open_changes(tx, account)
            agreements = agreements_of(tx, account)
            lines = [line for change in changes for line in change.lines]
            return {
                "ref": account.ref,
                "email": account.email,
                "name": account.name,
                "locale": account.locale,
                "customer": account.customer_id,
                "deleted_at_stripe": account.deleted,
                "balance": money(account.balance, self._currency(account)),
                "balance_held": money(_held(tx, account), self._currency(account)),
                "default_payment_method": account.default_payment_method,
                "plans": [
                    self._plan(tx, account, family, holdings, lines, agreements.get(family))
                    for family in self._catalogue.families
                ],
                "subscriptions": [self._subscription(tx, row) for row in subscriptions],
                "upcoming": upcoming(tx, self._catalogue, holdings),
                "open_changes": [change_document(change) for change in changes],
                **reversals_document(tx, ReversalRow.account_seq == account.seq),
            }

    def entitlements(self, account: AccountRow) -> dict[str, Any]:
        """Per family: the plan in effect with its limits and features, and what was chosen to be
        kept where it allows less than the one before.
        """
        with self._database.read() as tx:
            holdings = holdings_of(tx, account)
            changes = _open_changes(tx, account)
            agreements = agreements_of(tx, account)
            lines = [line for change in changes for line in change.lines]
            return {
                "account": account.ref,
                "families": [
                    {
                        **self._plan(tx, account, family, holdings, lines, agreements.get(family)),
                        "selections": _selections(tx, account, family),
                    }
                    for family in self._catalogue.families
                ],
            }

    def invoices(self, account: AccountRow, after: str | None, limit: int) -> list[dict[str, Any]]:
        """The account's invoices, newest first; ``after`` is the last id of the page before."""
        statement = select(InvoiceRow).where(InvoiceRow.account_seq == account.seq)
        with self._database.read() as tx:
            last = tx.get(InvoiceRow, after) if after else None
            if last is not None:
                statement = statement.where(
                    (InvoiceRow.created_at < last.created_at)
                    | ((InvoiceRow.created_at == last.created_at) & (InvoiceRow.id < last.id))
                )
            order = (InvoiceRow.created_at.desc(), InvoiceRow.id.desc())
            rows = tx.scalars(statement.order_by(*order).limit(limit)).all()
            return [
                {
                    **invoice_document(row),
                    **reversals_document(tx, ReversalRow.invoice_id == row.id),
                }
                for row in rows
            ]

    def upcoming(self, account: AccountRow) -> list[dict[str, Any]]:
        """What plans that are billed by usage have come to in the running period."""
        with self._database.read() as tx:
            return upcoming(tx, self._catalogue, holdings_of(tx, account))

    def _plan(
        self,
        tx: Session,
        account: AccountRow,
        family: str,
        holdings: list[Holding],
        lines: list[ChangeLineRow],
        agreement: Agreement | None,
    ) -> dict[str, Any]:
        agreed = agreement.offer if agreement else None
        found = in_effect(self._catalogue, family, holdings, lines, agreed)
        held = found.holding
        as_held = held if held and held.offer == found.offer else None
        return {
            "family": family,
            "in_effect": _offer_or_name(self._catalogue, found.offer, as_held),
            "subscription": held.subscription.id if held else None,
            "by_agreement": agreed is not None and found.offer == agreed,
            "status": held.subscription.status if held else None,
            "ends_at": iso(held.subscription.cancel_at) if held else None,
            "in_effect_until": iso(found.until),
            "waits_for": self._waits_for(found),
            "options": options_of(tx, self._catalogue, account, family, held, agreed),
        }

    def _waits_for(self, found: InEffect) -> dict[str, Any] | None:
        """The change that Stripe has entered and nobody has paid yet."""
        line = found.waits_for
        if line is None:
            return None
        return {
            "plan_change": line.change.id,
            "to": line.to_offer,
            "payment_url": line.payment_url,
        }

    def _subscription(self, tx: Session, row: SubscriptionRow) -> dict[str, Any]:
        return {
            "id": row.id,
            "status": row.status,
            "started_at": iso(row.started_at),
            "cancel_at": iso(row.cancel_at),
            "ended_at": iso(row.ended_at),
            "trial_end": iso(row.trial_end),
            "latest_invoice": row.latest_invoice,
            "gone_at_stripe": row.gone,
            "schedule": _schedule(tx, row),
            "lines": [
                {
                    "family": line.family,
                    "plan": line.plan,
                    "tier": line.tier,
                    "interval": line.interval,
                    "price": line.price_id,
                    "unit_amount": money(line.unit_amount or 0, line.currency),
                    "unit_price": _unit_price(line),
                    "quantity": None if line.meter_id else line.quantity,
                    "period": {"start": iso(line.period_start), "end": iso(line.period_end)},
                    "unknown_price": line.unknown_price,
                }
                for line in row.lines
                if not line.removed
            ],
        }

    def _currency(self, account: AccountRow) -> str:
        return account.currency or self._catalogue.currencies[0]


def _unit_price(line: LineRow) -> dict[str, Any] | None:
    """What one unit of usage costs on a metered line."""
    if line.unit_price is None:
        return None
    return unit_price(UnitPrice(Decimal(line.unit_price), line.currency))


def _schedule(tx: Session, row: SubscriptionRow) -> dict[str, Any] | None:
    """The schedule that carries a subscription; ``ours`` says whether it was made here."""
    schedule = live_schedule(tx, row)
    if schedule is None:
        return {"id": row.schedule_id, "ours": None} if row.schedule_id else None
    return {"id": schedule.id, "ours": schedule.tagged, "end_behavior": schedule.end_behavior}


def _selections(tx: Session, account: AccountRow, family: str) -> dict[str, Any]:
    """What the last applied change of the family chose to keep."""
    last = tx.scalars(
        select(ChangeRow)
        .join(ChangeLineRow)
        .where(ChangeRow.account_seq == account.seq, ChangeLineRow.family == family)
        .where(ChangeLineRow.state == State.APPLIED.value)
        .order_by(ChangeRow.seq.desc())
        .limit(1)
    ).first()
    return dict(last.selections) if last else {}


def _held(tx: Session, account: AccountRow) -> int:
    """Credit of the balance that open invoices have taken: gone once they are paid, and back on
    the balance if they are voided.
    """
    still_open = tx.scalars(
        select(InvoiceRow).where(InvoiceRow.account_seq == account.seq, InvoiceRow.status == "open")
    )
    return sum(row.balance_used for row in still_open)


def change_document(change: ChangeRow) -> dict[str, Any]:
    """A plan change as callers read it."""
    return {
        "id": change.id,
        "account": change.account.ref,
        "quote": change.quote_id,
        "kind": change.kind,
        "when": change.timing,
        "created_at": iso(change.created_at),
        "selections": change.selections,
        "lines": [_line_document(line) for line in change.lines],
    }


def _decision(line: ChangeLineRow) -> dict[str, Any]:
    """The rule as it was resolved for the change, with why it applied."""
    names = ("rule", "why", "route", "timing", "cycle", "credit", "allowance", "on_failed_payment")
    return {name: line.decision.get(name) for name in names}


def _line_document(line: ChangeLineRow) -> dict[str, Any]:
    return {
        "family": line.family,
        "when": line.timing,
        "decision": _decision(line),
        "subscription": line.subscription_id,
        "moved_from": line.moved_from,
        "from": line.from_offer,
        "to": line.to_offer,
        "quantity": line.quantity,
        "amount": line_price(line),
        "state": line.state,
        "active": State(line.state) is State.APPLIED,
        "effective_at": iso(line.effective_at),
        "grace_until": iso(line.grace_until),
        "price": line.price_id,
        "invoice": line.invoice_id,
        "payment_url": line.payment_url,
        "failure": line.failure,
        "drift": line.drift,
        "history": line.history,
    }


def _offer_or_name(
    catalogue: Catalogue, offer: Offer | None, held: Holding | None
) -> dict[str, Any] | None:
    """The offer in full; only its names once its plan has left the catalogue."""
    try:
        return offer_document(catalogue, offer, held)
    except UnknownOffer:
        assert offer is not None
        return {"name": str(offer), "family": offer.family, "plan": offer.plan, "tier": offer.tier}


def _subscriptions(tx: Session, account: AccountRow) -> list[SubscriptionRow]:
    return list(
        tx.scalars(
            select(SubscriptionRow)
            .where(SubscriptionRow.account_seq == account.seq)
            .order_by(SubscriptionRow.started_at, SubscriptionRow.id)
        ).unique()
    )


def _open_changes(tx: Session, account: AccountRow) -> list[ChangeRow]:
    open_states = [state.value for state in OPEN]
    return list(
        tx.scalars(
            select(ChangeRow)
            .where(ChangeRow.account_seq == account.seq)
            .where(ChangeRow.lines.any(ChangeLineRow.state.in_(open_states)))
            .order_by(ChangeRow.seq)
        )
    )
