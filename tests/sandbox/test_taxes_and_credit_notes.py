"""Flat taxes on lines and totals; credit notes before and after payment."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from sandbox import Switches

from .conftest import DAY, Stage

NOW = {"proration_behavior": "always_invoice"}


def rate(stage: Stage, percentage: float, *, inclusive: bool = False) -> str:
    params: Any = {"display_name": "VAT", "percentage": percentage, "inclusive": inclusive}
    return stage.api.tax_rates.create(params).id


def taxes(owner: Any) -> list[tuple[int, int]]:
    shown = owner.to_dict()
    entries = shown.get("total_taxes", shown.get("taxes"))
    return [(entry["amount"], entry["taxable_amount"]) for entry in entries]


class TestTaxes:
    def test_on_top(self, stage: Stage) -> None:
        vat = rate(stage, 19)
        sub = stage.subscribe(stage.customer(), stage.price(1000), default_tax_rates=[vat])
        assert [entry["id"] for entry in sub["default_tax_rates"]] == [vat]
        invoice = stage.latest(sub["id"])
        assert (invoice["subtotal"], invoice["total"]) == (1000, 1190)
        assert (invoice["total_excluding_tax"], taxes(invoice)) == (1000, [(190, 1000)])
        line = invoice["lines"]["data"][0]
        assert taxes(line) == [(190, 1000)]
        assert line["taxes"][0]["tax_rate_details"]["tax_rate"] == vat

    def test_inside(self, stage: Stage) -> None:
        vat = rate(stage, 19, inclusive=True)
        sub = stage.subscribe(stage.customer(), stage.price(1190), default_tax_rates=[vat])
        invoice = stage.latest(sub["id"])
        assert (invoice["subtotal"], invoice["total"]) == (1190, 1190)
        assert (invoice["subtotal_excluding_tax"], invoice["total_excluding_tax"]) == (1000, 1000)
        assert taxes(invoice) == [(190, 1000)]

    def test_an_item_s_own_rate_wins(self, stage: Stage) -> None:
        low, high = rate(stage, 7), rate(stage, 19)
        items = [{"price": stage.price(1000), "tax_rates": [low]}, {"price": stage.price(2000)}]
        sub = stage.api.subscriptions.create(
            {"customer": stage.customer(), "items": items, "default_tax_rates": [high]}  # type: ignore[typeddict-item]
        )
        assert stage.latest(sub["id"])["total"] == 3000 + 70 + 380

    def test_tax_is_on_what_discounts_leave(self, stage: Stage) -> None:
        offer = stage.api.coupons.create({"percent_off": 50, "duration": "forever"}).id  # type: ignore[typeddict-item]
        sub = stage.subscribe(
            stage.customer(),
            stage.price(1000),
            default_tax_rates=[rate(stage, 20)],
            discounts=[{"coupon": offer}],
        )
        assert stage.latest(sub["id"])["total"] == 600

    def test_a_credit_carries_its_tax_back(self, stage: Stage) -> None:
        sub = stage.subscribe(
            stage.customer(), stage.price(1000), default_tax_rates=[rate(stage, 20)]
        )
        stage.box.advance(seconds=15 * DAY)
        stage.switch(sub, stage.price(2000), **NOW)
        invoice = stage.latest(sub["id"])
        assert [taxes(line) for line in invoice["lines"]["data"]] == [[(-100, -500)], [(200, 1000)]]
        assert invoice["total"] == 600

    def test_an_exempt_customer_pays_none(self, stage: Stage) -> None:
        customer = stage.customer(tax_exempt="exempt")
        sub = stage.subscribe(customer, stage.price(1000), default_tax_rates=[rate(stage, 20)])
        invoice = stage.latest(sub["id"])
        assert invoice["total"] == 1000
        assert invoice["total_taxes"][0]["taxability_reason"] == "customer_exempt"

    @pytest.mark.parametrize(
        ("switches", "total"),
        [(Switches(), 79), (Switches(tax_rounding="invoice"), 80)],
        ids=["per line", "once"],
    )
    def test_rounding(self, stage: Stage, total: int) -> None:
        """Stripe's own table (support article): 0.43 and 4.84 at 15 percent are 0.06 + 0.73. Three
        cents more on the second line and rounding once comes to another cent."""
        customer = stage.customer()
        invoice = stage.api.invoices.create(
            {"customer": customer, "default_tax_rates": [rate(stage, 15)]}
        )
        for amount in (43, 489):
            item: Any = {"customer": customer, "invoice": invoice.id, "amount": amount}
            stage.api.invoice_items.create({**item, "currency": "usd"})
        shown = stage.invoice(invoice.id)
        assert sum(amount for amount, _ in taxes(shown)) == total
        lines = [taxes(line)[0][0] for line in shown["lines"]["data"]]
        assert sum(lines) == total

    def test_rates_are_kept_and_archived(self, stage: Stage) -> None:
        vat = rate(stage, 19)
        changed = stage.api.tax_rates.update(vat, {"active": False, "description": "old"})
        assert (changed["active"], changed["description"]) == (False, "old")
        assert stage.api.tax_rates.list({"active": True}).data == []
        with pytest.raises(stripe.InvalidRequestError):
            stage.subscribe(stage.customer(), stage.price(1000), default_tax_rates=["txr_none"])


@pytest.fixture
def unpaid(stage: Stage) -> Any:
    """An open invoice of 10.00 for a subscription whose renewal was declined."""
    customer = stage.customer()
    sub = stage.subscribe(customer, stage.price(1000))
    stage.swap_card(customer, "pm_card_chargeCustomerFail")
    stage.box.advance(seconds=30 * DAY + 3_600)
    return stage.latest(sub["id"])


@pytest.fixture
def paid(stage: Stage) -> Any:
    return stage.latest(stage.subscribe(stage.customer(), stage.price(1000))["id"])


class TestCreditNotes:
    def test_before_payment_it_lowers_what_is_due(self, stage: Stage, unpaid: Any) -> None:
        note = stage.api.credit_notes.create({"invoice": unpaid["id"], "amount": 400})
        assert (note["type"], note["pre_payment_amount"], note["status"]) == (
            "pre_payment",
            400,
            "issued",
        )
        now = stage.invoice(unpaid["id"])
        assert (now["amount_due"], now["amount_remaining"], now["status"]) == (600, 600, "open")
        assert now["pre_payment_credit_notes_amount"] == 400
        stage.swap_card(unpaid["customer"], "pm_card_visa")
        assert stage.api.invoices.pay(unpaid["id"])["amount_paid"] == 600

    def test_one_over_all_of_it_leaves_it_paid(self, stage: Stage, unpaid: Any) -> None:
        stage.api.credit_notes.create({"invoice": unpaid["id"], "amount": 1000})
        now = stage.invoice(unpaid["id"])
        assert (now["status"], now["amount_paid"], now["amount_remaining"]) == ("paid", 0, 0)
        owner = unpaid["parent"]["subscription_details"]["subscription"]
        assert stage.sub(owner)["status"] == "active"

    def test_voided_it_is_due_again(self, stage: Stage, unpaid: Any) -> None:
        note = stage.api.credit_notes.create({"invoice": unpaid["id"], "amount": 400})
        gone = stage.api.credit_notes.void_credit_note(note.id)
        assert gone["status"] == "void"
        assert stage.invoice(unpaid["id"])["amount_remaining"] == 1000
        assert stage.events("credit_note") == ["credit_note.created", "credit_note.voided"]

    def test_after_payment_it_is_credit_on_the_balance(self, stage: Stage, paid: Any) -> None:
        note = stage.api.credit_notes.create(
            {"invoice": paid["id"], "amount": 300, "credit_amount": 300, "reason": "order_change"}
        )
        assert (note["type"], note["post_payment_amount"]) == ("post_payment", 300)
        assert stage.api.customers.retrieve(paid["customer"])["balance"] == -300
        assert note["customer_balance_transaction"].startswith("cbtxn_")
        now = stage.invoice(paid["id"])
        assert (now["post_payment_credit_notes_amount"], now["amount_paid"]) == (300, 1000)
        with pytest.raises(stripe.InvalidRequestError):
            stage.api.credit_notes.void_credit_note(note.id)

    @pytest.mark.parametrize(
        "params",
        [{"amount": 300}, {"amount": 1001, "credit_amount": 1001}, {}],
        ids=["not said where to", "more than there is", "nothing"],
    )
    def test_what_is_refused(self, stage: Stage, paid: Any, params: Any) -> None:
        with pytest.raises(stripe.InvalidRequestError):
            stage.api.credit_notes.create({"invoice": paid["id"], **params})

    def test_a_part_of_a_line_takes_its_tax_and_discount_along(self, stage: Stage) -> None:
        offer = stage.api.coupons.create({"percent_off": 50, "duration": "forever"}).id  # type: ignore[typeddict-item]
        sub = stage.subscribe(
            stage.customer(),
            stage.price(1000),
            default_tax_rates=[rate(stage, 20)],
            discounts=[{"coupon": offer}],
        )
        invoice = stage.latest(sub["id"])
        line: Any = {"type": "invoice_line_item", "amount": 500}
        line["invoice_line_item"] = invoice["lines"]["data"][0]["id"]
        asked: Any = {"invoice": invoice["id"], "lines": [line], "credit_amount": 300}
        before = stage.api.credit_notes.preview(asked)
        note = stage.api.credit_notes.create(asked)
        assert (note["subtotal"], note["discount_amount"], note["total"]) == (500, 250, 300)
        assert before["total"] == note["total"]
        assert len(stage.api.credit_notes.list({"invoice": invoice["id"]}).data) == 1
        lines = stage.api.credit_notes.line_items.list(note.id).data
        assert [entry["amount"] for entry in lines] == [500]

    def test_a_memo_later(self, stage: Stage, paid: Any) -> None:
        note = stage.api.credit_notes.create(
            {"invoice": paid["id"], "amount": 300, "out_of_band_amount": 300}
        )
        changed = stage.api.credit_notes.update(note.id, {"memo": "sorry"})
        assert stage.api.credit_notes.retrieve(note.id)["memo"] == changed["memo"] == "sorry"
