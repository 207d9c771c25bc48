"""``operations``: plans by tiers, and operations that are used up.

Every paid plan holds so many operations a month. Up pays back on the same bill what was not used;
down takes it along. Accounts begin on 10 January 2026 at 09:00.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.pages.visitor import Visitor
from tests.support.buying import buy, session_of, without_saved_method
from tests.support.operations import (
    by_kind,
    left,
    line_of,
    lines,
    passes_challenge,
    standing,
    uses,
)
from tests.support.world import World, world

BACK = "https://acme.example/billing"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def begins(w: World, plan: str, tier: str, interval: str = "month") -> str:
    """An account buys its first plan; its customer's id."""
    customer = w.account("acme")
    w.change("acme", plan, tier, interval=interval)
    return customer


def executes(w: World, quote: Any, **order: Any) -> Any:
    """The change must be made at once, and be charged as it was quoted."""
    answer = w.execute("acme", quote, **order)
    assert answer.status_code == 201, answer.json
    w.settle()
    (line,) = answer.json["lines"]
    assert (line["state"], line["drift"]) == ("applied", None)
    invoice, now = w.invoices("acme")[0], quote["timings"]["now"]
    assert lines(invoice) == lines(now)
    assert (invoice["total"], invoice["amount_paid"]) == (
        now["total"]["amount"],
        now["due_now"]["amount"],
    )
    return answer.json


def money(quote: Any) -> tuple[int, int, int]:
    """Credit, total and what is due, of a change now."""
    now = quote["timings"]["now"]
    return tuple(now[name]["amount"] for name in ("credit", "total", "due_now"))


def test_row_5_1_a_higher_plan_then_a_higher_tier_then_the_longer_interval(sqlite_url: str):
    month, year = "month", "year"
    held = {
        ("core", "750k", month): [("teams", "10k", month, "upgrade"), ("free", None, None, "down")],
        ("core", "20k", month): [
            ("core", "40k", month, "upgrade"),
            ("core", "20k", year, "upgrade"),  # 20,000 a month are 240,000 a year
            ("core", "40k", year, "upgrade"),
            ("pro", "10k", month, "upgrade"),
            ("core", "10k", month, "down"),
            ("core", "10k", year, "down"),
            ("core", "20k", month, "same"),
        ],
        ("core", "20k", year): [
            ("core", "20k", month, "down"),  # 240,000 a year to 20,000 a month
            ("core", "40k", month, "upgrade"),
            ("enterprise", "10k", month, "upgrade"),
            ("core", "10k", year, "down"),
        ],
        ("pro", "10k", year): [("core", "750k", year, "down")],
    }
    with world(sqlite_url) as w:
        for number, ((plan, tier, interval), wanted) in enumerate(held.items()):
            ref = f"acme{number}"
            w.account(ref)
            w.change(ref, plan, tier, interval=interval)
            for to_plan, to_tier, to_interval, expected in wanted:
                asked = {"family": "operations", "plan": to_plan, "tier": to_tier}
                body = {"changes": [{**asked, "interval": to_interval}]}
                found = w.call("POST", f"/v1/accounts/{ref}/quotes", body).json
                if expected == "same":
                    assert found["code"] == "already_on_offer"
                    continue
                (change,) = found["changes"]
                assert change["direction"].startswith(expected), (change["why"], asked)


def test_row_5_2_both_ways_charge_now_and_begin_a_cycle_and_free_waits(w: World):
    begins(w, "core", "10k")
    w.advance(days=10)
    up = w.quote("acme", "pro", "40k")
    # 60.40, less 10,000 unused operations at 0.00106.
    assert money(up) == (1060, 4980, 4980)
    assert up["timings"]["now"]["next_invoice_at"] == "2026-02-20T09:00:00+00:00"
    executes(w, up)
    w.advance(days=5)
    down = w.quote("acme", "core", "20k")
    # 19.40 whole: nothing is paid back on the way down.
    assert money(down) == (0, 1940, 1940)
    assert down["timings"]["now"]["next_invoice_at"] == "2026-02-25T09:00:00+00:00"
    executes(w, down)
    assert w.plan("acme") == ("core", "20k")
    to_free = w.quote("acme", "free")
    assert list(to_free["timings"]) == ["period_end"]
    answer = w.execute("acme", to_free)
    assert answer.status_code == 201, answer.json
    w.settle()
    assert w.plan("acme") == ("core", "20k")
    w.advance(days=32)
    assert (w.plan("acme"), line_of(w, answer.json)["state"]) == (("free", "1k"), "applied")
    assert w.charged("acme") == [1060, 4980, 1940]
    # No cash goes back, and none of it to the balance either.
    charges = w.stripe("GET", "/v1/charges", customer=w.state("acme")["customer"])["data"]
    assert {charge["amount_refunded"] for charge in charges} == {0}
    assert w.balance_moves("acme") == []


def test_row_5_3_unused_operations_become_money_off_the_same_payment(w: World):
    begins(w, "core", "150k")
    assert buy(w, pack="extra-10k").status_code == 201
    w.settle()
    w.advance(days=3)
    quote = w.quote("acme", "pro", "300k")
    credit = quote["changes"][0]["allowance_credit"]
    # 113.85 / 150,000 = 0.000759 each; 160,000 x 0.000759 = 121.44.
    assert credit["units"] == 150_000 + 10_000
    assert credit["price_per_unit"] == "0.000759"
    assert credit["worth"]["text"] == "121.44 USD"
    # 358.00 - 121.44 = 236.56.
    assert money(quote) == (12144, 23656, 23656)
    executes(w, quote)
    assert lines(w.invoices("acme")[0])[0] == ("Unused operations", -12144)
    assert w.charged("acme") == [11385, 1380, 23656]
    assert w.balance_moves("acme") == []
    # They are money now, so they are not carried over as well.
    assert (by_kind(w), standing(w)["used"]) == ({"grant": 300_000}, 0)
    assert w.mail.subjects()[-1] == "You are now on Pro 300k monthly"


def test_row_5_4_the_credit_never_exceeds_the_bill_and_the_rest_is_not_paid_out(w: World):
    begins(w, "core", "150k")
    quote = w.quote("acme", "pro", "10k")
    # Worth 113.85; the bill is 18.80.
    assert quote["changes"][0]["allowance_credit"]["worth"]["amount"] == 11385
    assert money(quote) == (1880, 0, 0)
    assert quote["timings"]["now"]["credited_to_balance"]["amount"] == 0
    executes(w, quote)
    assert lines(w.invoices("acme")[0])[0] == ("Unused operations", -1880)
    assert (w.charged("acme"), w.balance_moves("acme")) == ([11385], [])
    assert (w.plan("acme"), left(w)) == (("pro", "10k"), 10_000)


def test_row_5_4_a_coupon_lowers_the_bill_and_not_the_credit(w: World):
    begins(w, "core", "10k")
    half = w.stripe("POST", "/v1/coupons", percent_off=50, duration="forever")["id"]
    subscription = f"/v1/subscriptions/{w.subscription('acme')['id']}"
    w.stripe("POST", subscription, **{"discounts[0][coupon]": half})
    w.settle()
    quote = w.quote("acme", "pro", "40k")
    # Half of 60.40, less 10.60.
    assert money(quote) == (1060, 3020 - 1060, 3020 - 1060)
    executes(w, quote)
    small = w.quote("acme", "teams", "10k")
    # 40,000 at 0.00151 are worth 60.40; of 34.10 half is due, and no more is credited.
    assert money(small) == (1705, 0, 0)
    executes(w, small)
    assert (w.charged("acme"), w.balance_moves("acme")) == ([1060, 1960], [])


@pytest.mark.parametrize(("inclusive", "due"), [(False, 5976), (True, 4980)])
def test_row_5_4_tax_is_of_what_the_credit_leaves(w: World, inclusive: bool, due: int):
    begins(w, "core", "10k")
    kind = {"display_name": "VAT", "percentage": "20", "inclusive": str(inclusive).lower()}
    rate = w.stripe("POST", "/v1/tax_rates", **kind)["id"]
    subscription = f"/v1/subscriptions/{w.subscription('acme')['id']}"
    w.stripe("POST", subscription, **{"default_tax_rates[0]": rate})
    w.settle()
    quote = w.quote("acme", "pro", "40k")
    # 60.40 - 10.60 = 49.80; a fifth on top makes 59.76, or is in it already.
    assert money(quote) == (1060, due, due)
    executes(w, quote)
    small = w.quote("acme", "teams", "10k")
    # The credit is capped by the price as it stands in the catalogue; no tax is left to pay.
    assert money(small) == (3410, 0, 0)
    executes(w, small)
    assert (w.charged("acme"), w.balance_moves("acme")) == ([1060, due], [])


def test_row_5_5_on_the_way_down_they_are_transferred_for_one_cycle(w: World):
    begins(w, "pro", "40k")
    uses(w, 30_000)
    w.advance(days=3)
    quote = w.quote("acme", "core", "40k")
    assert money(quote) == (0, 3530, 3530)
    executes(w, quote)
    assert by_kind(w) == {"grant": 40_000, "carried": 10_000}
    assert (left(w), standing(w)["next_expiry"]) == (50_000, "2026-02-13T09:00:00+00:00")
    w.advance(days=31, hours=2)
    assert by_kind(w) == {"grant": 40_000}


def test_row_5_5_a_cycle_of_an_annual_plan_is_a_year(w: World):
    begins(w, "teams", "40k")
    uses(w, 30_000)
    quote = w.quote("acme", "pro", "10k", interval="year")
    executes(w, quote, selections={"retain_team": "team_1"})
    assert by_kind(w) == {"grant": 120_000, "carried": 10_000}
    assert left(w, "2027-01-10T08:59:59Z") == 130_000
    assert by_kind(w, "2027-01-10T09:00:00Z").get("carried") is None


def test_row_5_6_an_annual_core_plan_is_reset_month_by_month(w: World):
    begins(w, "pro", "40k")
    uses(w, 30_000)
    quote = w.quote("acme", "core", "40k", interval="year")
    assert money(quote) == (0, 35300, 35300)
    executes(w, quote)
    assert buy(w, quantity=2).status_code == 201
    w.settle()
    assert by_kind(w) == {"grant": 40_000, "carried": 10_000, "pack": 2_000}
    assert standing(w)["not_yet_granted"] == 11 * 40_000
    # All of it lapses at the first monthly reset; the year goes on.
    assert standing(w)["next_expiry"] == "2026-02-10T09:00:00+00:00"
    w.advance(days=31)
    assert buy(w).status_code == 201
    assert by_kind(w) == {"grant": 40_000, "pack": 1_000}
    assert standing(w)["next_expiry"] == "2026-03-10T09:00:00+00:00"
    assert w.state("acme")["plans"][0]["in_effect"]["period_end"] == "2027-01-10T09:00:00+00:00"


def test_row_5_7_the_quote_shows_what_is_held_beside_what_is_wanted(w: World):
    begins(w, "enterprise", "20k")
    quote = w.quote("acme", "core", "10k", interval="year", in_use={"teams": 1})
    (change,) = quote["changes"]
    shown = ("name", "plan", "tier", "interval", "price", "limits", "allowance")
    held, wanted = ({name: change[side][name] for name in shown} for side in ("current", "new"))
    assert (held["name"], wanted["name"]) == ("Enterprise 20k monthly", "Core 10k annual")
    assert (held["price"]["text"], wanted["price"]["text"]) == ("158.00 USD", "106.00 USD")
    assert (held["interval"], wanted["interval"]) == ("month", "year")
    assert (held["limits"]["users"], wanted["limits"]["users"]) == (None, 3)
    assert wanted["allowance"] == {"units": 10_000, "reset": "month"}
    assert {
        "feature audit_log",
        "limit teams: unlimited -> 1",
        "limit log_retention_days: 60 -> 30",
    } <= set(change["lost"])
    # What is lost has to be acknowledged; going up there is nothing to acknowledge.
    answer = w.execute("acme", quote, acknowledgements=[])
    assert (answer.status_code, answer.json["code"]) == (422, "acknowledgement_required")
    assert (answer.json["path"], answer.json["required"]) == ("acknowledgements", ["downgrade"])
    assert w.charged("acme") == [15800]
    executes(w, quote)
    assert w.quote("acme", "teams", "10k")["requires"]["acknowledgements"] == []


def test_row_5_8_where_fewer_teams_fit_the_one_to_keep_is_named(w: World):
    begins(w, "teams", "40k")
    assert w.quote("acme", "core", "40k", in_use={"teams": 1})["requires"]["selections"] == []
    quote = w.quote("acme", "core", "40k", in_use={"teams": 3})
    assert quote["requires"]["selections"] == ["retain_team"]
    answer = w.execute("acme", quote)
    assert (answer.status_code, answer.json["code"]) == (422, "selection_required")
    assert (answer.json["path"], answer.json["required"]) == ("selections", ["retain_team"])
    assert "Which team is kept?" in answer.json["detail"]
    assert w.plan("acme") == ("teams", "40k")
    change = executes(w, quote, selections={"retain_team": "team_7"})
    # The internal service reads the choice with the change, and with what the account may do.
    assert w.get(f"/v1/plan-changes/{change['id']}")["selections"] == {"retain_team": "team_7"}
    (family,) = w.get("/v1/accounts/acme/entitlements")["families"]
    assert (family["in_effect"]["limits"]["teams"], family["selections"]) == (
        1,
        {"retain_team": "team_7"},
    )


def test_row_5_8_on_the_way_to_free_too(w: World):
    begins(w, "teams", "10k")
    quote = w.quote("acme", "free")
    assert w.execute("acme", quote).json["code"] == "selection_required"
    answer = w.execute("acme", quote, selections={"retain_team": "team_2"})
    assert answer.json["lines"][0]["state"] == "scheduled"
    (family,) = w.get("/v1/accounts/acme/entitlements")["families"]
    assert (family["in_effect"]["plan"], family["selections"]) == ("teams", {})
    w.settle()
    w.advance(days=31, hours=2)
    (family,) = w.get("/v1/accounts/acme/entitlements")["families"]
    assert (family["in_effect"]["plan"], family["selections"]) == (
        "free",
        {"retain_team": "team_2"},
    )


def test_row_5_9_a_payment_that_needs_3d_secure_carries_the_link(w: World):
    customer = begins(w, "core", "10k")
    w.use_card(customer, "pm_card_authenticationRequired")
    answer = w.execute("acme", w.quote("acme", "pro", "40k"))
    assert answer.status_code == 202, answer.json
    (line,) = answer.json["lines"]
    assert (line["state"], line["payment_url"] is not None) == ("awaiting_payment", True)
    w.settle()
    assert (w.plan("acme"), left(w)) == (("core", "10k"), 10_000)
    assert line["payment_url"] in w.mail.messages[-1].get_body(("plain",)).get_content()
    passes_challenge(w)
    assert line_of(w, answer.json)["state"] == "applied"
    assert (w.plan("acme"), left(w)) == (("pro", "40k"), 40_000)
    assert w.charged("acme") == [1060, 4980]
    assert w.mail.subjects()[-1] == "You are now on Pro 40k monthly"


def test_row_5_9_without_a_saved_method_there_is_a_page(w: World):
    w.account("acme", card=None)
    answer = w.execute("acme", w.quote("acme", "core", "10k"), return_url=BACK)
    assert answer.status_code == 202, answer.json
    assert answer.json["lines"][0]["payment_url"] == session_of(w)["url"]
    assert w.plan("acme") == ("free", "1k")
    assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
    w.settle()
    assert (w.plan("acme"), line_of(w, answer.json)["state"]) == (("core", "10k"), "applied")
    assert w.mail.subjects()[-1] == "You are now on Core 10k monthly"
    # An upgrade saves a method at a page first, and is then charged to it as it was quoted.
    without_saved_method(w)
    quote = w.quote("acme", "pro", "40k")
    assert money(quote) == (1060, 4980, 4980)
    answer = w.execute("acme", quote, return_url=BACK)
    assert answer.json["lines"][0]["payment_url"] == session_of(w)["url"]
    assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
    w.settle()
    assert (w.plan("acme"), left(w)) == (("pro", "40k"), 40_000)
    assert w.charged("acme") == [1060, 4980]
    assert w.mail.subjects()[-1] == "You are now on Pro 40k monthly"


def test_row_5_10_a_pack_has_an_invoice_of_its_own_and_counts_once_it_is_paid(w: World):
    customer = begins(w, "core", "10k")
    answer = buy(w, pack="extra-10k", quantity=2)
    assert (answer.status_code, answer.json["state"]) == (201, "granted")
    w.settle()
    newest, first = w.invoices("acme")
    # Two at 13.80.
    assert (newest["id"], newest["total"], newest["status"]) == (
        answer.json["invoice"],
        2760,
        "paid",
    )
    assert lines(newest) == [("10,000 extra operations", 2760)]
    assert first["total"] == 1060
    assert by_kind(w) == {"grant": 10_000, "pack": 20_000}
    w.use_card(customer, "pm_card_chargeCustomerFail")
    declined = buy(w, pack="extra-10k")
    assert (declined.status_code, declined.json["code"]) == (402, "payment_failed")
    w.settle()
    assert by_kind(w) == {"grant": 10_000, "pack": 20_000}
    assert w.charged("acme") == [1060, 2760]
    # Bought units go with the period they were bought in.
    w.use_card(customer, "pm_card_visa")
    w.advance(days=31, hours=2)
    assert by_kind(w) == {"grant": 10_000}


def test_row_5_10_without_a_saved_method_a_pack_is_paid_at_a_page(w: World):
    begins(w, "core", "10k")
    without_saved_method(w)
    answer = buy(w, pack="extra-10k", return_url=BACK)
    assert (answer.status_code, answer.json["payment_url"]) == (202, session_of(w)["url"])
    assert by_kind(w) == {"grant": 10_000}
    assert Visitor(w.box).pay(session_of(w)["id"]) == "complete"
    w.settle()
    assert by_kind(w) == {"grant": 10_000, "pack": 10_000}
    assert w.charged("acme") == [1060, 1380]


def test_row_5_11_a_saved_method_may_be_named_and_else_the_default_pays(w: World):
    customer = begins(w, "core", "10k")
    path = "/v1/payment_methods/pm_card_mastercard/attach"
    named = w.stripe("POST", path, customer=customer)["id"]
    w.settle()
    default = w.state("acme")["default_payment_method"]
    executes(w, w.quote("acme", "core", "20k"), payment_method=named)
    # From here on it is what this plan is charged to; the account's default stays as it was.
    executes(w, w.quote("acme", "core", "40k"))
    charges = w.stripe("GET", "/v1/charges", customer=customer)["data"]
    assert [charge["payment_method"] for charge in reversed(charges)] == [default, named, named]
    assert w.state("acme")["default_payment_method"] == default
