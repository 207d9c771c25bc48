"""The billing portal's page, at the url of a portal session (stripe-facts §3.8, §3.9).

Posting `action` (cancel, renew, switch, card) with `subscription`, `price` or `card` rehearses
what customers change there by themselves.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue

from ..billing.cards import CARDS
from ..billing.portal import running_subscriptions, visit_portal
from ..box import Sandbox
from ..kernel.calendar import human_date
from ..kernel.errors import Json

PATH = "/p/session/<session>"


def portal_pages(box: Sandbox) -> Blueprint:
    """The portal pages of one sandbox."""
    pages = Blueprint("portal", __name__, template_folder=".")

    @pages.get(PATH)
    def show(session: str) -> ResponseReturnValue:
        return _render(box, session, request.args.get("result"))

    @pages.post(PATH)
    def act(session: str) -> ResponseReturnValue:
        wanted = dict(request.form)
        action = wanted.pop("action", "")
        try:
            with box.acting():
                result = visit_portal(box.world, session, action, wanted)
        except ValueError as error:
            return _render(box, session, str(error)), 400
        except LookupError:
            abort(Response("There is no such page.", 404))
        return redirect(f"{request.path}?result={result}", 303)

    return pages


def _render(box: Sandbox, identifier: str, result: str | None) -> str:
    store = box.world.store
    with box.lock:
        session = store.peek("billing_portal.session", identifier)
        if session is None:
            abort(Response("There is no such page.", 404))
        setup = store.peek("billing_portal.configuration", session["configuration"]) or {}
        shown = running_subscriptions(box.world, session["customer"])
        return render_template(
            "portal.html",
            session=session,
            features=setup["features"],
            subscriptions=shown,
            names={body["id"]: _name(box, body["items"][0]["price"]) for body in shown},
            offers=[
                (price, _name(box, price))
                for product in setup["features"]["subscription_update"]["products"] or []
                for price in product["prices"]
            ],
            cards=CARDS,
            day=human_date,
            result=result,
        )


def _name(box: Sandbox, identifier: str) -> str:
    price: Json = box.world.store.peek("price", identifier) or {}
    product = box.world.store.peek("product", price["product"]) or {}
    return f"{product.get('name', identifier)} ({price['recurring']['interval']})"
