"""An order resolved: its entries together, what of them is due when, and what must not be mixed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from mappings import Catalogue

from ..charging import Charging
from ..errors import Conflict
from ..tables import AccountRow
from .targets import Target, Wanted, resolve

TIMINGS = ("now", "period_end")


@dataclass(frozen=True)
class Ordered:
    """The entries of one order, one per family, as they were asked for.

    What its rules leave open is for the caller to choose; ``when`` ("now" or "period_end") is that
    choice wherever it appears. ``offered`` are the choices that can be carried out.
    """

    targets: tuple[Target, ...]
    offered: tuple[str, ...]

    @property
    def kind(self) -> str:
        """ "start", "change" or "cancel"; "order" of several families."""
        return self.targets[0].kind if len(self.targets) == 1 else "order"

    def now(self, when: str) -> tuple[Target, ...]:
        """What is due, and comes about, at once and together."""
        return tuple(one for one in self.targets if one.timing(when) == "now")

    def later(self, when: str) -> tuple[Target, ...]:
        """What comes about when its own period ends."""
        return tuple(one for one in self.targets if one.timing(when) == "period_end")

    def basis(self) -> dict[str, Any]:
        """The state this was computed on, by family."""
        return {one.family: one.basis() for one in self.targets}


def resolve_order(
    tx: Session,
    catalogue: Catalogue,
    account: AccountRow,
    wanted: Sequence[Wanted],
    charging: Charging,
) -> Ordered:
    """Work out what an order means.

    Raises: as ``targets.resolve``; Conflict ``split_order`` or ``shared_cycle`` where no choice of
        the caller's could carry it out.
    """
    _refuse_twice(wanted)
    targets = tuple(
        resolve(tx, catalogue, account, one, charging, f"changes[{place}]")
        for place, one in enumerate(wanted)
    )
    order = Ordered(targets, _choices(targets))
    why: Conflict | None = None
    offered = []
    for when in order.offered:
        try:
            _check(catalogue, order, when)
            offered.append(when)
        except Conflict as conflict:
            why = why or conflict
    if why is not None and not offered:
        raise why
    return Ordered(targets, tuple(offered))


def _choices(targets: Sequence[Target]) -> tuple[str, ...]:
    timings = {one.decision.timing for one in targets}
    if "caller" in timings:
        return TIMINGS
    return ("now",) if "now" in timings else ("period_end",)


def _check(catalogue: Catalogue, order: Ordered, when: str) -> None:
    now, later = order.now(when), order.later(when)
    if len(now) > 1:
        _refuse_mixed(now)
        _refuse_apart(catalogue, now)
    if not any(one.at_a_page for one in now):
        _refuse_part_of_a_cycle([one for one in now if _begins_a_cycle(one)], now)
    _refuse_part_of_a_cycle([one for one in later if one.reanchors], later)
    _refuse_two_rhythms(later)


def _begins_a_cycle(target: Target) -> bool:
    """Whether a change now would bill every line of its subscription anew."""
    decision = target.decision
    anew = decision.cycle == "restart" or decision.route == "cancel_and_resubscribe"
    return target.kind == "change" and (anew or target.reanchors)


def _refuse_twice(wanted: Sequence[Wanted]) -> None:
    families = [one.family for one in wanted]
    twice = sorted({family for family in families if families.count(family) > 1})
    if twice:
        raise _split(twice, "An order holds one change per family; order these one by one")


def _refuse_mixed(now: Sequence[Target]) -> None:
    """What is done at Stripe by a call of its own cannot be one payment with anything else."""
    alone = [one for one in now if _needs_its_own(one)]
    if alone:
        raise _split(_families(alone), "These cannot be carried out together with others now")
    ends = [one for one in now if one.kind == "cancel"]
    if ends and len(ends) < len(now):
        raise _split(_families(ends), "What ends now is not paid together with what changes")
    if any(one.at_a_page for one in now):
        return
    held = [one for one in now if one.kind != "start"]
    credited = [one for one in held if one.decision.credit != "none"]
    if credited and len(credited) < len(held):
        raise _split(_families(credited), "Unused time is credited only for some of the order")


def _needs_its_own(target: Target) -> bool:
    decision = target.decision
    metered = target.held is not None and target.held.line.meter_id is not None
    if metered or target.wanted.needs_sales or target.agreed is not None:
        return True
    pays_back = target.kind == "change" and decision.credit == "unused_allowance"
    return pays_back or decision.route == "cancel_and_resubscribe"


def _refuse_apart(catalogue: Catalogue, now: Sequence[Target]) -> None:
    """Lines due now share one subscription and interval: one update, one invoice, one payment."""
    page = any(one.at_a_page for one in now)
    # At a page, what is new goes into the subscription that is made there.
    placed = [one for one in now if not (page and one.kind == "start")]
    first = placed[0]
    apart = [one for one in placed if one.subscription != first.subscription]
    if apart:
        raise _split(_families(apart), f"These are not on one subscription with {first.family!r}")
    made = page or first.subscription is None
    strangers = [one for one in now if not catalogue.family(one.family).share_subscription]
    if made and strangers:
        raise _split(_families(strangers), "These families do not share a subscription")
    intervals = [one for one in now if one.offer and one.offer.interval != _interval(now)]
    if intervals and first.kind != "cancel":
        raise _split(_families(intervals), f"These are not paid by the {_interval(now)}")


def _refuse_part_of_a_cycle(anew: Sequence[Target], named: Sequence[Target]) -> None:
    """Another interval or cycle would bill every line anew, so it takes an order of all of them."""
    lines = {one.held.line.id for one in named if one.held}
    missing = sorted(
        {
            other.offer.family
            for one in anew
            for other in one.others
            if other.offer and other.line.id not in lines
        }
    )
    if missing:
        raise Conflict(
            "shared_cycle",
            "The plan shares its subscription, and its cycle, with others; a new cycle would bill "
            f"them too. Order the change together with: {', '.join(missing)}.",
            families=missing,
        )


def _refuse_two_rhythms(later: Sequence[Target]) -> None:
    """What goes on together when the period ends is paid in one rhythm."""
    for _, targets in _by_subscription(later):
        going_on = [one for one in targets if one.price is not None]
        intervals = {one.offer.interval for one in going_on if one.offer}
        if len(intervals) > 1:
            raise Conflict(
                "shared_cycle",
                "These share a subscription, which is paid in one rhythm; order the same interval "
                f"for: {', '.join(_families(going_on))}.",
                families=_families(going_on),
            )


def _by_subscription(targets: Iterable[Target]) -> Iterator[tuple[str | None, list[Target]]]:
    found: dict[str | None, list[Target]] = {}
    for target in targets:
        found.setdefault(target.subscription, []).append(target)
    return iter(found.items())


def _interval(now: Sequence[Target]) -> str | None:
    return next((one.offer.interval for one in now if one.offer), None)


def _families(targets: Sequence[Target]) -> list[str]:
    return sorted(one.family for one in targets)


def _split(families: list[str], why: str) -> Conflict:
    return Conflict(
        "split_order",
        f"{why}: {', '.join(families)}. Order them on their own.",
        families=families,
    )
