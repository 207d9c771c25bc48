"""Writes to Stripe that survive the process: intent first, then the call, then the outcome.

A procedure (a plan change, a catalogue sync…) is written straight down as a sequence of
``steps.do(...)``. Every step is remembered under its subject, so resuming after a crash is
running the same procedure again: what was answered is not sent again, what was left open is sent
again under the same idempotency key, and what is uncertain is looked up first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, select, update

from .clock import Clock
from .database import Database
from .errors import Misconfigured, Unavailable
from .gateway.failures import (
    Declined,
    GatewayFailure,
    NotAllowed,
    NotExecuted,
    Refused,
    StoredFailure,
    Unanswered,
)
from .gateway.write import KEYLESS, Answer, CommittedIntent, Operation, Snapshot, Writer
from .tables import IntentRow

# Stripe forgets keys after 24 hours; an hour of margin covers clocks and queues.
KEY_LIFETIME = timedelta(hours=23)

# Every write asks these, so they are made once: making one costs more than running it.
_LAST = (
    select(IntentRow)
    .where(IntentRow.subject == bindparam("subject"), IntentRow.step == bindparam("step"))
    .order_by(IntentRow.attempt.desc())
    .limit(1)
)
_CLOSE = (
    update(IntentRow)
    .where(IntentRow.key == bindparam("intent"))
    .values(outcome=bindparam("outcome"), answer=bindparam("answer"))
    .execution_options(synchronize_session=False)
)


@dataclass(frozen=True)
class StepDone:
    """The write was made. ``snapshot`` is None when it was made in an earlier run or replayed:
    the answer then tells of the past, and the object has to be fetched.
    """

    object_id: str
    ticket: int
    snapshot: Snapshot | None


class StepRefused(Exception):
    """Stripe said no, for good: ``declined`` (a payment) or a rejected request."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        super().__init__(str(record["message"]))
        self.record = dict(record)

    @classmethod
    def decline(cls, code: str | None, message: str | None) -> StepRefused:
        """A payment that was declined without an error (a pending update, for example)."""
        said = message or "The payment was declined."
        return cls({"declined": True, "needs_action": False, "code": code, "message": said})

    @classmethod
    def by_us(cls, code: str, message: str) -> StepRefused:
        """A refusal of our own, before anything was sent."""
        return cls({"declined": False, "needs_action": False, "code": code, "message": message})

    def about_the_period(self, invoice: str, pay_url: str | None) -> StepRefused:
        """The same, said of the period's own invoice: that has to be paid before any change."""
        return StepRefused({**self.record, "outstanding": invoice, "pay_url": pay_url})

    def after_cancelling(self) -> StepRefused:
        """The same, said of the second half of a change whose first half is done."""
        return StepRefused({**self.record, "after_cancel": True})

    @property
    def code(self) -> str | None:
        return self.record.get("code")

    @property
    def message(self) -> str:
        return str(self.record["message"])

    @property
    def declined(self) -> bool:
        return bool(self.record["declined"])

    @property
    def needs_action(self) -> bool:
        return bool(self.record["needs_action"])


Look = Callable[[], Snapshot | None]


class Steps:
    """The remembered writes of one subject (``change:…``, ``account:…``, ``catalogue:…``)."""

    def __init__(self, database: Database, writer: Writer, clock: Clock, subject: str) -> None:
        self._database = database
        self._writer = writer
        self._clock = clock
        self._subject = subject

    def do(
        self,
        step: str,
        operation: Operation,
        params: Mapping[str, Any],
        *,
        look: Look,
        target: str | None = None,
    ) -> StepDone:
        """Make the write of ``step``, unless it was made already.

        ``look`` finds the effect of this write at Stripe (None: it is not there); it is asked
        only when the idempotency key cannot tell any more.

        Raises:
            StepRefused: Stripe refused it, now or in an earlier run.
            Unavailable: no usable answer; the intent stays open and the procedure can be resumed.
        """
        last = self._last(step)
        if last is not None and last.outcome == "done":
            return StepDone(_recorded(last)["id"], 0, None)
        if last is not None and last.outcome == "refused":
            raise StepRefused(_recorded(last))
        if last is not None and self._is_uncertain(last):
            found = look()
            if found is not None:
                self._close(last.key, "done", {"id": found.id})
                return StepDone(found.id, 0, None)
            self._close(last.key, "lost", None)
        if last is not None and last.outcome == "open" and not self._is_uncertain(last):
            return self._send(_committed(last))
        return self._send(self._commit(step, operation, target, params))

    def refused(self, step: str) -> StepRefused | None:
        """How ``step`` was refused in an earlier run, if it was."""
        last = self._last(step)
        return StepRefused(_recorded(last)) if last and last.outcome == "refused" else None

    def is_done(self, step: str) -> bool:
        """Whether ``step`` was made in this or an earlier run."""
        last = self._last(step)
        return last is not None and last.outcome == "done"

    def begun(self, step: str) -> bool:
        """Whether ``step`` was begun in this or an earlier run, however it went."""
        return self._last(step) is not None

    def target_of(self, step: str) -> str:
        """What ``step`` was done to in this or an earlier run."""
        last = self._last(step)
        target = last.target if last is not None else None
        assert target is not None, f"{step} has no target"
        return target

    def abandon(self, step: str) -> None:
        """Ask no more what became of ``step``: it was found out in another way."""
        last = self._last(step)
        if last is not None and last.outcome in ("open", "unsure"):
            self._close(last.key, "lost", None)

    def _send(self, intent: CommittedIntent) -> StepDone:
        ticket = self._database.next_ticket()
        try:
            answer = self._writer.send(intent)
        except (Declined, Refused) as failure:
            record = _refusal(failure)
            self._close(intent.key, "refused", record)
            raise StepRefused(record) from failure
        except StoredFailure as failure:
            # The key would only replay this answer; the next run looks, then uses a new key.
            self._close(intent.key, "unsure", None)
            raise Unavailable.stripe(str(failure)) from failure
        except (Unanswered, NotExecuted) as failure:
            raise Unavailable.stripe(str(failure)) from failure
        except NotAllowed as failure:
            raise Misconfigured(
                "stripe_key_rejected", f"Stripe rejected STRIPE_API_KEY ({failure.message})."
            ) from failure
        return self._done(intent, answer, ticket)

    def _done(self, intent: CommittedIntent, answer: Answer, ticket: int) -> StepDone:
        self._close(intent.key, "done", {"id": answer.snapshot.id, "request": answer.request_id})
        return StepDone(answer.snapshot.id, ticket, None if answer.replayed else answer.snapshot)

    def _last(self, step: str) -> IntentRow | None:
        with self._database.read() as tx:
            return tx.scalars(_LAST, {"subject": self._subject, "step": step}).first()

    def _is_uncertain(self, intent: IntentRow) -> bool:
        too_old = self._clock.now() - intent.created_at >= KEY_LIFETIME
        keyless = Operation(intent.operation) in KEYLESS
        return intent.outcome == "unsure" or (intent.outcome == "open" and (too_old or keyless))

    def _commit(
        self, step: str, operation: Operation, target: str | None, params: Mapping[str, Any]
    ) -> CommittedIntent:
        with self._database.write() as tx:
            earlier = tx.scalars(_LAST, {"subject": self._subject, "step": step}).first()
            attempt = earlier.attempt + 1 if earlier else 1
            row = IntentRow(
                key=f"{self._subject}:{step}:{attempt}",
                subject=self._subject,
                step=step,
                attempt=attempt,
                operation=operation.value,
                target=target,
                params=dict(params),
                created_at=self._clock.now(),
                outcome="open",
            )
            tx.add(row)
        return _committed(row)

    def _close(self, key: str, outcome: str, answer: Mapping[str, Any] | None) -> None:
        with self._database.write() as tx:
            found = dict(answer) if answer is not None else None
            tx.execute(_CLOSE, {"intent": key, "outcome": outcome, "answer": found})


def _committed(row: IntentRow) -> CommittedIntent:
    return CommittedIntent(row.key, Operation(row.operation), row.target, row.params)


def _recorded(row: IntentRow) -> dict[str, Any]:
    assert row.answer is not None, f"intent {row.key} is closed without its answer"
    return row.answer


def _refusal(failure: GatewayFailure) -> dict[str, Any]:
    return {
        "declined": isinstance(failure, Declined),
        "needs_action": failure.needs_action,
        "code": failure.code,
        "message": failure.message,
        "param": failure.param,
        "request": failure.request_id,
    }
