"""What a step does, by its key: each action as people or programs would do it from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.kernel.calendar import boundary
from sandbox.switchboard import turn

from ..demo.clients import Unexpected
from .company import Company, Interrupted
from .scenario import Scenario, Step, moment
from .schemas import NONE

Body = Mapping[str, Any]
BACK = "https://shop.example/billing"
DECLINED = "declined"
# What {subscription} and so on stand for: the newest of the account's, as Stripe lists them.
NEWEST = {
    "subscription": "/v1/subscriptions",
    "invoice": "/v1/invoices",
    "charge": "/v1/charges",
    "payment_intent": "/v1/payment_intents",
}


@dataclass
class Done:
    """What came of a step. ``refused`` is the code of a refusal, ``why`` its sentence."""

    told: str
    account: str | None = None
    family: str | None = None
    quote: Mapping[str, Any] | None = None
    refused: str | None = None
    why: str = ""


@dataclass
class Standing:
    """What is remembered of an account: its customer, its last change, the page that waits."""

    customer: str
    change: str | None = None
    page: str | None = None


@dataclass
class Troupe:
    """Everybody who acts in a scenario."""

    scenario: Scenario
    company: Company
    standing: dict[str, Standing] = field(default_factory=dict)
    used: int = 0

    def enter(self) -> None:
        """Every account comes to be, with its card."""
        for ref, told in self.scenario.accounts.items():
            body = {"email": told["email"] or f"billing@{ref}.example", "locale": told["locale"]}
            body["name"] = told["name"] or ref.title()
            try:
                made = self.company.planshift.put(f"/v1/accounts/{ref}", body)
                self.standing[ref] = Standing(str(made["customer"]))
                if told["card"] != NONE:
                    self._save_card(ref, told["card"])
            except Unexpected as refusal:
                raise Interrupted.refused_account(ref, str(refusal)) from refusal
        self.company.settle()

    def act(self, step: Step) -> Done:
        """Do what the step says, and let all that follows from it happen."""
        ref, family = self.account(step.body), step.body.get("family")
        done = Done("", ref, family)
        if step.action is not None:
            self.company.tell_time()
            try:
                done.told = ACTIONS[step.action](self, step.body, done)
            except Unexpected as refusal:
                done.refused = str(refusal.body.get("code") or refusal.status)
                done.why = str(refusal)
                done.told = f"{done.told or step.action}: refused, {done.refused}"
            self.company.settle()
        return done

    def account(self, body: Body) -> str | None:
        """The account that is named, or the only one there is."""
        named: str | None = body.get("account")
        only = next(iter(self.scenario.accounts)) if len(self.scenario.accounts) == 1 else None
        return named or only

    def family(self, body: Body) -> str | None:
        families = self.scenario.catalogue.families
        only = next(iter(families)) if len(families) == 1 else None
        return body.get("family") or only

    # -- by key -------------------------------------------------------------------------------

    def change(self, body: Body, done: Done) -> str:
        wanted = [self._wanted(one) for one in (body, *body["also"])]
        named = [_named(one, whose=len(self.scenario.catalogue.families) > 1) for one in wanted]
        done.told = f"{done.account} orders {' + '.join(named)}"
        done.quote = self._post(done, "/quotes", {"changes": wanted})
        agreed = done.quote["requires"]["acknowledgements"] if body["acknowledge"] else []
        order: dict[str, Any] = {"quote": done.quote["id"], "acknowledgements": agreed}
        order |= {"selections": body["select"], "return_url": BACK}
        order |= {"when": body["when"]} if "when" in body else {}
        self._remember(done, self._post(done, "/plan-changes", order))
        return done.told

    def _wanted(self, body: Body) -> dict[str, Any]:
        """One part of an order, as the API takes it. A tier is paid by the month unless said."""
        names = ("plan", "tier", "interval", "currency", "quantity", "subscription", "in_use")
        wanted = {name: body[name] for name in names if name in body}
        if "tier" in wanted:
            wanted.setdefault("interval", "month")
        return {"family": self.family(body), **wanted}

    def cancel(self, body: Body, done: Done) -> str:
        asked = {name: body[name] for name in ("family", "when") if name in body}
        self._remember(done, self._post(done, "/cancellation", asked))
        return f"{done.account} cancels"

    def keep(self, body: Body, done: Done) -> str:
        query = f"?family={body['family']}" if "family" in body else ""
        self.company.planshift.delete(f"/v1/accounts/{done.account}/cancellation{query}")
        return f"{done.account} takes the cancellation back"

    def withdraw(self, body: Body, done: Done) -> str:
        change = self._stands(done).change
        asked = {"family": body["family"]} if "family" in body else {}
        self.company.planshift.post(f"/v1/plan-changes/{change}/cancel", asked)
        return f"{done.account} takes the change back"

    def buy(self, body: Body, done: Done) -> str:
        basket = {"family": self.family(body), "pack": body["pack"], "return_url": BACK}
        bought = self._post(done, "/purchases", {**basket, "quantity": body["quantity"]})
        self._stands(done).page = bought["payment_url"]
        return f"{done.account} buys {body['quantity']} of {body['pack']}"

    def use(self, body: Body, done: Done) -> str:
        self.used += 1
        record = {"id": f"use-{self.used}", "family": self.family(body), "units": body["units"]}
        self._post(done, "/usage", {"records": [record]})
        return f"{done.account} uses {body['units']:,} units"

    def card(self, body: Body, done: Done) -> str:
        assert done.account is not None
        if body["card"] == NONE:
            self._forget_cards(done.account)
            return f"{done.account} has no card any more"
        self._save_card(done.account, body["card"])
        return f"{done.account} saves the card {body['card']}"

    def pay(self, body: Body, done: Done) -> str:
        page, card = self._page(done), f"pm_card_{body['card']}"
        status = self.company.stripe.visit(page, card=card)
        if "answer" in body:
            status = self.company.stripe.visit(page, card=card, answer=body["answer"])
        if status >= 400:
            done.refused, done.why = DECLINED, f"the page answered {status}"
        return f"{done.account} pays by hand with {body['card']}"

    def stripe(self, body: Body, done: Done) -> str:
        path = self._filled(body["path"], done)
        params = {name: self._filled(value, done) for name, value in body["params"].items()}
        self.company.at_stripe(body["method"], path, **params)
        return f"at Stripe: {body['method']} {body['path']}"

    def pass_(self, body: Body, _: Done) -> str:
        now = self.company.now()
        to = boundary(int(now.timestamp()), "month", 1, body["months"])
        units = {name: body[name] for name in ("minutes", "hours", "days", "weeks")}
        return self._pass_to(datetime.fromtimestamp(to, UTC) + timedelta(**units))

    def until(self, body: Body, _: Done) -> str:
        target = moment(body["until"])
        if target < self.company.now():
            raise Unexpected("until", 409, {"code": "in_the_past", "detail": "That is over."})
        return self._pass_to(target)

    def fault(self, body: Body, _: Done) -> str:
        names = ("method", "path", "kind", "count", "probability")
        self.company.box.faults.plan(*(body[name] for name in names))
        return f"{body['count']} requests {body['method']} {body['path']} will meet {body['kind']}"

    def habits(self, body: Body, _: Done) -> str:
        self.company.box.delivery.put_on(None, **body)
        return "webhooks travel with " + ", ".join(f"{name} {body[name]}" for name in body)

    def switch(self, body: Body, _: Done) -> str:
        turn(self.company.box.switches, dict(body))
        return "switched: " + ", ".join(f"{name} {body[name]}" for name in body)

    def calm(self, _: Body, __: Done) -> str:
        self.company.box.faults.clear()
        self.company.box.delivery.behave()
        return "no more faults, and webhooks travel as they should"

    def backfill(self, _: Body, __: Done) -> str:
        return f"the events that never came are fetched: {self.company.backfill()}"

    # -- what they share ----------------------------------------------------------------------

    def _post(self, done: Done, path: str, body: Any) -> Any:
        return self.company.planshift.post(f"/v1/accounts/{done.account}{path}", body)

    def _pass_to(self, target: datetime) -> str:
        self.company.pass_until(target)
        return f"time passes, to {target:%-d %b %Y %H:%M}"

    def _stands(self, done: Done) -> Standing:
        assert done.account is not None
        return self.standing[done.account]

    def _remember(self, done: Done, change: Any) -> None:
        stands = self._stands(done)
        stands.change = change["id"]
        pages = (line["payment_url"] for line in change["lines"])
        stands.page = next((page for page in pages if page), None)

    def _page(self, done: Done) -> str:
        """The page the last order waits for, else that of the newest open invoice."""
        stands = self._stands(done)
        waiting, stands.page = stands.page, None
        if waiting:
            return waiting
        path = f"/v1/accounts/{done.account}/invoices"
        for invoice in self.company.planshift.get(path)["data"]:
            if invoice["status"] == "open" and invoice["pay_url"]:
                return str(invoice["pay_url"])
        raise Unexpected(f"pay by {done.account}", 404, {"code": "nothing_to_pay"})

    def _filled(self, text: str, done: Done) -> str:
        """With the account's ids for {customer}, and for the newest {subscription} and so on."""
        if "{" not in text or done.account is None:
            return text
        customer = self._stands(done).customer
        text = text.replace("{customer}", customer)
        for name, path in NEWEST.items():
            if f"{{{name}}}" in text:
                found = self.company.at_stripe("GET", path, customer=customer, limit=1)["data"]
                if not found:
                    raise Unexpected(f"GET {path}", 404, {"code": f"no_{name}"})
                text = text.replace(f"{{{name}}}", found[0]["id"])
        return text

    def _save_card(self, ref: str, card: str) -> None:
        ask, customer = self.company.at_stripe, self.standing[ref].customer
        attach = f"/v1/payment_methods/pm_card_{card}/attach"
        method = ask("POST", attach, customer=customer)["id"]
        default = {"invoice_settings[default_payment_method]": method}
        ask("POST", f"/v1/customers/{customer}", **default)

    def _forget_cards(self, ref: str) -> None:
        ask, customer = self.company.at_stripe, self.standing[ref].customer
        listed = ask("GET", f"/v1/customers/{customer}/payment_methods", limit=100)
        for method in listed["data"]:
            ask("POST", f"/v1/payment_methods/{method['id']}/detach")


def _named(wanted: Body, *, whose: bool) -> str:
    parts = (wanted.get(key) for key in ("plan", "tier", "interval"))
    offer = "/".join(str(part) for part in parts if part)
    return f"{wanted['family']} {offer}" if whose else offer


ACTIONS: dict[str, Callable[[Troupe, Body, Done], str]] = {
    "change": Troupe.change,
    "cancel": Troupe.cancel,
    "keep": Troupe.keep,
    "withdraw": Troupe.withdraw,
    "buy": Troupe.buy,
    "use": Troupe.use,
    "card": Troupe.card,
    "pay": Troupe.pay,
    "stripe": Troupe.stripe,
    "pass": Troupe.pass_,
    "until": Troupe.until,
    "fault": Troupe.fault,
    "habits": Troupe.habits,
    "switch": Troupe.switch,
    "calm": Troupe.calm,
    "backfill": Troupe.backfill,
}
