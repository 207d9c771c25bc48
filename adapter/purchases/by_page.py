"""A purchase without a saved method: the customer pays at a Checkout Session."""

from __future__ import annotations

from typing import Any

from ..checkouts.mirroring import Purpose
from ..checkouts.sessions import Wanted
from ..due import Work, arm, disarm
from ..steps import StepRefused
from ..tables import CheckoutRow, PurchaseRow
from .one_purchase import OnePurchase
from .settling import DEBIT_LOOK
from .states import State, move


class ByPage:
    """Open the one page of the purchase; what becomes of the page settles it."""

    def __init__(self, one: OnePurchase) -> None:
        self._one = one

    def carry_out(self) -> None:
        """Raises StepRefused: Stripe makes no such page, and the purchase has failed."""
        one = self._one
        page = self._page()
        with one.tools.database.write() as tx:
            row = tx.get_one(PurchaseRow, one.row.seq)
            if State(row.state) is State.EXECUTING:
                row.payment_url = page.url
                cause = "the customer pays at a page"
                move(tx, row, State.AWAITING_PAYMENT, cause, one.tools.clock.now())
                if page.state == "open":
                    # The page is watched by itself; its end is the purchase's.
                    disarm(tx, Work.BUY, row.id)

    def follow(self) -> None:
        """Ask after a payment that was begun at the page and takes days."""
        one = self._one
        page = self._page()
        with one.tools.database.read() as tx:
            row = tx.get_one(PurchaseRow, one.row.seq)
        if State(row.state) is not State.AWAITING_PAYMENT:
            return
        if row.failure is None:
            self._wait(page)
        elif row.invoice_id and one.in_status(row.invoice_id, "open"):
            if not one.give_up(row.invoice_id, State.FAILED, None):
                one.settle(row.invoice_id)
        else:
            one.over(State.FAILED, row.failure["message"])

    def _page(self) -> CheckoutRow:
        """The one page of this purchase, made or looked at anew."""
        one = self._one
        checkouts = one.tools.checkouts
        try:
            known = checkouts.latest(Purpose.PURCHASE, one.row.id)
            if known is not None:
                return checkouts.refresh(known)
            wanted = Wanted(Purpose.PURCHASE, one.row.id, self._session(), one.row.return_url)
            return checkouts.open(one.row.account, wanted)
        except StepRefused as refused:
            one.over(State.FAILED, refused.message, refused)
            raise

    def _wait(self, page: CheckoutRow) -> None:
        one = self._one
        at = one.moment().billing + DEBIT_LOOK
        with one.tools.database.write() as tx:
            if page.state == "open":
                disarm(tx, Work.BUY, one.row.id)
            else:
                arm(tx, Work.BUY, one.row.id, one.customer, at, one.on)

    def _session(self) -> dict[str, Any]:
        row, marks = self._one.row, self._one.metadata()
        price = {
            "currency": row.currency,
            "unit_amount": row.amount // row.quantity,
            "product_data": {"name": row.description},
        }
        return {
            "mode": "payment",
            "line_items": [{"price_data": price, "quantity": row.quantity}],
            "invoice_creation": {"enabled": True, "invoice_data": {"metadata": marks}},
            "payment_intent_data": {"metadata": marks},
        }
