"""What happened in a step, with its date: money that moved, plans that changed, e-mails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, Literal

from mappings.money import Money
from sandbox.exchanges import Exchange

from .acting import Troupe

Event = dict[str, Any]
What = Literal["charged", "declined", "refunded", "balance", "subscription", "invoice", "mail"]
Said = tuple[What, str, Money | None]


@dataclass(frozen=True)
class Happening:
    """One thing that happened; ``money`` is what moved: taken, given back, put on the balance."""

    at: int
    account: str
    what: What
    told: str
    money: Money | None = None

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)


class Chronicle:
    """Observes a Stripe and an outbox; ``since_last`` gives what came since it was last asked."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._mails = 0
        self._newest: dict[str, str] = {}

    def exchanged(self, exchange: Exchange) -> None:
        """Requests are not told of: what they do is."""

    def announced(self, event: Event) -> None:
        self._events.append(event)

    def since_last(self, troupe: Troupe) -> list[Happening]:
        """By date; what happened at one moment stays in the order it came."""
        refs = {stands.customer: ref for ref, stands in troupe.standing.items()}
        events, self._events = self._events, []
        told = [_tell(event, refs) for event in events]
        found = [one for one in told if one is not None]
        found += self._balance_moves(troupe)
        letters, self._mails = (
            troupe.company.mail.sent[self._mails :],
            len(troupe.company.mail.sent),
        )
        found += [_letter(at, letter, troupe) for at, letter in letters]
        return sorted(found, key=lambda one: one.at)

    def _balance_moves(self, troupe: Troupe) -> list[Happening]:
        """No event need tell of them: the movements are listed instead."""
        found = []
        for ref, stands in troupe.standing.items():
            path = f"/v1/customers/{stands.customer}/balance_transactions"
            since = {"ending_before": self._newest[ref]} if ref in self._newest else {}
            listed = troupe.company.at_stripe("GET", path, limit=100, **since)["data"]
            for one in reversed(listed):
                self._newest[ref] = one["id"]
                money = Money(one["amount"], one["currency"])
                left = Money(one["ending_balance"], one["currency"])
                way = "credited to" if one["amount"] < 0 else "taken from"
                size = Money(abs(one["amount"]), one["currency"])
                text = f"{size} {way} the balance, which is {left}"
                found.append(Happening(one["created"], ref, "balance", text, money))
        return found


def _tell(event: Event, refs: dict[str, str]) -> Happening | None:
    ref = refs.get(str(event["data"]["object"].get("customer")))
    tell = TELLING.get(event["type"])
    said = tell(event) if tell and ref else None
    if said is None or ref is None:
        return None
    what, told, money = said
    return Happening(event["created"], ref, what, told, money)


def _charged(event: Event) -> Said:
    charge = event["data"]["object"]
    money = Money(charge["amount"], charge["currency"])
    return "charged", f"{money} taken from {_card(charge)}", money


def _declined(event: Event) -> Said:
    charge = event["data"]["object"]
    money = Money(charge["amount"], charge["currency"])
    return "declined", f"{money} declined by {_card(charge)}", None


def _refunded(event: Event) -> Said:
    charge, before = event["data"]["object"], event["data"].get("previous_attributes", {})
    back = charge["amount_refunded"] - before.get("amount_refunded", 0)
    money = Money(back, charge["currency"])
    return "refunded", f"{money} given back to {_card(charge)}", money


def _begins(event: Event) -> Said:
    return "subscription", f"a subscription begins: {event['data']['object']['status']}", None


def _moves(event: Event) -> Said | None:
    before = event["data"].get("previous_attributes", {}).get("status")
    after = event["data"]["object"]["status"]
    return ("subscription", f"the subscription was {before}, is {after}", None) if before else None


def _ends(event: Event) -> Said:
    return "subscription", f"the subscription ends: {event['data']['object']['status']}", None


def _given_up(event: Event) -> Said:
    invoice = event["data"]["object"]
    total = Money(invoice["total"], invoice["currency"])
    return "invoice", f"invoice {invoice['number']} of {total} is {invoice['status']}", None


TELLING: dict[str, Callable[[Event], Said | None]] = {
    "charge.succeeded": _charged,
    "charge.failed": _declined,
    "charge.refunded": _refunded,
    "customer.subscription.created": _begins,
    "customer.subscription.updated": _moves,
    "customer.subscription.deleted": _ends,
    "invoice.voided": _given_up,
    "invoice.marked_uncollectible": _given_up,
}


def _card(charge: dict[str, Any]) -> str:
    details = (charge.get("payment_method_details") or {}).get("card")
    return f"{details['brand']} …{details['last4']}" if details else "the bank account"


def _letter(at: int, letter: EmailMessage, troupe: Troupe) -> Happening:
    to = ", ".join(address.addr_spec for address in letter["To"].addresses)
    emails = {
        told["email"] or f"billing@{ref}.example": ref
        for ref, told in troupe.scenario.accounts.items()
    }
    return Happening(at, emails.get(to, to), "mail", str(letter["Subject"]))
