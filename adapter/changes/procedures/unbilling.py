"""Taking lines that are given up off an invoice that nobody has paid."""

from __future__ import annotations

from collections.abc import Collection

from ...gateway.write import Operation
from .one_change import OneChange


def unbill(one: OneChange, invoice: str, prices: Collection[str], suffix: str = "") -> None:
    """Void the open ``invoice`` if all of it is given up, else credit the lines of ``prices`` on
    it. ``suffix`` tells the steps of one line of an order from those of another.

    Raises StepRefused: it was paid a moment before, for example.
    """
    found = one.invoice(invoice)
    if found.status != "open":
        return
    if all(entry.price in prices for entry in found.lines):
        one.void(invoice, f"void{suffix}")
        return
    ours = [
        {"type": "invoice_line_item", "invoice_line_item": entry.id, "amount": entry.amount}
        for entry in found.lines
        if entry.price in prices and entry.amount > 0
    ]
    one.steps.do(
        f"credit_note{suffix}",
        Operation.CREDIT_NOTE_CREATE,
        {"invoice": invoice, "lines": ours},
        look=lambda: one.look.credited(invoice),
    )
