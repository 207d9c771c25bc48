"""`metered`: the largest plan is asked for by a form, and agreed on by an operator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mappings import parse_catalogue
from tests.support.metered import (
    API,
    CATALOGUES,
    ENTERPRISE,
    FREE,
    PLUS,
    agree,
    ask,
    pass_time,
    sign_up,
    use,
)
from tests.support.world import World, world

SALES = "sales@planshift.example"


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="metered") as made:
        yield made


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
    assert w.mail.goodbyes() == []
    assert use(w, 1).json["code"] == "no_metered_plan_held"
    assert w.execute("acme", quote).json["id"] == answer.json["id"]

    # Back to Plus, and off it for good.
    agree(w, *PLUS)
    assert w.plan("acme", API) == PLUS
    assert w.state("acme")["plans"][0]["by_agreement"] is False
    agree(w, *ENTERPRISE)
    agree(w, None)
    assert (w.plan("acme", API), len(w.mail.goodbyes())) == (FREE, 1)
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
