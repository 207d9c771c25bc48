"""The table of points: how many there are in each scenario, written down so that none gets lost.

A process may die at each of these points and Stripe may fail each of these calls; were the wrapping
to miss some, nothing else would tell. After a change that makes more or fewer of them on purpose::

    UPDATE_POINTS=1 pytest tests/faults
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.faults.stories import Course

TABLE = Path(__file__).with_name("points.json")
UPDATE = bool(os.environ.get("UPDATE_POINTS"))


def check(name: str, course: Course) -> None:
    """Hold ``course`` against the table, or write it there if that is asked for."""
    counted = {"points": len(course.points), "calls": len(course.calls)}
    table = json.loads(TABLE.read_text())
    known = table.get(name)
    if UPDATE:
        table[name] = counted
        TABLE.write_text(json.dumps(dict(sorted(table.items())), indent=1) + "\n")
        return
    how = f"{name!r} has {counted}, the table says {known}. {__doc__}"
    assert known is not None, how
    shrunk = [what for what in counted if counted[what] < known[what]]
    assert not shrunk, f"fewer {' and '.join(shrunk)} than there were: {how}"
    assert counted == known, f"there are more than before, which is fine: {how}"
