"""Many events at once: each object is asked for once, and work begins on the first at once.

`make soak` plays the wave with 1,000 subscriptions.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import event as sql
from sqlalchemy import insert, select

from adapter.tables import AccountRow, EventRow
from mappings import Offer
from tests.laws import mirrored
from tests.support.killing import Frozen
from tests.support.post import Post
from tests.support.sampling import SOAK
from tests.support.shops import loaded
from tests.support.world import World, world

pytestmark = [pytest.mark.by_turns, pytest.mark.timeout(3_600 if SOAK else 300)]

WAVE = 1_000 if SOAK else 25
BACKLOG = 10_000
MONTH = 31 * 86_400
OURS = "sk_test_planshift"
Numbers = Callable[[str, object], None]


def subscribers(w: World, number: int) -> None:
    """Accounts whose plans were bought at Stripe, each paid with a card."""
    key = loaded("operations").lookup_key(Offer("operations", "core", "10k", "month", "usd"))
    (price,) = w.stripe("GET", "/v1/prices", **{"lookup_keys[]": key})["data"]
    rows = []
    for ref in (f"acme-{count}" for count in range(number)):
        customer = w.stripe("POST", "/v1/customers", email="billing@acme.example")["id"]
        path = "/v1/payment_methods/pm_card_visa/attach"
        card = w.stripe("POST", path, customer=customer)["id"]
        w.stripe(
            "POST",
            "/v1/subscriptions",
            customer=customer,
            default_payment_method=card,
            **{"items[0][price]": price["id"]},
        )
        rows.append(account(ref, customer))
    with w.parts.database.write() as tx:
        tx.execute(insert(AccountRow), rows)
    w.settle()


def account(ref: str, customer: str) -> dict[str, Any]:
    return {
        "id": f"acct_{ref}",
        "ref": ref,
        "email": "billing@acme.example",
        "locale": "en",
        "created_at": datetime(2026, 1, 10, tzinfo=UTC),
        "customer_id": customer,
        "currency": "usd",
    }


def test_a_wave_of_renewals_asks_for_each_object_once(
    database_url: str, tmp_path: Path, record_property: Numbers
):
    with world(database_url) as w:
        subscribers(w, WAVE)
        # Two moments of each: its period begins, and an hour later it is charged.
        w.box.advance(seconds=MONTH + 7_200)
    wave, told = Frozen(w, database_url), []
    for order in ("in order", "shuffled"):
        with wave.life() as life:
            post = Post(life.w)
            letters = post.waiting()
            if order == "shuffled":
                Random(1).shuffle(letters)
            for letter in letters:
                post.bring(letter)
            since = len(life.w.calls())
            life.w.settle()
            asked = Counter(call.path for call in calls(life.w, since))
            assert {call.method for call in calls(life.w, since)} == {"GET"}
            assert len([path for path in asked if path.startswith("/v1/subscriptions/")]) == WAVE
            assert max(asked.values()) == 1, asked.most_common(3)
            for number in range(0, WAVE, 10):
                assert mirrored.differences(life.w, f"acme-{number}") == []
            told.append(f"{order} {len(letters):,} events, {asked.total():,} GETs")
    record_property("numbers", f"{WAVE:,} renewals: {'; '.join(told)}; none asked for twice")


def calls(w: World, since: int) -> list[Any]:
    """What the service asked Stripe, not what the test did."""
    return [c for c in w.calls(since) if OURS in c.headers.get("authorization", "").lower()]


def test_a_process_that_finds_ten_thousand_events_waiting_begins_at_once(
    database_url: str, record_property: Numbers
):
    with world(database_url) as w:
        subscribers(w, 1)
        sub = w.stripe("GET", "/v1/subscriptions")["data"][0]
        now = datetime.now(UTC)
        rows = [waiting(number, sub, now) for number in range(BACKLOG)]
        others = [account(f"other-{n}", f"cus_other_{n}") for n in range(1, BACKLOG)]
        with w.parts.database.write() as tx:
            tx.execute(insert(AccountRow), others)
            tx.execute(insert(EventRow), rows)
        ended: list[float] = []

        def notes(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if statement.startswith("UPDATE events") and not ended:
                ended.append(time.monotonic() - began)

        sql.listen(w.parts.database.engine, "after_cursor_execute", notes)
        began = time.monotonic()
        done = w.worker.round().done["events"]
        with w.parts.database.read() as tx:
            left = tx.scalars(select(EventRow.id).where(EventRow.state == "pending")).all()
        # One round takes a batch of what waits longest: neither all of it, nor none.
        assert 0 < done <= 100
        assert len(left) == BACKLOG - done
        assert "evt_waiting_0" not in left
        record_property(
            "numbers",
            f"{BACKLOG:,} waiting: the first was processed {ended[0] * 1000:.0f} ms after the "
            f"start, {done} in the first round",
        )


def waiting(number: int, sub: Any, now: datetime) -> dict[str, Any]:
    """An event of the first customer, or of one of many others who are gone at Stripe."""
    first = number == 0
    customer = sub["customer"] if first else f"cus_other_{number}"
    name = sub["id"] if first else f"sub_other_{number}"
    return {
        "id": f"evt_waiting_{number}",
        "type": "customer.subscription.updated",
        "occurred_at": now,
        "received_at": now,
        "next_at": now,
        "object_type": "subscription",
        "object_id": name,
        "subscription_id": name,
        "customer_id": customer,
        "owner": customer,
        "state": "pending",
        "attempts": 0,
    }
