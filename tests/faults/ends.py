"""How a story ended, in a form that two runs of it share: no ids, no times of day of the machine.

What is compared is all that anybody could notice: money and objects at Stripe, changes, plans,
notices and what is still to be done here. Tries that moved no money are not compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from adapter.clock import to_unix
from adapter.tables import (
    AccountRow,
    AllowanceEntryRow,
    AllowanceLotRow,
    ChangeRow,
    DueWorkRow,
    EventRow,
    IntentRow,
    InvoiceRow,
    MeterEventRow,
    NoticeRow,
    PurchaseRow,
    SubscriptionRow,
)
from tests.support.world import World

# How many of these there are depends on how often something was tried or told.
UNCOUNTED = {"event", "charge", "meter_event", "invoice_payment"}
# Steps that a resumed procedure passes over once a fresh read shows their effect. The money is
# right and nothing sends them again; only their record stays open.
LEFT_OPEN = re.compile(
    r":(pay|pay\d*_with_pm_\w+|finalize|void(_\d+)?|give_up|take_off_all(_\d+)?|expire"
    r"|(undo_[\d_]+)?release|undo_[\d_]+clear_end):\d+$"
)
Body = dict[str, Any]


def end_of(w: World) -> Body:
    """Everything there is to compare."""
    return {
        "subscriptions": [_subscription(w, body) for body in _all(w, "subscription")],
        "schedules": [_schedule(w, body) for body in _all(w, "subscription_schedule")],
        "invoices": [_invoice(w, body) for body in _all(w, "invoice")],
        "waiting items": _amounts(_all(w, "invoiceitem"), "invoice"),
        "payments": sorted((b["amount"], b["status"]) for b in _all(w, "payment_intent")),
        "charged": sorted(
            (b["amount"], b["amount_refunded"])
            for b in _all(w, "charge")
            if b["status"] == "succeeded"
        ),
        "credit notes": _amounts(_all(w, "credit_note"), "status", "total"),
        "balances": [(b["balance"], _default_card(w, b)) for b in _all(w, "customer")],
        "balance moves": [
            (b["type"], b["amount"]) for b in _all(w, "customer_balance_transaction")
        ],
        "pages": [(b["mode"], b["status"]) for b in _all(w, "checkout.session")],
        "metered": sorted(b["_value"] for b in _all(w, "billing.meter_event")),
        "objects": {
            family: number
            for family, number in w.box.world.store.families().items()
            if family not in UNCOUNTED
        },
        **_kept_here(w),
    }


def differences(wanted: Any, got: Any, at: str = "") -> list[str]:
    """Where two ends differ, path by path."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        names = list(dict.fromkeys([*wanted, *got]))
        pairs = [(f"{at} {name}", wanted.get(name), got.get(name)) for name in names]
    elif isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        pairs = [(f"{at}[{n}]", *both) for n, both in enumerate(zip(wanted, got, strict=True))]
    else:
        return [] if wanted == got else [f"{at.strip()}: {got!r} instead of {wanted!r}"]
    return [line for path, one, other in pairs for line in differences(one, other, path)]


def _kept_here(w: World) -> Body:
    with w.parts.database.read() as tx:
        refs = list(tx.scalars(select(AccountRow.ref).order_by(AccountRow.seq)))
        changes = tx.scalars(select(ChangeRow).order_by(ChangeRow.seq)).all()
        notices = tx.scalars(select(NoticeRow)).all()
        work = tx.scalars(select(DueWorkRow)).all()
        lots = tx.scalars(select(AllowanceLotRow)).all()
        entries = tx.scalars(select(AllowanceEntryRow)).all()
        purchases = tx.scalars(select(PurchaseRow).order_by(PurchaseRow.seq)).all()
        return {
            "accounts": {ref: _account(w, ref) for ref in refs},
            "changes": [_change(change) for change in changes],
            # One that was no longer true when it was due has told nobody anything.
            "notices": sorted((n.kind, n.state) for n in notices if n.state != "skipped"),
            "letters": sorted(
                {str(m["Message-ID"]): str(m["Subject"]) for m in w.mail.messages}.values()
            ),
            "ledger": sorted(_lot(lot, entries) for lot in lots),
            "usage": sorted((row.units, row.state) for row in tx.scalars(select(MeterEventRow))),
            "purchases": [(p.state, p.units, p.pack) for p in purchases],
            "work": sorted((row.kind, row.state) for row in work),
        }


def _lot(lot: AllowanceLotRow, entries: Iterable[AllowanceEntryRow]) -> tuple[Any, ...]:
    """What came in, for when, and everything that moved it."""
    moves = sorted((entry.kind, entry.units) for entry in entries if entry.lot_seq == lot.seq)
    span = lot.starts_at.isoformat(), lot.expires_at.isoformat()
    return lot.family, lot.kind, lot.units, str(lot.plan), str(lot.tier), *span, tuple(moves)


def loose_ends(w: World) -> list[str]:
    """What no story may leave behind: open writes, dead work, a mirror that says otherwise."""
    with w.parts.database.read() as tx:
        intents = tx.scalars(select(IntentRow).where(IntentRow.outcome.in_(("open", "unsure"))))
        dead = tx.scalars(select(DueWorkRow).where(DueWorkRow.state == "dead"))
        events = tx.scalars(select(EventRow).where(EventRow.state.in_(("pending", "dead"))))
        found = [
            f"the write {row.key} is {row.outcome}"
            for row in intents
            if not (row.outcome == "open" and LEFT_OPEN.search(row.key))
        ]
        found += [f"{row.kind} of {row.subject} is dead: {row.error}" for row in dead]
        found += [f"event {row.type} is {row.state}: {row.error}" for row in events]
        accounts = tx.scalars(select(AccountRow)).all()
        subscriptions = {row.id: row for row in tx.scalars(select(SubscriptionRow)).unique().all()}
        invoices = {row.id: row for row in tx.scalars(select(InvoiceRow)).all()}
        lots = tx.scalars(select(AllowanceLotRow)).all()
        left = {lot.seq: 0 for lot in lots}
        for entry in tx.scalars(select(AllowanceEntryRow)):
            left[entry.lot_seq] += entry.units
    found += [f"the {lot.kind} lot has {left[lot.seq]} left" for lot in lots if left[lot.seq] < 0]
    store = w.box.world.store
    for account in accounts:
        customer = store.peek("customer", account.customer_id or "")
        found += _differs("customer", customer, {"balance": account.balance})
    for body in _all(w, "subscription"):
        found += _differs("subscription", body, _mirrored(subscriptions.get(body["id"])))
        kept = subscriptions.get(body["id"])
        lines = {(line.price_id, line.quantity) for line in kept.lines if not line.removed}
        # What is billed by usage has no quantity there, and one of it is held here.
        if lines != {(item["price"], item["quantity"] or 1) for item in body["items"]}:
            found.append(f"the lines of {body['id']} differ")
    for body in _all(w, "invoice"):
        # Stripe makes no event for every invoice that was never finalized.
        if body["status"] != "draft" or body["id"] in invoices:
            found += _differs("invoice", body, _mirrored_invoice(invoices.get(body["id"])))
    return found


def _mirrored(row: SubscriptionRow | None) -> Body | None:
    if row is None:
        return None
    return {
        "status": row.status,
        "cancel_at": to_unix(row.cancel_at) if row.cancel_at else None,
        "cancel_at_period_end": row.cancel_at_period_end,
        "ended_at": to_unix(row.ended_at) if row.ended_at else None,
        "latest_invoice": row.latest_invoice,
        "default_payment_method": row.default_payment_method,
        "schedule": row.schedule_id,
    }


def _mirrored_invoice(row: InvoiceRow | None) -> Body | None:
    if row is None:
        return None
    money = ("status", "total", "amount_due", "amount_paid", "amount_remaining")
    return {name: getattr(row, name) for name in money}


def _differs(what: str, body: Body | None, kept: Body | None) -> list[str]:
    if body is None or kept is None:
        return [f"a {what} is known to one side only: {body or kept}"]
    return [
        f"{what} {body['id']}: {name} is {body[name]!r} at Stripe, {value!r} here"
        for name, value in kept.items()
        if body[name] != value
    ]


def _account(w: World, ref: str) -> Body:
    state = w.state(ref)
    shown = ("family", "status", "ends_at")
    return {
        "balance": state["balance"]["amount"],
        "plans": [
            {name: plan[name] for name in shown}
            | {"in effect": _named(plan["in_effect"]) if plan["in_effect"] else None}
            for plan in state["plans"]
        ],
        "open changes": len(state["open_changes"]),
    }


def _named(offer: Body) -> tuple[str, ...]:
    return tuple(str(offer.get(name)) for name in ("plan", "tier", "interval"))


def _change(change: ChangeRow) -> Body:
    return {
        "kind": change.kind,
        "when": change.timing,
        "lines": [
            {
                "family": line.family,
                "from": line.from_offer and _named(line.from_offer),
                "to": line.to_offer and _named(line.to_offer),
                "way": [step["to"] for step in line.history],
                "state": line.state,
                "failed with": line.failure and line.failure.get("code"),
                "drift": line.drift,
                "invoice": line.invoice_id is not None,
            }
            for line in change.lines
        ],
    }


def _subscription(w: World, body: Body) -> Body:
    return {
        "status": body["status"],
        "items": [(_price(w, item["price"]), item["quantity"]) for item in body["items"]],
        "ends": (body["cancel_at"], body["cancel_at_period_end"], body["ended_at"]),
        "waits": body["pending_update"] is not None,
        "card": _fingerprint(w, body["default_payment_method"]),
        "schedule": body["schedule"] is not None,
        "anchor": body["billing_cycle_anchor"],
        "change": _nth_change(w, body["metadata"].get("planshift_change")),
    }


def _nth_change(w: World, change: str | None) -> int | None:
    with w.parts.database.read() as tx:
        ids = list(tx.scalars(select(ChangeRow.id).order_by(ChangeRow.seq)))
    return ids.index(change) if change else None


def _schedule(w: World, body: Body) -> Body:
    return {
        "status": body["status"],
        "end": body["end_behavior"],
        "phases": [
            (
                phase["start_date"],
                phase["end_date"],
                [(_price(w, item["price"]), item.get("quantity")) for item in phase["items"]],
            )
            for phase in body["phases"]
        ],
    }


def _invoice(w: World, body: Body) -> Body:
    money = ("status", "billing_reason", "subtotal", "total", "amount_due", "amount_paid")
    balance = ("amount_remaining", "starting_balance", "ending_balance")
    return {name: body[name] for name in money + balance} | {
        "lines": [(line["amount"], line["description"]) for line in body["lines"]]
    }


def _all(w: World, family: str) -> list[Body]:
    return w.box.world.store.scan(family)


def _amounts(bodies: Iterable[Body], *names: str) -> list[tuple[Any, ...]]:
    return sorted((b.get("amount"), *(bool(b.get(n)) for n in names)) for b in bodies)


def _price(w: World, price: Any) -> str:
    body = w.box.world.store.peek("price", price if isinstance(price, str) else price["id"])
    assert body is not None
    return str(body["lookup_key"] or body["unit_amount"])


def _default_card(w: World, customer: Body) -> str | None:
    return _fingerprint(w, customer["invoice_settings"]["default_payment_method"])


def _fingerprint(w: World, method: str | None) -> str | None:
    body = w.box.world.store.peek("payment_method", method) if method else None
    return str(body["card"]["last4"]) if body and body.get("card") else method
