"""A change at the period's end: a matter of the subscription's schedule."""

from __future__ import annotations

from ...billing import Later
from ...errors import Conflict
from ...steps import StepRefused
from .one_change import OneChange


class ChangeLater:
    """Bring the schedule to say it, then the line is scheduled."""

    def __init__(self, one: OneChange, bill: Later) -> None:
        self._one = one
        self._bill = bill

    def run(self) -> None:
        one = self._one
        try:
            one.scheduling.bring(
                one.steps,
                self._bill.subscription,
                adding=one.line,
                comment=one.change.comment,
            )
        except StepRefused as refused:
            one.fails(refused)
            raise
        except Conflict as conflict:
            # Somebody else's schedule came between the quote and now.
            one.fails(StepRefused.by_us(conflict.code, str(conflict)))
            raise
        one.is_scheduled()
