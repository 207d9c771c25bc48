"""Plans that are held by agreement: they have no price in the catalogue, and no line at Stripe."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mappings import Offer

from ..prices import offer_from_dict
from ..tables import AccountRow, AgreementRow, ChangeLineRow


@dataclass(frozen=True)
class Agreement:
    """What an account holds by agreement; ``seq`` tells two of the same offer apart."""

    seq: int
    offer: Offer


def agreements_of(tx: Session, account: AccountRow) -> dict[str, Agreement]:
    """What the account holds by agreement now, by family."""
    rows = tx.scalars(
        select(AgreementRow).where(
            AgreementRow.account_seq == account.seq, AgreementRow.ended_at.is_(None)
        )
    )
    return {row.family: Agreement(row.seq, _offer(row)) for row in rows}


def settle_agreement(tx: Session, account: AccountRow, line: ChangeLineRow, at: datetime) -> None:
    """A change of a family was applied: what was agreed is over, or agreed anew. ``at`` is billing
    time.
    """
    tx.execute(
        update(AgreementRow)
        .where(AgreementRow.account_seq == account.seq, AgreementRow.family == line.family)
        .where(AgreementRow.ended_at.is_(None))
        .values(ended_at=at)
    )
    agreed = agreed_offer(line)
    if agreed is None or agreed.interval is None or agreed.currency is None:
        return
    tx.add(
        AgreementRow(
            account_seq=account.seq,
            family=agreed.family,
            plan=agreed.plan,
            tier=agreed.tier,
            interval=agreed.interval,
            currency=agreed.currency,
            started_at=at,
        )
    )
    tx.flush()


def agreed_offer(line: ChangeLineRow) -> Offer | None:
    """What a change leads to by agreement; None if it leads to a line at Stripe, or to none."""
    if line.price_id is not None or line.to_offer is None:
        return None
    offer = offer_from_dict(line.to_offer)
    return None if offer.is_free else offer


def _offer(row: AgreementRow) -> Offer:
    return offer_from_dict(
        {
            "family": row.family,
            "plan": row.plan,
            "tier": row.tier,
            "interval": row.interval,
            "currency": row.currency,
        }
    )
