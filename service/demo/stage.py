"""What scenes act with: the running stack, the cast, the screen, and checks that end the tour."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from mappings import Offer

from .cast import Cast
from .clients import Planshift, Stripe, Unexpected
from .mailbox import text_of
from .screen import Screen
from .stack import Stack

PATIENCE_S = 15.0
POLL_S = 0.05


class Differs(Exception):
    """Something came out other than announced."""


@dataclass(frozen=True)
class Announcement:
    """What a scene is about, in a sentence, and what it promises, in a few words."""

    story: str
    promise: str


@dataclass(frozen=True)
class Scene:
    """One step of the tour.

    ``announce`` says what will happen, before it does; ``play`` lets it happen, compares, and
    gives what happened in a few words. It raises Differs, or Unexpected, where that is not what
    was announced.
    """

    title: str
    announce: Callable[[Stage], Announcement]
    play: Callable[[Stage], str]


@dataclass
class Stage:
    """The tour while it runs. ``held`` is the offer that the account should hold, ``scheduled`` the
    plan change that waits for the next cycle.
    """

    stack: Stack
    cast: Cast
    screen: Screen
    ref: str = "acme"
    email: str = "billing@acme.example"
    held: Offer | None = None
    customer: str = ""
    quote: Any = None
    scheduled: Any = None
    ordered_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    letters_read: int = 0

    @property
    def planshift(self) -> Planshift:
        return self.stack.planshift

    @property
    def stripe(self) -> Stripe:
        return self.stack.stripe

    @property
    def large(self) -> Offer:
        """What the account grows into; the programme has such scenes only where there is one."""
        assert self.cast.large is not None
        return self.cast.large

    # -- comparing ----------------------------------------------------------------------------

    def expect(self, claim: str, found: object, announced: object) -> None:
        """Compare, and say so. Raises Differs."""
        if found == announced:
            self.screen.held(claim)
            return
        self.screen.differs(f"not so: {claim}")
        self.screen.sums([("announced", repr(announced)), ("found", repr(found))])
        raise Differs(f"not so: {claim}")

    def soon(self, claim: str, look: Callable[[], object], announced: object) -> None:
        """Compare with what webhooks and the worker will have brought about in a moment."""
        deadline = time.monotonic() + PATIENCE_S
        while (found := look()) != announced and time.monotonic() < deadline:
            time.sleep(POLL_S)
        self.expect(claim, found, announced)

    def letter(self, *, says: str, to: str | None = None) -> EmailMessage:
        """The next e-mail, which must come, with ``says`` in it; to the billing contact, or ``to``
        somebody else.
        """
        self.letters_read += 1
        letters = self.stack.mailbox.wait_for(self.letters_read, PATIENCE_S)
        if len(letters) < self.letters_read:
            self.expect("an e-mail arrives", "no e-mail", "an e-mail")
        letter = letters[self.letters_read - 1]
        whole = " ".join(f"{letter['Subject']} {text_of(letter)}".split())
        if says not in whole:
            self.expect(f"the e-mail says {says!r}", whole, says)
        went = [address.addr_spec for address in letter["To"].addresses]
        claim = f"e-mail to {', '.join(went)}: {letter['Subject']}"
        self.expect(claim, went, [to or self.email])
        return letter

    def no_more_letters(self) -> None:
        """Nobody was written to without a reason."""
        self.settle()
        self.expect(
            "no e-mail beyond those announced",
            len(self.stack.mailbox.letters()),
            self.letters_read,
        )

    # -- acting -------------------------------------------------------------------------------

    def post(self, path: str, body: Any) -> Any:
        """A POST under the account, timed for the latencies of the webhooks it causes."""
        self.ordered_at = datetime.now(UTC)
        return self.planshift.post(f"/v1/accounts/{self.ref}{path}", body)

    def quote_for(self, *offers: Offer | None) -> Any:
        """A quote for ``offers`` in one order; None is the end of the plan of the tour."""
        return self.post("/quotes", {"changes": [self._wanted(offer) for offer in offers]})

    def _wanted(self, offer: Offer | None) -> dict[str, Any]:
        if offer is None:
            return {"family": self.cast.family.id, "plan": None}
        wanted = {"plan": offer.plan, "tier": offer.tier, "interval": offer.interval}
        return {"family": offer.family, **wanted, "currency": offer.currency}

    def order(self, quote: Any, when: str = "now") -> Any:
        """Execute a quote; if it has gone stale, the fresh one that came with the refusal."""
        try:
            return self._order(quote, when)
        except Unexpected as refused:
            if refused.body.get("code") != "quote_stale":
                raise
            self.screen.quotation("The quote went stale; the fresh one is executed.")
            self.quote = refused.body["quote"]
            return self._order(self.quote, when)

    def _order(self, quote: Any, when: str) -> Any:
        self.quote = quote
        agreed = quote["requires"]["acknowledgements"]
        body = {"quote": quote["id"], "when": when, "acknowledgements": agreed}
        return self.post("/plan-changes", body)

    def use_card(self, card: str, actor: str = "A front end") -> str:
        """Attach a test card and make it the default, as a front end does with Stripe's own form.

        Comes back when the service has heard of it.
        """
        self.screen.deed(actor, f"attaches {card} at Stripe and makes it the default")
        attached = f"/v1/payment_methods/{card}/attach"
        method = str(self.stripe.call("POST", attached, customer=self.customer)["id"])
        default = {"invoice_settings[default_payment_method]": method}
        self.stripe.call("POST", f"/v1/customers/{self.customer}", **default)
        heard = f"the service heard of it by webhook ({method})"
        self.soon(heard, lambda: self.state()["default_payment_method"], method)
        return method

    def now_at_stripe(self) -> datetime:
        """Billing time."""
        return datetime.fromtimestamp(self.stripe.state()["now"], UTC)

    def sleep_until(self, moment: datetime) -> None:
        """Let the clock at Stripe run to ``moment``, and all that follows settle."""
        start, before = time.monotonic(), self.now_at_stripe()
        self.stripe.advance(int(moment.timestamp()))
        self.settle()
        took = time.monotonic() - start
        passed = f"from {before:%-d %b %Y} to {moment:%-d %b %Y}, in {took:.1f} s"
        self.screen.deed("The clock", f"at Stripe runs {passed}")

    def settle(self) -> None:
        """Wait until every webhook is delivered and processed."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            waiting = self.stripe.state()["pending_deliveries"]
            if not waiting and not self.planshift.get("/v1/events?state=pending")["data"]:
                return
            time.sleep(POLL_S)
        self.expect("all webhooks are delivered and processed", "some wait", "none wait")

    # -- seeing -------------------------------------------------------------------------------

    def state(self) -> Any:
        """The account, as the service has it."""
        return self.planshift.get(f"/v1/accounts/{self.ref}")

    def plan(self) -> Any:
        """The part of the state that is about the family of the tour."""
        plans = self.state()["plans"]
        return next(plan for plan in plans if plan["family"] == self.cast.family.id)

    def in_effect(self) -> tuple[str, str] | None:
        """Plan and tier in effect."""
        found = self.plan()["in_effect"]
        return (found["plan"], found["tier"]) if found else None

    def status(self) -> str | None:
        """The status of the subscription that the plan in effect comes from."""
        status: str | None = self.plan()["status"]
        return status

    def invoices(self) -> Any:
        """The customer's invoices as Stripe has them, newest first."""
        return self.stripe.call("GET", "/v1/invoices", customer=self.customer)["data"]

    def period_end(self) -> datetime:
        """When the period that is paid for ends."""
        return datetime.fromisoformat(self.plan()["in_effect"]["period_end"])


def named(offer: Offer | None) -> tuple[str, str] | None:
    """Plan and tier of an offer, to compare with those in effect."""
    return (offer.plan, offer.tier) if offer else None
