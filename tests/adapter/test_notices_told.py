"""Every kind of notice as a story queues it: each fact that its template may read is there, and is
said in the e-mail that arrives.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from adapter.notices.outbox import Kind
from adapter.notices.rendering import FACTS, LANGUAGES, Language
from adapter.tables import NoticeRow
from tests.support.world import World, world

SHARED = str(Path(__file__).parents[1] / "narratives" / "shared.toml")
DECLINED, AUTHENTICATE, VISA = (
    "pm_card_chargeCustomerFail",
    "pm_card_authenticationRequired",
    "pm_card_visa",
)
# Only chooses between wordings; nobody reads it.
UNSPOKEN = {"reason", "nothing_due", "chargeable"}
MOMENTS = {"effective_at", "ends_at", "ended_at", "paid_until", "grace_until", "next_attempt"}


def order(w: World, when: str, family: str, plan: str, tier: str) -> Any:
    answer = w.execute("acme", w.quote("acme", plan, tier, family=family), when=when)
    assert answer.status_code in (201, 202), answer.json
    w.settle()
    return answer.json


def cancellation(w: World, method: str, **body: str) -> None:
    answer = w.call(method, "/v1/accounts/acme/cancellation", body)
    assert answer.status_code in (200, 201), answer.json
    w.settle()


def pay_by_hand(w: World, card: str) -> None:
    w.stripe("POST", f"/v1/invoices/{w.invoices('acme')[0]['id']}/pay", payment_method=card)
    w.settle()


def decline_from_now_on(w: World) -> None:
    """The only card that is left is one that is declined."""
    state = w.state("acme")
    w.use_card(state["customer"], DECLINED)
    w.stripe("POST", f"/v1/payment_methods/{state['default_payment_method']}/detach")


def whole_life(w: World) -> None:
    """One plan from its purchase to its end, through everything that can come between."""
    team = "virtual-team"
    customer = w.state("acme")["customer"]
    order(w, "now", team, "growth", "5k")
    change = order(w, "period_end", team, "starter", "2k")
    assert w.call("POST", f"/v1/plan-changes/{change['id']}/cancel").status_code == 200
    cancellation(w, "POST", when="period_end")
    cancellation(w, "DELETE")
    w.use_card(customer, AUTHENTICATE)
    order(w, "now", team, "growth", "10k")
    payments = w.stripe("GET", "/v1/invoice_payments", invoice=w.invoices("acme")[0]["id"])
    w.box.authenticate(payments["data"][0]["payment"]["payment_intent"], succeed=True)
    w.use_card(customer, DECLINED)
    w.advance(days=31, hours=2)
    w.use_card(customer, VISA)
    order(w, "period_end", team, "starter", "2k")
    for method in w.get("/v1/accounts/acme/payment-methods")["data"]:
        if not method["default"]:
            w.stripe("POST", f"/v1/payment_methods/{method['id']}/detach")
    decline_from_now_on(w)
    w.advance(days=31, hours=2)
    pay_by_hand(w, w.use_card(customer, VISA))
    cancellation(w, "POST", when="now")


def a_trial(w: World) -> None:
    """A plan that is tried first, begun in the dashboard."""
    catalogue = w.parts.catalogue
    key = catalogue.lookup_key(catalogue.offer("virtual-team", "growth", "5k", "month", "usd"))
    price = w.stripe("GET", "/v1/prices", **{"lookup_keys[]": key})["data"][0]["id"]
    params = {"customer": w.state("acme")["customer"], "items[0][price]": price}
    w.stripe("POST", "/v1/subscriptions", trial_period_days=2, **params)
    w.settle()


def one_of_two(w: World) -> None:
    """One line of a shared subscription: set to end, taken back, and given up in the end."""
    w.change("acme", "plus", "1k", family="mail")
    w.change("acme", "small", "1", family="bots")
    cancellation(w, "POST", when="period_end", family="mail")
    cancellation(w, "DELETE", family="mail")
    order(w, "period_end", "mail", "basic", "1k")
    decline_from_now_on(w)
    w.advance(days=31, hours=2)
    w.advance(days=4)


def one_of_two_ends(w: World) -> None:
    """One line of a shared subscription ends now, and the other goes on."""
    w.change("acme", "basic", "1k", family="mail")
    w.change("acme", "small", "1", family="bots")
    cancellation(w, "POST", when="now", family="mail")


STORIES: dict[Callable[[World], None], tuple[str, set[Kind]]] = {
    whole_life: ("choose-when", set(Kind) - {Kind.TRIAL_ENDING, Kind.SALES_REQUEST}),
    a_trial: ("choose-when", {Kind.TRIAL_ENDING}),
    one_of_two: (
        SHARED,
        {
            Kind.PLAN_CHANGED,
            Kind.CANCELLATION_SET,
            Kind.UNCANCELLED,
            Kind.CHANGE_SCHEDULED,
            Kind.ACTIVATION_FAILED,
            Kind.CANCELLATION_ENDED,
        },
    ),
    one_of_two_ends: (SHARED, {Kind.PLAN_CHANGED, Kind.CANCELLATION_ENDED}),
}


def spoken(language: Language, name: str, fact: Any) -> str:
    if name == "plans":
        return language.listed(fact)
    if name == "amount":
        return language.money(fact)
    return language.date(fact) if name in MOMENTS else str(fact)


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_what_a_template_may_read_is_known_and_said(
    sqlite_url: str, story: Callable[[World], None], locale: str
):
    catalogue, kinds = STORIES[story]
    with world(sqlite_url, catalogue=catalogue) as w:
        w.account("acme", locale=locale)
        story(w)
        with w.parts.database.read() as tx:
            notices = tx.scalars(select(NoticeRow).order_by(NoticeRow.seq)).all()
        said = {
            message["Message-ID"]: " ".join(message.get_body(("plain",)).get_content().split())
            for message in w.mail.messages
        }
    assert {Kind(notice.kind) for notice in notices} == kinds
    for notice in notices:
        text = said[notice.message_id]
        for name in FACTS[Kind(notice.kind)]:
            fact = notice.facts[name]
            if fact is None:
                # Both families have no free plan to come from.
                assert (catalogue, notice.kind, name) == (SHARED, Kind.PLAN_CHANGED, "from")
            elif name not in UNSPOKEN:
                assert spoken(LANGUAGES[locale], name, fact) in text, notice.kind
