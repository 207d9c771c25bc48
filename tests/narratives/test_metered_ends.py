"""`metered`: a plan billed by usage ends, and what was used is billed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from sqlalchemy import update

from adapter.tables import DueWorkRow
from mappings import Catalogue, parse_catalogue
from sandbox import Switches
from tests.support.metered import (
    API,
    CATALOGUES,
    FREE,
    PLUS,
    booked,
    counted,
    pass_time,
    sign_up,
    use,
)
from tests.support.world import START, World, world


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


def later(w: World) -> None:
    """What was put off is due again."""
    for _ in range(3):
        with w.parts.database.write() as tx:
            mine = (DueWorkRow.state == "pending") & (DueWorkRow.clock == "wall")
            tx.execute(update(DueWorkRow).where(mine).values(next_at=START))
        w.settle()


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
    assert len(w.mail.goodbyes()) == 1
    assert use(w, 1).json["code"] == "no_metered_plan_held"
    pass_time(w, days=40)
    assert (w.charged("acme"), len(w.mail.goodbyes())) == ([4_000], 1)


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
    assert len(w.mail.goodbyes()) == 1


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
