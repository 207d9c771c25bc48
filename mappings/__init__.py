"""What is sold, and what may become of it: the catalogue, its offers, and the rules of change.

A catalogue document (TOML) names families, plans, tiers and prices, and the rules by which an
account moves between them. `load_catalogue` checks it and reports everything wrong at once;
`direction` says whether a change goes up or down, `decide` what the rules make of it. This room is
pure: no network, no database, no web framework, no payment provider. Others carry out what it says.
"""

from mappings.catalogue import Catalogue
from mappings.decision import Decision, Facts, agreed_with_sales, decide, decision_to_dict
from mappings.describing import describe
from mappings.direction import Direction, compare, direction
from mappings.errors import (
    CatalogueError,
    IncomparableOffers,
    MappingsError,
    MoneyError,
    NoFixedPrice,
    NoRuleMatches,
    UnknownOffer,
)
from mappings.family import Allowance, Family, Pack, Plan, Selection, Tier, Usage
from mappings.loading import build_catalogue, builtin_catalogues, load_catalogue, parse_catalogue
from mappings.money import Money, UnitPrice, decimals_of, minor_units
from mappings.offer import INTERVALS, Interval, Offer, UnknownPrice
from mappings.options import Option, options
from mappings.problems import Problem
from mappings.rules import Action, Rule, Situation, When
from mappings.selecting import required_selections

__all__ = [
    "INTERVALS",
    "Action",
    "Allowance",
    "Catalogue",
    "CatalogueError",
    "Decision",
    "Direction",
    "Facts",
    "Family",
    "IncomparableOffers",
    "Interval",
    "MappingsError",
    "Money",
    "MoneyError",
    "NoFixedPrice",
    "NoRuleMatches",
    "Offer",
    "Option",
    "Pack",
    "Plan",
    "Problem",
    "Rule",
    "Selection",
    "Situation",
    "Tier",
    "UnitPrice",
    "UnknownOffer",
    "UnknownPrice",
    "Usage",
    "When",
    "agreed_with_sales",
    "build_catalogue",
    "builtin_catalogues",
    "compare",
    "decide",
    "decimals_of",
    "decision_to_dict",
    "describe",
    "direction",
    "load_catalogue",
    "minor_units",
    "options",
    "parse_catalogue",
    "required_selections",
]
