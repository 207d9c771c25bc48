"""Two families on one subscription: each line goes its own way, and neither takes the other along.

The account buys Mail Basic (10.00 a month) on 10 January 2026 and Bots Small (20.00) beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.changes import line_of
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns

CATALOGUE = str(Path(__file__).with_name("shared.toml"))


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue=CATALOGUE) as made:
        made.account("acme")
        made.change("acme", "basic", "1k", family="mail")
        made.change("acme", "small", "1", family="bots")
        yield made


@pytest.fixture
def lite(sqlite_url: str) -> Iterator[World]:
    """For stories in which the database has no part."""
    with world(sqlite_url, catalogue=CATALOGUE) as made:
        made.account("acme")
        made.change("acme", "basic", "1k", family="mail")
        made.change("acme", "small", "1", family="bots")
        yield made


def order(w: World, when: str, family: str, plan: str | None, **more: Any) -> Any:
    tier = {"mail": "1k", "bots": "1"}[family] if plan else None
    answer = w.execute("acme", w.quote("acme", plan, tier, family=family, **more), when=when)
    assert answer.status_code == 201, answer.json
    w.settle()
    return answer.json


def refused(w: World, family: str, plan: str, tier: str, **more: Any) -> Any:
    body = {"family": family, "plan": plan, "tier": tier, "interval": "month", **more}
    answer = w.call("POST", "/v1/accounts/acme/quotes", {"changes": [body]})
    assert answer.status_code == 409, answer.json
    return answer.json


def amounts(sub: Any) -> list[int]:
    """What each item of a subscription costs."""
    return sorted(item["price"]["unit_amount"] for item in sub["items"]["data"])


def newest(w: World) -> tuple[str, int, list[int]]:
    found = w.invoices("acme")[0]
    return (
        found["status"],
        found["total"],
        sorted(line["amount"] for line in found["lines"]["data"]),
    )


def plans(w: World) -> list[str | None]:
    found = (w.plan("acme", family) for family in ("mail", "bots"))
    return [one[0] if one else None for one in found]


def scheduled(w: World) -> list[int]:
    """What the next phase of the schedule will bill."""
    schedule = w.stripe("GET", f"/v1/subscription_schedules/{w.subscription('acme')['schedule']}")
    following = schedule["phases"][-1]["items"]
    prices = {price["id"]: price["unit_amount"] for price in w.box.world.store.scan("price")}
    return sorted(prices[item["price"]] for item in following)


def mails(w: World, word: str) -> list[str]:
    return [subject for subject in w.mail.subjects() if word in subject]


def test_a_second_family_joins_and_is_billed_for_the_rest_of_the_period(database_url: str):
    with world(database_url, catalogue=CATALOGUE) as w:
        w.account("acme")
        w.change("acme", "basic", "1k", family="mail")
        w.advance(days=10)
        quote = w.quote("acme", "small", "1", family="bots")
        # 20.00 x 21/31 = 13.55.
        assert quote["timings"]["now"]["due_now"]["amount"] == 1_355
        assert w.execute("acme", quote).status_code == 201
        w.settle()
        assert newest(w) == ("paid", 1_355, [1_355])
        assert amounts(w.subscription("acme")) == [1_000, 2_000]
        assert plans(w) == ["basic", "small"]
        w.advance(days=21, hours=2)
        assert newest(w) == ("paid", 3_000, [1_000, 2_000])


def test_a_change_of_one_line_leaves_the_other_alone(w: World):
    w.advance(days=10)
    before = {item["id"]: item for item in w.subscription("acme")["items"]["data"]}
    order(w, "now", "mail", "plus")
    # 30.00 x 21/31 - 10.00 x 21/31 = 20.32 - 6.77 = 13.55.
    assert newest(w) == ("paid", 1_355, [-677, 2_032])
    after = {item["id"]: item for item in w.subscription("acme")["items"]["data"]}
    changed = [id for id in before if before[id] != after[id]]
    assert (len(after), len(changed)) == (2, 1)
    assert plans(w) == ["plus", "small"]


def test_a_new_cycle_is_refused_for_a_line_that_is_not_alone(w: World):
    since = len(w.calls())
    for told in (
        refused(w, "mail", "max", "1k"),
        refused(w, "mail", "basic", "1k", interval="year"),
        refused(w, "mail", "plus", "1k", interval="year"),
    ):
        assert (told["code"], told["families"]) == ("shared_cycle", ["bots"])
    assert w.calls(since) == []
    # Alone again, it may.
    order(w, "now", "bots", None)
    order(w, "now", "mail", "max")
    assert plans(w) == ["max", None]


def test_one_line_ends_with_what_its_rule_gives_back_and_one_mail(w: World):
    w.advance(days=10)
    quote = w.quote("acme", None, family="bots")
    assert quote["timings"]["now"]["credited_to_balance"]["amount"] == 0
    assert w.execute("acme", quote, when="now").status_code == 201
    w.settle()
    assert (plans(w), amounts(w.subscription("acme"))) == (["basic", None], [1_000])
    assert w.state("acme")["balance"]["amount"] == 0
    assert mails(w, "ended") == ["Your subscription to Small 1 monthly has ended"]
    # And once more, the other one this time: its unused time is paid back to the balance.
    order(w, "now", "bots", "small")
    order(w, "now", "mail", None)
    # 10.00 x 21/31 = 6.77.
    assert w.state("acme")["balance"]["amount"] == -677
    assert (plans(w), amounts(w.subscription("acme"))) == ([None, "small"], [2_000])
    assert len(mails(w, "ended")) == 2
    w.advance(days=21, hours=2)
    # 20.00, of which the balance pays 6.77.
    assert (newest(w), w.invoices("acme")[0]["amount_paid"]) == (("paid", 2_000, [2_000]), 1_323)


def test_cancelling_one_scheduled_change_keeps_the_other_s(w: World):
    order(w, "now", "mail", "plus")
    mail = order(w, "period_end", "mail", "basic")
    bots = order(w, "period_end", "bots", "large")
    assert scheduled(w) == [1_000, 5_000]
    assert w.call("POST", f"/v1/plan-changes/{mail['id']}/cancel").status_code == 200
    w.settle()
    assert [line_of(w, change)["state"] for change in (mail, bots)] == ["cancelled", "scheduled"]
    assert scheduled(w) == [3_000, 5_000]
    w.advance(days=31, hours=2)
    assert plans(w) == ["plus", "large"]
    assert newest(w) == ("paid", 8_000, [3_000, 5_000])
    assert line_of(w, bots)["state"] == "applied"


def test_a_change_now_of_one_line_keeps_what_is_scheduled_for_the_other(w: World):
    bots = order(w, "period_end", "bots", "large")
    order(w, "now", "mail", "plus")
    assert line_of(w, bots)["state"] == "scheduled"
    assert scheduled(w) == [3_000, 5_000]
    w.advance(days=31, hours=2)
    assert (plans(w), newest(w)) == (["plus", "large"], ("paid", 8_000, [3_000, 5_000]))


def test_who_joins_over_a_scheduled_change_is_in_what_comes_next(database_url: str):
    with world(database_url, catalogue=CATALOGUE) as w:
        w.account("acme")
        w.change("acme", "plus", "1k", family="mail")
        mail = order(w, "period_end", "mail", "basic")
        w.advance(days=10)
        order(w, "now", "bots", "small")
        assert amounts(w.subscription("acme")) == [2_000, 3_000]
        assert scheduled(w) == [1_000, 2_000]
        assert line_of(w, mail)["state"] == "scheduled"
        w.advance(days=21, hours=2)
        assert (plans(w), newest(w)) == (["basic", "small"], ("paid", 3_000, [1_000, 2_000]))


def test_nobody_joins_what_ends_or_waits_for_a_payment(sqlite_url: str):
    with world(sqlite_url, catalogue=CATALOGUE) as w:
        for ref in ("acme", "globex"):
            w.account(ref)
            w.change(ref, "basic", "1k", family="mail")
        # What is bought beside a plan that is set to end does not end with it.
        order(w, "period_end", "mail", None)
        order(w, "now", "bots", "small")
        assert len(w.state("acme")["subscriptions"]) == 2
        w.advance(days=31, hours=2)
        assert plans(w) == [None, "small"]
        # While an upgrade waits for its payment, a second update would void its invoice.
        w.use_card(w.state("globex")["customer"], "pm_card_authenticationRequired")
        waiting = w.execute("globex", w.quote("globex", "plus", "1k", family="mail"), when="now")
        assert waiting.json["lines"][0]["state"] == "awaiting_payment"
        body = {"family": "bots", "plan": "small", "tier": "1", "interval": "month"}
        answer = w.call("POST", "/v1/accounts/globex/quotes", {"changes": [body]})
        assert (answer.status_code, answer.json["code"]) == (409, "change_in_progress")
        assert answer.json["plan_change"] == waiting.json["id"]


def test_an_end_now_of_one_line_keeps_what_is_scheduled_for_the_other(lite: World):
    w = lite
    order(w, "now", "mail", "plus")
    mail = order(w, "period_end", "mail", "basic")
    bots = order(w, "period_end", "bots", "large")
    order(w, "now", "bots", None)
    assert [line_of(w, change)["state"] for change in (mail, bots)] == ["scheduled", "superseded"]
    assert scheduled(w) == [1_000]
    w.advance(days=31, hours=2)
    assert (plans(w), newest(w)) == (["basic", None], ("paid", 1_000, [1_000]))


def test_one_line_ends_while_the_other_changes(w: World):
    mail = order(w, "period_end", "mail", None)
    assert len(mails(w, "is set to end")) == 1
    bots = order(w, "period_end", "bots", "large")
    assert scheduled(w) == [5_000]
    assert plans(w) == ["basic", "small"]
    assert w.subscription("acme")["cancel_at"] is None
    w.advance(days=31, hours=2)
    assert [line_of(w, change)["state"] for change in (mail, bots)] == ["applied", "applied"]
    assert (plans(w), newest(w)) == ([None, "large"], ("paid", 5_000, [5_000]))
    assert len(mails(w, "ended")) == 1


def test_both_lines_set_to_end_are_the_end_of_the_subscription(w: World):
    mail = order(w, "period_end", "mail", None)
    assert scheduled(w) == [2_000]
    bots = order(w, "period_end", "bots", None)
    schedule = w.stripe("GET", f"/v1/subscription_schedules/{w.subscription('acme')['schedule']}")
    assert (len(schedule["phases"]), schedule["end_behavior"]) == (1, "cancel")
    # Taking back one of the two lets the subscription go on, with that line only.
    answer = w.call("DELETE", "/v1/accounts/acme/cancellation?family=bots")
    assert answer.status_code == 200, answer.json
    w.settle()
    assert [line_of(w, change)["state"] for change in (mail, bots)] == ["scheduled", "cancelled"]
    assert scheduled(w) == [2_000]
    order(w, "period_end", "bots", None)
    w.advance(days=31, hours=2)
    assert plans(w) == [None, None]
    assert [sub["status"] for sub in w.state("acme")["subscriptions"]] == ["canceled"]
    assert len(w.invoices("acme")) == 2
    assert (len(mails(w, "set to end")), len(mails(w, "continues"))) == (3, 1)
    assert len(mails(w, "has ended")) == 2


def test_giving_up_one_line_s_activation_keeps_the_other_line_s_bill(w: World):
    customer = w.state("acme")["customer"]
    good = w.state("acme")["default_payment_method"]
    order(w, "now", "mail", "plus")
    change = order(w, "period_end", "mail", "basic")
    w.use_card(customer, "pm_card_chargeCustomerFail")
    w.stripe("POST", f"/v1/payment_methods/{good}/detach")
    w.advance(days=31, hours=2)
    assert line_of(w, change)["state"] == "activating"
    assert plans(w) == ["plus", "small"]
    assert newest(w) == ("open", 3_000, [1_000, 2_000])
    w.advance(days=3)
    assert line_of(w, change)["state"] == "failed"
    # Mail is gone, with what was billed for it; Bots is still there and still to be paid.
    assert amounts(w.subscription("acme")) == [2_000]
    invoice = w.invoices("acme")[0]
    assert (invoice["status"], invoice["amount_remaining"]) == ("open", 2_000)
    card = w.use_card(customer, "pm_card_visa")
    w.stripe("POST", f"/v1/invoices/{invoice['id']}/pay", payment_method=card)
    w.settle()
    assert plans(w) == [None, "small"]
    assert w.subscription("acme")["status"] == "active"
    # What was paid is Bots' own: none of it is given back.
    assert w.state("acme")["balance"]["amount"] == 0
    w.advance(days=28, hours=2)
    assert newest(w) == ("paid", 2_000, [2_000])


def two_that_nobody_paid(w: World) -> tuple[Any, Any]:
    """Both lines change at the period's end, and the card is declined."""
    customer = w.state("acme")["customer"]
    good = w.state("acme")["default_payment_method"]
    order(w, "now", "mail", "plus")
    changes = order(w, "period_end", "mail", "basic"), order(w, "period_end", "bots", "large")
    w.use_card(customer, "pm_card_chargeCustomerFail")
    w.stripe("POST", f"/v1/payment_methods/{good}/detach")
    w.advance(days=31, hours=2)
    return changes


def test_giving_up_both_lines_leaves_nothing_to_be_paid(lite: World):
    w = lite
    mail, bots = two_that_nobody_paid(w)
    assert [line_of(w, change)["state"] for change in (mail, bots)] == ["activating", "activating"]
    assert plans(w) == ["plus", "small"]
    w.advance(days=3)
    assert [line_of(w, change)["state"] for change in (mail, bots)] == ["failed", "failed"]
    assert plans(w) == [None, None]
    invoice = w.invoices("acme")[0]
    assert (invoice["amount_remaining"], invoice["amount_paid"]) == (0, 0)
    assert [sub["status"] for sub in w.state("acme")["subscriptions"]] == ["canceled"]
    assert w.state("acme")["balance"]["amount"] == 0


def test_paying_by_hand_brings_both_lines_into_effect(lite: World):
    w = lite
    mail, bots = two_that_nobody_paid(w)
    card = w.use_card(w.state("acme")["customer"], "pm_card_visa")
    w.stripe("POST", f"/v1/invoices/{w.invoices('acme')[0]['id']}/pay", payment_method=card)
    w.settle()
    assert [line_of(w, change)["state"] for change in (mail, bots)] == ["applied", "applied"]
    assert (plans(w), newest(w)) == (["basic", "large"], ("paid", 6_000, [1_000, 5_000]))
    w.advance(days=4)
    assert plans(w) == ["basic", "large"]
