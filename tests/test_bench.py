"""What the benchmark takes hold of is there: it is run seldom, and would notice too late."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import claiming
from tests.bench.databases import Databases


def test_a_claim_is_measured_as_the_worker_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(claiming, "LAST", 100)
    monkeypatch.setattr(claiming, "SIZES", (100, 1_000))
    monkeypatch.setattr(claiming, "ROUNDS", 2)
    claiming.measure(Databases(tmp_path, None))
    said = capsys.readouterr().out
    for index in claiming.INDEXES:
        assert f"uses {index}" in said
    assert "DOES NOT USE" not in said
