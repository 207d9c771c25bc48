"""What scenarios are made of: who there is before the story, what is done, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mappings import Catalogue
from sandbox.pages.visitor import Visitor
from tests import narratives
from tests.support.buying import bought_units, session_of, without_saved_method
from tests.support.world import World

Do = Callable[[World], Any]
TEAM = "virtual-team"
WORKSPACE = "workspace"
API, PLUS = "api", ("plus", "usage")
METER_EVENT = "billing.meter_event"
THREE = str(Path(narratives.__file__).with_name("three.toml"))
BACK = "https://acme.example/billing"
AUTHENTICATE = "pm_card_authenticationRequired"
DECLINED = "pm_card_chargeCustomerFail"


@dataclass(frozen=True)
class Asks:
    """A caller's request. One that gets no answer makes it again, as any caller would."""

    request: Do


@dataclass(frozen=True)
class Happens:
    """Something outside: a customer pays, time passes. It happens once, so whatever the service
    has to do with it comes last: a death there leaves nothing of the event undone.
    """

    event: Do


Act = Asks | Happens


@dataclass(frozen=True)
class Scenario:
    """A story.

    ``base`` is what many stories begin with, ``prepare`` what only this one needs; no point is
    counted there. ``ends`` looks at the end of the run in which nothing goes wrong; every other
    run has to end the same."""

    name: str
    base: Do
    prepare: Sequence[Do]
    acts: Sequence[Act]
    ends: Do
    catalogue: str = "operations"
    sold: Callable[[], Catalogue] | None = None

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


# -- before the story -------------------------------------------------------------------------


def an_account(w: World) -> None:
    w.account("acme")


def a_subscriber(w: World) -> None:
    w.account("acme")
    w.change("acme", "core", "10k")


def a_large_subscriber(w: World) -> None:
    w.account("acme")
    w.change("acme", "core", "20k")


def a_team(w: World) -> None:
    """A subscriber of the Virtual Team, whose changes may wait for the period's end."""
    w.account("acme")
    w.change("acme", "growth", "5k", family=TEAM)


def an_enterprise(w: World) -> None:
    """A subscriber of a catalogue in which one goes down only by way of an end."""
    w.account("acme")
    w.change("acme", "enterprise", "500", family=WORKSPACE)
    w.advance(days=10)


def a_metered_subscriber(w: World) -> None:
    """Some days on Plus, with usage that the meter has."""
    w.account("acme")
    w.change("acme", *PLUS, family=API)
    w.advance(days=10)
    reports(100_000, "before").request(w)
    w.settle()


def three_lines(w: World) -> None:
    """An account with three families on one subscription, ten days into its period."""
    w.account("acme")
    ordered(mail="1k", bots="2k", texts="1k")(w)
    done(executes())(w)
    w.advance(days=10)


def without_cards(w: World) -> None:
    without_saved_method(w)


def used(units: int) -> Do:
    """Some of the allowance is used up."""

    def report(w: World) -> None:
        body = {"records": [{"id": "run-1", "family": "operations", "units": units}]}
        answer = w.call("POST", "/v1/accounts/acme/usage", body)
        assert answer.status_code < 300, answer.json

    return report


def days(number: int) -> Do:
    return lambda w: w.advance(days=number)


def card(name: str) -> Do:
    return lambda w: w.use_card(w.state("acme")["customer"], name)


def another_card(name: str) -> Do:
    """A saved payment method that is not the default."""

    def attach(w: World) -> None:
        customer = w.state("acme")["customer"]
        w.stripe("POST", f"/v1/payment_methods/{name}/attach", customer=customer)
        w.settle()

    return attach


def quoted(plan: str | None, tier: str | None = None, **more: Any) -> Do:
    def quote(w: World) -> None:
        # A world keeps what it was told; its copies know it too.
        w.agreed = w.quote("acme", plan, tier, **more)

    return quote


def ordered(**wanted: str | None) -> Do:
    """One order of several families: the size of each, None for the free plan."""
    changes = [
        {
            "family": family,
            "plan": "pro" if tier else "free",
            "tier": tier,
            "interval": "month" if tier else None,
        }
        for family, tier in wanted.items()
    ]

    def quote(w: World) -> None:
        answer = w.call("POST", "/v1/accounts/acme/quotes", {"changes": changes})
        assert answer.status_code == 201, answer.json
        w.agreed = answer.json

    return quote


# -- acts -------------------------------------------------------------------------------------


def executes(**more: Any) -> Asks:
    """The newest quote is executed."""

    return Asks(lambda w: w.execute("acme", w.agreed, **more))


def done(act: Asks) -> Do:
    """An act that is over before the story begins."""

    def do(w: World) -> None:
        answer = act.request(w)
        assert answer.status_code == 201, answer.json
        w.settle()

    return do


def scheduled(plan: str | None, tier: str | None = None, **more: Any) -> Do:
    """A change of the Virtual Team that waits for the period's end."""

    def schedule(w: World) -> None:
        on_team(plan, tier, **more)(w)
        done(executes(when="period_end"))(w)

    return schedule


def on_team(plan: str | None, tier: str | None = None, **more: Any) -> Do:
    return quoted(plan, tier, family=TEAM, **more)


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


# -- how it ends ------------------------------------------------------------------------------


def newest_change(w: World) -> Any:
    return w.get("/v1/accounts/acme/plan-changes")["data"][0]


def ends(
    state: str, plan: tuple[str, str], invoices: Sequence[str], family: str = "operations"
) -> Do:
    """The newest change, the plan in effect and the invoices (newest first) after the story."""

    def look(w: World) -> None:
        seen = newest_change(w)["lines"][0]["state"], w.plan("acme", family)
        assert seen == (state, plan), f"it ended with {seen}"
        statuses = [invoice["status"] for invoice in w.invoices("acme")]
        assert statuses == list(invoices), f"it ended with the invoices {statuses}"

    return look


def ordered_so(states: Sequence[str], sizes: Sequence[str], invoices: Sequence[str]) -> Do:
    """The lines of the newest order, what is in effect in each family, and the invoices (newest
    first).
    """

    def look(w: World) -> None:
        seen = [line["state"] for line in newest_change(w)["lines"]]
        held = [w.plan("acme", family) for family in ("mail", "bots", "texts")]
        assert seen == list(states), f"it ended with {seen}"
        assert [one[1] for one in held if one] == list(sizes), f"it ended with {held}"
        statuses = [invoice["status"] for invoice in w.invoices("acme")]
        assert statuses == list(invoices), f"it ended with the invoices {statuses}"

    return look


def sold(state: str, packs: Sequence[int], invoices: Sequence[str]) -> Do:
    """The newest purchase, what was granted for it, and the invoices (newest first)."""

    def look(w: World) -> None:
        bought = w.get("/v1/accounts/acme/purchases")["data"][0]["state"]
        seen = bought, bought_units(w), [invoice["status"] for invoice in w.invoices("acme")]
        assert seen == (state, list(packs), list(invoices)), f"it ended with {seen}"

    return look


def metered(plan: tuple[str, str], units: int, invoices: Sequence[str]) -> Do:
    """The plan in effect, what the meter has counted, and the invoices (newest first)."""

    def look(w: World) -> None:
        counted = sum(int(event["_value"]) for event in w.box.world.store.scan(METER_EVENT))
        seen = w.plan("acme", API), counted, [invoice["status"] for invoice in w.invoices("acme")]
        assert seen == (plan, units, list(invoices)), f"it ended with {seen}"

    return look


def saved(w: World) -> None:
    """A default payment method is saved, here and at Stripe."""
    assert w.state("acme")["default_payment_method"] is not None
