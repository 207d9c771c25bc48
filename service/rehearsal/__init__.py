"""Rehearsals: what a catalogue and its rules come to, played in seconds and compared.

A scenario is a TOML document: accounts, what they do, what goes wrong, how time passes, and what
must come of it. It is played by the real service against a Stripe of its own, in this process and
without a network, and the same scenario comes out the same every time.
"""

from .company import Interrupted
from .performing import Performance, Played, rehearse
from .report import cost, to_json, told, verdict
from .scenario import Scenario, ScenarioError, load_scenario, parse_scenario, shipped

__all__ = [
    "Interrupted",
    "Performance",
    "Played",
    "Scenario",
    "ScenarioError",
    "cost",
    "load_scenario",
    "parse_scenario",
    "rehearse",
    "shipped",
    "to_json",
    "told",
    "verdict",
]
