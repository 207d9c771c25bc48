"""What happens to an account: what its caller orders, what its owner does, what the dashboard
does, time. None of it waits for the post.

Each move gives in a word how it went; a refusal with a reason is an answer like another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests
from hypothesis import strategies as st

from mappings import Offer
from tests.support.world import API, World

REF = "acme"
GOOD, DECLINED, CHALLENGED = (
    "pm_card_visa",
    "pm_card_chargeCustomerFail",
    "pm_card_authenticationRequired",
)
Offered = tuple[str, str]
# Families and some of their offers, smallest first.
SOLD: dict[str, dict[str, list[Offered]]] = {
    "choose-when": {
        "virtual-team": [("starter", "1k"), ("growth", "2k"), ("growth", "10k"), ("scale", "10k")],
        "content-studio": [("solo", "500"), ("agency", "5k")],
    },
    "operations": {"operations": [("core", "10k"), ("core", "40k"), ("pro", "80k")]},
    "cancel-first": {"workspace": [("professional", "50"), ("enterprise", "500")]},
}


@dataclass(frozen=True)
class Orders:
    """The caller asks for another plan, or (without one) for the end."""

    family: str
    offer: Offered | None
    interval: str
    when: str

    def happens(self, w: World) -> str:
        plan, tier = self.offer or (None, None)
        interval = self.interval if self.offer else None
        wanted = {"family": self.family, "plan": plan, "tier": tier, "interval": interval}
        quoted = w.call("POST", f"/v1/accounts/{REF}/quotes", {"changes": [wanted]})
        if quoted.status_code != 201:
            return _word(quoted.status_code, quoted.json)
        timings = quoted.json["timings"]
        when = self.when if self.when in timings else next(iter(timings))
        selections = dict.fromkeys(quoted.json["requires"]["selections"], "the first")
        answer = w.execute(REF, quoted.json, when=when, selections=selections)
        money = timings[when]["total"]["amount"]
        return f"{_word(answer.status_code, answer.json)} for {money}"


@dataclass(frozen=True)
class TakesBack:
    """The caller cancels whatever is scheduled or waits for its payment."""

    def happens(self, w: World) -> str:
        words = []
        for change in w.get(f"/v1/accounts/{REF}/plan-changes")["data"]:
            if change["lines"][0]["state"] in ("scheduled", "awaiting_payment"):
                answer = w.call("POST", f"/v1/plan-changes/{change['id']}/cancel")
                words.append(_word(answer.status_code, answer.json))
        return ", ".join(words)


@dataclass(frozen=True)
class Uncancels:
    """The caller takes the end back."""

    family: str

    def happens(self, w: World) -> str:
        path = f"/v1/accounts/{REF}/cancellation?family={self.family}"
        answer = w.call("DELETE", path)
        return _word(answer.status_code, answer.json)


@dataclass(frozen=True)
class UsesCard:
    """The customer's default card is another one from now on."""

    card: str

    def happens(self, w: World) -> str:
        path = f"/v1/payment_methods/{self.card}/attach"
        method = w.stripe("POST", path, customer=_customer(w))["id"]
        default = {"invoice_settings[default_payment_method]": method}
        return _at_stripe(w, "POST", f"/v1/customers/{_customer(w)}", **default)


@dataclass(frozen=True)
class Pays:
    """The customer pays what is open, with another card."""

    def happens(self, w: World) -> str:
        path = f"/v1/payment_methods/{GOOD}/attach"
        card = w.stripe("POST", path, customer=_customer(w))["id"]
        return ", ".join(
            _at_stripe(w, "POST", f"/v1/invoices/{invoice['id']}/pay", payment_method=card)
            for invoice in _listed(w, "/v1/invoices", status="open")
        )


@dataclass(frozen=True)
class Answers:
    """The customer answers the bank's challenges."""

    well: bool

    def happens(self, w: World) -> str:
        waiting = [
            intent["id"]
            for intent in _listed(w, "/v1/payment_intents")
            if intent["status"] == "requires_action"
        ]
        for intent in waiting:
            w.box.authenticate(intent, succeed=self.well)
        return f"{len(waiting)} answered"


@dataclass(frozen=True)
class Waits:
    """Time passes at Stripe, and all that falls due in it."""

    hours: int

    def happens(self, w: World) -> str:
        w.box.advance(seconds=self.hours * 3600)
        return "later"


@dataclass(frozen=True)
class Edits:
    """Somebody edits the newest live subscription in Stripe's dashboard."""

    what: str

    def happens(self, w: World) -> str:
        live = [s for s in _listed(w, "/v1/subscriptions") if s["status"] != "incomplete"]
        if not live:
            return "nothing to edit"
        path = f"/v1/subscriptions/{live[0]['id']}"
        match self.what:
            case "ends":
                return _at_stripe(w, "POST", path, cancel_at_period_end="true")
            case "goes on":
                return _at_stripe(w, "POST", path, cancel_at_period_end="false")
            case "is cancelled":
                return _at_stripe(w, "DELETE", path)
            case "two of it":
                item = {"items[0][id]": live[0]["items"]["data"][0]["id"], "items[0][quantity]": 2}
                return _at_stripe(w, "POST", path, **item)
        raise AssertionError(self.what)


@dataclass(frozen=True)
class Begins:
    """Somebody sells a plan by hand in Stripe's dashboard."""

    family: str
    offer: Offered

    def happens(self, w: World) -> str:
        key = w.parts.catalogue.lookup_key(Offer(self.family, *self.offer, "month", "usd"))
        (price,) = w.stripe("GET", "/v1/prices", **{"lookup_keys[]": key})["data"]
        item = {"items[0][price]": price["id"]}
        return _at_stripe(w, "POST", "/v1/subscriptions", customer=_customer(w), **item)


Move = Orders | TakesBack | Uncancels | UsesCard | Pays | Answers | Waits | Edits | Begins

DAY, MONTH = 24, 24 * 31
NOW, THEN = "now", "period_end"


def purchases(catalogue: str) -> st.SearchStrategy[Orders]:
    """A plan is bought, or changed for another, at once."""
    return st.builds(
        lambda offer, interval: Orders(*offer, interval, NOW),
        st.sampled_from(_offers(catalogue)),
        st.sampled_from(["month", "month", "month", "year"]),
    )


def scenes(catalogue: str) -> st.SearchStrategy[tuple[Move, ...]]:
    """Moves that go together, or any one by itself."""
    families = sorted(SOLD[catalogue])
    later = st.builds(
        lambda offer, interval: Orders(*offer, interval, THEN),
        st.sampled_from(_offers(catalogue)),
        st.sampled_from(["month", "month", "month", "year"]),
    )
    ends = st.builds(
        Orders, st.sampled_from(families), st.none(), st.just("month"), st.sampled_from([NOW, THEN])
    )
    cards = st.builds(UsesCard, st.sampled_from([GOOD, DECLINED, CHALLENGED]))
    waits = st.builds(Waits, st.sampled_from([2, 5 * DAY, 16 * DAY, MONTH]))
    mends = st.one_of(st.builds(Pays), waits, cards, st.builds(Answers, st.booleans()), ends)
    bad = st.builds(UsesCard, st.sampled_from([DECLINED, CHALLENGED]))
    month = st.just(Waits(MONTH))
    edits = st.builds(Edits, st.sampled_from(["ends", "goes on", "is cancelled", "two of it"]))
    alone = st.one_of(
        purchases(catalogue),
        ends,
        cards,
        waits,
        edits,
        st.builds(TakesBack),
        st.builds(Uncancels, st.sampled_from(families)),
        st.builds(lambda offer: Begins(*offer), st.sampled_from(_offers(catalogue))),
    )
    return st.one_of(
        st.tuples(alone),
        st.tuples(later, month),
        # What was scheduled is not paid for, in the end or at first.
        st.tuples(later, bad, month, mends, mends),
        # A renewal is not paid.
        st.tuples(bad, month, mends, mends),
        # The bank asks first.
        st.tuples(
            st.just(UsesCard(CHALLENGED)), purchases(catalogue), st.builds(Answers, st.booleans())
        ),
        st.tuples(ends, waits, purchases(catalogue)),
    )


def _offers(catalogue: str) -> list[tuple[str, Offered]]:
    return [(family, offer) for family, offers in SOLD[catalogue].items() for offer in offers]


def _word(status: int, body: Any) -> str:
    assert status < 500, body
    if status >= 400:
        return f"{status} {body['code']}"
    lines = body.get("lines") or []
    return " ".join([str(status), *(line["state"] for line in lines)])


def _customer(w: World) -> str:
    return str(w.state(REF)["customer"])


def _listed(w: World, path: str, **params: Any) -> Any:
    return w.stripe("GET", path, customer=_customer(w), limit=100, **params)["data"]


def _at_stripe(w: World, method: str, path: str, **params: Any) -> str:
    headers = {"Authorization": "Bearer sk_test_somebody_else"}
    answer = requests.request(method, API + path, headers=headers, timeout=5, data=params)
    assert answer.status_code < 500, answer.text
    return str(answer.status_code)
