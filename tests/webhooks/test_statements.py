"""How many statements the events of a customer cost: nobody notices one more, so they are counted.

Where a new one has to be: raise the number beside its table here, and say why in the commit.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import extract_stack
from typing import Any

from sqlalchemy import event as sql

from tests.support.world import World, world

TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE) (\w+)")
ROOMS = re.compile(r"(?<!/tests)/((?:adapter|webhooks|service)/.*)")
# A month and a day later: the new period and its paid invoice, each fetched once.
RENEWAL = Counter(
    {
        "SELECT events": 2,
        "UPDATE events": 1,
        "SELECT accounts": 1,
        "SELECT subscriptions": 2,
        "UPDATE subscriptions": 1,
        "UPDATE subscription_lines": 1,
        "SELECT invoices": 1,
        "INSERT invoices": 1,
        "UPDATE invoices": 1,
        "SELECT plan_change_lines": 4,
        "SELECT purchases": 1,
        "SELECT allowance_lots": 1,
        "SELECT allowance_entries": 1,
        "INSERT allowance_lots": 1,
        # The grant of the new month and the lapse of the old: one statement on PostgreSQL.
        "INSERT allowance_entries": 2,
    }
)
# An event that tells nothing new: only the tickets rise.
NOTHING_NEW = Counter(
    {
        "SELECT events": 2,
        "UPDATE events": 1,
        "SELECT accounts": 1,
        "SELECT subscriptions": 2,
        "UPDATE subscriptions": 1,
        "SELECT invoices": 1,
        "UPDATE invoices": 1,
        "SELECT plan_change_lines": 2,
        "SELECT allowance_lots": 1,
        "SELECT allowance_entries": 1,
    }
)


def test_the_events_of_a_renewal_ask_the_database_no_more_than_they_did(database_url: str):
    with subscribed(database_url) as w:
        w.box.advance(seconds=32 * 86_400)
        refuse_growth(processed(w), RENEWAL)


def test_an_event_that_tells_nothing_new_asks_no_more_than_it_did(database_url: str):
    with subscribed(database_url) as w:
        path = f"/v1/subscriptions/{w.subscription('acme')['id']}"
        w.stripe("POST", path, **{"metadata[note]": "of no interest here"})
        refuse_growth(processed(w), NOTHING_NEW)


@contextmanager
def subscribed(database_url: str) -> Iterator[World]:
    with world(database_url) as w:
        w.account("acme")
        w.change("acme", "core", "10k")
        yield w


def processed(w: World) -> dict[str, list[str]]:
    """What the turn of the one customer asks for, and from which lines of the code."""
    w.box.deliver_pending()
    asked: dict[str, list[str]] = defaultdict(list)

    def notes(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if named := TABLE.search(statement):
            asked[f"{statement.split(maxsplit=1)[0]} {named[1]}"].append(place())

    (job,) = w.parts.processing.due(10, ())
    sql.listen(w.parts.database.engine, "before_cursor_execute", notes)
    job.do()
    sql.remove(w.parts.database.engine, "before_cursor_execute", notes)
    return asked


def place() -> str:
    """The innermost lines of ours that are running."""
    found = ((ROOMS.search(frame.filename), frame.lineno) for frame in extract_stack())
    lines = [f"{ours[1]}:{number}" for ours, number in found if ours]
    return " < ".join(reversed(lines[-3:]))


def refuse_growth(asked: dict[str, list[str]], known: Counter[str]) -> None:
    grown = Counter({name: len(places) for name, places in asked.items()}) - known
    assert not grown, "\n".join(
        f"{name}: {len(asked[name])} statements, {known[name]} are known. They come from\n  "
        + "\n  ".join(asked[name])
        for name in grown
    )
