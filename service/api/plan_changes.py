"""Quotes, the plan changes made from them, and cancellation."""

from __future__ import annotations

from typing import Any

from adapter.changes.keeping import NOT_RESTORED
from adapter.changes.ordered import Order
from adapter.changes.states import State
from adapter.errors import Invalid
from adapter.quotes.targets import Wanted
from adapter.state import change_document
from adapter.tables import ChangeRow

from ..wiring import Parts
from . import examples, schemas
from .access import require, scope
from .paging import cursor, page
from .routes import Routes

# The scope of what is agreed with sales.
SALES = "changes:sales"
# The answer is not final yet: it waits for a payment, or Stripe has not answered.
UNFINISHED = frozenset({State.EXECUTING, State.AWAITING_PAYMENT})


def blueprint(parts: Parts) -> Routes:
    """The routes of quotes and plan changes."""
    routes = Routes("plan-changes", __name__, url_prefix="/v1", description=__doc__)

    @routes.post("/accounts/<ref>/quotes")
    @routes.arguments(schemas.QuoteBody, example=examples.QUOTE)
    @routes.response(201, schemas.Quote)
    @scope("changes:write")
    def make_quote(body: dict[str, Any], ref: str) -> dict[str, Any]:
        """What an order would cost and mean, by Stripe's own preview. Holds for 15 minutes.

        What is due now of several families is one payment; the rest is scheduled, each line on
        its own date.
        """
        account = parts.accounts.find(ref)
        wanted = [Wanted(**change) for change in body["changes"]]
        if any(one.needs_sales for one in wanted):
            require(SALES)
        return parts.quotes.make(account, *wanted).document

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
        return _answer(parts.orders.execute(account, Order(quote_id, **body)))

    @routes.get("/accounts/<ref>/plan-changes")
    @routes.arguments(schemas.PlanChangeListQuery, location="query")
    @routes.response(200, schemas.PlanChangePage)
    @scope("accounts:read")
    def list_plan_changes(query: dict[str, Any], ref: str) -> dict[str, Any]:
        """The account's plan changes, newest first."""
        account, limit = parts.accounts.find(ref), query["limit"]
        after = cursor(query["after"])
        rows = parts.orders.of_account(account, query["state"], after, limit + 1)
        return page(rows, limit, lambda row: row.seq, change_document)

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
        families = [line.family for line in change.lines]
        if body["family"] not in (None, *families):
            raise Invalid(
                "unknown_family",
                f"The change is about {', '.join(families)}.",
                path="family",
                known=families,
            )
        parts.undoing.cancel(change, body["family"])
        return change_document(parts.orders.find(change_id))

    @routes.post("/accounts/<ref>/cancellation")
    @routes.arguments(schemas.CancellationBody, required=False, example=examples.CANCELLATION)
    @routes.response(201, schemas.PlanChange)
    @routes.alt_response(202, schema=schemas.PlanChange)
    @routes.alt_response(402, schema=schemas.Problem)
    @scope("changes:write")
    def cancel(body: dict[str, Any], ref: str) -> tuple[dict[str, Any], int]:
        """End a plan: the shorthand of a quote without a plan, executed at once."""
        account = parts.accounts.find(ref)
        family, subscription = body.pop("family"), body.pop("subscription")
        quote = parts.quotes.make_cancellation(account, family, subscription)
        needed = quote.document["requires"]["acknowledgements"]
        return _answer(
            parts.orders.execute(account, Order(quote.id, acknowledgements=needed, **body))
        )

    @routes.get("/accounts/<ref>/cancellation")
    @routes.arguments(schemas.TargetQuery, location="query")
    @routes.response(200, schemas.Cancellation)
    @routes.alt_response(409, schema=schemas.Problem)
    @scope("accounts:read")
    def get_cancellation(query: dict[str, Any], ref: str) -> dict[str, Any]:
        """The end that is set, and a quote of taking it back: what goes on and is billed next."""
        account = parts.accounts.find(ref)
        return parts.undoing.quote_uncancel(account, query["family"], query["subscription"])

    @routes.delete("/accounts/<ref>/cancellation")
    @routes.arguments(schemas.TargetQuery, location="query")
    @routes.response(200, schemas.Uncancelled)
    @scope("changes:write")
    def uncancel(query: dict[str, Any], ref: str) -> dict[str, Any]:
        """Let a plan that is set to end go on."""
        account = parts.accounts.find(ref)
        change = parts.undoing.uncancel(account, query["family"], query["subscription"])
        return {
            "plan_change": change_document(parts.orders.find(change.id)) if change else None,
            "detail": NOT_RESTORED,
        }

    return routes


def _answer(change: ChangeRow) -> tuple[dict[str, Any], int]:
    states = {State(line.state) for line in change.lines}
    return change_document(change), 202 if states & UNFINISHED else 201
