"""Stories about operations: reports of use, what is left, and the line that pays some back."""

from __future__ import annotations

from itertools import count
from typing import Any

from tests.support.world import World

_reports = count(1)


def uses(w: World, units: int, ref: str = "acme") -> Any:
    """An internal service reports use; what became of the report."""
    record = {"id": f"report {next(_reports)}", "family": "operations", "units": units}
    answer = w.call("POST", f"/v1/accounts/{ref}/usage", {"records": [record]})
    assert answer.status_code == 200, answer.json
    return answer.json["records"][0]


def standing(w: World, at: str | None = None, ref: str = "acme") -> Any:
    """The family's allowance, now or at another instant."""
    query = f"?at={at}" if at else ""
    return w.get(f"/v1/accounts/{ref}/allowances{query}")["families"][0]


def left(w: World, at: str | None = None, ref: str = "acme") -> int:
    """Operations that can be used, now or at another instant."""
    return int(standing(w, at, ref)["left"])


def by_kind(w: World, at: str | None = None) -> dict[str, int]:
    """What is left by where it came from: grant, pack, carried."""
    return {lot["kind"]: lot["left"] for lot in standing(w, at)["lots"]}


def lines(invoice: Any) -> list[tuple[str, int]]:
    """Description and amount of each line of an invoice of Stripe's, or of a quote's timing."""
    listed = invoice["lines"]
    listed = listed["data"] if isinstance(listed, dict) else listed
    return [(line["description"], line["amount"]) for line in listed]


def passes_challenge(w: World, *, succeed: bool = True) -> None:
    """The customer follows the link of the newest invoice and passes, or fails, 3-D Secure."""
    invoice = w.invoices("acme")[0]["id"]
    (payment,) = w.stripe("GET", "/v1/invoice_payments", invoice=invoice)["data"]
    w.box.authenticate(payment["payment"]["payment_intent"], succeed=succeed)
    w.settle()


def begins(w: World, plan: str, tier: str, interval: str = "month") -> str:
    """An account buys its first plan; its customer's id."""
    customer = w.account("acme")
    w.change("acme", plan, tier, interval=interval)
    return customer


def executes(w: World, quote: Any, **order: Any) -> Any:
    """The change must be made at once, and be charged as it was quoted."""
    answer = w.execute("acme", quote, **order)
    assert answer.status_code == 201, answer.json
    w.settle()
    (line,) = answer.json["lines"]
    assert (line["state"], line["drift"]) == ("applied", None)
    invoice, now = w.invoices("acme")[0], quote["timings"]["now"]
    assert lines(invoice) == lines(now)
    assert (invoice["total"], invoice["amount_paid"]) == (
        now["total"]["amount"],
        now["due_now"]["amount"],
    )
    return answer.json


def money(quote: Any) -> tuple[int, int, int]:
    """Credit, total and what is due, of a change now."""
    now = quote["timings"]["now"]
    return tuple(now[name]["amount"] for name in ("credit", "total", "due_now"))
