"""Cancel and start again, in one request: a catalogue's way to sell a downgrade."""

from __future__ import annotations

from ...billing import Resubscribe
from ...steps import StepRefused
from .ending import EndNow, failing
from .one_change import OneChange
from .purchase import FirstPurchase


class EndAndStart:
    """The old subscription ends with its credit on the balance; the new one is paid with it."""

    def __init__(self, one: OneChange, bill: Resubscribe) -> None:
        self._one = one
        self._bill = bill

    def run(self) -> None:
        """If the second half is refused the account is on its free plan and the credit stays."""
        with failing(self._one):
            EndNow(self._one, self._bill.ending).cancel()
        try:
            FirstPurchase(self._one, self._bill.beginning).run()
        except StepRefused as refused:
            raise refused.after_cancelling() from refused
