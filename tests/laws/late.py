"""Telling a story of moves with a post that brings what it likes, and looking at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from sqlalchemy import select

from adapter.changes.states import State
from adapter.notices.outbox import Kind
from adapter.tables import ChangeLineRow, EventRow, InvoiceRow, NoticeRow
from tests.faults.ends import differences as ends_that_differ
from tests.faults.ends import end_of
from tests.laws import mirrored
from tests.laws.moves import REF, Move
from tests.support.killing import Life
from tests.support.post import Post
from tests.support.world import World

# Told exactly once; every other kind at most once.
ONCE = (Kind.CANCELLATION_ENDED, Kind.PLAN_CHANGED, Kind.ACTIVATION_FAILED)


@dataclass(frozen=True)
class Ending:
    """How a telling went: what each move was answered, and how everything stands."""

    answers: tuple[str, ...]
    end: dict[str, Any]
    notices: Counter[str]

    @classmethod
    def of(cls, w: World, answers: Sequence[str]) -> Ending:
        end = end_of(w)
        with w.parts.database.read() as tx:
            told = Counter(tx.scalars(select(NoticeRow.kind)))
            lines = tx.scalars(select(ChangeLineRow).order_by(ChangeLineRow.seq)).all()
        compared: dict[str, Any] = {name: end[name] for name in ("subscriptions", "accounts")}
        compared["changes"] = [(line.family, line.to_offer, line.state) for line in lines]
        compared["allowances"] = _allowances(w)
        return cls(tuple(answers), compared, told)

    def unlike(self, other: Ending) -> list[str]:
        """Where this differs from a telling in which every letter came at once."""
        wrong = ends_that_differ(other.end, self.end)
        for kind in self.notices | other.notices:
            here, there = self.notices[kind], other.notices[kind]
            if here > there or (kind in ONCE and here < there):
                wrong.append(f"{kind} was told {here} times instead of {there}")
        return wrong


def _allowances(w: World) -> list[Any]:
    """What there is to use at present, and until when."""
    names = ("kind", "granted", "left", "expires_at")
    return [
        (
            family["family"],
            family["left"],
            sorted(tuple(str(lot[name]) for name in names) for lot in family["lots"]),
        )
        for family in w.get(f"/v1/accounts/{REF}/allowances")["families"]
    ]


def in_order(life: Life, moves: Sequence[Move]) -> Ending:
    """Every letter comes at once, in order."""
    answers = []
    for move in moves:
        answers.append(_happens(life, move))
        life.w.settle()
    return Ending.of(life.w, answers)


def _happens(life: Life, move: Move) -> str:
    answer = move.happens(life.w)
    # Stripe's clock may have leapt; in life a process knows the time without asking anew.
    life.waits(timedelta(0))
    return answer


@dataclass(frozen=True)
class Habit:
    """What the post does after a move: which letters it brings, and how often the worker runs.

    It runs at least once: what is to be done at Stripe before time passes is not late mail.
    """

    brings: str
    rounds: int

    def follow(self, post: Post, rnd: Random) -> None:
        waiting = post.waiting()
        match self.brings:
            case "nothing":
                chosen = []
            case "everything":
                chosen = waiting
            case "the newest":
                chosen = waiting[-2:]
            case "some":
                chosen = [letter for letter in waiting if rnd.random() < 0.5]
                rnd.shuffle(chosen)
            case "backwards":
                chosen = waiting[::-1]
        for letter in chosen:
            post.bring(letter)
        for _ in range(self.rounds):
            post.w.worker.round()


@dataclass(frozen=True)
class Tale:
    """Moves on an account, and what the post does after each."""

    catalogue: str
    moves: tuple[Move, ...]
    habits: tuple[Habit, ...]


def told_late(life: Life, tale: Tale, rnd: Random) -> tuple[Ending, Post]:
    """The post follows its habits, then brings what is left, or loses it: then it is asked for."""
    post, answers = Post(life.w), []
    for move, habit in zip(tale.moves, tale.habits, strict=True):
        answers.append(_happens(life, move))
        habit.follow(post, rnd)
    letters = post.waiting()
    rnd.shuffle(letters)
    for letter in letters:
        fate = rnd.random()
        if fate < 0.2 and post.is_listed(letter):
            post.lose(letter)
            continue
        post.bring(letter)
        if fate < 0.35:
            post.again(letter)
        elif fate < 0.5:
            post.under_another_id(letter)
        if rnd.random() < 0.25:
            life.w.worker.round()
    life.w.settle()
    if post.counts["losses"]:
        life.w.parts.backfill.run()
        life.w.settle()
    return Ending.of(life.w, answers), post


def broken_laws(w: World) -> list[str]:
    """What must be true of any telling, whatever another came to."""
    return [*mirrored.differences(w, REF), *_untold(w), *_stuck(w)]


def _stuck(w: World) -> list[str]:
    with w.parts.database.read() as tx:
        rows = tx.scalars(select(EventRow).where(EventRow.state.in_(("pending", "dead"))))
        return [f"event {row.type} is {row.state}: {row.error}" for row in rows]


def _untold(w: World) -> list[str]:
    """Notices that Stripe's state, or the changes', call for, and that are not there once."""
    with w.parts.database.read() as tx:
        notices = tx.scalars(select(NoticeRow)).all()
        lines = tx.scalars(select(ChangeLineRow)).all()
        invoices = tx.scalars(select(InvoiceRow)).all()
        attempted = {invoice.id for invoice in invoices if invoice.attempt_count}
        wanted = Counter(
            (Kind.PLAN_CHANGED, line.change.id)
            for line in lines
            if line.state == State.APPLIED and line.price_id is not None
        )
        wanted.update(
            (Kind.ACTIVATION_FAILED, line.change.id)
            for line in lines
            if line.state == State.FAILED
            and line.invoice_id in attempted
            and any(step["to"] == State.ACTIVATING for step in line.history)
        )
        wanted.update((Kind.CANCELLATION_ENDED, name) for name in _ended(w))
    told = Counter((Kind(notice.kind), _about(notice)) for notice in notices if notice.kind in ONCE)
    return [
        f"{kind.value} of {name} was told {told[kind, name]} times instead of {wanted[kind, name]}"
        for kind, name in told | wanted
        if told[kind, name] != wanted[kind, name]
        # One that another method paid for in the end was told of, too.
        and not (kind is Kind.ACTIVATION_FAILED and not wanted[kind, name])
    ]


def _about(notice: NoticeRow) -> str:
    if notice.kind == Kind.CANCELLATION_ENDED:
        return notice.occasion.partition(":")[0]
    return str(notice.facts["change"])


def _ended(w: World) -> list[str]:
    """Subscriptions that were paid for once and are over."""
    customer = w.state(REF)["customer"]
    invoices = w.stripe("GET", "/v1/invoices", customer=customer, status="paid", limit=100)["data"]
    paid = {
        invoice["parent"]["subscription_details"]["subscription"]
        for invoice in invoices
        if invoice["parent"]
    }
    listed = w.stripe("GET", "/v1/subscriptions", customer=customer, status="canceled", limit=100)
    return [sub["id"] for sub in listed["data"] if sub["id"] in paid]
