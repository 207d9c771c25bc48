"""A catalogue that nobody wrote runs without a line of code for it: quote, apply, undo."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import responses
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adapter.gateway.pacing import Urgency
from mappings import Catalogue, Offer
from sandbox import Sandbox, mount
from service.settings import Settings
from service.wiring import build
from tests.laws import holding
from tests.laws.selling import catalogues
from tests.support.apps import app_for
from tests.support.world import API, SECRET, START, World

SOAK = bool(os.environ.get("SOAK"))


@contextmanager
def selling(catalogue: Catalogue, template: Path) -> Iterator[World]:
    """A world that sells a catalogue made a moment ago, synced as an operator would."""
    with (
        tempfile.TemporaryDirectory() as folder,
        responses.RequestsMock(assert_all_requests_are_fired=False) as mock,
    ):
        shutil.copy(template, Path(folder) / "made_up.db")
        box = Sandbox(START)
        mount(box, mock, API)
        settings = Settings.from_environment(
            {
                "STRIPE_API_KEY": "sk_test_planshift_tests",
                "STRIPE_WEBHOOK_SECRET": SECRET,
                "PLANSHIFT_DATABASE_URL": f"sqlite:///{folder}/made_up.db",
                "PLANSHIFT_CATALOGUE": "operations",
                "PLANSHIFT_MAIL_FROM": "billing@planshift.example",
            }
        )
        parts = build(settings, catalogue=catalogue, urgency=Urgency.FREE)
        parts.catalogue_sync.run(lambda _plan: True)
        with app_for(parts) as app:
            made = World(parts, app, box, mock)
            made.register_webhook()
            yield made
        parts.database.dispose()


def asked(offer: Offer) -> dict[str, Any]:
    return {"tier": offer.tier, "interval": offer.interval, "family": offer.family}


@settings(
    max_examples=200 if SOAK else 6,
    deadline=None,
    # A failure is plain enough as it comes; making it smaller would take minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@pytest.mark.timeout(0 if SOAK else 300)
@given(data=st.data())
def test_any_valid_catalogue_quotes_applies_and_undoes(sqlite_template: Path, data: Any):
    catalogue = data.draw(catalogues())
    family = catalogue.families["thing"]
    offers = [offer for offer in family.offers(catalogue.currencies) if not offer.is_free]
    first = data.draw(st.sampled_from(offers))
    then = data.draw(st.sampled_from([offer for offer in offers if offer != first]))
    with selling(catalogue, sqlite_template) as w:
        w.account("acme")
        w.change("acme", first.plan, **asked(first))
        holding.check(w, "acme")
        w.advance(days=4)
        quote = w.quote("acme", then.plan, **asked(then))
        when = data.draw(st.sampled_from(sorted(quote["timings"])))
        answer = w.execute("acme", quote, when=when)
        assert answer.status_code == 201, answer.json
        w.settle()
        holding.check(w, "acme")
        if when == "period_end":
            assert w.plan("acme", "thing") == (first.plan, first.tier)
            undone = w.call("POST", f"/v1/plan-changes/{answer.json['id']}/cancel")
            assert undone.status_code == 200, undone.json
        else:
            assert w.plan("acme", "thing") == (then.plan, then.tier)
            charged = w.invoices("acme")[0]
            assert charged["total"] == quote["timings"]["now"]["total"]["amount"]
            back = w.quote("acme", first.plan, **asked(first))
            undone = w.execute("acme", back, when=sorted(back["timings"])[0])
            assert undone.status_code == 201, undone.json
        w.settle()
        holding.check(w, "acme")
        w.advance(days=40)
        holding.check(w, "acme")
