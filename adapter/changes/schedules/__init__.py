"""Changes at the period's end: what a subscription's schedule has to say, and saying it.

``compiling`` is pure: from all scheduled lines of a subscription to its phases. ``pictures`` reads
what it needs from the mirror, ``bringing`` writes the outcome to Stripe. Cancelling, replacing and
un-cancelling are compilations like any other, so there is no second way to edit a schedule.
"""

from .pictures import (
    follow,
    follow_end,
    is_scheduled,
    live_schedule,
    our_end,
    picture_of,
    refuse_foreign,
    scheduled_on,
)

__all__ = [
    "follow",
    "follow_end",
    "is_scheduled",
    "live_schedule",
    "our_end",
    "picture_of",
    "refuse_foreign",
    "scheduled_on",
]
