"""An account on the catalogue `metered`: it signs up, reports usage, agrees with sales.

A request costs 0.0004 dollars: 100,000 of them are 40.00. January has 31 days.
"""

from __future__ import annotations

from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

import mappings
from adapter.tables import UsageRow
from tests.support.world import World

API = "api"
FREE = ("free", "free")
PLUS = ("plus", "usage")
ENTERPRISE = ("enterprise", "agreed")
CATALOGUES = Path(mappings.__file__).parent / "catalogues"
_ids = count(1)


def sign_up(w: World, ref: str = "acme") -> Any:
    """Free to Plus with a saved card."""
    return w.change(ref, *PLUS, family=API)


def hear(w: World, ref: str = "acme") -> None:
    """What time it is at Stripe is known from its answers."""
    w.get(f"/v1/accounts/{ref}/payment-methods")


def pass_time(w: World, **by: float) -> None:
    """Time passes at Stripe, and what was to be done by then is done."""
    w.advance(**by)
    hear(w)
    w.settle()


def use(w: World, units: int, *, at: datetime | None = None, ref: str = "acme", **more: Any) -> Any:
    """An internal service reports usage, under an id of its own."""
    hear(w, ref)
    record = {"id": f"use-{next(_ids)}", "family": API, "units": units, **more}
    if at is not None:
        record["at"] = at.isoformat()
    return w.call("POST", f"/v1/accounts/{ref}/usage", {"records": [record]})


def told(w: World) -> list[tuple[int, int]]:
    """What Stripe was told: units and unix second, in that order."""
    events = w.box.world.store.scan("billing.meter_event")
    return sorted((int(event["_value"]), event["timestamp"]) for event in events)


def counted(w: World, ref: str = "acme") -> int:
    """What the meter has counted for an account, ever."""
    (meter,) = w.stripe("GET", "/v1/billing/meters")["data"]
    window = {"customer": w.state(ref)["customer"], "start_time": 0, "end_time": 4_102_444_800}
    path = f"/v1/billing/meters/{meter['id']}/event_summaries"
    return sum(found["aggregated_value"] for found in w.stripe("GET", path, **window)["data"])


def booked(w: World) -> int:
    """Every unit that was ever booked for billing."""
    with w.parts.database.read() as tx:
        return int(tx.scalar(select(func.sum(UsageRow.units)).where(UsageRow.meter_event != "")))


def ask(w: World, plan: str | None, tier: str | None = None, **more: Any) -> Any:
    body = {"family": API, "plan": plan, "tier": tier, "interval": "month", **more}
    return w.call("POST", "/v1/accounts/acme/quotes", {"changes": [body]})


def agree(w: World, plan: str | None, tier: str | None = None, **more: Any) -> Any:
    """An operator carries out what sales has agreed."""
    quote = ask(w, plan, tier, by_sales=True, **more)
    assert quote.status_code == 201, quote.json
    answer = w.execute("acme", quote.json)
    assert answer.status_code == 201, answer.json
    w.settle()
    return answer.json
