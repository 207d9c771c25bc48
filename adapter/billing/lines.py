"""What single lines are to be, as Stripe takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LATEST_INVOICE = "latest_invoice"


@dataclass(frozen=True)
class Entry:
    """What one line is to be. ``item`` is the line at Stripe as it is now, None for a new one.

    ``quantity`` None: it is billed by usage, which has none, and nothing is due at its start.
    """

    price: str
    quantity: int | None
    item: str | None = None

    def params(self) -> dict[str, Any]:
        """The same wherever Stripe takes items."""
        # The item's id, or a second item would be added; the quantity, or it would become 1.
        params: dict[str, Any] = {"price": self.price}
        if self.quantity is not None:
            params["quantity"] = self.quantity
        return params if self.item is None else {**params, "id": self.item}


@dataclass(frozen=True)
class Credit:
    """One negative line that pays back allowance that was not used: ``amount`` in minor units.

    ``product`` is what the line is about; a coupon does not lower a credit.
    """

    amount: int
    currency: str
    product: str

    def line(self) -> dict[str, Any]:
        """The same in a preview's ``invoice_items`` and in an update's ``add_invoice_items``."""
        return {
            "discountable": False,
            "price_data": {
                "currency": self.currency,
                "product": self.product,
                "unit_amount": -self.amount,
            },
        }
