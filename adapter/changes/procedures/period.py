"""Paying the running period, where its invoice is still a draft, before anything is credited."""

from __future__ import annotations

from ...gateway.write import Operation
from ...steps import StepRefused
from ..states import PAY_PERIOD
from .one_change import OneChange


def pay_period_first(one: OneChange, subscription: str, *, before: str) -> None:
    """In the hour in which a renewal is still a draft, it is finalized and paid first: a credit
    for the period's unused time must not give back what was never paid. Nothing is done once the
    step ``before`` was begun.

    Raises StepRefused, about the period's invoice: it could not be paid.
    """
    steps = one.steps
    if steps.begun(before):
        return
    draft = one.draft_of(subscription)
    if draft is not None:
        one.finalize(draft, auto_advance=True, step="finalize_period")
    elif steps.begun("finalize_period"):
        draft = steps.target_of("finalize_period")
    if draft is not None:
        _pay(one, subscription, draft)


def _pay(one: OneChange, subscription: str, invoice: str) -> None:
    try:
        one.steps.do(
            PAY_PERIOD,
            Operation.INVOICE_PAY,
            {},
            target=invoice,
            look=lambda: one.look.paid(invoice),
        )
    except StepRefused as refused:
        # Refused because finalizing had it paid already is as good as paid.
        found = one.refresh_invoice(invoice)
        if found.status != "paid":
            one.refresh(subscription)
            raise refused.about_the_period(invoice, found.hosted_invoice_url) from refused
    one.refresh(subscription)
