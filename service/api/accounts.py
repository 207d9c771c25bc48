"""Accounts: who is billed, and what they hold."""

from __future__ import annotations

from functools import partial
from typing import Any

from adapter.accounts import REF, REF_LETTERS, Contact
from adapter.errors import Invalid
from adapter.tables import AccountRow

from ..wiring import Parts
from . import examples, schemas
from .access import scope
from .paging import listed
from .routes import Routes


def blueprint(parts: Parts) -> Routes:
    """The account routes."""
    routes = Routes("accounts", __name__, url_prefix="/v1/accounts", description=__doc__)

    @routes.get("")
    @routes.arguments(schemas.AccountListQuery, location="query")
    @routes.response(200, schemas.AccountPage)
    @scope("accounts:read")
    def list_accounts(query: dict[str, Any]) -> dict[str, Any]:
        """Accounts in order of creation; ``q`` finds in ref, name and e-mail."""
        return listed(query, partial(parts.accounts.listed, query["q"]), _line)

    @routes.put("/<ref>")
    @routes.arguments(schemas.ContactBody, example=examples.CONTACT)
    @routes.response(200, schemas.Account)
    @routes.alt_response(201, schema=schemas.Account)
    @scope("accounts:write")
    def put_account(body: dict[str, Any], ref: str) -> tuple[dict[str, Any], int]:
        """Create the account with its customer at Stripe, or state its contact anew."""
        if not REF.fullmatch(ref):
            raise Invalid("invalid_ref", f"Use 1-200 of {REF_LETTERS}", path="ref")
        if body["test_clock"] and parts.settings.livemode:
            raise Invalid(
                "test_clock_in_livemode", "Test clocks exist in test mode only.", path="test_clock"
            )
        account, created = parts.accounts.put(ref, Contact(**body))
        return parts.states.account(account), 201 if created else 200

    @routes.get("/<ref>")
    @routes.response(200, schemas.Account)
    @scope("accounts:read")
    def get_account(ref: str) -> dict[str, Any]:
        """The state of the account as one document."""
        return parts.states.account(parts.accounts.find(ref))

    @routes.get("/<ref>/entitlements")
    @routes.response(200, schemas.Entitlements)
    @scope("accounts:read")
    def get_entitlements(ref: str) -> dict[str, Any]:
        """Per family: the plan in effect with its limits and features."""
        return parts.states.entitlements(parts.accounts.find(ref))

    return routes


def _line(row: AccountRow) -> dict[str, Any]:
    return {"ref": row.ref, "email": row.email, "name": row.name, "customer": row.customer_id}
