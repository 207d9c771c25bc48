"""Scenarios small enough to play in a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from service.cli import main
from service.rehearsal import Performance, parse_scenario, rehearse, shipped
from tests.support.shops import on_sale, stocked

Rehearse = Callable[..., Performance]
SMALL = """
name = "Small"
catalogue = "cancel-first"
start = 2026-01-10T09:00:00Z

[accounts.acme]
"""
BUYS = """
[[steps]]
change = { plan = "professional", tier = "50" }
"""


def player(tmp_path: Path) -> Rehearse:
    """Plays a scenario at a Stripe that has its catalogue already."""

    def run(steps: str, document: str | None = None) -> Performance:
        scenario = parse_scenario(document or SMALL + steps)
        sold, start = scenario.catalogue_name, scenario.start
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return rehearse(
            scenario,
            folder,
            box=stocked(sold, start, None),
            stock=lambda _, parts: on_sale(parts.database, sold, start),
        )

    return run


def missed(performance: Performance) -> list[str]:
    return [
        f"{played.step.number} {one.what}: {one.expected} / {one.found}"
        for played in performance.played
        for one in played.findings
        if not one.held
    ]


def planshift(*arguments: str) -> Result:
    # A machine that goes out by a proxy, and a shell with the settings of a real deployment.
    shell = {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}
    shell |= {"STRIPE_API_KEY": "sk_live_real", "PLANSHIFT_DATABASE_URL": "postgresql://real/real"}
    return CliRunner().invoke(main, ["rehearse", *arguments], env=shell)


def load(name: str) -> str:
    return shipped()[name].read_text()
