"""Moving a subscription from Stripe's classic billing mode to the flexible one."""

from __future__ import annotations

from ..deployment import Deployment
from ..errors import Conflict, NotFound
from ..gateway.failures import Gone
from ..gateway.snapshots import SubscriptionSnapshot
from ..gateway.write import Operation
from ..steps import StepRefused

FLEXIBLE = "flexible"


class Migration:
    """Changes what a quote relies on: how proration and anchors work (stripe-facts §3.1, §3.2)."""

    def __init__(self, deployment: Deployment) -> None:
        self._reader = deployment.reader
        self._mirror = deployment.mirror
        self._steps = deployment.steps

    def migrate(self, subscription: str) -> bool:
        """Move it to flexible billing; False if it was there. Stripe knows no way back.

        Raises:
            NotFound: Stripe has no such subscription.
            Conflict: ``refused_by_stripe``.
        """
        try:
            if self._flexible(subscription) is not None:
                return False
        except Gone as gone:
            raise NotFound.subscription(subscription) from gone
        steps = self._steps(f"subscription:{subscription}")
        try:
            steps.do(
                "migrate",
                Operation.SUBSCRIPTION_MIGRATE,
                {"billing_mode": {"type": FLEXIBLE}},
                target=subscription,
                look=lambda: self._flexible(subscription),
            )
        except StepRefused as refused:
            said = f"Stripe does not migrate it: {refused.message}"
            raise Conflict.refused_by_stripe(said, refused.code) from refused
        self._mirror.refresh_subscription(subscription)
        return True

    def _flexible(self, subscription: str) -> SubscriptionSnapshot | None:
        found = self._reader.subscription(subscription)
        return found if found.billing_mode == FLEXIBLE else None
