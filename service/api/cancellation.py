"""Cancellation: a plan is set to end, and the end that is set is looked at and taken back."""

from __future__ import annotations

from typing import Any

from adapter.changes.keeping import NOT_RESTORED
from adapter.changes.ordered import Order
from adapter.state import change_document

from ..wiring import Parts
from . import examples, schemas
from .access import scope
from .plan_changes import answer
from .routes import Routes


def blueprint(parts: Parts) -> Routes:
    """The routes of cancellation."""
    routes = Routes("cancellation", __name__, url_prefix="/v1/accounts", description=__doc__)

    @routes.post("/<ref>/cancellation")
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
        return answer(
            parts.orders.execute(account, Order(quote.id, acknowledgements=needed, **body))
        )

    @routes.get("/<ref>/cancellation")
    @routes.arguments(schemas.TargetQuery, location="query")
    @routes.response(200, schemas.Cancellation)
    @routes.alt_response(409, schema=schemas.Problem)
    @scope("accounts:read")
    def get_cancellation(query: dict[str, Any], ref: str) -> dict[str, Any]:
        """The end that is set, and a quote of taking it back: what goes on and is billed next."""
        account = parts.accounts.find(ref)
        return parts.undoing.quote_uncancel(account, query["family"], query["subscription"])

    @routes.delete("/<ref>/cancellation")
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
