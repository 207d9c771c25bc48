"""Growing: a quote that can be read, the order that keeps to it, and the webhooks that follow."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from mappings import Money, Offer

from ..stage import Announcement, Scene, Stage, named

INTO_THE_PERIOD = timedelta(days=10)
UNLIMITED = "unlimited"
UNITS = frozenset({"kb", "mb", "gb", "tb"})
# Of a small plan's allowance, so much is used before the account grows.
USED = Decimal("0.4")


def _pays_back_units(stage: Stage) -> bool:
    """Whether growing turns the units that are not used into money off the same bill."""
    assert stage.cast.upgrade is not None
    return stage.cast.upgrade.credit == "unused_allowance"


def _announce_quote(stage: Stage) -> Announcement:
    decision = stage.cast.upgrade
    assert decision is not None
    credit = {
        "none": "no credit",
        "unused_allowance": f"credit for unused {stage.cast.family.unit}",
    }.get(decision.credit, "credit for the unused time")
    return Announcement(
        f"Ten days later Acme asks what {stage.cast.name(stage.large)} would cost. Asking costs "
        "nothing and changes nothing; the amounts are Stripe's own.",
        f"{credit}, by rule {decision.rule!r}",
    )


def _quote(stage: Stage) -> str:
    stage.sleep_until(stage.now_at_stripe() + INTO_THE_PERIOD)
    if _pays_back_units(stage):
        _use_some(stage)
    quote = stage.quote = stage.quote_for(stage.large)
    change, billed = quote["changes"][0], quote["timings"]["now"]
    _show_offers(stage, change)
    _show_money(stage, billed)
    if change["allowance_credit"]:
        _show_units(stage, change["allowance_credit"])
    stage.screen.quotation(change["why"])
    _check_quote(stage, change, billed)
    return f"{billed['credit']['text']} credit, {billed['due_now']['text']} due"


def _check_quote(stage: Stage, change: Any, billed: Any) -> None:
    decision, large = stage.cast.upgrade, stage.large
    assert decision is not None
    price = stage.cast.catalogue.price_of(large)
    stage.expect(f"the new plan costs {price}", change["new"]["price"]["amount"], price.amount)
    stage.expect(f"rule {decision.rule!r} decides", change["decision"]["rule"], decision.rule)
    lines = sum(line["amount"] for line in billed["lines"])
    stage.expect("Stripe's lines add up to the total", lines, billed["total"]["amount"])
    _check_credit(stage, change, billed)
    before = stage.in_effect()
    stage.expect("nothing has changed yet", before, named(stage.held))


def _check_credit(stage: Stage, change: Any, billed: Any) -> None:
    """Time is credited by the second, by Stripe; here only that it is that much, to a cent."""
    assert stage.cast.upgrade is not None
    held, credit = change["current"], billed["credit"]["amount"]
    if _pays_back_units(stage):
        _check_units(stage, change, billed)
        return
    if stage.cast.upgrade.credit not in ("time", "time_to_balance"):
        stage.expect("credit as the rule says", credit > 0, stage.cast.upgrade.credit != "none")
        return
    end, now = _moment(held["period_end"]), stage.now_at_stripe()
    share = (end - now) / (end - (now - INTO_THE_PERIOD))
    fair = abs(credit - held["price"]["amount"] * share) <= 1
    stage.expect(f"{share:.0%} of the period is left, and of its price credited", fair, True)


def _use_some(stage: Stage) -> None:
    """An internal service reports what the account used of its allowance."""
    family = stage.cast.family
    used = int(_granted(stage, stage.cast.small) * USED)
    record = {"id": "usage-of-the-tour", "family": family.id, "units": used}
    stage.post("/usage", {"records": [record]})
    stage.screen.deed("An internal service", f"reports {used:,} {family.unit} used")


def _granted(stage: Stage, offer: Offer) -> int:
    allowance = stage.cast.catalogue.allowance_of(offer)
    assert allowance is not None, "what is paid back by the unit is granted by the unit"
    return allowance.units


def _left(stage: Stage) -> int:
    found = stage.planshift.get(f"/v1/accounts/{stage.ref}/allowances")["families"]
    return next(int(one["left"]) for one in found if one["family"] == stage.cast.family.id)


def _check_units(stage: Stage, change: Any, billed: Any) -> None:
    """Price held, divided by its size, times what is left; never more than the bill."""
    granted = _granted(stage, stage.cast.small)
    left = granted - int(granted * USED)
    unit = stage.cast.family.unit
    stage.expect(f"{left:,} {unit} are unused", change["allowance_credit"]["units"], left)
    price = Decimal(change["current"]["price"]["amount"])
    worth = int((price * left / granted).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    bill = billed["total"]["amount"] + billed["credit"]["amount"]
    claim = "they are credited at what they were paid with, on this bill"
    stage.expect(claim, billed["credit"]["amount"], min(worth, bill))


def _show_units(stage: Stage, credit: Any) -> None:
    each = f"{credit['units']:,} unused {stage.cast.family.unit} at {credit['price_per_unit']} each"
    stage.screen.sums([(each, credit["worth"]["text"])])


def _show_offers(stage: Stage, change: Any) -> None:
    old, new = change["current"], change["new"]
    unit = stage.cast.family.unit
    rows = [
        ("Plan", *(_plan_name(stage, one) for one in (old, new))),
        ("Tier", *(_tier_name(stage, one) for one in (old, new))),
        ("Billed every", old["interval"], new["interval"]),
        ("Price", old["price"]["text"], new["price"]["text"]),
    ]
    if old["allowance"] or new["allowance"]:
        rows.append((unit.capitalize(), _allowance(old), _allowance(new)))
    for name, had in old["limits"].items():
        has = new["limits"].get(name)
        if has != had:
            rows.append((_spoken(name), _limit(had), _limit(has)))
    gained = [one for one in new["features"] if one not in old["features"]]
    rows += [(_spoken(feature), "-", "yes") for feature in gained]
    stage.screen.table(("", "now", "new"), rows, right=(1, 2))


def _plan_name(stage: Stage, offer: Any) -> str:
    return stage.cast.catalogue.plan(offer["family"], offer["plan"]).name


def _tier_name(stage: Stage, offer: Any) -> str:
    return stage.cast.catalogue.plan(offer["family"], offer["plan"]).tier(offer["tier"]).name


def _allowance(offer: Any) -> str:
    allowance = offer["allowance"]
    if allowance is None:
        return "-"
    every = offer["interval"] if allowance["reset"] == "period" else allowance["reset"]
    return f"{allowance['units']:,} a {every}"


def _spoken(name: str) -> str:
    """An id as people write it: "data_transfer_mb" becomes "Data transfer (MB)"."""
    words, _, unit = name.rpartition("_")
    spoken = f"{words} ({unit.upper()})" if unit in UNITS else name
    return (spoken[:1].upper() + spoken[1:]).replace("_", " ")


def _limit(value: int | None) -> str:
    return UNLIMITED if value is None else f"{value:,}"


def _show_money(stage: Stage, billed: Any) -> None:
    currency = billed["total"]["currency"]
    rows = [
        (line["description"], _days(line["period"]), _amount(line["amount"], currency))
        for line in billed["lines"]
    ]
    stage.screen.table(("Stripe's own lines", "period", "amount"), rows, right=(2,))
    stage.screen.sums(
        [
            ("Credit for what is unused", billed["credit"]["text"]),
            ("Total", billed["total"]["text"]),
            ("From the balance", billed["balance_used"]["text"]),
            ("Due now", billed["due_now"]["text"]),
        ]
    )


def _days(period: Any) -> str:
    start, end = (datetime.fromisoformat(period[name]) for name in ("start", "end"))
    return f"{start:%-d %b} - {end:%-d %b %Y}"


def _amount(amount: int, currency: str) -> str:
    return str(Money(amount, currency))


def _announce_order(stage: Stage) -> Announcement:
    due = stage.quote["timings"]["now"]["due_now"]["text"]
    return Announcement(
        "Acme agrees, and the quote is executed.", f"exactly {due}, the lines of the quote"
    )


def _order(stage: Stage) -> str:
    change = stage.order(stage.quote)
    billed, line = stage.quote["timings"]["now"], change["lines"][0]
    stage.expect("the change is carried out", line["state"], "applied")
    invoice = stage.stripe.call("GET", f"/v1/invoices/{line['invoice']}")
    due = billed["due_now"]
    charged = (invoice["status"], invoice["total"], invoice["amount_paid"])
    announced = ("paid", billed["total"]["amount"], due["amount"])
    stage.expect(f"charged to the cent: {due['text']}", charged, announced)
    stage.expect(
        f"the lines of invoice {invoice['number']} are those of the quote",
        [_essence(one) for one in invoice["lines"]["data"]],
        [_essence(one) for one in billed["lines"]],
    )
    stage.expect("nothing drifted from what was expected", line["drift"], None)
    stage.held = stage.large
    name = stage.cast.short_name(stage.held)
    stage.soon(f"{name} is in effect", stage.in_effect, named(stage.held))
    if _pays_back_units(stage):
        fresh = _granted(stage, stage.held)
        claim = f"{fresh:,} {stage.cast.family.unit}: what was paid back is not carried over too"
        stage.soon(claim, lambda: _left(stage), fresh)
    stage.letter(says=name)
    return f"{due['text']} charged, the same lines"


def _essence(line: Any) -> tuple[object, ...]:
    # Not the period: a cycle that restarts does so when the order comes, seconds after the quote.
    return line["description"], line["quantity"], line["amount"]


def _announce_webhooks(_stage: Stage) -> Announcement:
    return Announcement(
        "Stripe told of the order by signed webhooks. Each was stored, then processed by fetching "
        "the object that it names; its contents are never believed.",
        "all processed, none dead",
    )


def _webhooks(stage: Stage) -> str:
    stage.settle()
    events = stage.planshift.get("/v1/events?limit=100")["data"]
    caused = [one for one in reversed(events) if _moment(one["received_at"]) >= stage.ordered_at]
    slowest = _show_webhooks(stage, caused)
    types = {event["type"] for event in caused}
    wanted = {"customer.subscription.updated", "invoice.paid"}
    stage.expect("the change and its payment were told", wanted - types, set())
    states = {event["state"] for event in events}
    stage.expect("every event so far is processed, none is dead", states, {"processed"})
    return f"{len(caused)} processed, the slowest after {slowest:,.0f} ms"


def _show_webhooks(stage: Stage, events: list[Any]) -> float:
    """A row per event; gives the longest latency in milliseconds."""
    rows, slowest = [], 0.0
    for event in events:
        received, processed = _moment(event["received_at"]), _moment(event["processed_at"])
        came = (received - stage.ordered_at) / timedelta(milliseconds=1)
        took = (processed - received) / timedelta(milliseconds=1)
        slowest = max(slowest, came + took)
        times = [f"{each:,.0f} ms" for each in (came, took, came + took)]
        rows.append((event["type"], *times))
    stage.screen.table(("event", "received", "processed", "in all"), rows, right=(1, 2, 3))
    stage.screen.quotation("Received: since the order was sent. Processed: since received.")
    return slowest


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


QUOTE = Scene("A quote", _announce_quote, _quote)
ORDER = Scene("The order", _announce_order, _order)
WEBHOOKS = Scene("The webhooks", _announce_webhooks, _webhooks)
