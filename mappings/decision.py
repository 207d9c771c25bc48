"""Decision: what the family's rules say about one change."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from mappings.catalogue import Catalogue
from mappings.direction import Direction, direction
from mappings.errors import NoRuleMatches
from mappings.family import Family
from mappings.offer import Offer
from mappings.rules import Action, Rule, Situation


@dataclass(frozen=True)
class Facts:
    """What is known of the account beside its offer.

    `chargeable`: the subscription is charged automatically and a saved method can be.
    `quantity_before` and `quantity_after`: how many of its offer the line holds now and would hold.
    """

    chargeable: bool
    trialing: bool = False
    quantity_before: int = 1
    quantity_after: int = 1


@dataclass(frozen=True, kw_only=True)
class Decision(Action):
    """The action of the first rule that matched, with its id, the direction, and why.

    `why` is a sentence for quotes and refusals: the comparison that decided and the rule.
    """

    rule: str
    direction: Direction
    why: str


# A subscription at Stripe keeps its currency for life, so no catalogue could say otherwise.
CURRENCY_RULE = "currency-is-fixed"


def decide(
    catalogue: Catalogue, current: Offer | None, target: Offer | None, facts: Facts
) -> Decision:
    """What is to happen for this change. Total on a checked catalogue.

    `current` None: the account holds nothing. `target` None: it cancels. Raises what `direction`
    raises.
    """
    found = direction(catalogue, current, target, facts.quantity_before, facts.quantity_after)
    if _changes_currency(current, target):
        return _currency_refusal(found, current, target)
    named = target or current
    if named is None:
        return _nothing_at_all(found)
    family = catalogue.family(named.family)
    situation = situation_of(family, found, current, target, facts)
    for rule in family.rules:
        if rule.when.matches(situation):
            return _decided(rule, found)
    raise NoRuleMatches.for_situation(family.id, str(situation))


def agreed_with_sales(decision: Decision) -> Decision:
    """The decision once sales has agreed: what callers are sent to sales for is done now, on a
    cycle of its own, and nothing paid ahead is given back but to the balance. Any other stays.
    """
    if decision.route != "contact_sales":
        return decision
    return replace(
        decision,
        route="self_serve",
        reason=None,
        remedy=None,
        timing="now",
        cycle="restart",
        credit="time_to_balance" if decision.direction.kind in ("cancel", "downgrade") else "time",
    )


def situation_of(
    family: Family, found: Direction, current: Offer | None, target: Offer | None, facts: Facts
) -> Situation:
    """What rules can see of the change. Who holds nothing counts as on the free plan."""
    free = family.free_plan
    held = current.plan if current else (free.id if free else None)
    intervals = {offer.interval for offer in (current, target) if offer and offer.interval}
    return Situation(
        direction=found.kind,
        from_plan=held,
        to_plan=target.plan if target else None,
        interval_changes=len(intervals) == 2,
        chargeable=facts.chargeable,
        trialing=facts.trialing,
    )


def decision_to_dict(decision: Decision) -> dict[str, object]:
    """As plain JSON values, to be stored with the change."""
    plain: dict[str, object] = asdict(decision)
    return {**plain, "selections": list(decision.selections)}


def _decided(rule: Rule, found: Direction) -> Decision:
    then = rule.then
    return Decision(
        rule=rule.id,
        direction=found,
        why=_why(found, rule.id),
        route=then.route,
        reason=then.reason,
        remedy=then.remedy,
        timing=then.timing,
        cycle=then.cycle,
        credit=then.credit,
        allowance=then.allowance,
        on_failed_payment=then.on_failed_payment,
        grace_days=then.grace_days,
        acknowledge=then.acknowledge,
        selections=then.selections,
    )


def _why(found: Direction, rule: str) -> str:
    article = "an" if found.kind == "upgrade" else "a"
    spoken = {
        "same": "no change",
        "lateral": "a move sideways",
        "cancel": "a cancellation",
    }
    kind = spoken.get(found.kind, f"{article} {found.kind}")
    sentence = found.why[:1].upper() + found.why[1:]
    return f"{sentence}, so this is {kind}; rule {rule!r} applies."


def _changes_currency(current: Offer | None, target: Offer | None) -> bool:
    held, wanted = (offer.currency if offer else None for offer in (current, target))
    return held is not None and wanted is not None and held != wanted


def _currency_refusal(found: Direction, current: Offer | None, target: Offer | None) -> Decision:
    held = (current.currency or "").upper() if current else ""
    wanted = (target.currency or "").upper() if target else ""
    reason = f"A subscription billed in {held} cannot be billed in {wanted}."
    return Decision(
        rule=CURRENCY_RULE,
        direction=found,
        route="not_offered",
        reason=reason,
        remedy=f"Choose a price in {held}, or cancel and start again in {wanted}.",
        why=reason,
    )


def _nothing_at_all(found: Direction) -> Decision:
    reason = "There is no plan to cancel."
    return Decision(
        rule="nothing-held", direction=found, route="not_offered", reason=reason, why=reason
    )
