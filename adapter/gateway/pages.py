"""Lists of a whole Stripe account, one page at a time: for walks that remember where they are.

``Reader`` gives lists as iterators, which is simpler where a list is walked in one go. Here each
call is one request for at most 100 objects, and the answer says where the next page begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import stripe

from .failures import sorted_failures
from .snapshots import (
    CustomerSnapshot,
    InvoiceSnapshot,
    ScheduleSnapshot,
    SubscriptionSnapshot,
)
from .snapshots.fields import field, plain

PAGE = 100
T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Up to 100 of a list, newest first. ``after`` is what to ask the next page with; None: the
    list ends here.
    """

    found: tuple[T, ...]
    after: str | None


@dataclass(frozen=True)
class ListedSubscription:
    """A subscription with what it hangs on, all from one answer; its latest invoice is in it."""

    subscription: SubscriptionSnapshot
    customer: CustomerSnapshot
    schedule: ScheduleSnapshot | None

    @classmethod
    def of(cls, found: Any) -> ListedSubscription:
        schedule = field(found, "schedule")
        return cls(
            whole_subscription(found),
            CustomerSnapshot.of(found["customer"]),
            ScheduleSnapshot.of(schedule) if schedule else None,
        )


class Pages:
    """Asks Stripe for single pages.

    Raises (all methods): the classes of ``failures``; ``Refused`` with ``param`` "starting_after"
    where the object that the page would begin after is gone.
    """

    def __init__(self, client: stripe.StripeClient) -> None:
        self._v1 = client.v1

    def events(
        self,
        types: Sequence[str],
        *,
        undelivered: bool,
        since: datetime | None = None,
        after: str | None = None,
    ) -> Page[Mapping[str, Any]]:
        """Events as an endpoint receives them, of the last 30 days (stripe-facts §4).

        ``types``: at most 20. ``since`` goes by the event's own time, which for a customer on a
        test clock is the clock's. ``undelivered``: only those that have not reached every
        endpoint, be it that they are still on their way.
        """
        asked: Any = {"types": list(types), "limit": PAGE}
        if undelivered:
            asked["delivery_success"] = False
        if since is not None:
            asked["created"] = {"gte": since}
        with sorted_failures():
            listed = self._v1.events.list(_from(asked, after))
        return Page(tuple(plain(event) for event in listed.data), _next(listed))

    def live_subscriptions(
        self, test_clock: str | None = None, after: str | None = None
    ) -> Page[ListedSubscription]:
        """Subscriptions that have not ended, with customer, latest invoice and schedule.

        Without a ``test_clock`` Stripe leaves out those that are on one.
        """
        expanded = ["data.customer", "data.latest_invoice", "data.schedule"]
        asked = _of_clock({"limit": PAGE, "expand": expanded}, test_clock)
        with sorted_failures():
            listed = self._v1.subscriptions.list(_from(asked, after))
            found = tuple(ListedSubscription.of(sub) for sub in listed.data)
        return Page(found, _next(listed))

    def customers(
        self, test_clock: str | None = None, after: str | None = None
    ) -> Page[CustomerSnapshot]:
        """Customers that were not deleted. Without a ``test_clock``: those that are on none."""
        with sorted_failures():
            listed = self._v1.customers.list(_from(_of_clock({"limit": PAGE}, test_clock), after))
        return Page(tuple(CustomerSnapshot.of(one) for one in listed.data), _next(listed))

    def invoices(self, status: str, after: str | None = None) -> Page[InvoiceSnapshot]:
        """Invoices in one status, with all their lines."""
        with sorted_failures():
            listed = self._v1.invoices.list(_from({"status": status, "limit": PAGE}, after))
            found = tuple(InvoiceSnapshot.of(one, whole(one.lines)) for one in listed.data)
        return Page(found, _next(listed))


def whole(nested: Any) -> list[Any]:
    """All entries of a nested list: Stripe answers at most ten, the rest is fetched by pages."""
    return list(nested.auto_paging_iter()) if nested["has_more"] else list(nested["data"])


def whole_subscription(found: Any) -> SubscriptionSnapshot:
    """A subscription with all its items; and with all lines of its latest invoice, if that was
    expanded.
    """
    invoice = field(found, "latest_invoice")
    lines = whole(invoice["lines"]) if invoice is not None and not isinstance(invoice, str) else ()
    return SubscriptionSnapshot.of(found, whole(found["items"]), lines)


def _of_clock(asked: Any, test_clock: str | None) -> Any:
    return {**asked, "test_clock": test_clock} if test_clock else asked


def _from(asked: Any, after: str | None) -> Any:
    return {**asked, "starting_after": after} if after else asked


def _next(listed: Any) -> str | None:
    return str(listed.data[-1]["id"]) if listed.has_more else None
