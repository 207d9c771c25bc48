"""Coupons, promotion codes, discounts: on lines, on prorations, over months."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from sandbox import Switches

from .changing import amounts
from .conftest import DAY, Stage

NOW = {"proration_behavior": "always_invoice"}


def coupon(stage: Stage, **params: Any) -> str:
    wanted: Any = {"duration": "forever", **params}
    if "amount_off" in wanted:
        wanted["currency"] = "usd"
    return stage.api.coupons.create(wanted).id


def discounted(stage: Stage, price: str, *offers: str, **more: Any) -> Any:
    return stage.subscribe(
        stage.customer(), price, discounts=[{"coupon": offer} for offer in offers], **more
    )


class TestOnInvoices:
    def test_a_percentage_off(self, stage: Stage) -> None:
        """Recorded: 25.00 with 10 percent off is 22.50, named on the line and in the total."""
        sub = discounted(stage, stage.price(2500), coupon(stage, percent_off=10))
        invoice = stage.latest(sub["id"])
        (discount,) = sub["discounts"]
        cut = [{"amount": 250, "discount": discount}]
        assert (invoice["subtotal"], invoice["total"]) == (2500, 2250)
        assert invoice.to_dict()["lines"]["data"][0]["discount_amounts"] == cut
        assert invoice.to_dict()["total_discount_amounts"] == cut
        assert invoice["discounts"] == [discount]

    def test_a_discount_shows_its_coupon_as_its_source(self, stage: Stage) -> None:
        offer = coupon(stage, percent_off=10)
        sub = discounted(stage, stage.price(2500), offer)
        shown = stage.api.subscriptions.retrieve(sub["id"], {"expand": ["discounts"]})
        (discount,) = shown["discounts"]
        assert discount["source"].to_dict() == {"coupon": offer, "type": "coupon"}
        assert discount["subscription"] == sub["id"]

    def test_several_apply_one_after_the_other(self, stage: Stage) -> None:
        offers = coupon(stage, percent_off=50), coupon(stage, amount_off=300)
        sub = discounted(stage, stage.price(1000), *offers)
        assert stage.latest(sub["id"])["total"] == 200

    def test_an_item_s_own_discount_comes_first(self, stage: Stage) -> None:
        half = coupon(stage, percent_off=50)
        items = [
            {"price": stage.price(1000), "discounts": [{"coupon": half}]},
            {"price": stage.price(3000)},
        ]
        sub = stage.api.subscriptions.create(
            {
                "customer": stage.customer(),
                "items": items,  # type: ignore[typeddict-item]
                "discounts": [{"coupon": coupon(stage, percent_off=10)}],
            }
        )
        invoice = stage.latest(sub["id"])
        assert (invoice["subtotal"], invoice["total"]) == (3500, 3150)

    def test_an_amount_off_is_shared_to_the_cent(self, stage: Stage) -> None:
        items = [{"price": stage.price(1000)}, {"price": stage.price(2000)}]
        sub = stage.api.subscriptions.create(
            {
                "customer": stage.customer(),
                "items": items,  # type: ignore[typeddict-item]
                "discounts": [{"coupon": coupon(stage, amount_off=500)}],
            }
        )
        lines = stage.latest(sub["id"])["lines"]["data"]
        assert [line["discount_amounts"][0]["amount"] for line in lines] == [167, 333]

    def test_it_never_goes_below_nothing(self, stage: Stage) -> None:
        sub = discounted(stage, stage.price(300), coupon(stage, amount_off=500))
        assert (sub["status"], stage.latest(sub["id"])["total"]) == ("active", 0)

    def test_only_the_products_it_is_for(self, stage: Stage) -> None:
        other = stage.api.products.create({"name": "Other"}).id
        offer = coupon(stage, percent_off=50, applies_to={"products": [other]})
        items = [{"price": stage.price(1000)}, {"price": stage.price(800, product=other)}]
        sub = stage.api.subscriptions.create(
            {"customer": stage.customer(), "items": items, "discounts": [{"coupon": offer}]}  # type: ignore[typeddict-item]
        )
        assert stage.latest(sub["id"])["total"] == 1400

    def test_on_an_invoice_made_by_hand(self, stage: Stage) -> None:
        customer = stage.customer()
        invoice = stage.api.invoices.create({"customer": customer})
        item: Any = {"customer": customer, "invoice": invoice.id, "amount": 1000}
        stage.api.invoice_items.create({**item, "currency": "usd"})
        offer = coupon(stage, percent_off=25)
        changed = stage.api.invoices.update(invoice.id, {"discounts": [{"coupon": offer}]})
        assert changed["total"] == 750
        assert stage.api.invoices.pay(invoice.id)["amount_paid"] == 750


class TestOverTime:
    def test_once_is_the_first_charge_only(self, stage: Stage) -> None:
        sub = discounted(stage, stage.price(1000), coupon(stage, percent_off=50, duration="once"))
        assert stage.latest(sub["id"])["total"] == 500
        assert sub["discounts"] == []
        assert "customer.discount.deleted" in stage.events()
        stage.box.advance(seconds=31 * DAY)
        assert stage.latest(sub["id"])["total"] == 1000

    def test_once_outlives_a_trial_s_invoice_of_nothing(self, stage: Stage) -> None:
        offer = coupon(stage, percent_off=50, duration="once")
        sub = discounted(stage, stage.price(1000), offer, trial_period_days=7)
        assert len(sub["discounts"]) == 1
        stage.box.advance(seconds=8 * DAY)
        assert stage.latest(sub["id"])["total"] == 500

    def test_repeating_is_over_after_its_months(self, stage: Stage) -> None:
        offer = coupon(stage, percent_off=50, duration="repeating", duration_in_months=2)
        sub = discounted(stage, stage.price(1000), offer)
        stage.box.advance(seconds=95 * DAY)
        totals = [body["total"] for body in stage.api.invoices.list().data]
        assert totals == [1000, 1000, 500, 500]
        assert stage.sub(sub["id"])["discounts"] == []

    def test_the_id_keeps_the_months_and_the_coupon_starts_anew(self, stage: Stage) -> None:
        offer = coupon(stage, percent_off=50, duration="repeating", duration_in_months=2)
        sub = discounted(stage, stage.price(1000), offer)
        (first,) = sub["discounts"]
        stage.box.advance(seconds=20 * DAY)
        kept = stage.api.subscriptions.update(sub["id"], {"discounts": [{"discount": first}]})
        assert kept["discounts"] == [first]
        again = stage.api.subscriptions.update(sub["id"], {"discounts": [{"coupon": offer}]})
        (second,) = again["discounts"]
        ends = [stage.box.world.store.get("discount", entry)["end"] for entry in (first, second)]
        assert ends[1] - ends[0] > 15 * DAY

    def test_an_empty_value_takes_them_away(self, stage: Stage) -> None:
        sub = discounted(stage, stage.price(1000), coupon(stage, percent_off=50))
        changed = stage.api.subscriptions.update(sub["id"], {"discounts": ""})
        assert changed["discounts"] == []
        assert changed["latest_invoice"] == sub["latest_invoice"]

    def test_delete_discount(self, stage: Stage) -> None:
        sub = discounted(stage, stage.price(1000), coupon(stage, percent_off=50))
        gone = stage.api.subscriptions.delete_discount(sub["id"])
        assert gone.deleted is True
        assert stage.sub(sub["id"])["discounts"] == []
        with pytest.raises(stripe.InvalidRequestError):
            stage.api.subscriptions.delete_discount(sub["id"])

    def test_a_deleted_coupon_gives_nothing_new_and_its_discounts_go_on(self, stage: Stage) -> None:
        offer = coupon(stage, percent_off=50)
        sub = discounted(stage, stage.price(1000), offer)
        assert stage.api.coupons.delete(offer).deleted is True
        with pytest.raises(stripe.InvalidRequestError) as caught:
            discounted(stage, stage.price(1000), offer)
        assert caught.value.code == "resource_missing"
        stage.box.advance(seconds=31 * DAY)
        assert stage.latest(sub["id"])["total"] == 500


class TestOnProrations:
    """§3.1: already inside the amount; what was really debited is what is credited."""

    def test_credit_and_debit_hold_the_discount(self, april: Stage) -> None:
        sub = discounted(april, april.price(1000), coupon(april, percent_off=50))
        april.box.advance(seconds=15 * DAY)
        april.switch(sub, april.price(2000), **NOW)
        invoice = april.latest(sub["id"])
        assert (amounts(invoice), invoice["total"]) == ([-250, 500], 250)
        line = invoice["lines"]["data"][0]
        assert line["discountable"] is False
        assert [cut["amount"] for cut in line["discount_amounts"]] == [0]

    @pytest.mark.parametrize(("mode", "credit"), [("classic", -250), ("flexible", -417)])
    def test_the_documented_example(self, april: Stage, mode: str, credit: int) -> None:
        """5.00 off 10 + 20, the 10 removed at half time."""
        items = [{"price": april.price(1000)}, {"price": april.price(2000)}]
        sub = april.api.subscriptions.create(
            {
                "customer": april.customer(),
                "items": items,  # type: ignore[typeddict-item]
                "discounts": [{"coupon": coupon(april, amount_off=500)}],
                "billing_mode": {"type": mode},  # type: ignore[typeddict-item]
            }
        )
        april.box.advance(seconds=15 * DAY)
        gone: Any = [{"id": sub["items"]["data"][0]["id"], "deleted": True}]
        april.api.subscriptions.update(sub["id"], {"items": gone, **NOW})  # type: ignore[typeddict-item]
        assert amounts(april.latest(sub["id"])) == [credit]

    def test_a_spent_once_coupon(self, april: Stage) -> None:
        """Flexible credits the half price that was paid; classic the full price of now."""
        subs = [
            discounted(
                april,
                april.price(1000),
                coupon(april, percent_off=50, duration="once"),
                billing_mode={"type": mode},
            )
            for mode in ("flexible", "classic")
        ]
        april.box.advance(seconds=15 * DAY)
        for sub, credit in zip(subs, (-250, -500), strict=True):
            april.switch(sub, april.price(2000), **NOW)
            assert amounts(april.latest(sub["id"])) == [credit, 1000]

    def test_a_new_discount_alone_prorates_nothing(self, april: Stage) -> None:
        sub = april.subscribe(april.customer(), april.price(1000))
        april.box.advance(seconds=15 * DAY)
        offer = [{"coupon": coupon(april, percent_off=50)}]
        changed = april.api.subscriptions.update(sub["id"], {"discounts": offer, **NOW})  # type: ignore[typeddict-item]
        assert changed["latest_invoice"] == sub["latest_invoice"]

    @pytest.mark.parametrize(
        ("switches", "debit"),
        [(Switches(), 833), (Switches(proration_amount_off="whole"), 750)],
        ids=["shared", "whole"],
    )
    def test_a_share_of_an_amount_off(self, april: Stage, debit: int) -> None:
        """The 10.00 item becomes 20.00 beside another of 10.00: its debit has 2/3 of 5.00 off."""
        items = [{"price": april.price(1000)}, {"price": april.price(1000, nickname="b")}]
        sub = april.api.subscriptions.create(
            {
                "customer": april.customer(),
                "items": items,  # type: ignore[typeddict-item]
                "discounts": [{"coupon": coupon(april, amount_off=500)}],
            }
        )
        april.box.advance(seconds=15 * DAY)
        april.switch(sub, april.price(2000), **NOW)
        assert amounts(april.latest(sub["id"])) == [-375, debit]

    def test_a_discount_waits_in_a_pending_update(self, april: Stage) -> None:
        customer = april.customer()
        sub = april.subscribe(customer, april.price(1000))
        april.swap_card(customer, "pm_card_chargeCustomerFail")
        waiting = april.switch(
            sub,
            april.price(4000),
            **NOW,
            payment_behavior="pending_if_incomplete",
            discounts=[{"coupon": coupon(april, percent_off=50)}],
        )
        assert (waiting["discounts"], len(waiting["pending_update"]["discounts"])) == ([], 1)
        april.swap_card(customer, "pm_card_visa")
        april.api.invoices.pay(april.latest(sub["id"])["id"])
        assert len(april.sub(sub["id"])["discounts"]) == 1
