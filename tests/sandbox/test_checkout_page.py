"""Checkout: what is refused, the page for people, and the page's own calls."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from sandbox import create_app

from .checking_out import BACK, buying, subscribing
from .conftest import DAY, START, Stage


class TestWhatIsRefused:
    def refused(self, stage: Stage, match: str, **params: Any) -> None:
        with pytest.raises(stripe.InvalidRequestError, match=match):
            stage.api.checkout.sessions.create(params)

    def test_what_does_not_fit_the_mode(self, stage: Stage) -> None:
        monthly = [{"price": stage.price(1000), "quantity": 1}]
        once: Any = {"product": stage.product, "currency": "usd", "unit_amount": 5}
        single = [{"price": stage.api.prices.create(once).id, "quantity": 1}]
        yearly = {"price": stage.price(9000, "year"), "quantity": 1}
        sub: Any = {"mode": "subscription", **BACK}
        self.refused(stage, "recurring price", line_items=monthly, **BACK)
        self.refused(stage, "at least one recurring", line_items=single, **sub)
        self.refused(stage, "different billing intervals", line_items=[*monthly, yearly], **sub)
        self.refused(stage, "line_items", **sub)
        self.refused(stage, "currency", mode="setup", **BACK)
        self.refused(stage, "`setup` mode", mode="setup", line_items=monthly, **BACK)
        data = {"description": "x"}
        self.refused(stage, "subscription_data", line_items=single, subscription_data=data, **BACK)
        self.refused(stage, "customer_creation", customer_creation="always", **sub)

    def test_what_makes_no_sense(self, stage: Stage) -> None:
        monthly = [{"price": stage.price(1000), "quantity": 1}]
        sub: Any = {"mode": "subscription", "line_items": monthly}
        self.refused(stage, "success_url", **sub)
        self.refused(stage, "30 minutes", expires_at=START + 60, **sub, **BACK)
        self.refused(stage, "30 minutes", expires_at=START + 2 * DAY, **sub, **BACK)
        self.refused(stage, "customer_email", customer=stage.customer(), customer_email="a", **sub,
                     **BACK)  # fmt: skip
        self.refused(stage, "unknown parameter", payment_method_types=["card"], **sub, **BACK)
        self.refused(stage, "Quantity is required", mode="subscription",
                     line_items=[{"price": stage.price(5)}], **BACK)  # fmt: skip
        self.refused(stage, "hosted_page", ui_mode="elements", **sub, **BACK)
        prorated = {"proration_behavior": "always_invoice"}
        self.refused(stage, "must be one of", subscription_data=prorated, **sub, **BACK)


class TestThePage:
    def page(self, stage: Stage, session: Any) -> tuple[Any, str]:
        return create_app(stage.box).test_client(), f"/c/pay/{session.id}"

    def test_a_person_pays_and_comes_back(self, stage: Stage) -> None:
        session = subscribing(stage)
        web, url = self.page(stage, session)
        shown = web.get(url).text
        assert "Due today: 10.00 USD" in shown
        assert "https://shop.test/back" in shown
        declined = web.post(url, data={"card": "pm_card_chargeDeclined"})
        assert (declined.status_code, "declined" in declined.text) == (402, True)
        asked = web.post(url, data={"card": "pm_card_threeDSecure2Required", "email": "a@b.test"})
        assert "Your bank asks" in asked.text
        assert 'value="a@b.test"' in asked.text
        answer = {"card": "pm_card_threeDSecure2Required", "answer": "complete"}
        done = web.post(url, data=answer)
        assert done.status_code == 303
        assert done.location == f"https://shop.test/ok?session={session.id}"
        assert "is complete" in web.get(url).text
        assert web.post(url, data={"card": "pm_card_visa"}).status_code == 409

    def test_nonsense_is_told(self, stage: Stage) -> None:
        web, url = self.page(stage, subscribing(stage))
        assert web.post(url, data={"card": "pm_card_gold"}).status_code == 400
        assert web.post(url, data={"card": "pm_card_visa", "answer": "x"}).status_code == 400
        assert web.get("/c/pay/cs_test_none").status_code == 404

    def test_debits_and_codes_are_offered_where_they_are_taken(self, stage: Stage) -> None:
        session = subscribing(
            stage,
            allow_promotion_codes=True,
            allowed_payment_method_types=["card", "sepa_debit"],
        )
        web, url = self.page(stage, session)
        shown = web.get(url).text
        assert "Promotion code" in shown
        assert "AT611904300234573201" in shown


def test_the_page_s_own_calls_as_the_cli_makes_them(stage: Stage) -> None:
    session = buying(stage)
    key = {"Authorization": "Bearer sk_test_1"}
    path = f"/v1/payment_pages/{session.id}"
    assert stage.box.call("GET", path, "", key).body["status"] == "open"
    method = stage.api.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}).id
    wrong = stage.box.call("POST", f"{path}/confirm", f"payment_method={method}&expected_amount=1",
                           key)  # fmt: skip
    assert wrong.status == 400
    form = f"payment_method={method}&expected_amount=3000"
    assert stage.box.call("POST", f"{path}/confirm", form, key).body["status"] == "complete"
    assert stage.box.call("POST", f"{path}/confirm", form, key).status == 400
    bad = buying(stage)
    refused = stage.box.call(
        "POST",
        f"/v1/payment_pages/{bad.id}/confirm",
        "payment_method=pm_card_chargeDeclined",
        key,
    )
    assert refused.status == 402
