"""Coupons and promotion codes: what they must be, when they may be used."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import DAY, Stage
from .test_discounts import coupon, discounted


class TestCodesAndLimits:
    def test_a_promotion_code(self, stage: Stage) -> None:
        offer = coupon(stage, percent_off=50)
        code = stage.api.promotion_codes.create(
            {"promotion": {"type": "coupon", "coupon": offer}, "code": "HALF"}
        )
        assert code["promotion"]["coupon"] == offer
        sub = stage.subscribe(
            stage.customer(), stage.price(1000), discounts=[{"promotion_code": code.id}]
        )
        assert stage.latest(sub["id"])["total"] == 500
        assert stage.api.promotion_codes.retrieve(code.id)["times_redeemed"] == 1
        assert [c.id for c in stage.api.promotion_codes.list({"code": "HALF"}).data] == [code.id]

    def test_codes_that_cannot_be_used(self, stage: Stage) -> None:
        promotion: Any = {"type": "coupon", "coupon": coupon(stage, percent_off=50)}
        other = stage.customer()
        for more in ({"active": False}, {"customer": other}, {"expires_at": stage.box.now() - 1}):
            code = stage.api.promotion_codes.create({"promotion": promotion, **more})  # type: ignore[typeddict-item]
            with pytest.raises(stripe.InvalidRequestError):
                stage.subscribe(
                    stage.customer(), stage.price(1000), discounts=[{"promotion_code": code.id}]
                )

    def test_a_coupon_that_is_used_up(self, stage: Stage) -> None:
        offer = coupon(stage, percent_off=50, max_redemptions=1)
        discounted(stage, stage.price(1000), offer)
        assert stage.api.coupons.retrieve(offer)["valid"] is False
        with pytest.raises(stripe.InvalidRequestError) as caught:
            discounted(stage, stage.price(1000), offer)
        assert caught.value.code == "coupon_expired"

    def test_a_coupon_past_its_day(self, stage: Stage) -> None:
        offer = coupon(stage, percent_off=50, redeem_by=stage.box.now() + DAY)
        stage.box.advance(seconds=2 * DAY)
        assert stage.api.coupons.retrieve(offer)["valid"] is False

    @pytest.mark.parametrize(
        "params",
        [
            {"percent_off": 50, "amount_off": 5, "currency": "usd"},
            {"duration": "once"},
            {"percent_off": 101},
            {"amount_off": 5},
            {"percent_off": 5, "duration": "repeating"},
        ],
    )
    def test_what_a_coupon_must_be(self, stage: Stage, params: Any) -> None:
        with pytest.raises(stripe.InvalidRequestError):
            stage.api.coupons.create(params)

    def test_another_currency_is_refused(self, stage: Stage) -> None:
        offer = stage.api.coupons.create({"amount_off": 5, "currency": "eur"}).id
        with pytest.raises(stripe.InvalidRequestError):
            discounted(stage, stage.price(1000), offer)

    def test_a_preview_may_name_discounts(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(1000))
        shown = stage.api.invoices.create_preview(
            {"subscription": sub["id"], "discounts": [{"coupon": coupon(stage, percent_off=20)}]}
        )
        assert shown["total"] == 800
        assert stage.sub(sub["id"])["discounts"] == []
