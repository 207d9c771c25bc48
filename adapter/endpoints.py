"""Our webhook endpoint at Stripe: made, kept in line with what is handled, and replaced.

What Stripe lists is the only state a plan is made from, so a run that died is finished by running
again. An endpoint is ours if it sends to our address and carries no other tenant's tag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .deployment import Deployment
from .errors import Conflict, Misconfigured
from .gateway.client import API_VERSION
from .gateway.snapshots import TENANT_KEY, EndpointSnapshot
from .gateway.write import Operation, Snapshot
from .ids import new_id

PATH = "/webhooks/stripe"
EVERYTHING = "*"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", None})  # noqa: S104  (refused)


@dataclass(frozen=True)
class Action:
    """One write. ``said`` is it in words; ``target`` is None for an endpoint that is made."""

    operation: Operation
    params: dict[str, Any]
    said: str
    target: str | None = None


@dataclass(frozen=True)
class Plan:
    """What is to be done, and what is to be said beside it."""

    actions: tuple[Action, ...]
    remarks: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        """The plan as text, a line per write."""
        return [*(action.said for action in self.actions), *self.remarks]


class Endpoints:
    """The webhook endpoints of one deployment.

    ``events`` are the types that are handled; ``public_url`` is where Stripe reaches the service.
    ``at_stripe``: it is Stripe itself that has to reach it, not a sandbox beside it.
    """

    def __init__(
        self,
        deployment: Deployment,
        *,
        events: Sequence[str],
        public_url: str,
        at_stripe: bool,
        livemode: bool,
    ) -> None:
        self._reader = deployment.reader
        self._steps = deployment.steps
        self._tenant = deployment.catalogue.tenant
        self._events = list(events)
        self.url = public_url.rstrip("/") + PATH
        self._at_stripe = at_stripe
        self._livemode = livemode

    def registration(self) -> Plan:
        """What it takes to have an endpoint for everything that is handled.

        Raises:
            Misconfigured: ``unreachable_public_url``.
        """
        self._refuse_unreachable()
        ours = self._ours()
        if not ours:
            return Plan((self._creation(),))
        actions = [action for found in ours if (action := self._update(found))]
        return Plan(tuple(actions), tuple(_remarks(ours)))

    def rotation(self, *, forced: bool = False) -> Plan:
        """The next half of a rotation: another endpoint beside the old one; or, once Stripe has
        reached it, the end of the old one. ``forced``: without having seen that.

        Raises:
            Misconfigured: ``unreachable_public_url``.
            Conflict: ``no_endpoint``; ``rotation_not_seen``: nothing was delivered there yet.
        """
        self._refuse_unreachable()
        ours = self._ours()
        if not ours:
            raise Conflict(
                "no_endpoint",
                f"No endpoint at Stripe sends to {self.url}. Run 'planshift webhooks register'.",
            )
        *old, new = ours
        if not old:
            return Plan((self._creation(),), (f"{new.id} goes on until the second half",))
        # An event that has reached all who hear it has reached the new one, with its secret.
        if not forced and not self._reader.was_delivered(self._events, new.created_at):
            raise Conflict(
                "rotation_not_seen",
                f"Stripe has not delivered anything to {new.id} yet, so nothing shows that the "
                "service knows its secret. Put it into STRIPE_WEBHOOK_SECRET and the old one into "
                "STRIPE_WEBHOOK_SECRET_FALLBACKS, restart 'planshift serve', and run this again "
                "when an event has come; or give --force.",
            )
        return Plan(tuple(_deletion(found) for found in old), (f"{new.id} stays",))

    def carry_out(self, plan: Plan) -> EndpointSnapshot | None:
        """Make the writes of a plan; gives the endpoint that was made, with its secret, if one was.

        The secret is in no table: nobody can ask for it again.

        Raises:
            StepRefused: Stripe refused one.
            Unavailable: Stripe gave no usable answer; plan again, which sees what was done.
        """
        steps = self._steps(f"webhooks:{new_id('run')}")
        made = None
        for number, action in enumerate(plan.actions, start=1):
            done = steps.do(
                f"{number}-{action.operation.value}",
                action.operation,
                action.params,
                target=action.target,
                look=_the_plan_looks,
            )
            if action.target is None and isinstance(done.snapshot, EndpointSnapshot):
                made = done.snapshot
        return made

    def faults(self) -> list[str]:
        """What is not as it should be with our endpoint, each with what to do."""
        ours = self._ours()
        if not ours:
            return [f"none at Stripe sends to {self.url}: run 'planshift webhooks register'"]
        updates = [action for found in ours if (action := self._update(found))]
        register = "run 'planshift webhooks register'"
        return [*(f"{action.said}: {register}" for action in updates), *_remarks(ours)]

    def _ours(self) -> list[EndpointSnapshot]:
        """Our endpoints as Stripe lists them, oldest first."""
        tags = (None, self._tenant)
        mine = [
            found
            for found in self._reader.webhook_endpoints()
            if found.url == self.url and found.metadata.get(TENANT_KEY) in tags
        ]
        return mine[::-1]  # Stripe lists the newest first

    def _creation(self) -> Action:
        return Action(
            Operation.ENDPOINT_CREATE,
            {
                "url": self.url,
                "enabled_events": self._events,
                "api_version": API_VERSION,
                "description": "Planshift",
                "metadata": {TENANT_KEY: self._tenant},
            },
            f"create an endpoint for {self.url}: {len(self._events)} types of events, API "
            f"{API_VERSION}",
        )

    def _update(self, found: EndpointSnapshot) -> Action | None:
        params: dict[str, Any] = {}
        said = []
        missing = sorted(set(self._events) - set(found.events))
        if missing and EVERYTHING not in found.events:
            params["enabled_events"] = self._events
            said.append(f"send {', '.join(missing)} too")
        if found.status != "enabled":
            params["disabled"] = False
            said.append("enable it again")
        if not said:
            return None
        # One that was made by hand becomes ours with the first thing that is changed about it.
        params["metadata"] = {TENANT_KEY: self._tenant}
        words = f"update {found.id}: {'; '.join(said)}"
        return Action(Operation.ENDPOINT_UPDATE, params, words, found.id)

    def _refuse_unreachable(self) -> None:
        address = urlsplit(self.url)
        if self._at_stripe and address.hostname in LOOPBACK:
            raise Misconfigured(
                "unreachable_public_url",
                f"Stripe cannot reach {self.url}. Set PLANSHIFT_PUBLIC_URL to the address at which "
                "the internet reaches the service; while developing, 'stripe listen --forward-to' "
                "needs no endpoint.",
            )
        if self._livemode and address.scheme != "https":
            raise Misconfigured(
                "unreachable_public_url",
                f"In live mode Stripe sends to https only, and PLANSHIFT_PUBLIC_URL gives "
                f"{self.url}.",
            )


def _remarks(ours: Sequence[EndpointSnapshot]) -> list[str]:
    """What no update can mend."""
    said = [
        f"{found.id} sends API {found.api_version or 'of the account'}, not {API_VERSION}, which "
        "cannot be changed: run 'planshift webhooks rotate'"
        for found in ours
        if found.api_version != API_VERSION
    ]
    if len(ours) > 1:
        all_of_them = " and ".join(found.id for found in ours)
        said.append(f"{all_of_them} send the same: finish with 'planshift webhooks rotate'")
    return said


def _deletion(found: EndpointSnapshot) -> Action:
    words = f"delete {found.id}, made on {found.created_at:%Y-%m-%d}"
    return Action(Operation.ENDPOINT_DELETE, {}, words, found.id)


def _the_plan_looks() -> Snapshot | None:
    """Every run has steps of its own, and its plan was made from what Stripe lists."""
    raise AssertionError("an uncertain write is settled by making the plan anew")
