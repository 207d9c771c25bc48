"""Credit notes: an invoice's amount taken back, before payment or after it.

A note first lowers what remains to be paid, never below zero; the excess is owed to the customer
and must be named: to the balance, or settled outside of Stripe (Stripe docs: credit notes).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.money import round_minor
from ..kernel.world import World
from .balance import move_balance
from .collection import settle
from .documents import payment_of
from .taxes import total_taxes

AFTER = ("credit_amount", "out_of_band_amount", "refund_amount")


def new_note(world: World, invoice: Json, params: Json) -> Json:
    """The note with its lines and amounts, not yet stored and without effect."""
    if invoice["status"] not in ("open", "paid", "uncollectible"):
        raise errors.invalid(
            "You can only create a credit note for an invoice that is open, paid or uncollectible.",
            "invoice",
        )
    lines = [_line(world, invoice, entry, at) for at, entry in enumerate(params.get("lines") or [])]
    asked = params.get("amount")
    if not lines:
        if asked is None:
            raise errors.missing_parameter("amount")
        lines = [_blank(world, asked, "Credit")]
    gross = sum(line["amount"] for line in lines)
    cut = sum(line["discount_amount"] for line in lines)
    taxes = {
        kind: sum(t["amount"] for line in lines for t in line["taxes"] if t["tax_behavior"] == kind)
        for kind in ("exclusive", "inclusive")
    }
    total = gross - cut + taxes["exclusive"]
    if asked is not None and asked != total:
        raise errors.invalid(f"The sum of the lines is {total}, not the amount {asked}.", "amount")
    _check_room(world, invoice, total)
    before = min(total, invoice["amount_remaining"])
    note = _note(world, invoice, params, lines)
    net = gross - cut - taxes["inclusive"]
    note |= {
        "amount": total,
        "discount_amount": cut,
        "discount_amounts": _summed(line["discount_amounts"] for line in lines),
        "post_payment_amount": total - before,
        "pre_payment_amount": before,
        "subtotal": gross,
        "subtotal_excluding_tax": gross - taxes["inclusive"],
        "total": total,
        "total_excluding_tax": net,
        "total_taxes": total_taxes(lines),
        "type": "mixed" if 0 < before < total else "pre_payment" if before else "post_payment",
    }
    _check_after(params, total - before)
    return note


def issue_note(world: World, invoice: Json, note: Json, params: Json) -> None:
    """Stores the note and lets the invoice and the customer feel it."""
    world.add("credit_note", note)
    world.emit("credit_note.created", note)
    after = note["post_payment_amount"]
    credit = params.get("credit_amount") or 0
    if credit:
        customer = world.store.get("customer", invoice["customer"])
        entry = move_balance(
            world,
            customer,
            -credit,
            "credit_note",
            invoice=invoice["id"],
            currency=invoice["currency"],
        )
        entry["credit_note"] = note["id"]
        note["customer_balance_transaction"] = entry["id"]
    with world.changing(invoice, "invoice.updated"):
        invoice["post_payment_credit_notes_amount"] += after
        _lower(world, invoice, note["pre_payment_amount"])
    if note["pre_payment_amount"] and invoice["amount_remaining"] == 0:
        # nothing is left to pay: the invoice is paid (Stripe docs: credit notes)
        settle(world, invoice, 0)


def void_note(world: World, note: Json) -> None:
    """Only while its invoice is open: what it took off is due again."""
    invoice = world.store.get("invoice", note["invoice"])
    if note["status"] == "void":
        raise errors.invalid("This credit note is already void.")
    if invoice["status"] not in ("open", "uncollectible") or note["post_payment_amount"]:
        raise errors.invalid("You can only void credit notes of open invoices.")
    note |= {"status": "void", "voided_at": world.now(note)}
    with world.changing(invoice, "invoice.updated"):
        _lower(world, invoice, -note["pre_payment_amount"])
    world.emit("credit_note.voided", note)


def _lower(world: World, invoice: Json, amount: int) -> None:
    invoice["pre_payment_credit_notes_amount"] += amount
    invoice["amount_due"] -= amount
    invoice["amount_remaining"] -= amount
    intent = payment_of(world, invoice)
    if intent is not None and amount:
        intent["amount"] -= amount
        for payment in world.store.where("invoice_payment", "invoice", invoice["id"]):
            payment["amount_requested"] -= amount


def _check_room(world: World, invoice: Json, total: int) -> None:
    notes = world.store.where("credit_note", "invoice", invoice["id"])
    given = sum(note["amount"] for note in notes if note["status"] == "issued")
    room = invoice["total"] - given
    if total <= 0 or total > room:
        raise errors.invalid(
            f"The credit note's total ({total}) must be positive and at most what is left of the "
            f"invoice's total ({room}).",
            "amount",
        )


def _check_after(params: Json, after: int) -> None:
    """Credit to the balance and outside of Stripe make up what was paid already."""
    if params.get("refund_amount"):
        raise errors.invalid(
            "Refunds through credit notes are not available here: refund the charge, and name the "
            "amount as out_of_band_amount.",
            "refund_amount",
        )
    named = sum(params.get(name) or 0 for name in AFTER)
    if named != after:
        raise errors.invalid(
            "The sum of credit amount, refund amount and out of band amount "
            f"({named}) must equal the post payment amount ({after}).",
            "credit_amount",
        )


def _line(world: World, invoice: Json, entry: Json, at: int) -> Json:
    """A part of an invoice line takes the same part of its discounts and taxes along."""
    label = f"lines[{at}]"
    if entry["type"] == "custom_line_item":
        price = entry.get("unit_amount")
        if price is None:
            raise errors.missing_parameter(f"{label}[unit_amount]")
        quantity = entry.get("quantity") or 1
        line = _blank(world, price * quantity, entry.get("description"))
        return line | {
            "quantity": quantity,
            "unit_amount": price,
            "unit_amount_decimal": str(price),
        }
    named = entry.get("invoice_line_item")
    source = next((line for line in invoice["lines"] if line["id"] == named), None)
    if source is None:
        raise errors.no_such("invoice line item", str(named), f"{label}[invoice_line_item]")
    amount = entry.get("amount")
    if amount is None and entry.get("quantity") and source["quantity"]:
        exact = Fraction(source["amount"] * entry["quantity"], source["quantity"])
        amount = round_minor(exact, world.switches.half_cent)
    if amount is None:
        raise errors.missing_parameter(f"{label}[amount]")
    part = Fraction(amount, source["amount"]) if source["amount"] else Fraction(0)

    def scaled(value: int) -> int:
        return round_minor(part * value, world.switches.half_cent)

    cuts = [{**cut, "amount": scaled(cut["amount"])} for cut in source["discount_amounts"]]
    taxes = [
        {**tax, "amount": scaled(tax["amount"]), "taxable_amount": scaled(tax["taxable_amount"])}
        for tax in source["taxes"]
    ]
    return _blank(world, amount, source["description"]) | {
        "discount_amount": sum(cut["amount"] for cut in cuts),
        "discount_amounts": cuts,
        "invoice_line_item": source["id"],
        "quantity": entry.get("quantity"),
        "taxes": taxes,
        "type": "invoice_line_item",
    }


def _blank(world: World, amount: int, description: str | None) -> Json:
    return {
        "id": world.identify("cnli"),
        "object": "credit_note_line_item",
        "amount": amount,
        "description": description,
        "discount_amount": 0,
        "discount_amounts": [],
        "livemode": False,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": 1,
        "tax_rates": [],
        "taxes": [],
        "type": "custom_line_item",
        "unit_amount": None,
        "unit_amount_decimal": None,
    }


def _summed(groups: Iterable[list[Json]]) -> list[Json]:
    totals: dict[str, int] = {}
    for group in groups:
        for cut in group:
            totals[cut["discount"]] = totals.get(cut["discount"], 0) + cut["amount"]
    return [{"amount": amount, "discount": key} for key, amount in totals.items()]


def _note(world: World, invoice: Json, params: Json, lines: list[Json]) -> Json:
    count = len(world.store.where("credit_note", "invoice", invoice["id"])) + 1
    number = f"{invoice['number']}-CN-{count:02d}"
    now = world.now(invoice)
    return {
        "id": world.identify("cn"),
        "object": "credit_note",
        "amount_shipping": 0,
        "created": now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_balance_transaction": None,
        "effective_at": params.get("effective_at") or now,
        "invoice": invoice["id"],
        "lines": lines,
        "livemode": False,
        "memo": params.get("memo"),
        "metadata": dict(params.get("metadata") or {}),
        "number": number,
        "out_of_band_amount": params.get("out_of_band_amount"),
        "pdf": f"{invoice['hosted_invoice_url']}/credit-notes/{number}",
        "pretax_credit_amounts": [],
        "reason": params.get("reason"),
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "voided_at": None,
    }
