"""Paying an open invoice with the card that has replaced the one it failed with."""

from __future__ import annotations

from contextlib import suppress

from .deployment import Deployment
from .due import Work, disarm, generation_of
from .gateway.snapshots import InvoiceSnapshot
from .gateway.write import Operation
from .open_invoices import retry_step, retry_subject, retryable
from .steps import StepRefused
from .tables import AccountRow, InvoiceRow


class Retrying:
    """Tries open invoices once more; every call is the worker's."""

    def __init__(self, deployment: Deployment) -> None:
        self._database = deployment.database
        self._reader = deployment.reader
        self._mirror = deployment.mirror
        self._steps = deployment.steps

    def retry(self, invoice_id: str) -> None:
        """Pay the invoice with the method Stripe would charge now, if it was tried with another.

        Once per invoice and method. A decline is no news: the customer was told of the first one,
        and Stripe goes on trying by itself.
        """
        # What the last attempt was made with is known only from the invoice itself.
        invoice = self._mirror.refresh_invoice(invoice_id)
        assert invoice.subscription is not None
        # What replaced it is what is the default now: the news of that may not have come yet, and
        # the one known here be the one that was replaced.
        self._mirror.refresh_subscription(invoice.subscription)
        self._mirror.refresh_customer(invoice.customer)
        with self._database.read() as tx:
            generation = generation_of(tx, Work.RETRY_PAYMENT, invoice_id)
            row = tx.get_one(InvoiceRow, invoice_id)
            account = tx.get_one(AccountRow, row.account_seq)
            wanted = {one.id: method for one, method in retryable(tx, account)}
        if invoice_id in wanted and not _is_under_way(invoice):
            self._pay(invoice_id, wanted[invoice_id])
            self._mirror.refresh_invoice(invoice_id)
            self._mirror.refresh_subscription(invoice.subscription)
        with self._database.write() as tx:
            disarm(tx, Work.RETRY_PAYMENT, invoice_id, generation)

    def _pay(self, invoice_id: str, method: str) -> None:
        steps = self._steps(retry_subject(invoice_id))
        with suppress(StepRefused):
            steps.do(
                retry_step(method),
                Operation.INVOICE_PAY,
                {"payment_method": method},
                target=invoice_id,
                look=lambda: self._paid(invoice_id),
            )

    def _paid(self, invoice_id: str) -> InvoiceSnapshot | None:
        found = self._reader.invoice(invoice_id)
        return found if found.status == "paid" else None


def _is_under_way(invoice: InvoiceSnapshot) -> bool:
    """A debit that the bank has not answered yet is not an attempt that failed."""
    return invoice.payment is not None and invoice.payment.status == "processing"
