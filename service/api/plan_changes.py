"""Plan changes: a quote is executed, and what came of it is looked up or taken back."""

from __future__ import annotations

from functools import partial
from typing import Any

from adapter.changes.ordered import Order
from adapter.changes.states import State
from adapter.state import change_document
from adapter.tables import ChangeRow

from ..wiring import Parts
from . import examples, schemas
from .access import SALES, require, scope
from .paging import listed
from .routes import Routes

# The answer is not final yet: it waits for a payment, or Stripe has not answered.
UNFINISHED = frozenset({State.EXECUTING, State.AWAITING_PAYMENT})


def blueprint(parts: Parts) -> Routes:
    """The routes of plan changes."""
    routes = Routes("plan-changes", __name__, url_prefix="/v1", description=__doc__)

    @routes.post("/accounts/<ref>/plan-changes")
    @routes.arguments(schemas.PlanChangeBody, example=examples.PLAN_CHANGE)
    @routes.response(201, schemas.PlanChange)
    @routes.alt_response(202, schema=schemas.PlanChange)
    @routes.alt_response(402, schema=schemas.Problem)
    @scope("changes:write")
    def execute_quote(body: dict[str, Any], ref: str) -> tuple[dict[str, Any], int]:
        """Execute a quote. 202: it waits for the customer's payment, or goes on by itself."""
        account = parts.accounts.find(ref)
        quote_id = body.pop("quote")
        if parts.quotes.needs_sales(account, quote_id):
            require(SALES)
        return answer(parts.orders.execute(account, Order(quote_id, **body)))

    @routes.get("/accounts/<ref>/plan-changes")
    @routes.arguments(schemas.PlanChangeListQuery, location="query")
    @routes.response(200, schemas.PlanChangePage)
    @scope("accounts:read")
    def list_plan_changes(query: dict[str, Any], ref: str) -> dict[str, Any]:
        """The account's plan changes, newest first."""
        account = parts.accounts.find(ref)
        rows = partial(parts.orders.of_account, account, query["state"])
        return listed(query, rows, change_document)

    @routes.get("/plan-changes/<change_id>")
    @routes.response(200, schemas.PlanChange)
    @scope("accounts:read")
    def get_plan_change(change_id: str) -> dict[str, Any]:
        """One plan change, with the state and history of each line."""
        return change_document(parts.orders.find(change_id))

    @routes.post("/plan-changes/<change_id>/cancel")
    @routes.arguments(schemas.CancelChangeBody, required=False, example=examples.CANCEL_CHANGE)
    @routes.response(200, schemas.PlanChange)
    @scope("changes:write")
    def cancel_plan_change(body: dict[str, Any], change_id: str) -> dict[str, Any]:
        """Take back what is scheduled or waits for its payment: all of it, or one family's line."""
        change = parts.orders.find(change_id)
        parts.undoing.cancel(change, body["family"])
        return change_document(parts.orders.find(change_id))

    return routes


def answer(change: ChangeRow) -> tuple[dict[str, Any], int]:
    """The document of a change that was asked for, and the status that tells how far it is."""
    states = {State(line.state) for line in change.lines}
    return change_document(change), 202 if states & UNFINISHED else 201
