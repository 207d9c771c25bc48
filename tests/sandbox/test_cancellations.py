"""A subscription is cancelled at once, with credit and without."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from sandbox import Switches

from .changing import amounts
from .conftest import DAY, Stage


class TestCancelWithCredit:
    """prorate and invoice_now: the unused time goes to the balance once the invoice is final."""

    def cancel(self, stage: Stage) -> tuple[str, Any]:
        customer = stage.customer()
        sub = stage.subscribe(customer, stage.price(3000))
        stage.box.advance(seconds=20 * DAY)
        params: Any = {"prorate": True, "invoice_now": True}
        return customer, stage.api.subscriptions.cancel(sub["id"], params)

    def test_as_a_draft_the_credit_comes_when_it_is_finalized(self, stage: Stage) -> None:
        customer, sub = self.cancel(stage)
        draft = stage.invoice(sub["latest_invoice"])
        assert (draft["status"], amounts(draft)) == ("draft", [-1000])
        assert stage.api.customers.retrieve(customer)["balance"] == 0
        stage.api.invoices.finalize_invoice(draft["id"])
        assert stage.api.customers.retrieve(customer)["balance"] == -1000

    class TestFinalizedAtOnce:
        """The other value of the switch."""

        @pytest.fixture
        def switches(self) -> Switches:
            return Switches(cancel_final_invoice="finalized")

        def test_the_credit_is_there(self, stage: Stage) -> None:
            customer, sub = TestCancelWithCredit().cancel(stage)
            assert stage.invoice(sub["latest_invoice"])["status"] == "paid"
            assert stage.api.customers.retrieve(customer)["balance"] == -1000


def test_a_plain_cancel_gives_nothing_back_and_drops_pending_prorations(stage: Stage) -> None:
    customer = stage.customer()
    sub = stage.subscribe(customer, stage.price(1000))
    stage.box.advance(seconds=15 * DAY)
    stage.switch(sub, stage.price(2000))
    stage.api.subscriptions.cancel(sub["id"])
    assert stage.api.invoice_items.list({"customer": customer}).data == []
    assert stage.api.customers.retrieve(customer)["balance"] == 0
    with pytest.raises(stripe.InvalidRequestError) as caught:
        stage.api.subscriptions.cancel(sub["id"])
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def test_an_incomplete_start_that_is_canceled_has_expired(stage: Stage) -> None:
    sub = stage.subscribe(stage.customer("pm_card_chargeCustomerFail"), stage.price(1000))
    assert sub["status"] == "incomplete"
    ended = stage.api.subscriptions.cancel(sub["id"])
    assert ended["status"] == "incomplete_expired"
    assert stage.invoice(sub["latest_invoice"])["status"] == "void"
