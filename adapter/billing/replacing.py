"""One subscription in the place of another, or of lines of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .ending import Cancel, RemoveNow
from .lines import Entry
from .starting import Purchase


@dataclass(frozen=True)
class Resubscribe:
    """The end of one subscription now, and a new one in its place, in one request.

    ``due``: what the quote said is charged once the credit of the end is used, in minor units;
    None until it was quoted.
    """

    customer: str
    subscription: str
    credit: bool
    entries: tuple[Entry, ...]
    due: int | None = None

    @property
    def ending(self) -> Cancel:
        return Cancel(self.customer, self.subscription, self.credit)

    @property
    def beginning(self) -> Purchase:
        return Purchase(self.customer, self.entries)

    def preview(self) -> dict[str, Any]:
        """For ``invoices.create_preview``: of the new subscription."""
        return self.beginning.preview()


@dataclass(frozen=True)
class Replace:
    """Lines that are sold anew at a page of Stripe's, and then taken off where they were.

    For customers who cannot be charged: ``entries`` make a subscription of their own, paid whole
    at the page; once it is, ``items`` leave ``subscription`` (all of it if ``whole``) and what is
    left of their paid time (``credit``) goes to the balance, lowering nothing that was just paid.
    """

    customer: str
    subscription: str
    entries: tuple[Entry, ...]
    items: tuple[str, ...]
    whole: bool
    credit: bool

    @property
    def ending(self) -> Cancel | RemoveNow:
        """The end of what is replaced."""
        if self.whole:
            return Cancel(self.customer, self.subscription, self.credit)
        return RemoveNow(self.customer, self.subscription, self.items, self.credit)

    @property
    def beginning(self) -> Purchase:
        return Purchase(self.customer, self.entries)

    def preview(self) -> dict[str, Any]:
        """For ``invoices.create_preview``: of the new subscription."""
        return self.beginning.preview()
