"""Payment links: what they sell, what can be changed, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import Stage

ONCE = {"currency": "usd", "unit_amount": 1500, "product_data": {"name": "Onboarding"}}


def link(stage: Stage, **more: Any) -> Any:
    """A link to a monthly subscription of 10.00, if nothing else is said."""
    lines = more.pop("line_items", None) or [{"price": stage.price(1000), "quantity": 1}]
    return stage.api.payment_links.create({"line_items": lines, **more})


def once(stage: Stage, **more: Any) -> Any:
    """A link to something that costs 15.00 once, twice over."""
    return link(stage, line_items=[{"price_data": ONCE, "quantity": 2}], **more)


def change(stage: Stage, one: Any, **params: Any) -> Any:
    return stage.api.payment_links.update(one.id, params)  # type: ignore[arg-type]


def lines(stage: Stage, one: Any, **params: Any) -> Any:
    return stage.api.payment_links.line_items.list(one.id, params)  # type: ignore[arg-type]


class TestWhatItSells:
    def test_a_subscription(self, stage: Stage) -> None:
        data: Any = {"trial_period_days": 14, "metadata": {"of": "subscription"}}
        made = link(stage, subscription_data=data, metadata={"of": "link"}, expand=["line_items"])
        assert (made.active, made.currency, made.submit_type) == (True, "usd", "auto")
        assert made.url.startswith("https://buy.stripe.com/test_")
        assert made.payment_method_collection == "always"
        shown = made.subscription_data
        assert (shown.trial_period_days, shown.trial_settings) == (14, None)
        assert shown.invoice_settings.issuer.type == "self"
        assert (shown.metadata["of"], made.metadata["of"]) == ("subscription", "link")
        (line,) = made.line_items.data
        assert (line.price.unit_amount, line.quantity, line.amount_total) == (1000, 1, 1000)
        again = stage.api.payment_links.retrieve(made.id)
        # the lines are there for who asks
        assert "line_items" not in again.to_dict()
        assert again.url == made.url
        assert stage.events("payment_link") == ["payment_link.created"]

    def test_a_thing_with_a_price_of_its_own(self, stage: Stage) -> None:
        made = once(
            stage,
            payment_intent_data={"description": "Setup", "setup_future_usage": "off_session"},
            invoice_creation={"enabled": True, "invoice_data": {"footer": "Thank you"}},
            after_completion={"type": "redirect", "redirect": {"url": "https://shop.test/ok"}},
            expand=["line_items.data.price.product"],
        )
        assert (made.payment_method_collection, made.subscription_data) == ("if_required", None)
        assert made.payment_intent_data.setup_future_usage == "off_session"
        assert made.invoice_creation.invoice_data.footer == "Thank you"
        completion = {"type": "redirect", "redirect": {"url": "https://shop.test/ok"}}
        assert made.after_completion.to_dict() == completion
        (line,) = made.line_items.data
        assert (line.amount_subtotal, line.description) == (3000, "Onboarding")
        assert (line.price.active, line.price.product.name) == (False, "Onboarding")

    def test_a_setup_fee_beside_a_subscription(self, stage: Stage) -> None:
        monthly = {"price": stage.price(1000), "quantity": 3}
        both = link(stage, line_items=[monthly, {"price_data": ONCE, "quantity": 1}])
        assert both.subscription_data is not None
        first = lines(stage, both, limit=1)
        assert ([line.amount_total for line in first.data], first.has_more) == ([3000], True)
        rest = lines(stage, both, starting_after=first.data[0].id)
        assert ([line.amount_total for line in rest.data], rest.has_more) == ([1500], False)


class TestChanges:
    def test_settings(self, stage: Stage) -> None:
        made = once(stage, restrictions={"completed_sessions": {"limit": 5}}, metadata={"a": "1"})
        assert made.restrictions.completed_sessions.to_dict() == {"count": 0, "limit": 5}
        texts = {"inactive_message": "Sold out", "metadata": {"b": "2"}}
        after = change(stage, made, active=False, submit_type="donate", **texts)
        assert (after.active, after.inactive_message) == (False, "Sold out")
        assert after.url == made.url.replace("https://buy.", "https://donate.")
        assert after.metadata.to_dict() == {"a": "1", "b": "2"}
        assert change(stage, made, restrictions="", inactive_message="").restrictions is None
        event = stage.api.events.list({"type": "payment_link.updated"}).data[-1]
        assert event.data.to_dict()["previous_attributes"] == {
            "active": True,
            "inactive_message": None,
            "metadata": {"b": None},
            "submit_type": "auto",
            "url": made.url,
        }

    def test_what_is_passed_on_is_merged(self, stage: Stage) -> None:
        made = link(stage, subscription_data={"description": "Team", "metadata": {"a": "1"}})
        ending: Any = {"end_behavior": {"missing_payment_method": "cancel"}}
        data = {"trial_period_days": 7, "trial_settings": ending, "metadata": {"b": "2"}}
        shown = change(stage, made, subscription_data=data).subscription_data
        assert (shown.description, shown.trial_period_days) == ("Team", 7)
        assert shown.trial_settings.end_behavior.missing_payment_method == "cancel"
        assert shown.metadata.to_dict() == {"a": "1", "b": "2"}
        shown = change(stage, made, subscription_data={"trial_period_days": ""}).subscription_data
        assert (shown.description, shown.trial_period_days) == ("Team", None)

    def test_a_line(self, stage: Stage) -> None:
        made = link(stage)
        (line,) = lines(stage, made).data
        entry = {"id": line.id, "quantity": 4, "adjustable_quantity": {"enabled": True}}
        change(stage, made, line_items=[entry])
        (line,) = lines(stage, made).data
        assert (line.quantity, line.amount_total) == (4, 4000)
        assert line.adjustable_quantity.to_dict() == {"enabled": True, "maximum": 99, "minimum": 0}
        assert stage.events("payment_link") == ["payment_link.created", "payment_link.updated"]

    def test_what_changes_nothing_is_no_event(self, stage: Stage) -> None:
        made = link(stage, allow_promotion_codes=True)
        change(stage, made, allow_promotion_codes=True)
        assert stage.events("payment_link") == ["payment_link.created"]


def test_they_are_listed(stage: Stage) -> None:
    old, new = link(stage), once(stage)
    change(stage, old, active=False)
    listed = stage.api.payment_links.list
    assert [each.id for each in listed().data] == [new.id, old.id]
    assert [each.id for each in listed({"active": True}).data] == [new.id]
    assert [each.id for each in listed({"active": False}).data] == [old.id]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"line_items": []}, "line_items"),
        ({"line_items": [{"quantity": 1}]}, "line_items[0][price]"),
        ({"line_items": [{"price_data": ONCE}]}, "line_items[0][quantity]"),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "line_items[0][price]"),
        ({"line_items": [{"price_data": ONCE, "quantity": 1}] * 21}, "line_items"),
        ({"payment_intent_data": {"description": "Once"}}, "payment_intent_data"),
        ({"currency": "eur"}, "currency"),
        ({"after_completion": {"type": "redirect"}}, "after_completion[redirect]"),
        (
            {"restrictions": {"completed_sessions": {"limit": 0}}},
            "restrictions[completed_sessions][limit]",
        ),
        ({"submit_type": "give"}, "submit_type"),
        ({"success_url": "https://shop.test"}, "success_url"),
    ],
)
def test_what_cannot_be_sold_is_refused(stage: Stage, more: dict[str, Any], param: str) -> None:
    monthly = {"price": stage.price(1000), "quantity": 1}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.api.payment_links.create({"line_items": [monthly], **more})  # type: ignore[typeddict-item]
    assert refused.value.param == param
    # not even the prices that it would have made
    assert stage.events("payment_link", "price.") == ["price.created"]
    assert stage.api.payment_links.list().data == []


def test_what_does_not_go_together_is_refused(stage: Stage) -> None:
    def priced(price: str) -> Any:
        return {"price": price, "quantity": 1}

    for other in (stage.price(1000, "year"), stage.price(1000, currency="eur")):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            link(stage, line_items=[priced(stage.price(1000)), priced(other)])
        assert refused.value.param == "line_items"
    made = once(stage)
    for params in ({"subscription_data": {"trial_period_days": 7}}, {"line_items": [{"id": "li"}]}):
        with pytest.raises(stripe.InvalidRequestError):
            change(stage, made, **params)
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_link"):
        stage.api.payment_links.retrieve("plink_none")
