"""Stripe's own pages, to which customers are sent."""

from __future__ import annotations

from typing import Any

from adapter.tables import CheckoutRow

from ..wiring import Parts
from . import examples, schemas
from .access import scope
from .routes import Routes


def blueprint(parts: Parts) -> Routes:
    """The routes of Checkout Sessions and of the customer portal."""
    routes = Routes("checkout-sessions", __name__, url_prefix="/v1", description=__doc__)

    @routes.post("/accounts/<ref>/checkout-sessions")
    @routes.arguments(schemas.CheckoutBody, example=examples.CHECKOUT)
    @routes.response(201, schemas.Checkout)
    @scope("changes:write")
    def open_checkout(body: dict[str, Any], ref: str) -> dict[str, Any]:
        """A page to save a payment method, which then becomes the account's default. The same
        request gives the same page while it is open.
        """
        account = parts.accounts.find(ref)
        return _document(parts.checkouts.save_method(account, body["return_url"]))

    @routes.post("/accounts/<ref>/portal-sessions")
    @routes.arguments(schemas.PortalBody, example=examples.PORTAL)
    @routes.response(201, schemas.PortalSession)
    @scope("changes:write")
    def open_portal(body: dict[str, Any], ref: str) -> dict[str, Any]:
        """A way into Stripe's customer portal, good for a few minutes: invoices, cards, address.
        Plans are changed by the rules of the catalogue, so not there.
        """
        account = parts.accounts.find(ref)
        session = parts.portal.open(account, body["return_url"], body["flow"])
        return {"id": session.id, "url": session.url}

    return routes


def _document(row: CheckoutRow) -> dict[str, Any]:
    return {
        "id": row.session_id,
        "mode": "setup",
        "url": row.url,
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
    }
