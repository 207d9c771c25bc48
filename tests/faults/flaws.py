"""What is known not to end as it should yet: which run of which scenario, and why.

A run is known by its name (see ``stories``). These runs must fail; one that ends as it should is
to be taken out of the table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

VOIDED = (
    "after the void of a declined update a resumed change sees no pending update and takes itself "
    "for paid: applied, with a letter, while the old plan is in force"
)
GIVEN_UP = (
    "after the end of a declined first purchase a resumed change waits for the payment of an "
    "invoice that is void"
)
LOST_CANCEL = (
    "a cancel has no key, and the SDK sends it again by itself: the second answer, 404, is taken "
    "for a refusal although the first one was carried out"
)
EXPIRES = "the mirror takes a payment that was given up for one that was not made in time"
NO_REASON = "giving up, once resumed, finds the line failed already, without the reason"
TOLD_TWICE = "the contact is told of a declined pack whose buyer is told already"

_VOID = (
    r"dead (after invoices.void_invoice|(before|after) the commit of (Steps._close \(void:1\)"
    r"|Mirror.refresh_subscription)|before the commit of OneChange.(fails|_written))"
)
_GIVE_UP = (
    r"dead (after subscriptions.cancel \(give_up|(before|after) the commit of (Steps._close "
    r"\(give_up:1\)|Mirror.refresh_subscription)|before the commit of OneChange.(fails|_written))"
)
_VOID_UNANSWERED = r"timeout_after 4 times at POST \S+/void"


def _asked(place: int) -> str:
    """The read at this place fails for good."""
    return rf"(429 1|\w+ 4) times at GET /v1/subscriptions/\S+ \({place}\)"


_KNOWN: Mapping[str, Mapping[str, str]] = {
    "first purchase declined": {
        _GIVE_UP: GIVEN_UP,
        r"timeout_after \d times at DELETE": LOST_CANCEL,
        _asked(4): GIVEN_UP,
    },
    "end and start again": {r"timeout_after 1 times at DELETE": LOST_CANCEL},
    "end and start again declined": {
        _GIVE_UP: GIVEN_UP,
        r"timeout_after \d times at DELETE \S+ \(8\)": GIVEN_UP,
        r"timeout_after 1 times at DELETE": LOST_CANCEL,
        _asked(9): GIVEN_UP,
    },
    "first purchase taken back": {"": EXPIRES},
    "upgrade declined": {_VOID: VOIDED, _VOID_UNANSWERED: VOIDED, _asked(4): VOIDED},
    "upgrade with a named card declined": {
        _VOID: VOIDED,
        r"dead .*restore_method": VOIDED,
        _VOID_UNANSWERED: VOIDED,
        r"((429|500) 1|\w+ 4) times at POST /v1/subscriptions/\S+ \(6\)": VOIDED,
        _asked(7): VOIDED,
    },
    "upgrade over a scheduled downgrade declined": {
        _VOID: VOIDED,
        _VOID_UNANSWERED: VOIDED,
        _asked(4): VOIDED,
    },
    "upgrade at a page declined": {_VOID: VOIDED, _VOID_UNANSWERED: VOIDED, _asked(10): VOIDED},
    "upgrade taken back": {
        r"dead (after invoices.void_invoice|(before|after) the commit of Steps._close "
        r"\(void:1\)|before the commit of Undoing._finish)": EXPIRES,
        _VOID_UNANSWERED: EXPIRES,
    },
    "activation given up": {
        r"dead (after subscriptions.cancel|(before|after) (invoices.void_invoice|the commit of "
        r"(Steps._close \((take_off_all|void):1\)|Steps._commit \(void\)))"
        r"|before the commit of Activating._fail)": NO_REASON,
        r"timeout_after 1 times at DELETE": LOST_CANCEL,
        r"timeout_after 4 times at DELETE": NO_REASON,
        r"(429 1|\w+ 4) times at GET /v1/invoices/\S+ \(10\)": NO_REASON,
        r"((429|500) 1|\w+ 4) times at POST \S+/void": NO_REASON,
    },
    "pack declined": {
        r"timeout_after 4 times at POST \S+/pay": TOLD_TWICE,
        r"(429|500|timeout_before|reset) 4 times at POST \S+/void": TOLD_TWICE,
    },
    "cancel now with credit": {r"timeout_after 1 times at DELETE": LOST_CANCEL},
    "cancel now over a scheduled end": {r"timeout_after 1 times at DELETE": LOST_CANCEL},
}


def known(scenario: str, run: str) -> str | None:
    """Why this run of this scenario does not end as it should; None if it has to."""
    runs = _KNOWN.get(scenario, {})
    return next((why for pattern, why in runs.items() if re.search(pattern, run)), None)


def any_known(scenario: str) -> bool:
    """Whether some run of this scenario is known not to."""
    return scenario in _KNOWN
