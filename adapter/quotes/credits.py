"""What unused allowance is worth when an upgrade pays it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy.orm import Session

from mappings import Catalogue

from ..allowances import unused
from ..billing import Credit
from ..gateway.snapshots import InvoiceSnapshot
from ..tables import AccountRow
from .targets import Target


@dataclass(frozen=True)
class Payback:
    """``units`` of unused allowance and what they are worth at most, in minor units.

    ``per_unit`` is exact, in minor units: the price held divided by the units it buys.
    """

    units: int
    per_unit: Decimal
    worth: int
    currency: str
    product: str

    def capped(self, preview: InvoiceSnapshot) -> Credit | None:
        """The credit line: never more than the lines it is deducted from, after discounts.

        ``preview`` is of the same change without the credit.
        """
        amount = min(self.worth, max(preview.after_discounts, 0))
        return Credit(amount, self.currency, self.product) if amount > 0 else None


def payback_of(
    tx: Session, catalogue: Catalogue, account: AccountRow, target: Target, at: datetime
) -> Payback | None:
    """What the account has not used of what it paid for; None where the rule does not pay back.

    Price and size are those of the line held, so an older price counts as it was paid. Rounded
    once, half up, at the very end.
    """
    held = target.held
    if target.decision.credit != "unused_allowance" or held is None or held.offer is None:
        return None
    line = held.line
    allowance = catalogue.allowance_of(held.offer)
    if not target.pays_first or target.price is None or allowance is None or not line.unit_amount:
        return None
    units = unused(tx, catalogue, account, held.offer.family, held.subscription.id, at).units
    size = catalogue.tier_of(held.offer).size_for(held.offer.interval)
    per_unit = Decimal(line.unit_amount) / Decimal(size)
    exact = Decimal(units) * Decimal(line.unit_amount) / Decimal(size)
    worth = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    product = catalogue.unused_product_id(held.offer.family)
    return Payback(units, per_unit, worth, line.currency, product)
