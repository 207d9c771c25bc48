"""Switching it on: what is at Stripe already becomes accounts, or is left out with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adapter.adoption import RefSource, report_lines
from adapter.errors import Invalid
from tests.support.adopting import CORE, adopt, codes, customer, price, rows, subscribe
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


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
