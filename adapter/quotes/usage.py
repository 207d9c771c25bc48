"""The money of an end that bills what was used."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ..billing import Billed
from ..gateway.failures import Gone
from ..tables import AccountRow
from .previews import Previews
from .timings import billed_nothing, billed_now


def usage_so_far(
    previews: Previews,
    account: AccountRow,
    currency: str,
    at: Callable[[datetime], Billed],
    now: datetime,
) -> tuple[dict[str, Any], datetime]:
    """What was used so far comes to this; it may become more until the plan ends.

    Stripe has no preview of an invoice without lines.
    """
    try:
        preview, now = previews.of(account, at, now)
        money = billed_now(preview, None, now)
    except Gone:
        money = billed_nothing(currency, now)
    return {**money, "so_far": True}, now
