"""Changes at the period's end: scheduled, replaced, cancelled, entered, paid, given up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adapter.changes.activating import Activating
from tests.support.changes import line_of
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns

TEAM = "virtual-team"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="choose-when") as made:
        yield made


def start(w: World, plan: str = "growth", tier: str = "5k", **more: Any) -> None:
    w.account("acme")
    w.change("acme", plan, tier, family=TEAM, **more)


def later(w: World, plan: str | None, tier: str | None = None, **more: Any) -> Any:
    """Order a change for the period's end."""
    answer = w.execute("acme", w.quote("acme", plan, tier, family=TEAM, **more), when="period_end")
    assert answer.status_code == 201, answer.json
    w.settle()
    return answer.json


def phases(w: World) -> list[Any]:
    schedule = w.subscription("acme")["schedule"]
    return w.stripe("GET", f"/v1/subscription_schedules/{schedule}")["phases"]


def test_a_downgrade_waits_for_the_period_it_was_paid_for(w: World):
    start(w)
    since = len(w.calls())
    quote = w.quote("acme", "starter", "2k", family=TEAM)
    end = quote["timings"]["period_end"]
    assert end["due_now"]["amount"] == 0
    assert end["next_invoice"]["total"]["amount"] == 4500
    change = later(w, "starter", "2k")
    assert change["lines"][0]["state"] == "scheduled"
    assert w.plan("acme", TEAM) == ("growth", "5k")
    assert len(phases(w)) == 2
    w.advance(days=31, hours=2)
    assert line_of(w, change)["state"] == "applied"
    assert w.plan("acme", TEAM) == ("starter", "2k")
    newest = w.invoices("acme")[0]
    assert (newest["status"], newest["total"]) == ("paid", 4500)
    assert w.subscription("acme")["schedule"] is None
    assert since


def test_a_scheduled_change_is_cancelled_by_letting_the_schedule_go(w: World):
    start(w)
    change = later(w, "starter", "2k")
    since = len(w.calls())
    answer = w.call("POST", f"/v1/plan-changes/{change['id']}/cancel")
    assert answer.status_code == 200, answer.json
    assert [call.method for call in w.calls(since)] == ["POST"]
    assert answer.json["lines"][0]["state"] == "cancelled"
    w.settle()
    assert w.subscription("acme")["schedule"] is None
    w.advance(days=32)
    assert w.plan("acme", TEAM) == ("growth", "5k")
    # And scheduled again, and cancelled again, in the same period: each time it is really done.
    again = later(w, "starter", "2k")
    assert w.call("POST", f"/v1/plan-changes/{again['id']}/cancel").status_code == 200
    assert w.subscription("acme")["schedule"] is None


def test_a_scheduled_change_is_replaced_in_place(w: World):
    start(w)
    first = later(w, "starter", "2k")
    quote = w.quote("acme", "starter", "1k", family=TEAM)
    assert quote["changes"][0]["replaces"]["plan_change"] == first["id"]
    since = len(w.calls())
    answer = w.execute("acme", quote, when="period_end")
    assert answer.status_code == 201, answer.json
    assert [call.method for call in w.calls(since)] == ["POST"]
    assert line_of(w, first)["state"] == "superseded"
    w.settle()
    w.advance(days=31, hours=2)
    assert w.plan("acme", TEAM) == ("starter", "1k")


def test_an_upgrade_over_a_scheduled_downgrade_takes_its_place_when_it_is_paid(w: World):
    start(w)
    change = later(w, "starter", "2k")
    w.advance(days=3)
    quote = w.quote("acme", "growth", "10k", family=TEAM)
    answer = w.execute("acme", quote, when="now")
    assert answer.status_code == 201, answer.json
    w.settle()
    assert line_of(w, change)["state"] == "superseded"
    assert w.subscription("acme")["schedule"] is None
    assert w.plan("acme", TEAM) == ("growth", "10k")
    w.advance(days=32)
    assert w.plan("acme", TEAM) == ("growth", "10k")


def test_an_upgrade_declined_over_a_scheduled_downgrade_loses_nothing(w: World):
    start(w)
    change = later(w, "starter", "2k")
    w.use_card(w.state("acme")["customer"], "pm_card_chargeCustomerFail")
    answer = w.execute("acme", w.quote("acme", "growth", "10k", family=TEAM), when="now")
    assert answer.status_code == 402, answer.json
    w.settle()
    assert line_of(w, change)["state"] == "scheduled"
    assert len(phases(w)) >= 2
    w.use_card(w.state("acme")["customer"], "pm_card_visa")
    w.advance(days=31, hours=2)
    assert w.plan("acme", TEAM) == ("starter", "2k")


def test_another_interval_at_the_periods_end_is_charged_whole_from_there(w: World):
    start(w)
    change = later(w, "growth", "5k", interval="year")
    w.advance(days=31, hours=2)
    assert line_of(w, change)["state"] == "applied"
    newest = w.invoices("acme")[0]
    assert (newest["status"], newest["total"]) == ("paid", 159000)


def test_an_end_takes_the_place_of_a_downgrade_and_undoing_it_restores_nothing(w: World):
    start(w)
    change = later(w, "starter", "2k")
    end = later(w, None)
    assert line_of(w, change)["state"] == "superseded"
    assert w.subscription("acme")["cancel_at"] is not None
    answer = w.call("DELETE", "/v1/accounts/acme/cancellation")
    assert answer.status_code == 200, answer.json
    assert "do not come back" in answer.json["detail"]
    w.settle()
    assert line_of(w, end)["state"] == "cancelled"
    sub = w.subscription("acme")
    assert (sub["schedule"], sub["cancel_at"]) == (None, None)


def test_a_downgrade_takes_the_place_of_an_end(w: World):
    start(w)
    end = later(w, None)
    change = later(w, "starter", "2k")
    assert line_of(w, end)["state"] == "superseded"
    w.advance(days=31, hours=2)
    assert line_of(w, change)["state"] == "applied"
    assert w.plan("acme", TEAM) == ("starter", "2k")


def test_what_stripe_entered_does_not_count_before_it_is_paid(w: World):
    start(w)
    change = later(w, "starter", "2k")
    w.advance(days=31, seconds=60)
    assert line_of(w, change)["state"] == "activating"
    assert w.plan("acme", TEAM) == ("growth", "5k")
    assert w.state("acme")["plans"][0]["waits_for"]["plan_change"] == change["id"]
    w.advance(hours=2)
    assert line_of(w, change)["state"] == "applied"
    assert w.plan("acme", TEAM) == ("starter", "2k")


def test_another_saved_method_pays_when_the_default_is_declined(w: World):
    start(w)
    customer = w.state("acme")["customer"]
    change = later(w, "starter", "2k")
    w.use_card(customer, "pm_card_chargeCustomerFail")
    w.advance(days=31, hours=2)
    assert line_of(w, change)["state"] == "applied"
    assert w.invoices("acme")[0]["status"] == "paid"
    assert "could not be paid" not in " ".join(w.mail.subjects())


def failing_activation(w: World) -> Any:
    """A scheduled downgrade whose first payment fails, with no other method saved."""
    start(w)
    customer = w.state("acme")["customer"]
    good = w.state("acme")["default_payment_method"]
    change = later(w, "starter", "2k")
    w.use_card(customer, "pm_card_chargeCustomerFail")
    w.stripe("POST", f"/v1/payment_methods/{good}/detach")
    w.advance(days=31, hours=2)
    return change


def test_an_activation_that_fails_keeps_the_old_plan_and_says_how_to_pay(w: World):
    change = failing_activation(w)
    line = line_of(w, change)
    assert (line["state"], line["grace_until"] is not None) == ("activating", True)
    assert w.plan("acme", TEAM) == ("growth", "5k")
    (mail,) = [m for m in w.mail.messages if "could not be paid" in str(m["Subject"])]
    assert line["payment_url"] in mail.get_body(("plain",)).get_content()
    assert not any("did not go through" in subject for subject in w.mail.subjects())
    # The customer pays by hand: the change comes into effect after all.
    card = w.use_card(w.state("acme")["customer"], "pm_card_visa")
    w.stripe("POST", f"/v1/invoices/{line['invoice']}/pay", payment_method=card)
    w.settle()
    assert line_of(w, change)["state"] == "applied"
    assert w.plan("acme", TEAM) == ("starter", "2k")


def test_giving_up_leaves_no_unpaid_price_on_the_subscription(w: World):
    change = failing_activation(w)
    w.advance(days=8)
    assert line_of(w, change)["state"] == "failed"
    assert w.plan("acme", TEAM) == ("free", "100")
    state = w.state("acme")
    assert [sub["status"] for sub in state["subscriptions"]] == ["canceled"]
    assert {invoice["status"] for invoice in w.invoices("acme")} == {"paid", "void"}


def test_money_that_arrives_while_the_change_is_given_up_goes_to_the_balance(
    w: World, monkeypatch: pytest.MonkeyPatch
):
    change = failing_activation(w)
    invoice = line_of(w, change)["invoice"]
    taken_off = Activating._take_off

    def pay_at_the_last_moment(self: Activating, *of: Any) -> None:
        taken_off(self, *of)
        methods = w.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer)
        w.stripe("POST", f"/v1/invoices/{invoice}/pay", payment_method=methods["id"])

    customer = w.state("acme")["customer"]
    monkeypatch.setattr(Activating, "_take_off", pay_at_the_last_moment)
    w.advance(days=8)
    assert line_of(w, change)["state"] == "failed"
    assert w.plan("acme", TEAM) == ("free", "100")
    assert w.invoices("acme")[0]["status"] == "paid"
    # 45.00 for Starter 2k, which nobody has.
    assert w.state("acme")["balance"]["amount"] == -4500
