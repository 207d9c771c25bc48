"""Usage that Stripe takes and then does not count: it says so later, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from adapter.metering.standing import refused_usage
from adapter.tables import EventRow, MeterEventRow
from sandbox import Switches
from sandbox.billing.meter_reports import WINDOW_S, report
from sandbox.exchanges import Exchange
from tests.support.metered import booked, hear, sign_up, use
from tests.support.world import World, world
from webhooks.registry import NOTIFIED

pytestmark = pytest.mark.by_turns
TAKEN = Switches(unknown_usage_customer="dropped")


@pytest.fixture
def w(database_url: str):
    """An account on Plus that hears of everything by notifications, as an event destination is."""
    with world(database_url, catalogue="metered", switches=TAKEN) as w:
        w.account("acme")
        sign_up(w)
        w.box.delivery.put_on(thin=True)
        yield w


def sent(w: World) -> list[MeterEventRow]:
    with w.parts.database.read() as tx:
        return list(tx.scalars(select(MeterEventRow).order_by(MeterEventRow.seq)))


def states(w: World) -> list[str]:
    return [event.state for event in sent(w)]


def reports(w: World) -> list[EventRow]:
    with w.parts.database.read() as tx:
        rows = tx.scalars(select(EventRow).where(EventRow.type.in_(NOTIFIED)))
        return sorted(rows, key=lambda row: row.seq)


def told_by_stripe(w: World, **identifiers: str) -> None:
    """Stripe's report of events under these identifiers, or of none that we know."""
    (meter,) = w.box.world.store.scan("billing.meter")
    with w.box.acting():
        for code, identifier in identifiers.items():
            report(w.box.world, meter, code, "so it is", identifier)


def gone_at_stripe(w: World) -> None:
    """The customer is deleted in the dashboard, and nobody tells us."""
    customer = w.state("acme")["customer"]
    w.box.delivery.put_on(drop=1.0)
    w.stripe("DELETE", f"/v1/customers/{customer}")
    w.box.delivery.put_on(drop=0.0)


def test_units_that_were_taken_for_nobody_wait_for_a_person(w: World):
    use(w, 3)
    w.settle()
    use(w, 4)
    gone_at_stripe(w)
    w.settle()
    assert states(w) == ["sent", "sent"]
    w.advance(seconds=WINDOW_S)
    w.settle()
    (row,) = reports(w)
    assert (row.type, row.state) == ("billing.meter.error_report_triggered", "processed")
    counted, lost = sent(w)
    assert (counted.state, lost.state, lost.units) == ("sent", "refused", 4)
    assert lost.error is not None
    assert lost.error.startswith("meter_event_customer_not_found: ")
    assert refused_usage(w.parts.database) == 4
    assert booked(w) == 7


def test_a_report_that_comes_twice_or_too_late_changes_nothing(w: World):
    use(w, 3)
    w.settle()
    (event,) = sent(w)
    with w.parts.database.write() as tx:
        tx.get_one(MeterEventRow, event.seq).round = 2
    told_by_stripe(w, timestamp_in_future=f"{event.id}-1")
    w.box.delivery.put_on(duplicate=1.0)
    w.advance(seconds=WINDOW_S)
    w.settle()
    # of an attempt that was given up: it was sent anew since
    assert states(w) == ["sent"]
    for _ in range(2):
        told_by_stripe(w, timestamp_in_future=f"{event.id}-2")
        w.advance(seconds=WINDOW_S)
        w.settle()
    assert states(w) == ["refused"]
    assert refused_usage(w.parts.database) == 3
    assert {row.state for row in reports(w)} == {"processed"}


def test_reports_of_others_usage_are_none_of_ours(w: World):
    use(w, 3)
    w.settle()
    told_by_stripe(w, archived_meter="theirs-1", meter_event_invalid_value="no number")
    with w.box.acting():
        report(w.box.world, None, "no_meter", "so it is", "theirs-2")
    w.advance(seconds=WINDOW_S)
    w.settle()
    assert [row.type.rpartition(".")[2] for row in reports(w)] == [
        "error_report_triggered",
        "no_meter_found",
    ]
    assert {row.state for row in reports(w)} == {"processed"}
    assert states(w) == ["sent"]


class Overtaking:
    """Lets the report arrive before the answer to the call that it is about."""

    def __init__(self, w: World) -> None:
        self._w = w

    def exchanged(self, exchange: Exchange) -> None:
        if exchange.path != "/v1/billing/meter_events":
            return
        w = self._w
        w.box.observers.remove(self)
        told_by_stripe(w, meter_event_customer_not_found=f"{sent(w)[-1].id}-1")
        w.advance(seconds=WINDOW_S)
        w.box.deliver_pending()
        w.parts.processing.process(reports(w)[-1].owner)

    def announced(self, event: Any) -> None:
        """Nothing."""


def test_a_report_may_overtake_the_answer_that_it_was_taken(w: World):
    w.box.observers.append(Overtaking(w))
    use(w, 3)
    hear(w)
    w.settle()
    assert states(w) == ["refused"]


def test_while_stripe_is_away_a_report_waits(w: World):
    use(w, 3)
    w.settle()
    told_by_stripe(w, meter_event_invalid_value=f"{sent(w)[0].id}-1")
    w.box.fail_next("GET", "/v2/core/events/.*", "500", count=10)
    w.advance(seconds=WINDOW_S)
    w.settle()
    (row,) = reports(w)
    assert (row.state, states(w)) == ("pending", ["sent"])
