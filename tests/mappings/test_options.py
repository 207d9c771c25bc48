"""The changes open to an account are what the rules decide, all of them, each once."""

from __future__ import annotations

import pytest

from mappings import Catalogue, Facts, Offer, builtin_catalogues, decide, load_catalogue, options

FAMILIES = [
    pytest.param(load_catalogue(name), family, id=f"{name}-{family}")
    for name in builtin_catalogues()
    for family in load_catalogue(name).families
]


@pytest.mark.parametrize("chargeable", [True, False])
@pytest.mark.parametrize(("catalogue", "family"), FAMILIES)
def test_every_change_is_listed_once_as_the_rules_decide_it(
    catalogue: Catalogue, family: str, chargeable: bool
) -> None:
    facts, currency = Facts(chargeable), catalogue.currencies[0]
    sold = list(catalogue.family(family).offers((currency,)))
    for current in (None, *sold):
        found = options(catalogue, family, current, facts, currency)
        listed = [offer for option in found for offer in option.offers]
        assert len(listed) == len(set(listed))
        for option in found:
            for offer in option.offers:
                decision = decide(catalogue, current, offer, facts)
                assert (decision.rule, decision.route) == (
                    option.decision.rule,
                    option.decision.route,
                )
                assert offer.plan == option.plan
        assert set(sold) - set(listed) == {
            offer for offer in sold if is_same(catalogue, current, offer)
        }
        ends = [option.decision.direction.kind for option in found if option.plan is None]
        assert ends == (["cancel"] if current and not current.is_free else [])


def is_same(catalogue: Catalogue, current: Offer | None, offer: Offer) -> bool:
    return decide(catalogue, current, offer, Facts(True)).direction.kind == "same"
