"""Payment methods: what an account can be charged to."""

from __future__ import annotations

from typing import Any

from adapter.gateway.snapshots import PaymentMethodSnapshot
from adapter.tables import AccountRow

from ..wiring import Parts
from . import schemas
from .access import scope
from .routes import Routes


def blueprint(parts: Parts) -> Routes:
    """The route of payment methods."""
    routes = Routes("payment-methods", __name__, url_prefix="/v1/accounts", description=__doc__)

    @routes.get("/<ref>/payment-methods")
    @routes.response(200, schemas.PaymentMethods)
    @scope("accounts:read")
    def list_payment_methods(ref: str) -> dict[str, Any]:
        """The saved payment methods, asked of Stripe now."""
        account = parts.accounts.find(ref)
        methods = parts.accounts.payment_methods(account)
        return {"data": [_document(method, account) for method in methods]}

    return routes


def _document(method: PaymentMethodSnapshot, account: AccountRow) -> dict[str, Any]:
    return {
        "id": method.id,
        "type": method.type,
        "brand": method.brand,
        "last4": method.last4,
        "default": method.id == account.default_payment_method,
    }
