"""What can be done: every form of the dashboard, each answered by the page it was on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from ..box import Sandbox
from ..kernel.calendar import DAY, boundary
from ..kernel.habits import Habits
from ..switchboard import turn
from .screen import Screen
from .words import clock_face

# Every renewal on the way is played, and whoever looks in the meantime waits.
FARTHEST = 5 * 366 * DAY
Deed = Callable[..., str]
Deeds = Callable[[str], Callable[[Deed], None]]


class Refused(Exception):
    """The API said no; the text is what it said."""


def acting(room: Blueprint, box: Sandbox, screen: Screen) -> None:
    """The routes that change something."""

    def deed(path: str) -> Callable[[Deed], None]:
        """A route that does something and says in a sentence what has become of it."""

        def add(act: Deed) -> None:
            def answer(**named: str) -> ResponseReturnValue:
                try:
                    return screen.back(act(**named))
                except (ValueError, LookupError, Refused) as refused:
                    told = refused.args[0] if refused.args else "that is not possible"
                    return screen.back(str(told), good=False)

            room.post(path, endpoint=act.__name__)(answer)

        return add

    _time(deed, box)
    _trouble(deed, box)
    _post(deed, box)
    _customers(deed, box)
    _payments(deed, box)


def _time(deed: Deeds, box: Sandbox) -> None:
    @deed("/dashboard/clock")
    def advance_clock() -> str:
        to = _target(box, request.form.get("step", ""), request.form.get("to", ""))
        if to - box.now() > FARTHEST:
            raise ValueError("the clock is advanced by five years at most at a time")
        box.advance(to=to)
        return f"The clock is at {clock_face(box.now())}."

    @deed("/dashboard/test_clocks/<clock>")
    def advance_test_clock(clock: str) -> str:
        to = str(_moment(request.form.get("to", "")))
        _ask(box, "POST", f"/v1/test_helpers/test_clocks/{clock}/advance", frozen_time=to)
        return f"{clock} has been advanced."


def _target(box: Sandbox, step: str, to: str) -> int:
    now = box.now()
    if step == "next":
        due = box.next_due()
        if due is None:
            raise ValueError("nothing happens by itself at any time")
        return max(due, now)
    steps = {"hour": 3_600, "day": DAY, "week": 7 * DAY}
    if step in steps:
        return now + steps[step]
    if step == "month":
        return boundary(now, "month", 1, 1)
    if step:
        raise ValueError(f"the clock cannot be advanced by {step!r}")
    return _moment(to)


def _moment(text: str) -> int:
    """Unix seconds of `2026-02-10T09:00`, in UTC."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date and time like 2026-02-10T09:00") from None
    return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())


def _trouble(deed: Deeds, box: Sandbox) -> None:
    @deed("/dashboard/faults")
    def plan_fault() -> str:
        form = request.form
        count = _number(form.get("count", ""), "how often")
        if count is not None and (count < 1 or count != int(count)):
            raise ValueError("how often: a whole number from 1 on, or nothing for every time")
        chance = _number(form.get("probability", ""), "the probability")
        fault = box.faults.plan(
            form.get("method", "*"),
            form.get("path", ""),
            form.get("kind", ""),
            None if count is None else int(count),
            1.0 if chance is None else chance,
        )
        return f"Requests like {fault.method} {fault.pattern or 'any'} will meet: {fault.kind}."

    @deed("/dashboard/faults/clear")
    def no_more_faults() -> str:
        box.faults.clear()
        box.latency.clear()
        return "No more faults, no more waiting."

    @deed("/dashboard/latency")
    def plan_latency() -> str:
        form = request.form
        seconds = _number(form.get("seconds", ""), "the wait") or 0.0
        slow = box.latency.plan(form.get("method", "*"), form.get("path", ""), seconds)
        return f"Requests like {slow.method} {slow.pattern or 'any'} take {slow.seconds} s longer."

    @deed("/dashboard/switches")
    def turn_switch() -> str:
        name, value = request.form.get("name", ""), request.form.get("value", "")
        turn(box.switches, {name: value})
        return f"{name} is now {value}."


def _post(deed: Deeds, box: Sandbox) -> None:
    @deed("/dashboard/habits")
    def put_on_habits() -> str:
        wanted: dict[str, Any] = {
            name: _number(request.form.get(name, ""), name) or 0.0
            for name in vars(Habits())
            if name != "thin"
        }
        wanted["thin"] = request.form.get("thin") == "yes"
        box.delivery.put_on(request.form.get("endpoint") or None, **wanted)
        return "Events to come travel that way."

    @deed("/dashboard/habits/clear")
    def behave_again() -> str:
        box.delivery.behave()
        return "Events travel as they should."

    @deed("/dashboard/events/<event>/resend")
    def send_again(event: str) -> str:
        made = box.delivery.resend(event, request.form.get("endpoint") or None)
        if not made:
            raise ValueError("that event was meant for no endpoint")
        box.deliver_due()
        answers = [f"{one.url}: {one.status or one.error or one.state}" for one in made]
        return f"Sent again. {' '.join(answers)}"

    @deed("/dashboard/deliver")
    def send_waiting() -> str:
        return f"{len(box.deliver_pending())} sent."


def _customers(deed: Deeds, box: Sandbox) -> None:
    @deed("/dashboard/customers")
    def make_customer() -> str:
        form = request.form
        wanted = {"name": form.get("name", ""), "email": form.get("email", "")}
        if form.get("card"):
            card = f"pm_card_{form['card']}"
            wanted["payment_method"] = wanted["invoice_settings[default_payment_method]"] = card
        made = _ask(box, "POST", "/v1/customers", **wanted)
        return f"Made {made['id']}."

    @deed("/dashboard/customers/<customer>/card")
    def change_card(customer: str) -> str:
        card = f"pm_card_{request.form.get('card', '')}"
        saved = _ask(box, "POST", f"/v1/payment_methods/{card}/attach", customer=customer)
        default = {"invoice_settings[default_payment_method]": str(saved["id"])}
        _ask(box, "POST", f"/v1/customers/{customer}", **default)
        return f"{saved['card']['brand']} …{saved['card']['last4']} is now the default card."

    @deed("/dashboard/customers/<customer>/subscriptions")
    def subscribe(customer: str) -> str:
        price = {"items[0][price]": request.form.get("price", "")}
        made = _ask(box, "POST", "/v1/subscriptions", customer=customer, **price)
        return f"{made['id']} is {made['status']}."

    @deed("/dashboard/subscriptions/<subscription>/<what>")
    def end_or_keep(subscription: str, what: str) -> str:
        path = f"/v1/subscriptions/{subscription}"
        if what == "cancel":
            _ask(box, "DELETE", path)
        elif what in ("end", "keep"):
            _ask(box, "POST", path, cancel_at_period_end=str(what == "end").lower())
        else:
            raise ValueError(f"a subscription cannot {what}")
        return {"cancel": "Canceled.", "end": "It ends with its period.", "keep": "It goes on."}[
            what
        ]


def _payments(deed: Deeds, box: Sandbox) -> None:
    @deed("/dashboard/invoices/<invoice>/<what>")
    def collect(invoice: str, what: str) -> str:
        if what not in ("pay", "finalize", "void"):
            raise ValueError(f"an invoice cannot {what}")
        done = _ask(box, "POST", f"/v1/invoices/{invoice}/{what}")
        return f"{done['number'] or invoice} is {done['status']}."

    @deed("/dashboard/intents/<intent>/<answer>")
    def answer_bank(intent: str, answer: str) -> str:
        box.authenticate(intent, succeed=answer == "complete")
        return f"The challenge of {intent} is answered."


def _ask(box: Sandbox, method: str, path: str, **params: str) -> Any:
    reply = box.ask(method, path, params)
    if reply.status != 200:
        raise Refused(str(reply.body["error"].get("message", reply.body)))
    return reply.body


def _number(text: str, what: str) -> float | None:
    """A number from a form; None where the field was left empty."""
    if not text.strip():
        return None
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{what}: {text!r} is no number") from None
    if not isfinite(number):
        raise ValueError(f"{what}: {text!r} is no number")
    return number
