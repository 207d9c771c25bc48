"""``choose-when``: the caller says whether a change is made now or at the next cycle.

Accounts begin on 10 January 2026 at 09:00; ten days later 21 of the month's 31 days are left, and
355 of the year's 365. Unused time counts from five seconds before the quote.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.changes import state_of
from tests.support.world import World, world

TEAM, STUDIO = "virtual-team", "content-studio"
TIMINGS = ("now", "period_end")
NOW, NEXT_MONTH, NEXT_YEAR = "2026-01-20T09:00", "2026-02-10T09:00", "2027-01-10T09:00"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="choose-when") as made:
        yield made


def order(
    w: World, ref: str, when: str, plan: str | None, tier: str | None = None, **more: Any
) -> Any:
    """Quote and execute at the timing named; the change as answered."""
    answer = w.execute(ref, w.quote(ref, plan, tier, **more), when=when)
    assert answer.status_code == 201, answer.json
    w.settle()
    return answer.json


def money_of(timing: Any) -> tuple[int, int, int, str]:
    """Total, due now, put on the balance, and the minute it takes effect."""
    amounts = (timing[name]["amount"] for name in ("total", "due_now", "credited_to_balance"))
    return (*amounts, timing["effective_at"][:16])


def next_invoice(timing: Any) -> tuple[int, str]:
    return timing["next_invoice"]["total"]["amount"], timing["next_invoice"]["at"][:16]


def newest(w: World, ref: str) -> tuple[str, int, int, list[int]]:
    """Of the newest invoice: status, total, what the card was charged, and its lines."""
    found = w.invoices(ref)[0]
    lines = [line["amount"] for line in found["lines"]["data"]]
    return found["status"], found["total"], found["amount_paid"], lines


def use(w: World, ref: str, units: int, family: str = TEAM) -> None:
    number = len(w.calls()) + units
    record = {"id": f"{ref}-{number}", "family": family, "units": units}
    answer = w.call("POST", f"/v1/accounts/{ref}/usage", {"records": [record]})
    assert answer.status_code == 200, answer.json
    assert answer.json["records"][0]["over"] == 0


def units(w: World, ref: str, family: str = TEAM) -> list[tuple[str, int, str]]:
    """The open lots: kind, what is left, and the day they lapse."""
    w.get(f"/v1/accounts/{ref}/payment-methods")  # whose answer says what time it is at Stripe
    told = {one["family"]: one for one in w.get(f"/v1/accounts/{ref}/allowances")["families"]}
    lots = [(lot["kind"], lot["left"], lot["expires_at"][:10]) for lot in told[family]["lots"]]
    assert told[family]["left"] == sum(left for _, left, _ in lots)
    return sorted(lots)


def test_row_2_1_both_timings_are_quoted_with_their_money_and_dates(w: World):
    w.account("acme")
    w.change("acme", "growth", "5k", family=TEAM)
    w.advance(days=10)
    up = w.quote("acme", "scale", "10k", family=TEAM)
    # 159.00 x 21/31 = 107.71 is unused; 449.00 - 107.71 = 341.29.
    assert money_of(up["timings"]["now"]) == (34_129, 34_129, 0, NOW)
    assert up["timings"]["now"]["next_invoice_at"][:16] == "2026-02-20T09:00"
    assert money_of(up["timings"]["period_end"]) == (0, 0, 0, NEXT_MONTH)
    assert next_invoice(up["timings"]["period_end"]) == (44_900, NEXT_MONTH)
    down = w.quote("acme", "starter", "2k", family=TEAM)
    # 45.00 - 107.71 = -62.71: nothing to pay, the rest goes to the balance.
    assert money_of(down["timings"]["now"]) == (-6_271, 0, 6_271, NOW)
    assert next_invoice(down["timings"]["period_end"]) == (4_500, NEXT_MONTH)
    for quote in (up, down):
        answer = w.execute("acme", quote)
        assert (answer.status_code, answer.json["code"]) == (422, "choose_timing")
        assert (answer.json["path"], answer.json["offered"]) == ("when", list(TIMINGS))
        assert w.execute("acme", quote, when="tomorrow").status_code == 422
    assert w.plan("acme", TEAM) == ("growth", "5k")
    assert len(w.invoices("acme")) == 1


def test_row_2_1_a_month_up_and_down_now_and_at_the_next_cycle(w: World):
    for ref in ("up-now", "down-now", "up-later", "down-later"):
        w.account(ref)
        w.change(ref, "growth", "5k", family=TEAM)
    w.advance(days=10)
    order(w, "up-now", "now", "scale", "10k", family=TEAM)
    assert newest(w, "up-now") == ("paid", 34_129, 34_129, [-10_771, 44_900])
    order(w, "down-now", "now", "starter", "2k", family=TEAM)
    assert newest(w, "down-now") == ("paid", -6_271, 0, [-10_771, 4_500])
    assert w.state("down-now")["balance"]["amount"] == -6_271
    waiting = [
        order(w, "up-later", "period_end", "scale", "10k", family=TEAM),
        order(w, "down-later", "period_end", "starter", "2k", family=TEAM),
    ]
    held = {ref: w.plan(ref, TEAM) for ref in ("up-now", "down-now", "up-later", "down-later")}
    assert held["up-now"] == ("scale", "10k")
    assert held["down-now"] == ("starter", "2k")
    assert held["up-later"] == held["down-later"] == ("growth", "5k")
    assert [state_of(w, change) for change in waiting] == ["scheduled", "scheduled"]
    w.advance(days=21, hours=2)
    assert [state_of(w, change) for change in waiting] == ["applied", "applied"]
    assert (w.plan("up-later", TEAM), newest(w, "up-later")) == (
        ("scale", "10k"),
        ("paid", 44_900, 44_900, [44_900]),
    )
    assert (w.plan("down-later", TEAM), newest(w, "down-later")) == (
        ("starter", "2k"),
        ("paid", 4_500, 4_500, [4_500]),
    )
    # Those of now began a cycle of their own: ten days later the balance pays before the card.
    w.advance(days=10)
    assert newest(w, "up-now") == ("paid", 44_900, 44_900, [44_900])
    assert newest(w, "down-now") == ("paid", 4_500, 0, [4_500])
    assert w.state("down-now")["balance"]["amount"] == -1_771  # 62.71 - 45.00


def test_row_2_1_a_year_up_and_down_now_and_at_the_next_cycle(w: World):
    for ref in ("up-now", "down-now", "up-later", "down-later"):
        w.account(ref)
        w.change(ref, "growth", "5k", family=TEAM, interval="year")
    w.advance(days=10)
    quote = w.quote("up-now", "scale", "10k", family=TEAM, interval="year")
    # 1,590.00 x 355/365 = 1,546.44 is unused; 4,490.00 - 1,546.44 = 2,943.56.
    assert money_of(quote["timings"]["now"]) == (294_356, 294_356, 0, NOW)
    assert next_invoice(quote["timings"]["period_end"]) == (449_000, NEXT_YEAR)
    assert w.execute("up-now", quote, when="now").status_code == 201
    w.settle()
    assert newest(w, "up-now") == ("paid", 294_356, 294_356, [-154_644, 449_000])
    # To a month: 45.00 - 1,546.44 = -1,501.44.
    order(w, "down-now", "now", "starter", "2k", family=TEAM)
    assert newest(w, "down-now") == ("paid", -150_144, 0, [-154_644, 4_500])
    later = [
        order(w, "up-later", "period_end", "scale", "10k", family=TEAM, interval="year"),
        order(w, "down-later", "period_end", "starter", "2k", family=TEAM),
    ]
    order(w, "down-now", "now", None, family=TEAM)
    w.advance(days=355, hours=2)
    assert [state_of(w, change) for change in later] == ["applied", "applied"]
    assert newest(w, "up-later") == ("paid", 449_000, 449_000, [449_000])
    assert newest(w, "down-later") == ("paid", 4_500, 4_500, [4_500])
    assert w.plan("down-later", TEAM) == ("starter", "2k")


def test_row_2_1_cancelling_can_be_chosen_for_now_or_the_next_cycle(w: World):
    for ref in ("acme", "globex"):
        w.account(ref)
        w.change(ref, "growth", "5k", family=TEAM)
    w.advance(days=10)
    quote = w.quote("acme", None, family=TEAM, interval=None)
    # 159.00 x 21/31 = 107.71; an end counts from the very second it is made.
    assert money_of(quote["timings"]["now"]) == (-10_771, 0, 10_771, NOW)
    assert money_of(quote["timings"]["period_end"]) == (0, 0, 0, NEXT_MONTH)
    assert w.execute("acme", quote, when="now").status_code == 201
    order(w, "globex", "period_end", None, family=TEAM)
    assert w.plan("acme", TEAM) == ("free", "100")
    assert w.state("acme")["balance"]["amount"] == -10_771
    assert w.plan("globex", TEAM) == ("growth", "5k")
    w.advance(days=21, hours=2)
    assert (w.plan("globex", TEAM), len(w.invoices("globex"))) == (("free", "100"), 1)


def test_row_2_2_the_current_plan_is_readable_before_the_change(w: World):
    w.account("acme")
    w.change("acme", "growth", "5k", family=TEAM, interval="year")
    in_effect = {plan["family"]: plan["in_effect"] for plan in w.state("acme")["plans"]}
    (quoted,) = w.quote("acme", "scale", "10k", family=TEAM)["changes"]
    for document in (in_effect[TEAM], quoted["current"]):
        assert (document["plan"], document["tier"]) == ("growth", "5k")
        assert document["name"] == "Growth 5k annual"
        assert document["interval"] == "year"
        assert document["price"] == {"amount": 159_000, "currency": "usd", "text": "1590.00 USD"}
        assert document["period_end"][:16] == NEXT_YEAR
    assert in_effect[STUDIO] is None


def test_row_2_3_an_upgrade_now_carries_the_unused_credits_and_loses_none(w: World):
    w.account("acme")
    w.change("acme", "growth", "2k", family=TEAM)
    use(w, "acme", 500)
    w.change("acme", "solo", "2k", family=STUDIO)
    use(w, "acme", 500, STUDIO)
    w.advance(days=10)
    use(w, "acme", 1)
    order(w, "acme", "now", "growth", "5k", family=TEAM)
    # 2,000 - 501 are carried, and last as long as the new period.
    assert units(w, "acme") == [("carried", 1_499, "2026-02-20"), ("grant", 5_000, "2026-02-20")]
    order(w, "acme", "now", "agency", "5k", family=STUDIO)
    assert units(w, "acme", STUDIO) == [("grant", 5_000, "2026-02-20")]
    # And again: what was carried before is carried too.
    order(w, "acme", "now", "scale", "10k", family=TEAM)
    assert sum(left for _, left, _ in units(w, "acme")) == 10_000 + 5_000 + 1_499
    w.advance(days=31, hours=2)
    assert units(w, "acme") == [("grant", 10_000, "2026-03-20")]


def test_row_2_3_an_upgrade_at_the_next_cycle_carries_what_is_left_by_then(w: World):
    w.account("acme")
    w.change("acme", "growth", "2k", family=TEAM)
    w.change("acme", "solo", "2k", family=STUDIO)
    use(w, "acme", 500)
    order(w, "acme", "period_end", "growth", "5k", family=TEAM)
    order(w, "acme", "period_end", "agency", "5k", family=STUDIO)
    w.advance(days=20)
    use(w, "acme", 300)
    assert units(w, "acme") == [("grant", 1_200, "2026-02-10")]
    # In the hour before Stripe charges, the new plan is there but not paid; use counts anyway.
    w.advance(days=11, seconds=60)
    use(w, "acme", 100)
    w.advance(hours=2)
    assert w.plan("acme", TEAM) == ("growth", "5k")
    lots = units(w, "acme")
    assert sum(left for _, left, _ in lots) == 5_000 + 2_000 - 500 - 300 - 100
    # What was granted before the payment, what it added, and what was carried lapse together.
    assert {lapse for _, _, lapse in lots} == {"2026-03-10"}
    assert sum(left for _, left, _ in units(w, "acme", STUDIO)) == 5_000
    w.advance(days=28)
    assert units(w, "acme") == [("grant", 5_000, "2026-04-10")]


def test_row_2_3_a_downgrade_carries_nothing_and_says_so_before(w: World):
    w.account("acme")
    w.change("acme", "growth", "5k", family=TEAM)
    quote = w.quote("acme", "starter", "2k", family=TEAM)
    assert quote["requires"]["acknowledgements"] == ["downgrade"]
    order(w, "acme", "now", "starter", "2k", family=TEAM)
    assert units(w, "acme") == [("grant", 2_000, "2026-02-10")]


def price_of(w: World, plan: str, tier: str, family: str = TEAM, interval: str = "month") -> str:
    """The id of an offer's price at Stripe."""
    for price in w.box.world.store.scan("price"):
        named = [price["metadata"].get(f"planshift_{key}") for key in ("family", "plan", "tier")]
        wanted = ([family, plan, tier], "usd", interval)
        if (named, price["currency"], price["recurring"]["interval"]) == wanted:
            return str(price["id"])
    raise AssertionError(f"no price for {family} {plan} {tier}")


def test_row_2_4_a_change_addresses_one_of_several_subscriptions(w: World):
    customer = w.account("acme")
    w.change("acme", "growth", "5k", family=TEAM)
    w.change("acme", "solo", "500", family=STUDIO)
    order(w, "acme", "now", "solo", "2k", family=STUDIO)
    assert w.plan("acme", TEAM) == ("growth", "5k")
    assert w.plan("acme", STUDIO) == ("solo", "2k")
    first = w.state("acme")["plans"][0]["subscription"]
    # Somebody makes a second one of the same family at Stripe.
    second = w.stripe(
        "POST",
        "/v1/subscriptions",
        **{"customer": customer, "items[0][price]": price_of(w, "starter", "1k")},
    )["id"]
    w.settle()
    wanted = {"family": TEAM, "plan": "starter", "tier": "2k", "interval": "month"}
    answer = w.call("POST", "/v1/accounts/acme/quotes", {"changes": [wanted]})
    assert (answer.status_code, answer.json["code"]) == (409, "ambiguous_target")
    assert {choice["subscription"] for choice in answer.json["choices"]} == {first, second}
    order(w, "acme", "now", "starter", "2k", family=TEAM, subscription=second)
    later = order(w, "acme", "period_end", "scale", "10k", family=TEAM, subscription=first)
    other = order(w, "acme", "period_end", None, family=TEAM, subscription=second)
    held = {sub["id"]: sub["lines"][0]["plan"] for sub in w.state("acme")["subscriptions"]}
    assert (held[first], held[second]) == ("growth", "starter")
    answer = w.call("DELETE", f"/v1/accounts/acme/cancellation?subscription={second}")
    assert answer.status_code == 200, answer.json
    assert (state_of(w, other), state_of(w, later)) == ("cancelled", "scheduled")
    w.advance(days=31, hours=2)
    assert state_of(w, later) == "applied"
    held = {sub["id"]: sub["lines"][0]["plan"] for sub in w.state("acme")["subscriptions"]}
    assert (held[first], held[second]) == ("scale", "starter")
