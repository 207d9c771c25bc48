"""The API's own manners: keys, errors, idempotency, pages, expansion, metadata, ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses
import stripe

from sandbox import Reply, Sandbox, mount

from .conftest import DAY, START, Stage

Ask = Callable[..., Reply]


@pytest.fixture
def ask(box: Sandbox) -> Ask:
    """A raw request: method, path, form, headers."""

    def ask(method: str, path: str, form: str = "", **headers: str) -> Reply:
        sent = {"Authorization": "Bearer sk_test_123"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return box.call(method, path, form, sent)

    return ask


class TestErrors:
    def test_no_key_is_401(self, box: Sandbox) -> None:
        reply = box.call("GET", "/v1/customers")
        assert reply.status == 401
        assert reply.body["error"]["type"] == "invalid_request_error"
        assert reply.headers["Request-Id"].startswith("req_")

    def test_a_live_key_is_not_accepted(self, ask: Ask) -> None:
        assert ask("GET", "/v1/customers", Authorization="Bearer sk_live_1").status == 401

    def test_an_unknown_url_says_so(self, ask: Ask) -> None:
        reply = ask("POST", "/v1/quotes")
        assert reply.status == 404
        message = reply.body["error"]["message"]
        assert message.startswith("Unrecognized request URL (POST: /v1/quotes)")

    @pytest.mark.parametrize(
        ("form", "code", "param"),
        [
            ("nickname=x", "parameter_unknown", "nickname"),
            ("address[planet]=x", "parameter_unknown", "address[planet]"),
            ("balance=ten", "parameter_invalid_integer", "balance"),
            ("address=x", None, "address"),
        ],
    )
    def test_parameters_are_checked(self, ask: Ask, form: str, code: Any, param: str) -> None:
        reply = ask("POST", "/v1/customers", form)
        assert reply.status == 400
        assert reply.body["error"].get("code") == code
        assert reply.body["error"]["param"] == param

    def test_a_missing_parameter_is_named(self, ask: Ask) -> None:
        error = ask("POST", "/v1/products").body["error"]
        assert (error["code"], error["param"]) == ("parameter_missing", "name")
        assert error["message"] == "Missing required param: name."

    def test_a_missing_object_is_404_in_the_path_and_400_in_a_parameter(self, ask: Ask) -> None:
        path = ask("GET", "/v1/customers/cus_x")
        param = ask("POST", "/v1/subscriptions", "customer=cus_x&items[0][price]=p")
        assert (path.status, param.status) == (404, 400)
        assert path.body["error"]["code"] == param.body["error"]["code"] == "resource_missing"
        assert path.body["error"]["message"] == "No such customer: 'cus_x'"
        assert param.body["error"]["param"] == "customer"

    def test_an_enum_lists_what_it_takes(self, ask: Ask) -> None:
        form = "customer=c&items[0][price]=p&proration_behavior=maybe"
        message = ask("POST", "/v1/subscriptions", form).body["error"]["message"]
        assert message.endswith("must be one of always_invoice, create_prorations, or none")

    def test_a_customer_without_a_card_cannot_be_charged(self, stage: Stage) -> None:
        customer = stage.api.customers.create({}).id
        with pytest.raises(stripe.InvalidRequestError) as caught:
            stage.subscribe(customer, stage.price(100))
        assert (caught.value.http_status, caught.value.code) == (400, "resource_missing")
        assert stage.api.subscriptions.list({"customer": customer}).data == []

    def test_a_card_may_be_declined_when_it_is_saved(self, stage: Stage) -> None:
        customer = stage.api.customers.create({}).id
        with pytest.raises(stripe.CardError) as caught:
            stage.api.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer})
        assert caught.value.error.decline_code == "generic_decline"


class TestHeaders:
    def test_the_date_is_the_sandbox_s_own(self, box: Sandbox, ask: Ask) -> None:
        assert ask("GET", "/v1/customers").headers["Date"] == "Mon, 10 Nov 2025 18:29:11 GMT"
        box.advance(seconds=60)
        assert ask("GET", "/v1/customers").headers["Date"] == "Mon, 10 Nov 2025 18:30:11 GMT"

    def test_the_version_is_echoed_or_the_account_s(self, ask: Ask) -> None:
        named = ask("GET", "/v1/customers", Stripe_Version="2025-09-30.clover")
        assert named.headers["Stripe-Version"] == "2025-09-30.clover"
        assert ask("GET", "/v1/customers").headers["Stripe-Version"] == "2026-10-28.endive"
        assert ask("GET", "/v1/customers", Stripe_Version="latest").status == 400


class TestIdempotency:
    def test_the_same_request_is_answered_from_memory(self, ask: Ask) -> None:
        first = ask("POST", "/v1/customers", "name=a", Idempotency_Key="k")
        again = ask("POST", "/v1/customers", "name=a", Idempotency_Key="k")
        assert again.body == first.body
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers["Original-Request"] == first.headers["Request-Id"]
        assert len(ask("GET", "/v1/customers").body["data"]) == 1

    def test_other_parameters_or_another_path_are_an_error(self, ask: Ask) -> None:
        ask("POST", "/v1/customers", "name=a", Idempotency_Key="k")
        for path, form in [("/v1/customers", "name=b"), ("/v1/products", "name=a")]:
            reply = ask("POST", path, form, Idempotency_Key="k")
            assert (reply.status, reply.body["error"]["type"]) == (400, "idempotency_error")

    def test_what_failed_validation_is_not_remembered(self, ask: Ask) -> None:
        assert ask("POST", "/v1/customers", "foo=1", Idempotency_Key="k").status == 400
        assert ask("POST", "/v1/customers", "name=a", Idempotency_Key="k").status == 200

    def test_a_decline_and_a_500_are_remembered(self, box: Sandbox, ask: Ask) -> None:
        customer = ask("POST", "/v1/customers").body["id"]
        path = "/v1/payment_methods/pm_card_chargeDeclined/attach"
        for _ in range(2):
            reply = ask("POST", path, f"customer={customer}", Idempotency_Key="card")
            assert reply.status == 402
        assert reply.headers["Idempotent-Replayed"] == "true"
        box.fail_next("POST", "/v1/products", "500")
        assert ask("POST", "/v1/products", "name=x", Idempotency_Key="p").status == 500
        assert ask("POST", "/v1/products", "name=x", Idempotency_Key="p").status == 500
        assert ask("POST", "/v1/products", "name=x", Idempotency_Key="q").status == 200

    def test_a_429_is_not_remembered(self, box: Sandbox, ask: Ask) -> None:
        box.fail_next("POST", "/v1/products", "429")
        assert ask("POST", "/v1/products", "name=x", Idempotency_Key="p").status == 429
        assert ask("POST", "/v1/products", "name=x", Idempotency_Key="p").status == 200

    def test_a_request_under_way_is_409(self, box: Sandbox, ask: Ask) -> None:
        claim = {"name": "x"}
        box._keys.begin("busy", "/v1/products", claim, box.now(), "req_1")
        reply = ask("POST", "/v1/products", "name=x", Idempotency_Key="busy")
        assert (reply.status, reply.body["error"]["code"]) == (409, "idempotency_key_in_use")

    def test_after_a_day_the_key_is_free_again(self, box: Sandbox, ask: Ask) -> None:
        first = ask("POST", "/v1/products", "name=x", Idempotency_Key="p")
        box.advance(seconds=DAY)
        second = ask("POST", "/v1/products", "name=x", Idempotency_Key="p")
        assert second.body["id"] != first.body["id"]

    def test_the_effect_behind_a_timeout_is_found_by_the_same_key(
        self, box: Sandbox, client: stripe.StripeClient
    ) -> None:
        box.fail_next("POST", "/v1/customers", "timeout_after")
        with pytest.raises(stripe.APIConnectionError):
            client.v1.customers.create({"name": "a"}, {"idempotency_key": "k"})
        customer = client.v1.customers.create({"name": "a"}, {"idempotency_key": "k"})
        assert customer.last_response is not None
        assert customer.last_response.headers["Idempotent-Replayed"] == "true"
        assert len(client.v1.customers.list().data) == 1

    def test_a_reset_before_the_effect_leaves_nothing(
        self, box: Sandbox, client: stripe.StripeClient
    ) -> None:
        box.fail_next("POST", "/v1/customers", "reset")
        with pytest.raises(stripe.APIConnectionError):
            client.v1.customers.create({})
        assert client.v1.customers.list().data == []


class TestLists:
    def test_pages_run_newest_first_in_both_directions(self, stage: Stage) -> None:
        made = [stage.api.products.create({"name": f"p{n}"}).id for n in range(5)][::-1]
        first = stage.api.products.list({"limit": 2})
        assert [entry.id for entry in first.data] == made[:2]
        assert first.has_more
        after = stage.api.products.list({"limit": 2, "starting_after": made[1]})
        assert [entry.id for entry in after.data] == made[2:4]
        before = stage.api.products.list({"limit": 2, "ending_before": made[3]})
        assert [entry.id for entry in before.data] == made[1:3]
        walked = [entry.id for entry in stage.api.products.list({"limit": 2}).auto_paging_iter()]
        assert walked[:5] == made

    @pytest.mark.parametrize("limit", [0, 101])
    def test_limits_have_limits(self, stage: Stage, limit: int) -> None:
        with pytest.raises(stripe.InvalidRequestError):
            stage.api.products.list({"limit": limit})


class TestExpansion:
    def test_paths_go_through_lists_and_objects(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(100), expand=["customer"])
        assert sub["customer"]["object"] == "customer"
        paths = ["data.latest_invoice.payments.data.payment.payment_intent"]
        found = stage.api.subscriptions.list({"expand": paths}).data[0]
        payment = found["latest_invoice"]["payments"]["data"][0]
        assert payment["payment"]["payment_intent"]["status"] == "succeeded"

    def test_payments_appear_only_when_asked_for(self, stage: Stage) -> None:
        sub = stage.subscribe(stage.customer(), stage.price(100))
        invoice = stage.api.invoices.retrieve(sub["latest_invoice"])
        assert "payments" not in invoice
        assert "confirmation_secret" not in invoice
        assert "subscription" not in invoice

    def test_what_cannot_be_expanded_is_refused(self, stage: Stage) -> None:
        stage.customer()
        with pytest.raises(stripe.InvalidRequestError) as caught:
            stage.api.customers.list({"expand": ["data.nonsense"]})
        assert caught.value.param == "expand"


class TestMetadata:
    def test_keys_merge_and_empty_values_remove(self, stage: Stage) -> None:
        customer = stage.api.customers.create({"metadata": {"a": "1", "b": "2"}}).id
        changed = stage.api.customers.update(customer, {"metadata": {"a": "", "c": "3"}})
        assert changed.metadata is not None
        assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
        cleared = stage.api.customers.update(customer, {"metadata": ""})
        assert cleared.metadata is not None
        assert cleared.metadata.to_dict() == {}

    def test_there_are_limits(self, stage: Stage) -> None:
        for metadata in ({"k" * 41: "v"}, {"k": "v" * 501}, {f"k{n}": "v" for n in range(51)}):
            with pytest.raises(stripe.InvalidRequestError):
                stage.api.customers.create({"metadata": metadata})


def test_the_same_calls_give_the_same_ids() -> None:
    def life() -> list[str]:
        box = Sandbox(START, seed=7)
        with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
            mount(box, mock)
            stage = Stage(box, stripe.StripeClient("sk_test_123"))
            sub = stage.subscribe(stage.customer(), stage.price(100))
            box.advance(seconds=40 * DAY)
            stage.switch(sub, stage.price(200), proration_behavior="always_invoice")
        return [event["id"] for event in box.world.store.scan("event")]

    assert life() == life()


def test_a_failed_request_leaves_ids_as_they_were(stage: Stage) -> None:
    counters = dict(stage.box.world.store.counters)
    with pytest.raises(stripe.InvalidRequestError):
        stage.subscribe(stage.customer("pm_card_nope"), "price_x")
    assert dict(stage.box.world.store.counters) == counters


def test_calls_are_logged(stage: Stage) -> None:
    stage.box.request_log.clear()
    stage.api.customers.list({"limit": 3})
    entry = stage.box.request_log[-1]
    assert (entry.method, entry.path, entry.params) == ("GET", "/v1/customers", {"limit": "3"})
    assert entry.headers["stripe-version"] == "2026-10-28.endive"
    assert entry.status == 200


def test_a_request_before_the_effect_can_time_out(box: Sandbox, stage: Stage) -> None:
    box.fail_next("GET", r"/v1/customers$", "timeout_before")
    with pytest.raises(stripe.APIConnectionError) as caught:
        stage.api.customers.list()
    assert isinstance(caught.value.__cause__, requests.Timeout)
