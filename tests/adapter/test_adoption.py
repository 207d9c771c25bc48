"""Switching it on: what exists at Stripe already becomes accounts, which can be changed at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from adapter.adoption import RefSource, Report, report_document, report_lines
from adapter.errors import Conflict, Invalid, NotFound
from adapter.tables import AccountRow, IntentRow, InvoiceRow, NoticeRow, ScheduleRow
from adapter.tables import SubscriptionRow as Sub
from mappings import Offer
from tests.support.world import DAY, World, world

pytestmark = pytest.mark.by_turns

SOAK = bool(os.environ.get("SOAK"))
# `make soak` adopts a thousand subscriptions.
COUNT = 1000 if SOAK else 26
CORE = Offer("operations", "core", "10k", "month", "usd")
PRO = Offer("operations", "pro", "10k", "month", "usd")


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def price(w: World, offer: Offer) -> str:
    found = w.stripe("GET", "/v1/prices", **{"lookup_keys[]": w.parts.catalogue.lookup_key(offer)})
    return str(found["data"][0]["id"])


def customer(w: World, number: int = 0, **more: Any) -> str:
    """Somebody who bought before Planshift came, with a card that works."""
    body = {"email": f"someone{number}@shop.example", "metadata[user]": f"user-{number}", **more}
    made = w.stripe("POST", "/v1/customers", **body)["id"]
    card = w.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", customer=made)["id"]
    w.stripe(
        "POST",
        f"/v1/customers/{made}",
        **{"invoice_settings[default_payment_method]": card},
    )
    return str(made)


def subscribe(w: World, who: str, what: str, **more: Any) -> str:
    body = {"customer": who, "items[0][price]": what, **more}
    return str(w.stripe("POST", "/v1/subscriptions", **body)["id"])


def legacy_price(w: World, amount: int = 900, currency: str = "usd", **more: Any) -> str:
    """A price from before, under a product from before."""
    product = w.stripe("POST", "/v1/products", name="The old plan")["id"]
    terms = {"recurring[interval]": "month", "unit_amount": amount, "currency": currency}
    return str(w.stripe("POST", "/v1/prices", product=product, **terms, **more)["id"])


def adopt(w: World, source: str = "customer", *, commit: bool = True) -> Report:
    return w.parts.adoption.run(RefSource(source), lambda _report: None, commit=commit)


def codes(found: list[Any]) -> list[str]:
    return sorted(one.code for one in found)


def rows(w: World) -> dict[str, int]:
    """How many rows there are of everything that an adoption may write."""
    tables = (AccountRow, Sub, InvoiceRow, ScheduleRow, NoticeRow, IntentRow)
    with w.parts.database.read() as tx:
        return {
            table.__tablename__: tx.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables
        }


# -- a thousand of all kinds ---------------------------------------------------------------------


def _plain(w: World, who: str, _old: str) -> None:
    subscribe(w, who, price(w, CORE))


def _discounted(w: World, who: str, _old: str) -> None:
    coupon = w.stripe("POST", "/v1/coupons", percent_off=25, duration="forever")["id"]
    subscribe(w, who, price(w, CORE), **{"discounts[0][coupon]": coupon})


def _on_trial(w: World, who: str, _old: str) -> None:
    subscribe(w, who, price(w, CORE), trial_period_days=14)


def _scheduled(w: World, who: str, _old: str) -> None:
    _schedule(w, subscribe(w, who, price(w, CORE)), price(w, PRO))


def _scheduled_to_the_old_price(w: World, who: str, old: str) -> None:
    _schedule(w, subscribe(w, who, price(w, CORE)), old)


def _paused(w: World, who: str, _old: str) -> None:
    sub = subscribe(w, who, price(w, CORE))
    w.stripe("POST", f"/v1/subscriptions/{sub}", **{"pause_collection[behavior]": "void"})


def _on_the_old_price(w: World, who: str, old: str) -> None:
    subscribe(w, who, old)


def _classic(w: World, who: str, _old: str) -> None:
    subscribe(w, who, price(w, CORE), **{"billing_mode[type]": "classic"})


def _in_euro(w: World, who: str, _old: str) -> None:
    subscribe(w, who, legacy_price(w, 800, "eur"))


def _incomplete(w: World, who: str, _old: str) -> None:
    subscribe(w, who, price(w, CORE), payment_behavior="default_incomplete")


def _ending(w: World, who: str, _old: str) -> None:
    sub = subscribe(w, who, price(w, CORE))
    w.stripe("POST", f"/v1/subscriptions/{sub}", cancel_at_period_end="true")


def _invoiced(w: World, who: str, _old: str) -> None:
    how = {"collection_method": "send_invoice", "days_until_due": 30}
    subscribe(w, who, price(w, CORE), **how)


def _two_subscriptions(w: World, who: str, _old: str) -> None:
    subscribe(w, who, price(w, CORE))
    subscribe(w, who, price(w, PRO))


def _schedule(w: World, sub: str, then: str) -> None:
    made = w.stripe("POST", "/v1/subscription_schedules", from_subscription=sub)
    now = made["phases"][0]
    w.stripe(
        "POST",
        f"/v1/subscription_schedules/{made['id']}",
        **{
            "phases[0][start_date]": now["start_date"],
            "phases[0][end_date]": now["end_date"],
            "phases[0][items][0][price]": now["items"][0]["price"],
            "phases[0][items][0][quantity]": 1,
            "phases[1][items][0][price]": then,
            "phases[1][items][0][quantity]": 1,
            "phases[1][proration_behavior]": "none",
            "phases[1][duration][interval]": "month",
            "phases[1][duration][interval_count]": 1,
        },
    )


# Each kind of customer, and what the report says of it; None: it can be changed at once.
KINDS: tuple[tuple[Callable[[World, str, str], None], str | None], ...] = (
    (_plain, None),
    (_discounted, None),
    (_on_trial, None),
    (_scheduled, None),
    (_scheduled_to_the_old_price, "foreign_schedule"),
    (_paused, "resume_first"),
    (_on_the_old_price, "unknown_price"),
    (_classic, "classic_billing"),
    (_in_euro, "unknown_price"),
    (_incomplete, "payment_outstanding"),
    (_ending, "cancellation_pending"),
    (_invoiced, "send_invoice"),
    (_two_subscriptions, None),
)


@pytest.mark.timeout(1_200 if SOAK else 120)
def test_a_whole_shop_is_adopted_and_every_account_can_be_changed_but_those_that_are_named(
    w: World,
):
    old = legacy_price(w)
    people = [customer(w, number) for number in range(COUNT)]
    for number, who in enumerate(people):
        KINDS[number % len(KINDS)][0](w, who, old)
    w.settle()
    before = rows(w)
    rehearsed = adopt(w, commit=False)
    assert (rows(w), rehearsed.adopted) == (before, COUNT)
    done = adopt(w)
    w.settle()
    assert report_document(done) == {**report_document(rehearsed), "committed": True}
    named = {found.customer: found.code for found in done.not_changeable}
    expected = {who: KINDS[number % len(KINDS)][1] for number, who in enumerate(people)}
    assert named == {who: code for who, code in expected.items() if code is not None}
    assert w.mail.messages == []
    # The second run changes nothing, and asks for nothing but the lists.
    settled, asked = rows(w), len(w.calls())
    again = adopt(w)
    assert (again.adopted, again.known, rows(w)) == (0, COUNT, settled)
    assert codes(again.not_changeable) == codes(done.not_changeable)
    assert {(call.method, call.path) for call in w.calls(asked)} == {("GET", "/v1/subscriptions")}
    for who in people[: 2 * len(KINDS)]:
        assert _changes(w, who) == named.get(who)


def _changes(w: World, ref: str) -> str | None:
    """Quote and execute a change of the account's (first) plan; the code of a refusal."""
    (first, *_) = w.state(ref)["subscriptions"]
    wanted = {"family": "operations", "plan": "pro", "tier": "40k", "interval": "month"}
    body = {"changes": [{**wanted, "subscription": first["id"]}]}
    answer = w.call("POST", f"/v1/accounts/{ref}/quotes", body)
    if answer.status_code == 409:
        return str(answer.json["code"])
    assert answer.status_code == 201, answer.json
    made = w.execute(ref, answer.json)
    assert made.status_code == 201, made.json
    assert made.json["lines"][0]["state"] == "applied", made.json
    return None


# -- what is left out, and where the references come from ------------------------------------------


def test_a_reference_comes_from_the_customer_its_email_or_its_metadata(w: World):
    who = customer(w, 7)
    subscribe(w, who, price(w, CORE))
    for source, ref in (("customer", who), ("email", "someone7@shop.example")):
        assert RefSource(source).of(w.parts.reader.customer(who)) == ref
    adopt(w, "metadata:user")
    assert w.state("user-7")["customer"] == who
    assert w.plan("user-7") == ("core", "10k")
    tags = w.stripe("GET", f"/v1/customers/{who}")["metadata"]
    assert tags["planshift_account"] == "user-7"
    assert tags["user"] == "user-7"
    for nonsense in ("ref", "metadata:"):
        with pytest.raises(Invalid) as wrong:
            RefSource(nonsense)
        assert wrong.value.code == "unknown_ref_source"


def test_what_cannot_be_an_account_is_left_out_with_its_reason(w: World):
    kinds: dict[str, dict[str, Any]] = {
        "no_email": {"email": ""},
        "other_tenant": {"metadata[planshift_tenant]": "somebody"},
        "no_ref": {"metadata[user]": "a/b"},
    }
    for number, more in enumerate(kinds.values()):
        subscribe(w, customer(w, number, **more), price(w, CORE))
    long = customer(w, 8, **{"metadata[user]": "x" * 201})
    twins = [customer(w, 9), customer(w, 9)]
    for who in (long, *twins):
        subscribe(w, who, price(w, CORE))
    report = adopt(w, "metadata:user")
    assert codes(report.left_out) == ["no_email", "no_ref", "no_ref", "other_tenant", "ref_taken"]
    assert report.adopted == 1
    said = "\n".join(report_lines(report))
    assert "Left out, and why:" in said
    assert "merge the two at Stripe" in said
    # Put right at Stripe, they come with the next run.
    w.stripe("POST", f"/v1/customers/{long}", **{"metadata[user]": "user-8"})
    assert adopt(w, "metadata:user").adopted == 1


def test_accounts_made_here_are_known_and_keep_their_own_reference(w: World):
    w.account("acme")
    w.change("acme", "core", "10k")
    intents = rows(w)["intents"]
    report = adopt(w)
    assert (report.adopted, report.known, report.clean) == (0, 1, True)
    assert rows(w)["intents"] == intents


def test_a_run_that_died_before_it_said_so_at_stripe_is_finished_by_the_next(
    w: World, monkeypatch: pytest.MonkeyPatch
):
    who = customer(w)
    subscribe(w, who, price(w, CORE))

    def die(_intent: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(w.parts.writer, "send", die)
        with pytest.raises(KeyboardInterrupt):
            adopt(w)
    assert "planshift_account" not in w.stripe("GET", f"/v1/customers/{who}")["metadata"]
    assert (adopt(w).known, w.plan(who)) == (1, ("core", "10k"))
    assert w.stripe("GET", f"/v1/customers/{who}")["metadata"]["planshift_account"] == who


def test_what_happens_after_the_adoption_is_told_and_what_happened_before_is_not(w: World):
    who = customer(w)
    sub = subscribe(w, who, price(w, CORE))
    w.stripe("POST", f"/v1/subscriptions/{sub}", cancel_at_period_end="true")
    w.settle()
    adopt(w)
    w.settle()
    assert w.mail.subjects() == []
    w.advance(days=32)
    (goodbye,) = w.mail.subjects()
    assert "has ended" in goodbye


# -- prices from before ----------------------------------------------------------------------------


def test_an_old_price_is_adopted_and_its_subscriptions_map_back_and_can_be_changed(w: World):
    old, who = legacy_price(w, 900), customer(w)
    subscribe(w, who, old)
    report = adopt(w)
    assert codes(report.not_changeable) == ["unknown_price"]
    assert f"planshift catalogue adopt {old} FAMILY/PLAN/TIER/INTERVAL   (1 lines)" in "\n".join(
        report_lines(report)
    )
    assert w.parts.adopted_prices.adopt(old, "operations/core/10k/month") == (CORE, 1)
    assert w.plan(who) == ("core", "10k")
    assert adopt(w).clean
    # They keep what they pay, also after the catalogue is synced; then they move like anybody.
    w.parts.catalogue_sync.run(lambda _plan: True)
    w.advance(days=32)
    assert w.charged(who) == [900, 900]
    assert _changes(w, who) is None
    assert w.plan(who) == ("pro", "40k")
    assert w.parts.adopted_prices.adopt(old, "operations/core/10k/month") == (CORE, 0)


def test_a_price_that_is_no_such_offer_is_refused_with_what_is_in_the_way(w: World):
    adopted = w.parts.adopted_prices
    old = legacy_price(w)
    ours, yearly = price(w, PRO), legacy_price(w)
    adopted.adopt(yearly, "operations/core/10k/month")
    for which, said, code in (
        ("price_none", "operations/core/10k/month", "unknown_price_id"),
        (old, "operations/core", "unknown_offer"),
        (old, "operations/core/9k/month", "unknown_offer"),
        (old, "operations/core/10k/year", "price_does_not_fit"),
        (old, "operations/free/free/month", "price_does_not_fit"),
        (ours, "operations/core/10k/month", "price_taken"),
        (yearly, "operations/pro/10k/month", "price_taken"),
    ):
        with pytest.raises((Invalid, Conflict)) as refused:
            adopted.adopt(which, said)
        assert (which, refused.value.code) == (which, code)


# -- classic billing -------------------------------------------------------------------------------


def test_a_classic_subscription_is_migrated_once_and_can_be_changed_then(w: World):
    who = customer(w)
    sub = subscribe(w, who, price(w, CORE), **{"billing_mode[type]": "classic"})
    adopt(w)
    assert _changes(w, who) == "classic_billing"
    w.box.advance(seconds=DAY)
    assert w.parts.migration.migrate(sub) is True
    assert w.parts.migration.migrate(sub) is False
    assert (adopt(w).clean, _changes(w, who)) == (True, None)
    with pytest.raises(NotFound):
        w.parts.migration.migrate("sub_none")
