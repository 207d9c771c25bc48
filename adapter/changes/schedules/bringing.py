"""Bringing a subscription to what its scheduled lines want, with remembered steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mappings import Catalogue

from ...billing import LATEST_INVOICE
from ...clock import to_unix
from ...database import Database
from ...gateway.read import Reader
from ...gateway.snapshots import (
    CHANGE_KEY,
    LIVE_SCHEDULE,
    ScheduleSnapshot,
    SubscriptionSnapshot,
)
from ...gateway.write import Operation
from ...mirror import Fetched, Mirror
from ...steps import StepDone, Steps
from ...tables import ChangeLineRow, ScheduleRow, SubscriptionRow
from .compiling import says, schedule_params
from .pictures import Picture, picture_of, refuse_foreign


class Scheduling:
    """Writes schedules."""

    def __init__(
        self, database: Database, reader: Reader, mirror: Mirror, catalogue: Catalogue
    ) -> None:
        self._database = database
        self._reader = reader
        self._mirror = mirror
        self._catalogue = catalogue

    def bring(
        self,
        steps: Steps,
        subscription: str,
        *,
        adding: Sequence[ChangeLineRow] = (),
        without: Sequence[ChangeLineRow] = (),
        comment: str | None = None,
        prefix: str = "",
        fresh: bool = False,
    ) -> None:
        """Make the subscription do, at its period's end, what its scheduled lines say.

        ``adding`` are lines that are being scheduled, each in the place of the one scheduled for
        the same plan; ``without`` are those being taken back. ``fresh``: look at Stripe first.

        Raises: as ``Steps.do``; Conflict ``foreign_schedule``.
        """
        if fresh or self._is_unknown(subscription):
            self._refresh(subscription)
        with self._database.read() as tx:
            picture = picture_of(tx, subscription, adding=adding, without=without)
        writing = _Writing(self, steps, picture, prefix, comment)
        if picture.goal.kind == "nothing":
            writing.let_go()
        elif picture.goal.kind == "ends" and not writing.is_scheduled():
            writing.set_end()
        else:
            writing.schedule()

    def _is_unknown(self, subscription: str) -> bool:
        """Whether a schedule carries it that was not fetched yet."""
        with self._database.read() as tx:
            sub = tx.get_one(SubscriptionRow, subscription)
            return sub.schedule_id is not None and tx.get(ScheduleRow, sub.schedule_id) is None

    def _refresh(self, subscription: str) -> None:
        found = self._mirror.refresh_subscription(subscription)
        if found.schedule is not None:
            self._mirror.refresh_schedule(found.schedule)

    def store(self, done: StepDone) -> None:
        """Store what a write answered with; fetch it where the answer is of the past."""
        known = (SubscriptionSnapshot, ScheduleSnapshot)
        if isinstance(done.snapshot, known):
            with self._database.write() as tx:
                if self._mirror.store(tx, Fetched(done.snapshot, done.ticket)):
                    return
        if done.object_id.startswith("sub_sched"):
            self._mirror.refresh_schedule(done.object_id)
        else:
            self._mirror.refresh_subscription(done.object_id)

    @property
    def reader(self) -> Reader:
        return self._reader

    @property
    def tenant(self) -> str:
        return self._catalogue.tenant

    def phases(self, done: StepDone) -> ScheduleSnapshot:
        """The schedule a write answered with."""
        if isinstance(done.snapshot, ScheduleSnapshot):
            return done.snapshot
        return self._reader.schedule(done.object_id)


class _Writing:
    """One bringing: the steps it may take, each remembered under its name."""

    def __init__(
        self,
        scheduling: Scheduling,
        steps: Steps,
        picture: Picture,
        prefix: str,
        comment: str | None,
    ) -> None:
        self._scheduling = scheduling
        self._steps = steps
        self._picture = picture
        self._prefix = prefix
        self._comment = comment

    def is_scheduled(self) -> bool:
        """Whether a schedule carries the subscription."""
        return self._picture.schedule is not None or self._begun("schedule_create")

    def let_go(self) -> None:
        """Nothing is to happen: release the schedule, or clear the end."""
        schedule = self._picture.schedule
        if schedule is not None or self._begun("release"):
            refuse_foreign(schedule)
            self._release(schedule)
        elif self._picture.cancel_at is not None or self._begun("clear_end"):
            self._clear_end()

    def set_end(self) -> None:
        """Every line ends, and no schedule is there: the subscription's own switch does it."""
        picture = self._picture
        if picture.cancel_at is not None and picture.at_period_end and not self._begun("set_end"):
            return
        params: dict[str, Any] = {
            "cancel_at_period_end": True,
            "metadata": {CHANGE_KEY: picture.goal.changes[0]},
            "expand": [LATEST_INVOICE],
        }
        if self._comment:
            params["cancellation_details"] = {"comment": self._comment}
        self._update("set_end", params, self._set_to_end)

    def schedule(self) -> None:
        """A schedule with the current phase and, unless everything ends, the next one."""
        picture = self._picture
        refuse_foreign(picture.schedule)
        ends_by_itself = picture.cancel_at is not None and picture.schedule is None
        if ends_by_itself or self._begun("clear_end"):
            self._clear_end()
        found = self._schedule()
        start = to_unix(found.phase_start)
        if not self._begun("schedule_update") and says(
            picture.goal, found.end_behavior, found.phases, start
        ):
            return
        done = self._steps.do(
            self._prefix + "schedule_update",
            Operation.SCHEDULE_UPDATE,
            schedule_params(picture.goal, found.phases, start, self._scheduling.tenant),
            target=found.id,
            look=lambda: self._updated(found.id),
        )
        self._scheduling.store(done)

    def _schedule(self) -> _Standing:
        """The schedule to update: the one that is there, or one made of the subscription."""
        row = self._picture.schedule
        if row is not None and not self._begun("schedule_create"):
            assert row.phase_start is not None, f"{row.id} is live without a current phase"
            return _Standing(row.id, row.end_behavior, row.phases, row.phase_start)
        done = self._steps.do(
            self._prefix + "schedule_create",
            Operation.SCHEDULE_CREATE,
            {"from_subscription": self._picture.subscription},
            look=self._created,
        )
        made = self._scheduling.phases(done)
        self._scheduling.store(done)
        assert made.phase_start is not None, f"{made.id} has no current phase"
        return _Standing(made.id, made.end_behavior, made.phases, made.phase_start)

    def _release(self, schedule: ScheduleRow | None) -> None:
        done = self._steps.do(
            self._prefix + "release",
            Operation.SCHEDULE_RELEASE,
            {"preserve_cancel_date": False},
            target=schedule.id if schedule else None,
            look=lambda: self._released(schedule.id if schedule else ""),
        )
        self._scheduling.store(done)

    def _clear_end(self) -> None:
        """An end at the period's end is a switch, one at a moment is a field to empty."""
        clear: dict[str, Any] = (
            {"cancel_at_period_end": False} if self._picture.at_period_end else {"cancel_at": ""}
        )
        self._update("clear_end", {**clear, "expand": [LATEST_INVOICE]}, self._not_set_to_end)

    def _update(self, step: str, params: dict[str, Any], look: Any) -> None:
        done = self._steps.do(
            self._prefix + step,
            Operation.SUBSCRIPTION_UPDATE,
            params,
            target=self._picture.subscription,
            look=look,
        )
        self._scheduling.store(done)

    def _begun(self, step: str) -> bool:
        return self._steps.begun(self._prefix + step)

    # How each effect is found at Stripe once its key has expired.

    def _created(self) -> ScheduleSnapshot | None:
        found = self._scheduling.reader.subscription(self._picture.subscription)
        return self._scheduling.reader.schedule(found.schedule) if found.schedule else None

    def _updated(self, schedule: str) -> ScheduleSnapshot | None:
        found = self._scheduling.reader.schedule(schedule)
        if found.phase_start is None:
            return None
        start = to_unix(found.phase_start)
        done = says(self._picture.goal, found.end_behavior, found.phases, start)
        return found if done else None

    def _released(self, schedule: str) -> ScheduleSnapshot | None:
        found = self._scheduling.reader.schedule(schedule)
        return found if found.status not in LIVE_SCHEDULE else None

    def _set_to_end(self) -> SubscriptionSnapshot | None:
        found = self._scheduling.reader.subscription(self._picture.subscription)
        return found if found.cancel_at is not None or found.ended_at is not None else None

    def _not_set_to_end(self) -> SubscriptionSnapshot | None:
        found = self._scheduling.reader.subscription(self._picture.subscription)
        return found if found.cancel_at is None else None


@dataclass(frozen=True)
class _Standing:
    """A live schedule."""

    id: str
    end_behavior: str
    phases: Sequence[Any]
    phase_start: datetime
