"""Checkout's page, at the url of a session (stripe-facts §3.9).

Posting `card` (a test card's name as a payment method, a test IBAN) completes the session, or is
refused, or asks for the bank's challenge, which `answer` (complete, fail) answers. Leaving by the
cancel_url abandons it: it stays open until it expires.
"""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from ..billing.cards import CARDS, DEBITS
from ..billing.checkout_payment import Answer, Ending, visit_checkout
from ..box import Sandbox
from ..kernel.errors import Json

PATH = "/c/pay/<session>"
GIVEN = ("card", "email", "name", "code")


def checkout_pages(box: Sandbox) -> Blueprint:
    """The pages of one sandbox's sessions."""
    pages = Blueprint("checkout", __name__, template_folder=".")

    @pages.get(PATH)
    def show(session: str) -> ResponseReturnValue:
        return _render(box, session)

    @pages.post(PATH)
    def complete(session: str) -> ResponseReturnValue:
        try:
            ending = _try(box, session)
        except ValueError as error:
            return _render(box, session, result=str(error)), 400
        except LookupError:
            return _render(box, session), 409
        if ending == "action":
            return _render(box, session, challenged=True)
        if ending == "declined":
            return _render(box, session, result="The card was declined. Try another one."), 402
        done = _find(box, session)
        target = str(done["success_url"]).replace("{CHECKOUT_SESSION_ID}", session)
        return redirect(target, 303)

    return pages


def _try(box: Sandbox, session: str) -> Ending:
    answer = request.form.get("answer")
    if answer not in (None, "complete", "fail"):
        raise ValueError("the bank's question is answered by complete or fail")
    with box.acting():
        return visit_checkout(
            box.world,
            session,
            request.form.get("card", ""),
            answer=cast(Answer, answer),
            email=request.form.get("email") or None,
            name=request.form.get("name") or None,
            code=request.form.get("code") or None,
        )


def _find(box: Sandbox, identifier: str) -> Json:
    session = box.world.store.peek("checkout.session", identifier)
    if session is None:
        abort(Response("There is no such page.", 404))
    return session


def _render(
    box: Sandbox, identifier: str, *, result: str | None = None, challenged: bool = False
) -> str:
    with box.lock:
        session = _find(box, identifier)
        cards = [f"pm_card_{name}" for name in CARDS]
        if "sepa_debit" in session["payment_method_types"]:
            cards += [name for name, look in DEBITS.items() if look.kind == "sepa_debit"]
        return render_template(
            "checkout.html",
            session=session,
            cards=cards,
            challenged=challenged,
            given={name: request.form.get(name, "") for name in GIVEN},
            money=lambda amount: f"{amount / 100:,.2f}",
            result=result,
        )
