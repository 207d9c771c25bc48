"""The hosted invoice page: a person, or a test, pays an invoice there with a test card.

It lives at the invoice's `hosted_invoice_url`. Posting `card` tries a card, posting `answer`
(complete, fail) answers the bank's challenge.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, redirect, render_template_string, request
from flask.typing import ResponseReturnValue

from .billing.cards import CARDS
from .billing.hosted_payment import open_invoice, pay_on_page, waiting_intent
from .box import Sandbox
from .kernel.errors import Json

PATH = "/i/acct_sandbox/test_<invoice>"
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Invoice {{ invoice.number }}</title></head>
<body>
<h1>Invoice {{ invoice.number }}</h1>
{% if result %}<p role="status">{{ result }}</p>{% endif %}
<p>{{ invoice.status }}: {{ money(invoice.amount_remaining) }} {{ invoice.currency.upper() }}</p>
<table>
{% for line in invoice.lines %}
<tr><td>{{ line.description }}</td><td>{{ money(line.amount) }}</td></tr>
{% endfor %}
</table>
{% if challenge %}
<form method="post">
<p>Your bank asks whether this is you.</p>
<button name="answer" value="complete">Complete</button>
<button name="answer" value="fail">Fail</button>
</form>
{% elif invoice.status == "open" %}
<form method="post">
<label>Card <select name="card">
{% for card in cards %}<option value="pm_card_{{ card }}">{{ card }}</option>{% endfor %}
</select></label>
<button>Pay {{ money(invoice.amount_remaining) }}</button>
</form>
{% endif %}
</body></html>
"""


def hosted_pages(box: Sandbox) -> Blueprint:
    """The pages of one sandbox's invoices."""
    pages = Blueprint("hosted", __name__)

    @pages.get(PATH)
    def show(invoice: str) -> ResponseReturnValue:
        with box.lock:
            body = _find(box, invoice)
            return render_template_string(
                PAGE,
                invoice=body,
                cards=CARDS,
                challenge=waiting_intent(box.world, body),
                money=_money,
                result=request.args.get("result"),
            )

    @pages.post(PATH)
    def pay(invoice: str) -> ResponseReturnValue:
        with box.lock:
            body = _find(box, invoice)
            intent = waiting_intent(box.world, body)
            answer = request.form.get("answer")
            if answer and intent:
                box.authenticate(intent, succeed=answer == "complete")
                result = "paid" if body["status"] == "paid" else "declined"
            else:
                result = _try(box, invoice, request.form.get("card", ""))
        return redirect(f"{request.path}?result={result}", 303)

    return pages


def _find(box: Sandbox, invoice: str) -> Json:
    try:
        return open_invoice(box.world, invoice)
    except LookupError:
        abort(Response("There is no such page.", 404))


def _try(box: Sandbox, invoice: str, card: str) -> str:
    try:
        with box.acting():
            return pay_on_page(box.world, invoice, card)
    except LookupError:
        abort(400, f"no test card is called {card!r}")


def _money(amount: int) -> str:
    return f"{amount / 100:,.2f}"
