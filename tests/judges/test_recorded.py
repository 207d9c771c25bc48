"""Recorded traffic of Stripe (``recorded.toml``): the sandbox agrees to the cent and the second."""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox import Sandbox

from .document import OUR_API_VERSION

CASES = tomllib.loads(Path(__file__).with_name("recorded.toml").read_text())
HEADERS = {"Authorization": "Bearer sk_test_recorded", "Stripe-Version": OUR_API_VERSION}
PRICES = {"monthly": (2500, "month"), "annual": (25_000, "year"), "default": (1000, "month")}


class Replay:
    """Asks the sandbox what Stripe was asked, with its own ids in the place of Stripe's."""

    def __init__(self, start: datetime, card: str) -> None:
        self.box = Sandbox(start)
        self.names: dict[str, Any] = {}
        product = self.ask("POST", "/v1/products", {"name": "Test Subscription"})["id"]
        self.names["product"] = product
        for name, (amount, interval) in PRICES.items():
            terms = {"product": product, "currency": "usd", "unit_amount": amount}
            made = self.ask("POST", "/v1/prices", {**terms, "recurring[interval]": interval})
            self.names[name] = made["id"]
        paying = {"payment_method": card, "invoice_settings[default_payment_method]": card}
        self.names["customer"] = self.ask("POST", "/v1/customers", paying)["id"]

    def ask(self, method: str, path: str, form: dict[str, Any], status: int = 200) -> Any:
        reply = self.box.call(method, path, urlencode(form), HEADERS)
        assert reply.status == status, reply.body
        return reply.body

    def play(self, step: dict[str, Any]) -> None:
        """One step of a case: the moment, the request, what it gives, what is kept of it."""
        if "at" in step:
            self.box.advance(to=step["at"])
        method, path = self.named(step["ask"]).split()
        form = {name: self.named(value) for name, value in step.get("form", {}).items()}
        given = self.ask(method, path, form, step.get("status", 200))
        expected = {at: self.expected(value) for at, value in step.get("gives", {}).items()}
        found = {at: shown(look(given, at), expected[at]) for at in expected}
        assert found == expected
        self.names |= {name: look(given, at) for name, at in step.get("keep", {}).items()}

    def named(self, value: Any) -> Any:
        return value.format(**self.names) if isinstance(value, str) else value

    def expected(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return int(value.timestamp())
        return None if value == "null" else self.named(value)


def look(given: Any, at: str) -> Any:
    """The value at a dotted path; ``#`` is the number of entries."""
    for step in at.split("."):
        if step == "#":
            return len(given)
        try:
            given = given[int(step)] if isinstance(given, list) else given[step]
        except (KeyError, IndexError, TypeError):
            return f"nothing at {step}"
    return given


def shown(value: Any, expected: Any) -> Any:
    """The value, or where only its beginning or end is expected and there, the expectation."""
    if isinstance(value, str) and isinstance(expected, str) and "…" in expected:
        head, _, tail = expected.partition("…")
        return expected if value.startswith(head) and value.endswith(tail) else value
    return value


@pytest.mark.parametrize(
    "name", CASES, ids=[f"{name}: {case['title']}" for name, case in CASES.items()]
)
def test_the_sandbox_does_what_stripe_did(name: str):
    case = CASES[name]
    replay = Replay(case["start"], case.get("card", "pm_card_visa"))
    for step in case["step"]:
        replay.play(step)


def test_every_case_says_where_it_was_seen():
    assert all(case["source"] and case["step"] for case in CASES.values())
    assert {f"C{number}" for number in range(1, 11)} <= set(CASES)
