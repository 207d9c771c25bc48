"""Changes at the period's end: a matter of each subscription's schedule."""

from __future__ import annotations

from ...errors import Conflict
from ...steps import StepRefused
from ...tables import ChangeLineRow
from ..states import State
from .one_change import OneChange


class ChangeLater:
    """Bring each subscription's schedule to say it, once for all its lines; then they are
    scheduled.
    """

    def __init__(self, one: OneChange) -> None:
        self._one = one

    def run(self) -> None:
        for place, (subscription, lines) in enumerate(self._by_subscription().items()):
            if any(State(line.state) is State.EXECUTING for line in lines):
                # Steps are remembered by name: each subscription has names of its own.
                self._schedule(subscription, lines, f"sub{place}_" if place else "")

    def _schedule(self, subscription: str, lines: list[ChangeLineRow], prefix: str) -> None:
        one = self._one
        try:
            one.scheduling.bring(
                one.steps,
                subscription,
                adding=lines,
                comment=one.change.comment,
                prefix=prefix,
                # What was changed now has cut the current phase in two (stripe-facts §3.7).
                fresh=any(
                    subscription in (line.subscription_id, line.moved_from) for line in one.now
                ),
            )
        except StepRefused as refused:
            one.fails(refused, lines)
            raise
        except Conflict as conflict:
            # Somebody else's schedule came between the quote and now.
            one.fails(StepRefused.by_us(conflict.code, str(conflict)), lines)
            raise
        one.is_scheduled(lines)

    def _by_subscription(self) -> dict[str, list[ChangeLineRow]]:
        found: dict[str, list[ChangeLineRow]] = {}
        for line in self._one.later:
            assert line.subscription_id is not None
            found.setdefault(line.subscription_id, []).append(line)
        return found
