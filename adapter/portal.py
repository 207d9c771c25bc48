"""Stripe's customer portal: a page on which customers see invoices and keep their cards.

Plans are not changed there: the rules of the catalogue decide over changes, and the portal does not
know them. What somebody else's portal lets customers do is followed like any edit at Stripe.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy.exc import IntegrityError

from .deployment import Deployment
from .errors import Conflict, Unavailable
from .gateway.snapshots import TENANT_KEY, PortalSnapshot
from .gateway.write import Operation
from .ids import new_id
from .steps import StepRefused
from .tables import AccountRow

FEATURES: dict[str, Any] = {
    "customer_update": {"enabled": True, "allowed_updates": ["address", "tax_id"]},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": False},
    "subscription_update": {"enabled": False},
}
# Metadata that says which features a configuration of ours was made with.
PORTAL_KEY = "planshift_portal"
VERSION = hashlib.sha256(json.dumps(FEATURES, sort_keys=True).encode()).hexdigest()[:12]


class Portal:
    """Opens the portal for accounts of one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._reader = deployment.reader
        self._catalogue = deployment.catalogue
        self._steps = deployment.steps

    def open(self, account: AccountRow, return_url: str, flow: str | None = None) -> PortalSnapshot:
        """A way into the portal for one account, good for a few minutes; ``flow`` leads straight to
        one thing to do there (Stripe's word) and back.

        Raises:
            Conflict: ``refused_by_stripe``.
            Unavailable: Stripe did not answer; ask again.
        """
        try:
            params = {
                "customer": account.customer_id,
                "configuration": self._configuration(),
                "return_url": return_url,
                **_flow(flow, return_url),
            }
            done = self._steps(f"portal-session:{new_id('ps')}").do(
                "open", Operation.PORTAL_OPEN, params, look=lambda: None
            )
        except StepRefused as refused:
            said = f"Stripe refused the page: {refused.message}"
            raise Conflict.refused_by_stripe(said, refused.code) from refused
        assert isinstance(done.snapshot, PortalSnapshot)
        return done.snapshot

    def _configuration(self) -> str:
        """The id of our configuration, made once per deployment and set of features.

        Raises: StepRefused, Unavailable.
        """
        tenant = self._catalogue.tenant
        params = {
            "name": f"Planshift {self._catalogue.name}",
            "features": FEATURES,
            "metadata": {TENANT_KEY: tenant, PORTAL_KEY: VERSION},
        }
        try:
            done = self._steps(f"portal:{tenant}").do(
                f"configure-{VERSION}", Operation.PORTAL_CONFIGURE, params, look=self._made_before
            )
        except IntegrityError as first:
            raise Unavailable.stripe("another request is making the portal's settings") from first
        return done.object_id

    def _made_before(self) -> PortalSnapshot | None:
        wanted = (self._catalogue.tenant, VERSION)
        for found in self._reader.portal_configurations():
            if (found.metadata.get(TENANT_KEY), found.metadata.get(PORTAL_KEY)) == wanted:
                return found
        return None


def _flow(flow: str | None, return_url: str) -> dict[str, Any]:
    if flow is None:
        return {}
    after = {"type": "redirect", "redirect": {"return_url": return_url}}
    return {"flow_data": {"type": flow, "after_completion": after}}
