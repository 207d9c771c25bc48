"""Steps: a write is made once, however often its procedure is run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from adapter.clock import FrozenClock
from adapter.database import Database
from adapter.errors import Misconfigured, Unavailable
from adapter.gateway.failures import (
    Declined,
    NotAllowed,
    NotExecuted,
    Refused,
    StoredFailure,
    Unanswered,
)
from adapter.gateway.snapshots import CustomerSnapshot
from adapter.gateway.write import Answer, CommittedIntent, Operation
from adapter.steps import StepDone, StepRefused, Steps

START = datetime(2026, 1, 10, tzinfo=UTC)
CUSTOMER = CustomerSnapshot(id="cus_1", deleted=False)


class Stripe:
    """A Writer that answers as told and remembers the keys it was sent."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.params: list[object] = []
        self.then: Callable[[], Answer] = lambda: Answer(CUSTOMER, False, "req_1")

    def send(self, intent: CommittedIntent) -> Answer:
        self.keys.append(intent.key)
        self.params.append(dict(intent.params))
        return self.then()

    def fails(self, failure: Exception) -> None:
        def fail() -> Answer:
            raise failure

        self.then = fail

    def recovers(self) -> None:
        self.then = lambda: Answer(CUSTOMER, False, "req_2")


class Procedure:
    """A procedure of one step, run again and again as after a crash."""

    def __init__(self, database: Database) -> None:
        self.stripe = Stripe()
        self.clock = FrozenClock(START)
        self.looked = 0
        self.found: CustomerSnapshot | None = None
        self._database = database

    def run(self, email: str = "a@b.example") -> StepDone:
        steps = Steps(self._database, self.stripe, self.clock, "account:1")  # type: ignore[arg-type]
        return steps.do("customer", Operation.CUSTOMER_CREATE, {"email": email}, look=self._look)

    def _look(self) -> CustomerSnapshot | None:
        self.looked += 1
        return self.found


@pytest.fixture
def procedure(database: Database) -> Procedure:
    return Procedure(database)


def test_what_was_answered_is_not_sent_again_and_its_old_answer_is_not_taken_for_news(
    procedure: Procedure,
):
    assert procedure.run().snapshot == CUSTOMER
    again = procedure.run()
    assert (again.object_id, again.snapshot) == ("cus_1", None)
    assert procedure.stripe.keys == ["account:1:customer:1"]


def test_a_replayed_answer_is_not_taken_for_news(procedure: Procedure):
    procedure.stripe.then = lambda: Answer(CUSTOMER, True, "req_1")
    assert procedure.run().snapshot is None


@pytest.mark.parametrize("failure", [Unanswered(None, "gone"), NotExecuted(None, "slow down")])
def test_without_an_answer_the_same_write_is_sent_under_the_same_key(
    procedure: Procedure, failure: Exception
):
    procedure.stripe.fails(failure)
    with pytest.raises(Unavailable):
        procedure.run()
    procedure.stripe.recovers()
    # What the procedure would say today does not matter: the intent is what was recorded.
    assert procedure.run(email="other@b.example").object_id == "cus_1"
    assert procedure.stripe.keys == ["account:1:customer:1"] * 2
    assert procedure.stripe.params == [{"email": "a@b.example"}] * 2
    assert procedure.looked == 0


@pytest.mark.parametrize(
    ("failure", "declined"),
    [
        (Declined("card_declined", "Your card was declined."), True),
        (Refused("parameter_unknown", "Received unknown parameter."), False),
    ],
)
def test_a_refusal_is_remembered_and_never_sent_again(
    procedure: Procedure, failure: Exception, declined: bool
):
    procedure.stripe.fails(failure)
    for _ in range(2):
        with pytest.raises(StepRefused) as refused:
            procedure.run()
        assert refused.value.declined is declined
    assert len(procedure.stripe.keys) == 1


def test_after_a_500_stripe_is_looked_at_first_since_the_key_would_replay_it(procedure: Procedure):
    procedure.stripe.fails(StoredFailure(None, "an error occurred"))
    with pytest.raises(Unavailable):
        procedure.run()
    procedure.found = CUSTOMER
    assert procedure.run().object_id == "cus_1"
    assert (procedure.looked, len(procedure.stripe.keys)) == (1, 1)


def test_after_a_500_without_effect_a_new_key_is_used(procedure: Procedure):
    procedure.stripe.fails(StoredFailure(None, "an error occurred"))
    with pytest.raises(Unavailable):
        procedure.run()
    procedure.stripe.recovers()
    procedure.run()
    assert procedure.stripe.keys == ["account:1:customer:1", "account:1:customer:2"]


def test_a_key_older_than_stripes_memory_is_not_trusted(procedure: Procedure):
    procedure.stripe.fails(Unanswered(None, "gone"))
    with pytest.raises(Unavailable):
        procedure.run()
    procedure.clock.at += timedelta(hours=23)
    procedure.found = CUSTOMER
    procedure.run()
    assert (procedure.looked, len(procedure.stripe.keys)) == (1, 1)


def test_a_rejected_api_key_is_the_operators_to_mend(procedure: Procedure):
    procedure.stripe.fails(NotAllowed(None, "Invalid API Key provided"))
    with pytest.raises(Misconfigured):
        procedure.run()
