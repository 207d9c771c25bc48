"""An account's life, made up at random: changes, time, cards, faults; and what always holds.

`make test` plays a sample, the same every time; `make soak` plays thousands.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import update

from adapter.due import WALL
from adapter.tables import DueWorkRow
from sandbox.pages.visitor import Visitor
from tests.laws import holding
from tests.support.buying import without_saved_method
from tests.support.world import World, world

SOAK = bool(os.environ.get("SOAK"))
STEPS, EXAMPLES = (30, int(os.environ.get("LIVES", "200"))) if SOAK else (12, 6)

GOOD, DECLINED, CHALLENGED = (
    "pm_card_visa",
    "pm_card_chargeCustomerFail",
    "pm_card_authenticationRequired",
)
FAULTS = ("429", "500", "timeout_before", "timeout_after", "reset")
OFFERS = {
    "choose-when": (
        "virtual-team",
        [
            ("starter", "1k"),
            ("starter", "5k"),
            ("growth", "2k"),
            ("growth", "10k"),
            ("scale", "10k"),
        ],
    ),
    "operations": (
        "operations",
        [("core", "10k"), ("core", "40k"), ("pro", "10k"), ("pro", "80k"), ("teams", "20k")],
    ),
    "cancel-first": ("workspace", [("professional", "50"), ("enterprise", "500")]),
    "metered": ("api", [("plus", "usage")]),
    "contacts": (
        "email",
        [("standard", "500"), ("standard", "2k"), ("pro", "1k"), ("pro", "5k"), ("free", None)],
    ),
}
# Another family of the same catalogue, which shares its subscription.
BESIDE = {
    "contacts": ("chatbots", [("pro", "500"), ("pro", "1k"), ("pro", "3k"), ("free", None)]),
}
ACCEPTED = (201, 202)
# A refusal with a reason is a right answer; these are the ones that may come.
REFUSED = (402, 409, 422)
template: list[Path] = []


class Life(RuleBasedStateMachine):
    """One account on one of the catalogues."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.broken = False

    @initialize(catalogue=st.sampled_from(sorted(OFFERS)))
    def begin(self, catalogue: str) -> None:
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        shutil.copy(template[0], folder / "life.db")
        url = f"sqlite:///{folder / 'life.db'}"
        self.w: World = self.stack.enter_context(world(url, catalogue=catalogue))
        self.family, self.offers = OFFERS[catalogue]
        self.beside = BESIDE.get(catalogue)
        self.customer = self.w.account("acme")

    def teardown(self) -> None:
        self.stack.close()

    # -- what people do -----------------------------------------------------------------------

    @rule(
        which=st.integers(0, 4),
        yearly=st.booleans(),
        when=st.sampled_from(["now", "period_end"]),
        fault=st.one_of(st.none(), st.none(), st.sampled_from(FAULTS)),
    )
    def change(self, which: int, yearly: bool, when: str, fault: Any) -> None:
        plan, tier = self.offers[which % len(self.offers)]
        self._order(plan, tier, "year" if yearly else "month", when, fault)

    @precondition(lambda self: getattr(self, "beside", None))
    @rule(
        which=st.integers(0, 4),
        other=st.integers(0, 3),
        together=st.booleans(),
        yearly=st.booleans(),
        at_a_page=st.booleans(),
        fault=st.one_of(st.none(), st.none(), st.sampled_from(FAULTS)),
    )
    def order(
        self, which: int, other: int, together: bool, yearly: bool, at_a_page: bool, fault: Any
    ) -> None:
        """Changes of both families in one order, or of the other one alone; perhaps without a card
        to charge, and then at the page at once.
        """
        family, offers = self.beside
        if at_a_page:
            self.lose_cards()
        interval = "year" if yearly else "month"
        wanted = [_wanted(family, *offers[other], interval)]
        if together:
            wanted.append(_wanted(self.family, *self.offers[which], interval))
        self._carry_out(wanted, "now", fault)
        if at_a_page:
            self.visit_pages(GOOD, True)

    @rule(when=st.sampled_from(["now", "period_end"]), fault=st.sampled_from([None, *FAULTS]))
    def cancel(self, when: str, fault: Any) -> None:
        self._order(None, None, None, when, fault)

    @rule()
    def uncancel(self) -> None:
        answer = self.w.call("DELETE", "/v1/accounts/acme/cancellation")
        assert answer.status_code in (200, 409), answer.json
        self.w.settle()

    @rule()
    def take_back(self) -> None:
        for change in self.w.get("/v1/accounts/acme/plan-changes")["data"]:
            states = {line["state"] for line in change["lines"]}
            if states & {"scheduled", "awaiting_payment"}:
                answer = self.w.call("POST", f"/v1/plan-changes/{change['id']}/cancel")
                assert answer.status_code in (200, 409), answer.json
        self.w.settle()

    @rule(card=st.sampled_from([GOOD, GOOD, DECLINED, CHALLENGED]))
    def use_card(self, card: str) -> None:
        self.w.use_card(self.customer, card)

    @rule()
    def lose_cards(self) -> None:
        """From now on there is nothing to charge, and what is to be paid is paid at a page."""
        without_saved_method(self.w)

    @rule(card=st.sampled_from([GOOD, GOOD, DECLINED, CHALLENGED]), succeed=st.booleans())
    def visit_pages(self, card: str, succeed: bool) -> None:
        sessions = self.w.stripe("GET", "/v1/checkout/sessions", customer=self.customer)["data"]
        for session in sessions:
            if session["status"] == "open":
                visitor = Visitor(self.w.box)
                if visitor.pay(session["id"], card) == "action":
                    answer = "complete" if succeed else "fail"
                    visitor.pay(session["id"], card, answer=answer)
        self.w.settle()

    @rule(succeed=st.booleans())
    def answer_challenge(self, succeed: bool) -> None:
        for invoice in self.w.invoices("acme"):
            if invoice["status"] != "open":
                continue
            for payment in self.w.stripe("GET", "/v1/invoice_payments", invoice=invoice["id"])[
                "data"
            ]:
                intent = payment["payment"]["payment_intent"]
                found = self.w.stripe("GET", f"/v1/payment_intents/{intent}")
                if found["status"] == "requires_action":
                    self.w.box.authenticate(intent, succeed=succeed)
        self.w.settle()

    @rule()
    def pay_what_is_open(self) -> None:
        card = self.w.use_card(self.customer, GOOD)
        for invoice in self.w.invoices("acme"):
            if invoice["status"] == "open":
                self.w.stripe("POST", f"/v1/invoices/{invoice['id']}/pay", payment_method=card)
        self.w.settle()

    @rule(units=st.integers(1, 3000), n=st.integers(0, 10**9))
    def use_units(self, units: int, n: int) -> None:
        body = {"records": [{"id": f"u{n}", "family": self.family, "units": units}]}
        answer = self.w.call("POST", "/v1/accounts/acme/usage", body)
        assert answer.status_code in (200, 201, *REFUSED), answer.json

    @rule(hours=st.sampled_from([1, 2, 20, 24 * 5, 24 * 15, 24 * 29, 24 * 31]))
    def wait(self, hours: int) -> None:
        # In pieces, as time passes: what one piece brings is done before the next.
        for _ in range(0, hours, 24 * 3):
            self.w.advance(hours=min(hours, 24 * 3))

    # -- what always holds --------------------------------------------------------------------

    @precondition(lambda self: hasattr(self, "w"))
    @invariant()
    def holds(self) -> None:
        holding.check(self.w, "acme")

    def _order(self, plan: Any, tier: Any, interval: Any, when: str, fault: Any) -> None:
        self._carry_out([_wanted(self.family, plan, tier, interval)], when, fault)

    def _carry_out(self, wanted: list[Any], when: str, fault: Any) -> None:
        w = self.w
        quoted = w.call("POST", "/v1/accounts/acme/quotes", {"changes": wanted})
        if quoted.status_code != 201:
            assert quoted.status_code in REFUSED, quoted.json
            return
        timings = quoted.json["timings"]
        if when not in timings:
            (when,) = timings
        if fault is not None:
            w.box.fail_next("POST", "/v1/", fault, count=2)
        selections = dict.fromkeys(quoted.json["requires"]["selections"], "the first")
        answer = w.execute("acme", quoted.json, when=when, selections=selections)
        assert answer.status_code in (*ACCEPTED, *REFUSED, 503), answer.json
        w.box.faults.clear()
        if fault is not None:
            self._let_the_worker_take_over()
        w.settle()

    def _let_the_worker_take_over(self) -> None:
        for _ in range(3):
            with self.w.parts.database.write() as tx:
                past = datetime.now(UTC) - timedelta(seconds=1)
                mine = (DueWorkRow.state == "pending") & (DueWorkRow.clock == WALL)
                tx.execute(update(DueWorkRow).where(mine).values(next_at=past))
            self.w.worker.round()


def _wanted(family: str, plan: Any, tier: Any, interval: Any) -> dict[str, Any]:
    return {"family": family, "plan": plan, "tier": tier, "interval": interval if tier else None}


@pytest.mark.timeout(0 if SOAK else 300)
def test_a_life_at_random_breaks_no_law(sqlite_template: Path, monkeypatch: pytest.MonkeyPatch):
    """The SDK's pause before its retry is no part of what is tested."""
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0.0)
    template[:] = [sqlite_template]
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
