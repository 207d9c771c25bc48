"""How a story ends when nothing goes wrong, and so has to end when something does."""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults.scenario import API, METER_EVENT, Do
from tests.support.buying import bought_units
from tests.support.changes import newest_change
from tests.support.world import World


def ends(
    state: str, plan: tuple[str, str], invoices: Sequence[str], family: str = "operations"
) -> Do:
    """The newest change, the plan in effect and the invoices (newest first) after the story."""

    def look(w: World) -> None:
        seen = newest_change(w)["lines"][0]["state"], w.plan("acme", family)
        assert seen == (state, plan), f"it ended with {seen}"
        statuses = [invoice["status"] for invoice in w.invoices("acme")]
        assert statuses == list(invoices), f"it ended with the invoices {statuses}"

    return look


def ordered_so(states: Sequence[str], sizes: Sequence[str], invoices: Sequence[str]) -> Do:
    """The lines of the newest order, what is in effect in each family, and the invoices (newest
    first).
    """

    def look(w: World) -> None:
        seen = [line["state"] for line in newest_change(w)["lines"]]
        held = [w.plan("acme", family) for family in ("mail", "bots", "texts")]
        assert seen == list(states), f"it ended with {seen}"
        assert [one[1] for one in held if one] == list(sizes), f"it ended with {held}"
        statuses = [invoice["status"] for invoice in w.invoices("acme")]
        assert statuses == list(invoices), f"it ended with the invoices {statuses}"

    return look


def sold(state: str, packs: Sequence[int], invoices: Sequence[str]) -> Do:
    """The newest purchase, what was granted for it, and the invoices (newest first)."""

    def look(w: World) -> None:
        bought = w.get("/v1/accounts/acme/purchases")["data"][0]["state"]
        seen = bought, bought_units(w), [invoice["status"] for invoice in w.invoices("acme")]
        assert seen == (state, list(packs), list(invoices)), f"it ended with {seen}"

    return look


def metered(plan: tuple[str, str], units: int, invoices: Sequence[str]) -> Do:
    """The plan in effect, what the meter has counted, and the invoices (newest first)."""

    def look(w: World) -> None:
        counted = sum(int(event["_value"]) for event in w.box.world.store.scan(METER_EVENT))
        seen = w.plan("acme", API), counted, [invoice["status"] for invoice in w.invoices("acme")]
        assert seen == (plan, units, list(invoices)), f"it ended with {seen}"

    return look


def saved(w: World) -> None:
    """A default payment method is saved, here and at Stripe."""
    assert w.state("acme")["default_payment_method"] is not None
