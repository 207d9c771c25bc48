"""Carrying a plan out, so that it may be killed at any instruction and run again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mappings import Catalogue

from ..clock import Clock
from ..database import Database
from ..errors import Conflict
from ..gateway.read import Reader
from ..gateway.write import Operation, Snapshot, Writer
from ..ids import new_id
from ..steps import StepDone, StepRefused, Steps
from .actions import Action, CreateMeter
from .alone import alone
from .interrupted import SUBJECT, Interrupted, can_be_resent, said
from .inventory import take_inventory
from .local import bring_in_line
from .planning import SyncPlan, plan_sync

Progress = Callable[[int, int, Action], None]


@dataclass(frozen=True)
class Refusal:
    """A write that Stripe refused for good, and its reason in Stripe's words."""

    action: Action
    message: str


@dataclass(frozen=True)
class SyncResult:
    """What was written, and what Stripe refused. ``run`` is None if there was nothing to write.

    A refusal does not stop a sync: what could be done is done, and the next run tries again.
    """

    run: str | None
    done: tuple[Action, ...]
    refused: tuple[Refusal, ...]


class CatalogueSync:
    """Brings Stripe, and the local ``prices`` table, in line with the catalogue."""

    def __init__(
        self,
        catalogue: Catalogue,
        database: Database,
        reader: Reader,
        writer: Writer,
        clock: Clock,
    ) -> None:
        self._catalogue = catalogue
        self._database = database
        self._reader = reader
        self._writer = writer
        self._clock = clock

    def run(
        self, show: Callable[[SyncPlan], bool], progress: Progress | None = None
    ) -> SyncResult | None:
        """The whole of a sync: ``show`` gets the plan and says whether to go ahead.

        None: ``show`` said no. Only one run at a time; what an interrupted one left is finished
        before the plan is made.

        Raises:
            Conflict: another sync is running, or a name is taken (``NameTaken``).
            Unavailable: Stripe gave no usable answer; run again.
            GatewayFailure: Stripe could not be read.
        """
        with alone(self._database):
            self.finish_interrupted()
            plan = self.plan()
            return self.carry_out(plan, progress) if show(plan) else None

    def plan(self) -> SyncPlan:
        """``plan_sync``, with what is known here. Changes nothing."""
        return plan_sync(self._catalogue, self._database, self._reader)

    def finish_interrupted(self) -> list[str]:
        """Settle every write that an earlier run left unanswered; a line for each.

        While Stripe remembers its key, a write is sent again verbatim: an answer that was lost is
        replayed, and a request still on its way cannot be done twice. After that (or after a 500,
        which the key would replay) it is closed: the plan that follows lists all there is at
        Stripe, and sees for itself whether it was done. If the catalogue was edited meanwhile,
        that plan puts right what was sent for the older one.

        Raises:
            Unavailable: still no answer; run again.
        """
        interrupted = Interrupted(self._database)
        found = interrupted.intents()
        for intent in found:
            if not can_be_resent(intent, self._clock.now()):
                interrupted.close(intent)
                continue
            try:
                self._steps(intent.subject).do(
                    intent.step,
                    Operation(intent.operation),
                    intent.params,
                    target=intent.target,
                    look=_the_plan_looks,
                )
            except StepRefused:
                # Recorded as refused; if the write is still wanted, the plan will have it.
                continue
        return [said(intent) for intent in found]

    def carry_out(self, plan: SyncPlan, progress: Progress | None = None) -> SyncResult:
        """Make the writes of ``plan``, one after the other, then bring the local table in line.

        ``progress`` is told the number of each write, how many there are, and the write, once it
        is done. The local table is written even if there was nothing to do at Stripe: that is how
        a new database learns of prices that were made before it.

        Raises:
            Conflict: an earlier run left writes unanswered (``finish_interrupted`` first).
            Unavailable: Stripe gave no usable answer; run again.
            GatewayFailure: Stripe could not be read.
        """
        self._refuse_if_interrupted()
        run = new_id("sync")
        steps = self._steps(f"{SUBJECT}:{run}")
        done: list[Action] = []
        refused: list[Refusal] = []
        meters = plan.inventory.meter_ids
        for number, planned in enumerate(plan.actions, start=1):
            action = planned.knowing(meters)
            try:
                made = _write(steps, number, action)
                if isinstance(action, CreateMeter):
                    meters[action.product] = made.object_id
                done.append(action)
            except StepRefused as refusal:
                refused.append(Refusal(action, refusal.message))
            if progress is not None:
                progress(number, len(plan.actions), action)
        stale = bool(plan.actions)
        inventory = take_inventory(self._catalogue, self._reader) if stale else plan.inventory
        bring_in_line(self._database, self._catalogue, inventory)
        return SyncResult(run if plan.actions else None, tuple(done), tuple(refused))

    def _steps(self, subject: str) -> Steps:
        return Steps(self._database, self._writer, self._clock, subject)

    def _refuse_if_interrupted(self) -> None:
        lines = Interrupted(self._database).lines()
        if lines:
            raise Conflict(
                "catalogue_sync_interrupted",
                f"An earlier sync left writes without an answer ({'; '.join(lines)}). "
                "Run 'planshift catalogue sync' again: it finishes them first.",
            )


def _write(steps: Steps, number: int, action: Action) -> StepDone:
    # The key comes from the run and the place in its plan. A key made from what is written would
    # replay the first price when an amount goes from A to B and back to A within a day.
    return steps.do(
        f"{number:04d}-{action.verb}-{action.noun}",
        action.operation,
        action.params(),
        target=action.target,
        look=_the_plan_looks,
    )


def _the_plan_looks() -> Snapshot | None:
    """A step is looked up only when its key is useless, and such intents are closed instead."""
    raise AssertionError("an uncertain write of a sync is settled by making the plan anew")
