"""What is done in a story: callers ask, and outside things happen."""

from __future__ import annotations

from typing import Any

from sandbox.pages.visitor import Visitor
from tests.faults.scenario import API, BACK, Asks, Happens
from tests.support.buying import session_of
from tests.support.changes import newest_change
from tests.support.world import World


def executes(**more: Any) -> Asks:
    """The newest quote is executed."""

    return Asks(lambda w: w.execute("acme", w.agreed, **more))


def executes_with_the_other_card() -> Asks:
    """The newest quote is executed with the saved method that is not the default."""

    def execute(w: World) -> Any:
        state = w.state("acme")
        listed = w.stripe("GET", f"/v1/customers/{state['customer']}/payment_methods")["data"]
        (other,) = {method["id"] for method in listed} - {state["default_payment_method"]}
        return executes(payment_method=other).request(w)

    return Asks(execute)


def reports(units: int, name: str) -> Asks:
    """An internal service reports usage that is billed."""
    body = {"records": [{"id": name, "family": API, "units": units}]}

    def report(w: World) -> Any:
        # Stripe's clock stands still and the machine's does not: what time it is there, is asked.
        w.call("GET", "/v1/accounts/acme/payment-methods")
        return w.call("POST", "/v1/accounts/acme/usage", body)

    return Asks(report)


def cancels(when: str) -> Asks:
    return Asks(lambda w: w.call("POST", "/v1/accounts/acme/cancellation", {"when": when}))


def uncancels() -> Asks:
    return Asks(lambda w: w.call("DELETE", "/v1/accounts/acme/cancellation"))


def takes_back() -> Asks:
    """The newest change is cancelled."""

    def cancel(w: World) -> Any:
        change = newest_change(w)["id"]
        return w.call("POST", f"/v1/plan-changes/{change}/cancel")

    return Asks(cancel)


def authenticates(*, succeed: bool = True) -> Happens:
    """The customer follows the link of the newest invoice and passes, or fails, the challenge."""

    def pay(w: World) -> None:
        invoice = w.invoices("acme")[0]["id"]
        payments = w.stripe("GET", "/v1/invoice_payments", invoice=invoice)["data"]
        w.box.authenticate(payments[0]["payment"]["payment_intent"], succeed=succeed)

    return Happens(pay)


def buys(**more: Any) -> Asks:
    """A pack of 1,000 extra operations is bought."""
    body = {"family": "operations", "pack": "extra-1k", "quantity": 1, **more}
    key = {"Idempotency-Key": "the purchase"}
    return Asks(lambda w: w.call("POST", "/v1/accounts/acme/purchases", body, **key))


def opens_a_page() -> Asks:
    """The account is sent to a page on which a payment method is saved."""
    body = {"mode": "setup", "return_url": BACK}
    return Asks(lambda w: w.call("POST", "/v1/accounts/acme/checkout-sessions", body))


def completes_the_page(with_card: str = "pm_card_visa") -> Happens:
    """The customer does what the newest page asks for."""
    return Happens(lambda w: Visitor(w.box).pay(session_of(w)["id"], with_card))


def pays_by_hand() -> Happens:
    """The customer pays the newest invoice at its own page, with another card."""

    def pay(w: World) -> None:
        customer = w.state("acme")["customer"]
        path = "/v1/payment_methods/pm_card_mastercard/attach"
        paid_with = w.stripe("POST", path, customer=customer)["id"]
        invoice = w.invoices("acme")[0]["id"]
        w.stripe("POST", f"/v1/invoices/{invoice}/pay", payment_method=paid_with)

    return Happens(pay)


def passes(**by: float) -> Happens:
    return Happens(lambda w: w.advance(**by))
