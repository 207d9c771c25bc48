"""Lines that a page of Stripe's has sold anew: taken off where they were, the rest credited."""

from __future__ import annotations

from dataclasses import replace

import structlog

from ...billing import Cancel, Replace
from ...checkouts.mirroring import Purpose
from ...gateway.snapshots import SubscriptionSnapshot
from ...steps import StepRefused
from ...tables import ChangeLineRow
from .ending import EndLineNow, EndNow
from .one_change import OneChange, item_of, note_nothing
from .unbilling import unbill

log = structlog.get_logger(__name__)


class ReplaceLines:
    """The page is paid: the new subscription counts, the old lines end, their rest is balance.

    Steps are remembered under the change, of which there is one page, so it is once per page
    whatever its events do.
    """

    def __init__(self, one: OneChange, bill: Replace) -> None:
        self._one = one
        self._bill = bill

    def run(self) -> None:
        one = self._one
        page = one.checkouts.latest(Purpose.CHANGE, one.change.id)
        assert page is not None
        assert page.subscription_id is not None, f"{page.id} is paid and has made no subscription"
        one.fetched(page.subscription_id, _move)
        bill = self._agreed()
        try:
            self._take_off(bill)
        except StepRefused as refused:
            # What was paid counts; if the old lines are there all the same, that is drift.
            one.refresh(bill.subscription)
            log.error("replaced_line_kept", change=one.change.id, why=refused.message)
        one.refresh_balance()
        one.is_applied("it was paid at the page")

    def _agreed(self) -> Replace:
        """The end of the old lines as they stand now: they may be gone, or in another period.

        Only what was paid is credited. Decided once, because ending them changes what is seen.
        """
        one, bill = self._one, self._bill
        if one.steps.begun("cancel") or one.steps.begun("remove"):
            return bill
        one.refresh(bill.subscription)
        held, invoice = one.standing(bill.subscription)
        families = {line.family for line in one.items_of(bill.items)}
        leaving = [line for line in held if line.family in families]
        paid = invoice is not None and invoice.status == "paid"
        agreed = replace(
            bill,
            items=tuple(line.id for line in leaving),
            whole=len(leaving) == len(held),
            credit=paid,
        )
        one.agree(agreed)
        return agreed

    def _take_off(self, bill: Replace) -> None:
        one, ending = self._one, bill.ending
        if not bill.items:
            return
        if isinstance(ending, Cancel):
            EndNow(one, ending).cancel(note_nothing)
        else:
            EndLineNow(one, ending).remove(note_nothing)
        if not bill.credit:
            self._unbill(bill)

    def _unbill(self, bill: Replace) -> None:
        """The present period of the old lines was never paid, and is not to be any more."""
        one = self._one
        _, invoice = one.standing(bill.subscription)
        if invoice is None or invoice.status not in ("draft", "open"):
            return
        if invoice.status == "draft":
            one.finalize(invoice.id, auto_advance=True, step="finalize_period")
        unbill(one, invoice.id, [line.price_id for line in one.items_of(bill.items)])
        one.refresh_invoice(invoice.id)


def _move(line: ChangeLineRow, found: SubscriptionSnapshot) -> None:
    """The line is on the new subscription from here on."""
    if line.subscription_id != found.id and line.item_id is not None:
        line.moved_from = line.subscription_id
    line.subscription_id = found.id
    line.item_id = item_of(line, found)
    line.invoice_id = found.latest_invoice
