"""How long to wait before trying again."""

from __future__ import annotations

import random
from datetime import timedelta

FIRST_S = 1.0
LONGEST_S = 3600.0


def wait(attempts: int, longest_s: float = LONGEST_S) -> timedelta:
    """The wait after ``attempts`` failures: doubling from a second, capped, and jittered to
    50-100 % so that what failed together does not come back together.
    """
    full = min(FIRST_S * 2 ** min(attempts - 1, 20), longest_s)
    return timedelta(seconds=full * random.uniform(0.5, 1.0))  # noqa: S311  (no secret in it)
