"""A change whose customer has nothing saved to charge: a page of Stripe's first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ...billing import Bill, Purchase, Replace
from ...checkouts.mirroring import Purpose
from ...checkouts.sessions import Wanted
from ...clock import to_unix
from ...gateway.snapshots import CHANGE_KEY
from ...steps import StepRefused
from ...tables import CheckoutRow
from ..pages import Page, is_paid
from ..states import State
from .one_change import OneChange


class ThroughCheckout:
    """Send the customer to the one page of the change; see what became of it."""

    def __init__(self, one: OneChange, bill: Bill) -> None:
        self._one = one
        self._bill = bill

    def run(self) -> bool:
        """True once a method is saved, or what replaces old lines is paid, and the change can be
        carried out like any other.

        Raises StepRefused: the line has failed.
        """
        one = self._one
        try:
            page = self._page()
            if page.state == "complete" and one.change.page == Page.SETUP:
                one.checkouts.use_method(page)
                return True
            if isinstance(self._bill, Replace) and is_paid(page.state, page.payment_status):
                return True
        except StepRefused as refused:
            one.fails(refused)
            raise
        if page.state == "expired":
            one.leaves(State.EXPIRED, "the page was left without paying")
            return False
        one.awaits_page(page.url)
        if page.subscription_id is not None:
            # It was completed before anybody came back here: the mirror adopts and settles it.
            one.refresh(page.subscription_id)
        return False

    def _page(self) -> CheckoutRow:
        one = self._one
        known = one.checkouts.latest(Purpose.CHANGE, one.change.id)
        if known is not None:
            return one.checkouts.refresh(known)
        bill = self._bill
        if isinstance(bill, Purchase) and not bill.metered:
            params = self._selling(bill)
        elif isinstance(bill, Replace):
            # Cards answer at once: a plan is not replaced by what may fail days later.
            cards = {"allowed_payment_method_types": ["card"]}
            params = {**self._selling(bill.beginning), **cards, **self._until_period_end()}
        else:
            params = self._saving()
        wanted = Wanted(Purpose.CHANGE, one.change.id, params, one.change.return_url)
        return one.checkouts.open(one.change.account, wanted)

    def _selling(self, bill: Purchase) -> dict[str, Any]:
        return {
            "mode": "subscription",
            "line_items": [entry.params() for entry in bill.entries],
            # A session's own metadata is not copied to what it makes (stripe-facts §3.9).
            "subscription_data": {
                "metadata": {CHANGE_KEY: self._one.change.id},
                "billing_mode": {"type": "flexible"},
            },
        }

    def _saving(self) -> dict[str, Any]:
        one = self._one
        params = one.checkouts.setup_params(one.change.account)
        if isinstance(self._bill, Purchase):
            # A sign-up: who is billed later, and where, is asked for now.
            return {**params, "billing_address_collection": "required"}
        return {**params, **self._until_period_end()}

    def _until_period_end(self) -> dict[str, Any]:
        """The page closes with the period at the latest: the quote is none for the next one."""
        one = self._one
        ends = one.period_end()
        if ends is None:
            return {}
        return {"expires_at": to_unix(_allowed_expiry(one.billing_now(), ends))}


def _allowed_expiry(now: datetime, wanted: datetime) -> datetime:
    """The nearest expiry that Stripe takes: 30 minutes to 24 hours ahead (stripe-facts §3.9)."""
    return min(max(wanted, now + timedelta(minutes=31)), now + timedelta(hours=23, minutes=59))
