"""Cases that other systems got wrong; docs/adr/004-plan-change-cases.md says which is which.

Played on ``choose-when``: Growth 5k is 159.00 a month, Starter 2k 45.00, Scale 10k 449.00.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from threading import Barrier
from typing import Any

import pytest

from adapter.gateway.pacing import Urgency
from mappings import parse_catalogue
from service.wiring import build
from tests.support.world import DAY, START, World, world

pytestmark = pytest.mark.by_turns

TEAM, STUDIO = "virtual-team", "content-studio"
GROWTH, STARTER, SCALE = ("growth", "5k"), ("starter", "2k"), ("scale", "10k")


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="choose-when") as made:
        made.account("acme")
        yield made


@pytest.fixture
def lite(sqlite_url: str) -> Iterator[World]:
    """For stories in which the database has no part."""
    with world(sqlite_url, catalogue="choose-when") as made:
        made.account("acme")
        yield made


def order(w: World, when: str, plan: str | None, tier: str | None = None, **more: Any) -> Any:
    answer = w.execute("acme", w.quote("acme", plan, tier, family=TEAM, **more), when=when)
    assert answer.status_code == 201, answer.json
    w.settle()
    return answer.json


def asked(w: World, plan: str | None, tier: str | None = None, **more: Any) -> Any:
    """The answer to asking for a quote, whatever it is."""
    body = {"family": TEAM, "plan": plan, "tier": tier, "interval": "month", **more}
    return w.call("POST", "/v1/accounts/acme/quotes", {"changes": [body]})


def refused(w: World, plan: str | None, tier: str | None = None, **more: Any) -> Any:
    answer = asked(w, plan, tier, **more)
    assert answer.status_code in (404, 409, 422), answer.json
    return answer.json


def line_of(w: World, change: Any) -> Any:
    (line,) = w.get(f"/v1/plan-changes/{change['id']}")["lines"]
    return line


def price_of(w: World, plan: str, tier: str, interval: str = "month") -> str:
    named = {"planshift_family": TEAM, "planshift_plan": plan, "planshift_tier": tier}
    for price in w.box.world.store.scan("price"):
        mine = named.items() <= price["metadata"].items() and price["active"]
        if mine and (price["currency"], price["recurring"]["interval"]) == ("usd", interval):
            return str(price["id"])
    raise AssertionError(f"no price for {plan} {tier}")


def subscribe(w: World, plan: str, tier: str, **more: Any) -> Any:
    """Somebody makes a subscription at Stripe."""
    made = w.stripe(
        "POST",
        "/v1/subscriptions",
        **{
            "customer": w.state("acme")["customer"],
            "items[0][price]": price_of(w, plan, tier),
            **more,
        },
    )
    w.settle()
    return made


def edit(w: World, **params: Any) -> Any:
    edited = w.stripe("POST", f"/v1/subscriptions/{w.subscription('acme')['id']}", **params)
    w.settle()
    return edited


def newest(w: World) -> tuple[str, int, int]:
    """Of the newest invoice: status, total, and what the card was charged."""
    found = w.invoices("acme")[0]
    return found["status"], found["total"], found["amount_paid"]


# -- trials -----------------------------------------------------------------------------------


def test_an_upgrade_during_a_trial_keeps_the_trial_and_gives_no_second_one(lite: World):
    w = lite
    end = int(START.timestamp()) + 14 * DAY
    subscribe(w, *GROWTH, trial_end=end)
    w.advance(days=5)
    quote = w.quote("acme", *SCALE, family=TEAM)
    now = quote["timings"]["now"]
    assert (now["due_now"]["amount"], now["effective_at"][:10]) == (0, "2026-01-15")
    assert (now["next_invoice"]["total"]["amount"], now["next_invoice_at"][:10]) == (
        44_900,
        "2026-01-24",
    )
    assert w.execute("acme", quote, when="now").status_code == 201
    w.settle()
    sub = w.subscription("acme")
    assert (sub["status"], sub["trial_end"]) == ("trialing", end)
    assert w.plan("acme", TEAM) == SCALE
    # The same again is no way to another trial.
    assert refused(w, *SCALE)["code"] == "already_on_offer"
    w.advance(days=9, hours=2)
    assert (w.subscription("acme")["status"], newest(w)) == ("active", ("paid", 44_900, 44_900))


def test_a_downgrade_during_a_trial_begins_when_the_trial_ends(w: World):
    end = int(START.timestamp()) + 14 * DAY
    subscribe(w, *GROWTH, trial_end=end)
    quote = w.quote("acme", *STARTER, family=TEAM)
    assert quote["timings"]["period_end"]["effective_at"][:10] == "2026-01-24"
    change = order(w, "period_end", *STARTER)
    # Taking it back leaves the trial as it was; ordered again, it comes about at its end.
    assert w.call("POST", f"/v1/plan-changes/{change['id']}/cancel").status_code == 200
    w.settle()
    assert w.subscription("acme")["trial_end"] == end
    change = order(w, "period_end", *STARTER)
    w.advance(days=14, hours=2)
    assert (line_of(w, change)["state"], w.plan("acme", TEAM)) == ("applied", STARTER)
    assert newest(w) == ("paid", 4_500, 4_500)
    assert w.charged("acme") == [4_500]


def test_another_interval_in_a_trial_is_charged_whole_when_the_trial_ends(sqlite_url: str):
    with world(sqlite_url, catalogue="choose-when") as w:
        # Nothing is due yet, so no saved card is asked for.
        customer = w.account("acme", card=None)
        end = int(START.timestamp()) + 14 * DAY
        subscribe(w, *GROWTH, trial_end=end)
        quote = w.quote("acme", *GROWTH, family=TEAM, interval="year")
        (line,) = quote["timings"]["now"]["next_invoice"]["lines"]
        assert (line["amount"], line["period"]["start"][:10]) == (159_000, "2026-01-24")
        order(w, "now", *GROWTH, interval="year")
        assert w.subscription("acme")["trial_end"] == end
        w.use_card(customer, "pm_card_visa")
        w.advance(days=14, hours=2)
        assert newest(w) == ("paid", 159_000, 159_000)
        (item,) = w.subscription("acme")["items"]["data"]
        assert (item["current_period_start"], item["current_period_end"]) == (end, end + 365 * DAY)


def test_a_trial_that_is_cancelled_costs_nothing(lite: World):
    w = lite
    subscribe(w, *GROWTH, trial_end=int(START.timestamp()) + 14 * DAY)
    quote = w.quote("acme", None, family=TEAM)
    assert quote["timings"]["now"]["credited_to_balance"]["amount"] == 0
    assert quote["timings"]["period_end"]["effective_at"][:10] == "2026-01-24"
    order(w, "period_end", None)
    w.advance(days=14, hours=2)
    assert (w.plan("acme", TEAM), w.charged("acme")) == (("free", "100"), [])


# -- money ------------------------------------------------------------------------------------


def test_a_coupon_stays_across_an_upgrade_with_time_credit(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    coupon = w.stripe("POST", "/v1/coupons", percent_off="50", duration="forever")["id"]
    edit(w, **{"discounts[0][coupon]": coupon})
    w.advance(days=31, hours=2)
    assert newest(w) == ("paid", 7_950, 7_950)
    w.advance(days=14)
    quote = w.quote("acme", *SCALE, family=TEAM)
    total = quote["timings"]["now"]["total"]["amount"]
    # What was paid is credited, not the list price: of February's 28 days 13 days, 22 hours and 5
    # seconds are left, 79.50 x 0.49703 = 39.51. The new price is halved: 224.50 - 39.51.
    assert total == 18_499
    assert w.execute("acme", quote, when="now").status_code == 201
    w.settle()
    assert newest(w) == ("paid", total, total)
    # The coupon is deleted: whoever has its discount keeps it, through a schedule too.
    w.stripe("DELETE", f"/v1/coupons/{coupon}")
    order(w, "period_end", *STARTER)
    w.advance(days=31, hours=2)
    assert newest(w) == ("paid", 2_250, 2_250)


def test_the_same_plan_in_another_quantity_is_a_change_like_any_other(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    quote = w.quote("acme", *GROWTH, family=TEAM, quantity=3)
    assert quote["changes"][0]["direction"] == "upgrade"
    assert refused(w, *GROWTH, quantity=1)["code"] == "already_on_offer"
    w.advance(days=10)
    # 3 x 159.00 less 21/31 of one: 477.00 - 107.71 = 369.29.
    order(w, "now", *GROWTH, quantity=3)
    assert newest(w) == ("paid", 36_929, 36_929)
    down = order(w, "period_end", *GROWTH, quantity=2)
    assert w.subscription("acme")["items"]["data"][0]["quantity"] == 3
    w.advance(days=31, hours=2)
    assert line_of(w, down)["state"] == "applied"
    assert w.subscription("acme")["items"]["data"][0]["quantity"] == 2
    assert newest(w) == ("paid", 31_800, 31_800)


def test_a_first_period_that_the_balance_pays_is_applied_without_a_charge(lite: World):
    w = lite
    customer = w.state("acme")["customer"]
    order(w, "now", *GROWTH)
    change = order(w, "period_end", *STARTER)
    w.stripe(
        "POST",
        f"/v1/customers/{customer}/balance_transactions",
        amount="-10000",
        currency="usd",
    )
    w.advance(days=31, hours=2)
    assert (line_of(w, change)["state"], newest(w)) == ("applied", ("paid", 4_500, 0))
    assert w.charged("acme") == [15_900]


def test_the_currency_of_an_account_is_its_currency_for_good(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    told = refused(w, *SCALE, currency="eur")
    assert (told["code"], told["rule"]) == ("not_offered", "currency-is-fixed")
    # And what is not sold in any other is not quoted in one.
    assert refused(w, *SCALE, currency="gbp")["path"] == "changes[0].currency"


# -- one thing after the other ----------------------------------------------------------------


def test_what_is_held_already_is_refused_and_names_what_is_scheduled(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    told = refused(w, *GROWTH)
    assert (told["code"], told["scheduled"]) == ("already_on_offer", None)
    change = order(w, "period_end", *STARTER)
    told = refused(w, *GROWTH)
    assert (told["code"], told["scheduled"]) == ("already_on_offer", change["id"])
    assert change["id"] in told["remedy"]
    assert line_of(w, change)["state"] == "scheduled"


def test_the_last_of_several_changes_in_a_day_counts(lite: World):
    w = lite
    order(w, "now", *STARTER)
    order(w, "now", *GROWTH)
    first = order(w, "period_end", *SCALE)
    second = order(w, "period_end", "starter", "1k")
    assert line_of(w, first)["state"] == "superseded"
    # A scheduled upgrade, then one at once: what was scheduled gives way.
    order(w, "now", *SCALE)
    assert line_of(w, second)["state"] == "superseded"
    third = order(w, "period_end", *GROWTH)
    # An end now leaves no period after which it could come about.
    order(w, "now", None)
    assert line_of(w, third)["state"] == "expired"
    assert w.plan("acme", TEAM) == ("free", "100")
    assert [sub["status"] for sub in w.state("acme")["subscriptions"]] == ["canceled"]


def test_ending_twice_and_undoing_nothing_are_refused(lite: World):
    w = lite
    assert refused(w, None)["code"] == "nothing_to_cancel"
    nothing = w.call("DELETE", "/v1/accounts/acme/cancellation")
    assert (nothing.status_code, nothing.json["code"]) == (409, "not_cancelled")
    order(w, "now", *GROWTH)
    assert w.call("DELETE", "/v1/accounts/acme/cancellation").status_code == 409
    end = order(w, "period_end", None)
    again = w.execute("acme", w.quote("acme", None, family=TEAM), when="period_end")
    assert (again.status_code, again.json["code"]) == (409, "cancellation_pending")
    # An end at once is earlier: then the plan has ended, and there is one mail of each.
    order(w, "now", None)
    assert line_of(w, end)["state"] == "applied"
    subjects = w.mail.subjects()
    assert [sum(word in one for one in subjects) for word in ("set to end", "has ended")] == [1, 1]
    assert w.plan("acme", TEAM) == ("free", "100")


def test_a_subscription_cancelled_at_stripe_is_bought_anew_at_full_price(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    quote = w.quote("acme", *SCALE, family=TEAM)
    w.stripe("DELETE", f"/v1/subscriptions/{w.subscription('acme')['id']}")
    # Its news are under way: Stripe refuses, and nothing is charged.
    early = w.execute("acme", quote, when="now")
    assert early.status_code == 409, early.json
    w.settle()
    assert refused(w, None)["code"] == "nothing_to_cancel"
    quote = w.quote("acme", *SCALE, family=TEAM)
    assert (quote["kind"], quote["timings"]["now"]["due_now"]["amount"]) == ("start", 44_900)
    order(w, "now", *SCALE)
    assert w.charged("acme") == [15_900, 44_900]


def test_what_belongs_to_another_account_cannot_be_named(lite: World):
    w = lite
    w.account("globex")
    w.change("globex", *GROWTH, family=TEAM)
    theirs = w.subscription("globex")["id"]
    for plan in (SCALE, (None,)):
        assert asked(w, *plan, subscription=theirs).status_code == 404


def test_one_of_two_paid_plans_that_ends_leaves_the_other_in_effect(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    held = w.subscription("acme")["id"]
    other = subscribe(w, *STARTER)["id"]
    order(w, "now", None, subscription=held)
    assert w.plan("acme", TEAM) == STARTER
    order(w, "now", None, subscription=other)
    assert w.plan("acme", TEAM) == ("free", "100")


# -- payments that fail -----------------------------------------------------------------------


def test_a_declined_upgrade_is_not_the_renewal_and_a_new_card_is_asked_anew(lite: World):
    w = lite
    customer = w.state("acme")["customer"]
    order(w, "now", *GROWTH)
    w.use_card(customer, "pm_card_chargeCustomerFail")
    declined = w.execute("acme", w.quote("acme", *SCALE, family=TEAM), when="now")
    assert declined.status_code == 402
    w.settle()
    assert w.state("acme")["subscriptions"][0]["status"] == "active"
    w.use_card(customer, "pm_card_visa")
    order(w, "now", *SCALE)
    assert w.plan("acme", TEAM) == SCALE


def test_while_money_is_owed_nothing_is_changed_and_the_way_to_pay_is_named(lite: World):
    w = lite
    customer = w.state("acme")["customer"]
    order(w, "now", *GROWTH)
    w.use_card(customer, "pm_card_chargeCustomerFail")
    w.advance(days=31, hours=2)
    assert w.state("acme")["subscriptions"][0]["status"] == "past_due"
    for offer in (SCALE, STARTER):
        told = refused(w, *offer)
        assert told["code"] == "payment_outstanding"
        assert told["payment_url"] == w.invoices("acme")[0]["hosted_invoice_url"]
    # An end stays possible, now or later, and pays nothing back.
    quote = w.quote("acme", None, family=TEAM)
    assert quote["timings"]["now"]["credited_to_balance"]["amount"] == 0
    # A card that works pays what is owed, and then everything is possible again.
    w.use_card(customer, "pm_card_visa")
    order(w, "now", *SCALE)


# -- the catalogue moves ----------------------------------------------------------------------


def resold(w: World, *edits: tuple[str, str]) -> None:
    """The catalogue is edited and synced while changes are under way."""
    text = (files("mappings") / "catalogues" / "choose-when.toml").read_text("utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    parts = build(
        w.parts.settings, catalogue=parse_catalogue(text, source="edited"), urgency=Urgency.FREE
    )
    parts.catalogue_sync.run(lambda _plan: True)
    parts.database.dispose()
    w.settle()


TWO_K = """  { id = "2k",  size =  2_000, prices = { month = { usd = "45.00", eur = "41.50" }, \
year = { usd = "450.00", eur = "415.00" } } },
"""


def is_active(w: World, price: str) -> bool:
    return bool(w.stripe("GET", f"/v1/prices/{price}")["active"])


def test_a_plan_retired_while_a_change_to_it_is_scheduled_is_kept_for_it(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    price, unused = price_of(w, *STARTER), price_of(w, *STARTER, interval="year")
    change = order(w, "period_end", *STARTER)
    resold(w, (TWO_K, ""))
    assert (is_active(w, price), is_active(w, unused)) == (True, False)
    w.advance(days=31, hours=2)
    assert (line_of(w, change)["state"], newest(w)) == ("applied", ("paid", 4_500, 4_500))
    # Whoever is on it stays on it.
    resold(w, (TWO_K, ""))
    assert is_active(w, price)


def test_a_price_in_a_phase_of_a_live_schedule_is_not_archived(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    price = price_of(w, *STARTER)
    made = w.stripe(
        "POST", "/v1/subscription_schedules", from_subscription=w.subscription("acme")["id"]
    )
    (now,) = made["phases"]
    phases = {
        "phases[0][start_date]": now["start_date"],
        "phases[0][end_date]": now["end_date"],
        "phases[0][items][0][price]": now["items"][0]["price"],
        "phases[1][items][0][price]": price,
        "phases[1][duration][interval]": "month",
    }
    w.stripe("POST", f"/v1/subscription_schedules/{made['id']}", **phases)
    w.settle()
    resold(w, (TWO_K, ""))
    assert is_active(w, price)
    w.stripe("POST", f"/v1/subscription_schedules/{made['id']}/release")
    w.settle()
    resold(w, (TWO_K, ""))
    assert not is_active(w, price)


def test_a_price_edited_while_a_change_is_scheduled_changes_neither_it_nor_its_kind(lite: World):
    w = lite
    order(w, "now", *GROWTH)
    change = order(w, "period_end", *STARTER)
    # Dearer than what is held: by price it would be an upgrade now.
    resold(w, ('usd = "45.00"', 'usd = "145.00"'))
    w.advance(days=31, hours=2)
    line = line_of(w, change)
    assert (line["state"], newest(w)) == ("applied", ("paid", 4_500, 4_500))
    assert w.get(f"/v1/plan-changes/{change['id']}")["lines"][0]["decision"]["rule"] == "downgrade"


def test_a_phase_moved_in_the_dashboard_moves_the_change(w: World):
    order(w, "now", *GROWTH)
    change = order(w, "period_end", *STARTER)
    schedule = w.subscription("acme")["schedule"]
    now, following = w.stripe("GET", f"/v1/subscription_schedules/{schedule}")["phases"]
    w.stripe(
        "POST",
        f"/v1/subscription_schedules/{schedule}",
        **{
            "phases[0][start_date]": now["start_date"],
            "phases[0][end_date]": now["end_date"] - 16 * DAY,
            "phases[0][items][0][price]": now["items"][0]["price"],
            "phases[1][items][0][price]": following["items"][0]["price"],
            "phases[1][duration][interval]": "month",
            "phases[1][proration_behavior]": "none",
        },
    )
    w.settle()
    assert line_of(w, change)["effective_at"][:10] == "2026-01-25"
    w.advance(days=15, hours=2)
    # In the middle of a paid period there is nothing to pay, so nothing to wait for.
    assert (line_of(w, change)["state"], w.plan("acme", TEAM)) == ("applied", STARTER)
    assert w.charged("acme") == [15_900]
    w.advance(days=16)
    assert w.charged("acme") == [15_900, 4_500]


# -- at the same time -------------------------------------------------------------------------


def test_two_first_purchases_at_the_same_time_are_one(w: World):
    quotes = [w.quote("acme", *GROWTH, family=TEAM), w.quote("acme", *SCALE, family=TEAM)]
    together = Barrier(2)

    def execute(quote: Any) -> Any:
        together.wait()
        body = {"quote": quote["id"], "when": "now", "acknowledgements": []}
        return w.app.test_client().post(
            "/v1/accounts/acme/plan-changes", json=body, headers=w.headers
        )

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(execute, quotes))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    # Whoever comes second finds the first under way, or made already.
    (lost,) = (answer for answer in answers if answer.status_code == 409)
    assert lost.json["code"] in ("change_in_progress", "quote_stale")
    w.settle()
    assert w.subscription("acme")["status"] == "active"
    assert len(w.charged("acme")) == 1


def test_a_purchase_made_while_another_is_looked_at_once_more_is_seen(
    w: World, monkeypatch: pytest.MonkeyPatch
):
    first, second = w.quote("acme", *GROWTH, family=TEAM), w.quote("acme", *SCALE, family=TEAM)
    look = w.parts.quotes.still_holds

    def overtaken(*given: Any) -> Any:
        agreed = look(*given)
        monkeypatch.setattr(w.parts.quotes, "still_holds", look)
        # Bought, paid and over: no open change is in the way any more.
        assert w.execute("acme", first).status_code == 201
        return agreed

    monkeypatch.setattr(w.parts.quotes, "still_holds", overtaken)
    answer = w.execute("acme", second)
    assert (answer.status_code, answer.json["code"]) == (409, "quote_stale")
    assert answer.json["quote"]["kind"] == "change"
    w.settle()
    assert (w.plan("acme", TEAM), w.charged("acme")) == (GROWTH, [15_900])


def test_an_answer_that_is_overtaken_by_news_is_fetched_again(
    w: World, monkeypatch: pytest.MonkeyPatch
):
    order(w, "now", *GROWTH)
    quote = w.quote("acme", *SCALE, family=TEAM)
    writer = w.parts.writer
    send = writer.send

    def slow(*given: Any) -> Any:
        answer = send(*given)
        # While the answer is on its way, the events of what it did are worked off.
        w.settle()
        return answer

    monkeypatch.setattr(writer, "send", slow)
    since = len(w.calls())
    answer = w.execute("acme", quote, when="now")
    assert answer.json["lines"][0]["state"] == "applied"
    paths = [(call.method, call.path) for call in w.calls(since)]
    wrote = paths.index(("POST", f"/v1/subscriptions/{w.subscription('acme')['id']}"))
    assert any(method == "GET" and "/subscriptions/" in path for method, path in paths[wrote:])
    w.settle()
    assert w.plan("acme", TEAM) == SCALE
