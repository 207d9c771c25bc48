"""Bad habits of the post, to be put on: late, twice, out of order, never, under another id, thin.

What happens to an event is drawn from the seed, the endpoint and the event's id, not from a
running sequence: the same run gives the same accidents, however many threads send.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from hashlib import sha256
from typing import Any


def chance(seed: int, *names: object) -> float:
    """A number in [0, 1) that depends on nothing but the arguments."""
    text = ":".join(str(name) for name in (seed, *names))
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") / 2**64


@dataclass(frozen=True)
class Habits:
    """How events travel. Probabilities are in [0, 1]; all are off by default."""

    delay: float = 0.0
    """Longest wait before the first attempt, in seconds of wall time; each event draws its own."""

    duplicate: float = 0.0
    """Probability that an event is sent twice, as Stripe says may happen (stripe-facts §4)."""

    reorder: float = 0.0
    """Probability that an event overtakes some of those that wait before it (§4)."""

    drop: float = 0.0
    """Probability that an event is never sent; it stays listed as undelivered (§4)."""

    twin: float = 0.0
    """Probability that the same fact comes once more under another event id (§4)."""

    thin: bool = False
    """Send notifications without the object instead of snapshots (stripe-facts §1.6)."""

    def changed(self, wanted: dict[str, Any]) -> Habits:
        """With other values for the named ones. ValueError for a name or value that is not."""
        for name, value in wanted.items():
            if name not in NAMES:
                raise ValueError(f"unknown habit {name!r}: one of {', '.join(NAMES)}")
            if name == "thin":
                good = isinstance(value, bool)
            else:
                number = isinstance(value, int | float) and not isinstance(value, bool)
                good = number and 0 <= value <= (600 if name == "delay" else 1)
            if not good:
                raise ValueError(f"{name} cannot be {value!r}")
        return replace(self, **wanted)


NAMES = tuple(entry.name for entry in fields(Habits))
