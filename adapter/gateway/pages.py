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
from .snapshots.fields import plain

PAGE = 100
T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Up to 100 of a list, newest first. ``after`` is what to ask the next page with; None: the
    list ends here.
    """

    found: tuple[T, ...]
    after: str | None


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


def _from(asked: Any, after: str | None) -> Any:
    return {**asked, "starting_after": after} if after else asked


def _next(listed: Any) -> str | None:
    return str(listed.data[-1]["id"]) if listed.has_more else None
