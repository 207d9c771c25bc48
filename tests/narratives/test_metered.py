"""`metered`: nothing at sign-up, usage by the meter, and sales for the largest plan.

A request costs 0.0004 dollars: 100,000 of them are 40.00. January has 31 days.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

import mappings
from adapter.tables import DueWorkRow, UsageRow
from mappings import Catalogue, parse_catalogue
from sandbox import Switches, Visitor
from tests.support.world import START, World, world

API = "api"
FREE = ("free", "free")
PLUS = ("plus", "usage")
ENTERPRISE = ("enterprise", "agreed")
SALES = "sales@planshift.example"
CATALOGUES = Path(mappings.__file__).parent / "catalogues"
_ids = count(1)


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="metered") as made:
        yield made


@cache
def at_the_end() -> Catalogue:
    """The same catalogue, but who leaves may choose the period's end."""
    text = (CATALOGUES / "metered.toml").read_text("utf-8")
    rule = 'when = { direction = "cancel" }\ntiming = '
    assert rule + '"now"' in text
    return parse_catalogue(text.replace(rule + '"now"', rule + '"caller"'))


def sign_up(w: World, ref: str = "acme") -> Any:
    """Free to Plus with a saved card."""
    return w.change(ref, *PLUS, family=API)


def hear(w: World, ref: str = "acme") -> None:
    """What time it is at Stripe is known from its answers."""
    w.get(f"/v1/accounts/{ref}/payment-methods")


def pass_time(w: World, **by: float) -> None:
    """Time passes at Stripe, and what was to be done by then is done."""
    w.advance(**by)
    hear(w)
    w.settle()


def use(w: World, units: int, *, at: datetime | None = None, ref: str = "acme", **more: Any) -> Any:
    """An internal service reports usage, under an id of its own."""
    hear(w, ref)
    record = {"id": f"use-{next(_ids)}", "family": API, "units": units, **more}
    if at is not None:
        record["at"] = at.isoformat()
    return w.call("POST", f"/v1/accounts/{ref}/usage", {"records": [record]})


def told(w: World) -> list[tuple[int, int]]:
    """What Stripe was told: units and unix second, in that order."""
    events = w.box.world.store.scan("billing.meter_event")
    return sorted((int(event["_value"]), event["timestamp"]) for event in events)


def counted(w: World, ref: str = "acme") -> int:
    """What the meter has counted for an account, ever."""
    (meter,) = w.stripe("GET", "/v1/billing/meters")["data"]
    window = {"customer": w.state(ref)["customer"], "start_time": 0, "end_time": 4_102_444_800}
    path = f"/v1/billing/meters/{meter['id']}/event_summaries"
    return sum(found["aggregated_value"] for found in w.stripe("GET", path, **window)["data"])


def booked(w: World) -> int:
    """Every unit that was ever booked for billing."""
    with w.parts.database.read() as tx:
        return int(tx.scalar(select(func.sum(UsageRow.units)).where(UsageRow.meter_event != "")))


def later(w: World) -> None:
    """What was put off is due again."""
    for _ in range(3):
        with w.parts.database.write() as tx:
            mine = (DueWorkRow.state == "pending") & (DueWorkRow.clock == "wall")
            tx.execute(update(DueWorkRow).where(mine).values(next_at=START))
        w.settle()


def unix(moment: datetime) -> int:
    return int(moment.timestamp())


# -- 4.1 ------------------------------------------------------------------------------------------


def test_row_4_1_sign_up_collects_billing_details_and_charges_nothing(w: World):
    w.account("acme", card=None)
    quote = w.quote("acme", *PLUS, family=API)
    assert quote["timings"]["now"]["due_now"]["amount"] == 0
    new = quote["changes"][0]["new"]
    assert (new["price"], new["unit_price"]["text"]) == (None, "0.0004 USD per unit")

    answer = w.execute("acme", quote, return_url="https://acme.example/done")
    assert answer.status_code == 202, answer.json
    page = w.stripe("GET", "/v1/checkout/sessions", customer=w.state("acme")["customer"])["data"][0]
    assert (page["mode"], page["billing_address_collection"]) == ("setup", "required")
    assert answer.json["lines"][0]["payment_url"] == page["url"]
    w.settle()
    assert w.plan("acme", API) == FREE
    (mail,) = w.mail.messages
    assert mail["Subject"] == "One more step: your billing details for Plus by usage monthly"
    assert "Nothing is charged now." in mail.get_body(("plain",)).get_content()

    Visitor(w.box).pay(page["id"])
    w.settle()
    assert w.plan("acme", API) == PLUS
    item = w.subscription("acme")["items"]["data"][0]
    assert "quantity" not in item
    assert (w.charged("acme"), w.invoices("acme")) == ([], [])
    change = w.get(f"/v1/plan-changes/{answer.json['id']}")
    assert (change["lines"][0]["state"], change["lines"][0]["drift"]) == ("applied", None)


def test_row_4_1_completion_that_is_told_twice_or_never_starts_plus_once(w: World):
    for ref, heard in (("acme", 2), ("beta", 0)):
        w.account(ref, card=None)
        answer = w.execute(ref, w.quote(ref, *PLUS, family=API))
        customer = w.state(ref)["customer"]
        page = w.stripe("GET", "/v1/checkout/sessions", customer=customer)["data"][0]
        Visitor(w.box).pay(page["id"])
        if heard:
            w.settle()
            (event,) = w.stripe("GET", "/v1/events", type="checkout.session.completed")["data"]
            answered = w.call("POST", f"/v1/events/{event['id']}/replay")
            assert answered.status_code < 300, answered.json
        else:
            w.box.delivery.put_on(drop=1.0)
        # Nobody said so, and a day later the page is asked about.
        w.advance(days=1, hours=1)
        assert w.plan(ref, API) == PLUS
        assert len(w.stripe("GET", "/v1/subscriptions", customer=customer)["data"]) == 1
        assert w.get(f"/v1/plan-changes/{answer.json['id']}")["lines"][0]["state"] == "applied"


def test_row_4_1_with_a_saved_card_plus_begins_at_once(w: World):
    w.account("acme")
    change = sign_up(w)
    assert change["lines"][0]["state"] == "applied"
    state, differences = w.state("acme"), []
    held = state["plans"][0]["in_effect"]
    assert (held["plan"], held["quantity"]) == ("plus", None)
    assert held["unit_price"] == {
        "amount": "0.0004",
        "currency": "usd",
        "text": "0.0004 USD per unit",
    }
    assert (w.charged("acme"), w.invoices("acme")) == ([], [])
    w.parts.reconciling.run(repair=False, tell=differences.append, progress=lambda *_: None)
    assert differences == []
    # A month without usage costs nothing, whatever comes of it at Stripe.
    w.advance(days=32)
    assert w.charged("acme") == []
    assert w.plan("acme", API) == PLUS


def test_row_4_1_usage_has_no_quantity(w: World):
    w.account("acme")
    wanted = {"family": API, "plan": "plus", "tier": "usage", "interval": "month", "quantity": 2}
    refused = w.call("POST", "/v1/accounts/acme/quotes", {"changes": [wanted]})
    assert (refused.status_code, refused.json["code"]) == (422, "usage_has_no_quantity")


# -- 4.2 ------------------------------------------------------------------------------------------


def test_row_4_2_usage_goes_to_the_meter_once_and_is_billed_on_the_subscription_date(w: World):
    w.account("acme")
    assert use(w, 5).json["code"] == "no_metered_plan_held"
    sign_up(w)
    pass_time(w, days=10)
    answer = use(w, 60_000, id="batch-1")
    assert answer.status_code == 200, answer.json
    (record,) = answer.json["records"]
    assert (record["metered"], record["state"], record["over"]) == (True, "recorded", None)
    repeated = use(w, 60_000, id="batch-1").json["records"][0]
    assert (repeated["state"], repeated["at"]) == ("repeated", record["at"])
    assert use(w, 1, id="batch-1").json["code"] == "usage_conflict"
    # Of one second, reported together or not: no more events than needed, and none twice.
    body = [{"id": f"r{n}", "family": API, "units": 10_000} for n in range(4)]
    assert w.call("POST", "/v1/accounts/acme/usage", {"records": body}).status_code == 200
    assert told(w) == []
    w.settle()
    second = unix(START) + 10 * 86_400 - 5
    assert told(w) == [(40_000, second), (60_000, second)]
    assert counted(w) == booked(w) == 100_000

    # Three days before the billing date: what it has come to, by Stripe.
    pass_time(w, days=17, hours=23)
    assert w.state("acme")["upcoming"][0]["charges"] is None
    pass_time(w, hours=2)
    (upcoming,) = w.get("/v1/accounts/acme/invoices")["upcoming"]
    assert upcoming == w.state("acme")["upcoming"][0]
    charges = upcoming["charges"]
    assert (charges["units"], charges["total"]["text"]) == (100_000, "40.00 USD")
    assert [line["quantity"] for line in charges["lines"]] == [100_000]
    assert upcoming["usage"] == {"units": 100_000, "unsent": 0, "refused": 0}
    use(w, 25_000)
    pass_time(w, hours=1)
    kept = w.state("acme")["upcoming"][0]["charges"]
    assert (kept["calculated_at"], kept["units"]) == (charges["calculated_at"], 100_000)

    # Stripe bills the final usage when the period has ended.
    pass_time(w, days=3, hours=2)
    (invoice,) = w.invoices("acme")
    assert (invoice["status"], invoice["total"]) == ("paid", 5_000)
    assert w.charged("acme") == [5_000]
    (upcoming,) = w.state("acme")["upcoming"]
    assert (upcoming["usage"]["units"], upcoming["charges"]) == (0, None)


def test_row_4_2_the_next_period_is_calculated_too_and_a_month_without_usage_is_nothing(w: World):
    w.account("acme")
    sign_up(w)
    for days in (29, 25):
        pass_time(w, days=days)
        charges = w.state("acme")["upcoming"][0]["charges"]
        assert (charges["units"], charges["total"]["amount"]) == (0, 0)
        pass_time(w, days=3)


# -- 4.3 ------------------------------------------------------------------------------------------


def goodbyes(w: World) -> list[Any]:
    """The cancellation e-mails."""
    return [mail for mail in w.mail.messages if "has ended" in str(mail["Subject"])]


def leave(w: World, **wanted: Any) -> Any:
    """Plus to Free, as a quote says it."""
    quote = w.quote("acme", **{"plan": "free", "tier": "free", "family": API, **wanted})
    return quote, w.execute("acme", quote)


def test_row_4_3_plus_to_free_is_now_and_bills_what_was_used_up_to_that_moment(w: World):
    w.account("acme")
    sign_up(w)
    pass_time(w, days=10)
    use(w, 100_000)
    w.settle()
    quote, answer = leave(w)
    now = quote["timings"]["now"]
    assert (now["due_now"]["text"], now["so_far"]) == ("40.00 USD", True)
    assert quote["changes"][0]["lost"]
    assert answer.status_code == 201, answer.json
    line = answer.json["lines"][0]
    assert (line["state"], line["drift"]) == ("applied", None)
    assert w.plan("acme", API) == FREE
    (invoice,) = w.invoices("acme")
    assert (invoice["status"], invoice["total"]) == ("paid", 4_000)
    assert w.charged("acme") == [4_000]
    w.settle()
    assert w.state("acme")["subscriptions"][0]["status"] == "canceled"
    assert len(goodbyes(w)) == 1
    assert use(w, 1).json["code"] == "no_metered_plan_held"
    pass_time(w, days=40)
    assert (w.charged("acme"), len(goodbyes(w))) == ([4_000], 1)


def test_row_4_3_what_waits_to_be_sent_is_billed_and_free_is_at_once(w: World):
    """Stripe is away while the change is asked for."""
    w.account("acme")
    sign_up(w)
    pass_time(w, days=10)
    w.box.fail_next("POST", "/v1/billing/meter_events", "429", count=1)
    use(w, 50_000)
    w.settle()
    use(w, 25_000)
    quote, answer = leave(w, plan=None, tier=None)
    assert quote["timings"]["now"]["due_now"]["amount"] == 0
    assert answer.status_code == 202, answer.json
    assert w.plan("acme", API) == FREE
    assert use(w, 1).json["code"] == "metered_plan_ending"
    assert w.invoices("acme") == []
    later(w)
    change = w.get(f"/v1/plan-changes/{answer.json['id']}")
    assert change["lines"][0]["state"] == "applied"
    assert (w.charged("acme"), counted(w), booked(w)) == ([3_000], 75_000, 75_000)
    assert len(goodbyes(w)) == 1


def test_row_4_3_a_meter_that_lags_is_waited_for_and_not_for_ever(database_url: str):
    switches = Switches(meter_lag_seconds=600, cancel_final_invoice="finalized")
    with world(database_url, catalogue="metered", switches=switches) as w:
        w.account("acme")
        sign_up(w)
        pass_time(w, days=10)
        use(w, 50_000)
        w.settle()
        answer = leave(w)[1]
        assert (answer.status_code, w.plan("acme", API)) == (202, FREE)
        later(w)
        assert w.invoices("acme") == []
        w.advance(seconds=601)
        later(w)
        assert w.charged("acme") == [2_000]
        assert w.state("acme")["subscriptions"][0]["status"] == "canceled"


def test_row_4_3_without_usage_nothing_is_billed_and_in_the_draft_hour_both_periods_are(w: World):
    w.account("acme")
    sign_up(w)
    pass_time(w, days=3)
    assert leave(w)[1].status_code == 201
    assert (w.plan("acme", API), w.invoices("acme")) == (FREE, [])
    w.settle()
    sign_up(w)
    pass_time(w, days=20)
    use(w, 10_000)
    w.settle()
    pass_time(w, days=11, seconds=600)
    use(w, 20_000)
    w.settle()
    assert leave(w)[1].status_code == 201
    w.settle()
    assert [(one["status"], one["total"]) for one in w.invoices("acme")] == [
        ("paid", 800),
        ("paid", 400),
    ]
    assert sorted(w.charged("acme")) == [400, 800]


def test_row_4_3_a_last_bill_that_is_declined_stays_to_be_paid_and_the_plan_is_over(w: World):
    customer = w.account("acme")
    sign_up(w)
    pass_time(w, days=3)
    use(w, 10_000)
    w.settle()
    w.use_card(customer, "pm_card_chargeCustomerFail")
    answer = leave(w)[1]
    assert answer.status_code == 201, answer.json
    w.settle()
    line = w.get(f"/v1/plan-changes/{answer.json['id']}")["lines"][0]
    (invoice,) = w.invoices("acme")
    assert (line["state"], line["payment_url"]) == ("applied", invoice["hosted_invoice_url"])
    assert (invoice["status"], invoice["amount_remaining"]) == ("open", 400)
    assert w.plan("acme", API) == FREE
    asked = [mail for mail in w.mail.messages if "payment" in str(mail["Subject"]).lower()]
    assert len(asked) == 1
    assert invoice["hosted_invoice_url"] in asked[0].get_body(("plain",)).get_content()
    card = w.use_card(customer, "pm_card_visa")
    w.stripe("POST", f"/v1/invoices/{invoice['id']}/pay", payment_method=card)
    w.settle()
    assert w.charged("acme") == [400]


def test_row_4_3_an_end_at_the_periods_end_takes_usage_until_then(database_url: str):
    sold = at_the_end()
    with world(database_url, catalogue="metered", sold=sold) as w:
        w.account("acme")
        sign_up(w)
        pass_time(w, days=10)
        answer = w.execute("acme", w.quote("acme", None, family=API), when="period_end")
        assert answer.status_code == 201, answer.json
        w.settle()
        assert (w.plan("acme", API), answer.json["lines"][0]["state"]) == (PLUS, "scheduled")
        use(w, 10_000)
        w.settle()
        pass_time(w, days=21, hours=2)
        assert (w.plan("acme", API), w.charged("acme")) == (FREE, [400])


# -- 4.6 ------------------------------------------------------------------------------------------


def opened(w: World) -> dict[tuple[str, str | None], tuple[str, Any]]:
    """The changes open to the account: by action and plan, the route and when."""
    (plan,) = w.state("acme")["plans"]
    return {(one["action"], one["plan"]): (one["route"], one["when"]) for one in plan["options"]}


def test_row_4_6_the_billing_facts_list_the_plan_and_the_changes_open_to_it(w: World):
    w.account("acme")
    sales = ("contact_sales", None)
    assert opened(w) == {
        ("start", "plus"): ("self_serve", ["now"]),
        ("start", "enterprise"): sales,
    }
    sign_up(w)
    assert opened(w) == {
        ("downgrade", "free"): ("self_serve", ["now"]),
        ("upgrade", "enterprise"): sales,
        ("cancel", None): ("self_serve", ["now"]),
    }
    (plan,) = w.state("acme")["plans"]
    assert plan["in_effect"]["name"] == "Plus by usage monthly"
    enterprise = next(one for one in plan["options"] if one["plan"] == "enterprise")
    assert enterprise["reason"] == "Enterprise is agreed with each customer."
    assert [offer["interval"] for offer in enterprise["offers"]] == ["month", "year"]
    agree(w, *ENTERPRISE)
    assert opened(w) == {
        ("downgrade", "free"): sales,
        ("downgrade", "plus"): sales,
        ("lateral", "enterprise"): sales,
        ("cancel", None): sales,
    }


# -- 4.4, 4.5, 4.7 --------------------------------------------------------------------------------


def ask(w: World, plan: str | None, tier: str | None = None, **more: Any) -> Any:
    body = {"family": API, "plan": plan, "tier": tier, "interval": "month", **more}
    return w.call("POST", "/v1/accounts/acme/quotes", {"changes": [body]})


def written(w: World) -> list[str]:
    """What Stripe was asked to change since the beginning of the story."""
    return [call.path for call in w.calls() if call.method != "GET"]


def test_row_4_4_enterprise_is_a_matter_of_sales_who_are_told(w: World):
    w.account("acme")
    sign_up(w)
    changed = written(w)
    refused = ask(w, *ENTERPRISE)
    assert (refused.status_code, refused.json["code"]) == (409, "contact_sales")
    assert refused.json["detail"] == "Enterprise is agreed with each customer."
    assert refused.json["remedy"].startswith("Send a sales request")
    form = {
        "name": "Ada <script>",
        "question": "SSO?\nBcc: everybody@acme.example",
        "seats": "500",
    }
    body = {"family": API, "plan": "enterprise", "fields": form}
    answer = w.call("POST", "/v1/accounts/acme/sales-requests", body)
    assert answer.status_code == 201, answer.json
    assert w.get("/v1/accounts/acme/sales-requests")["data"] == [answer.json]
    assert answer.json["fields"] == form
    w.settle()
    mail = w.mail.messages[-1]
    assert mail["Subject"] == "Sales request for API Enterprise from Acme"
    assert [to.addr_spec for to in mail["To"].addresses] == [SALES]
    assert mail["Reply-To"].addresses[0].addr_spec == "billing@acme.example"
    assert mail["Bcc"] is None
    text = mail.get_body(("plain",)).get_content()
    assert "SSO? Bcc: everybody@acme.example" in text
    assert "seats: 500" in text
    assert "Ada &lt;script&gt;" in mail.get_body(("html",)).get_content()
    assert w.plan("acme", API) == PLUS
    assert written(w) == changed


def test_row_4_5_enterprise_to_plus_is_a_matter_of_the_representative(w: World):
    w.account("acme")
    agree(w, *ENTERPRISE)
    assert w.plan("acme", API) == ENTERPRISE
    for wanted in (PLUS, ("free", "free"), (None, None)):
        refused = ask(w, *wanted)
        assert (refused.status_code, refused.json["code"]) == (409, "contact_sales"), wanted
        assert "representative" in refused.json["remedy"]


def agree(w: World, plan: str | None, tier: str | None = None, **more: Any) -> Any:
    """An operator carries out what sales has agreed."""
    quote = ask(w, plan, tier, by_sales=True, **more)
    assert quote.status_code == 201, quote.json
    answer = w.execute("acme", quote.json)
    assert answer.status_code == 201, answer.json
    w.settle()
    return answer.json


def test_row_4_7_an_operator_puts_an_account_on_enterprise_and_takes_it_off(w: World):
    w.account("acme")
    sign_up(w)
    pass_time(w, days=10)
    use(w, 10_000)
    w.settle()
    # Without the scope nobody can, not even with a quote of somebody who has it.
    key = w.parts.keys.create("shop", ["changes:write"])
    shop = {"Authorization": f"Bearer {key}"}
    wanted = {"family": API, "plan": "enterprise", "tier": "agreed", "interval": "year"}
    body = {"changes": [{**wanted, "by_sales": True}]}
    refused = w.call("POST", "/v1/accounts/acme/quotes", body, **shop)
    assert (refused.status_code, refused.json["code"]) == (403, "forbidden")
    assert refused.json["scope"] == "changes:sales"
    quote = ask(w, *ENTERPRISE, interval="year", by_sales=True).json
    assert quote["timings"]["now"]["due_now"]["amount"] == 400
    order = {"quote": quote["id"]}
    assert w.call("POST", "/v1/accounts/acme/plan-changes", order, **shop).status_code == 403

    sales = {"Authorization": f"Bearer {w.parts.keys.create('sales', ['changes:sales'])}"}
    answer = w.call("POST", "/v1/accounts/acme/plan-changes", order, **sales)
    assert answer.status_code == 201, answer.json
    assert (answer.json["lines"][0]["state"], answer.json["lines"][0]["drift"]) == ("applied", None)
    w.settle()
    # What was used of Plus is billed; nothing of Enterprise is at Stripe.
    (held,) = w.state("acme")["plans"]
    assert (held["in_effect"]["plan"], held["by_agreement"], held["subscription"]) == (
        "enterprise",
        True,
        None,
    )
    assert w.charged("acme") == [400]
    subjects = w.mail.subjects()
    assert subjects[-1].startswith("You are now on Enterprise")
    assert goodbyes(w) == []
    assert use(w, 1).json["code"] == "no_metered_plan_held"
    assert w.execute("acme", quote).json["id"] == answer.json["id"]

    # Back to Plus, and off it for good.
    agree(w, *PLUS)
    assert w.plan("acme", API) == PLUS
    assert w.state("acme")["plans"][0]["by_agreement"] is False
    agree(w, *ENTERPRISE)
    agree(w, None)
    assert (w.plan("acme", API), len(goodbyes(w))) == (FREE, 1)
    assert ask(w, None, by_sales=True).json["code"] == "nothing_to_cancel"


def test_row_4_7_a_plan_with_a_price_is_a_subscription_by_card_or_by_invoice(database_url: str):
    text = (CATALOGUES / "metered.toml").read_text("utf-8")
    month, year = '{ usd = "900.00", eur = "850.00" }', '{ usd = "9000.00", eur = "8500.00" }'
    price = f"prices = {{ month = {month}, year = {year} }}"
    unpriced = 'name = "as agreed", size = 1_000_000_000 }'
    assert unpriced in text
    sold = parse_catalogue(text.replace(unpriced, unpriced.replace(" }", f", {price} }}")))
    with world(database_url, catalogue="metered", sold=sold) as w:
        w.parts.catalogue_sync.run(lambda _: True)
        w.account("acme")
        agree(w, *ENTERPRISE)
        assert (w.plan("acme", API), w.charged("acme")) == (ENTERPRISE, [90_000])
        assert w.state("acme")["plans"][0]["by_agreement"] is False
        # From a fixed price to usage there is no way but through an end.
        assert ask(w, *PLUS, by_sales=True).json["code"] == "end_plan_first"
        agree(w, None)
        assert w.plan("acme", API) == FREE

        agree(w, *ENTERPRISE, invoice_days=30)
        sub = w.stripe("GET", "/v1/subscriptions", customer=w.state("acme")["customer"])["data"][0]
        assert (sub["collection_method"], sub["days_until_due"]) == ("send_invoice", 30)
        assert (w.plan("acme", API), w.charged("acme")) == (ENTERPRISE, [90_000])
        again = ask(w, None, by_sales=True, invoice_days=30)
        assert (again.status_code, again.json["code"]) == (422, "invoice_only_at_start")


def test_a_sales_request_needs_somebody_to_read_it(sqlite_url: str):
    with world(sqlite_url, catalogue="metered", sales=None) as w:
        w.account("acme")
        refused = w.call("POST", "/v1/accounts/acme/sales-requests", {"fields": {"name": "Ada"}})
        assert (refused.status_code, refused.json["code"]) == (409, "sales_not_configured")
        assert "PLANSHIFT_SALES_EMAIL" in refused.json["detail"]
        assert w.get("/v1/accounts/acme/sales-requests")["data"] == []


@pytest.mark.by_turns
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"fields": {"a": 1}}, "invalid_request"),
        ({"fields": {str(n): "x" for n in range(51)}}, "form_too_long"),
        ({"fields": {str(n): "x" * 4_000 for n in range(6)}}, "form_too_long"),
        ({"fields": {"a": "b"}, "plan": "enterprise"}, "unknown_family"),
        ({"fields": {"a": "b"}, "family": API, "plan": "gold"}, "unknown_plan"),
    ],
)
def test_a_form_has_its_limits(w: World, body: Any, code: str):
    w.account("acme")
    refused = w.call("POST", "/v1/accounts/acme/sales-requests", body)
    assert (refused.status_code, refused.json["code"]) == (422, code)
