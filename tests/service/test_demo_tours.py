"""The tours of the other catalogues: the scenes that only they have."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings import load_catalogue
from service.demo.cast import pick
from service.demo.programme import programme
from service.demo.scenes import growing, leaving, metering, opening, ordering, scheduling
from service.demo.tour import tour

BEGINNING = [opening.SYNC, opening.ACCOUNT, opening.PURCHASE, growing.QUOTE, growing.ORDER]
SCHEDULING = [scheduling.SCHEDULE, scheduling.REPLACE, scheduling.TAKE_BACK, scheduling.BEGIN]


def test_where_the_caller_chooses_a_change_waits_for_its_cycle():
    scenes = programme(pick(load_catalogue("choose-when")))
    first = scenes.index(scheduling.SCHEDULE)
    assert scenes[first : first + 4] == SCHEDULING
    assert leaving.AGAIN not in scenes


def test_where_one_goes_down_by_leaving_one_comes_back():
    scenes = programme(pick(load_catalogue("cancel-first")))
    assert scenes[-2:] == [leaving.NOW, leaving.AGAIN]
    assert scheduling.SCHEDULE not in scenes


def test_where_families_share_a_subscription_they_are_ordered_together():
    scenes = programme(pick(load_catalogue("contacts")))
    assert scenes[-3:] == [leaving.RUN_OUT, ordering.TOGETHER, ordering.AT_A_PAGE]
    assert ordering.TOGETHER not in programme(pick(load_catalogue("choose-when")))


@pytest.mark.timeout(180)
def test_the_tour_of_orders_comes_out_as_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    scenes = [opening.SYNC, opening.ACCOUNT, opening.PURCHASE, leaving.RUN_OUT]
    scenes += [ordering.TOGETHER, ordering.AT_A_PAGE]
    assert tour("contacts", colour=False, scenes=scenes) == 0
    told = capfd.readouterr().out
    assert "one invoice over 57.00 USD is paid" in told
    assert "6 of 6 steps came out as announced" in told


def test_where_usage_is_billed_the_tour_is_about_usage():
    scenes = programme(pick(load_catalogue("metered")))
    assert scenes == [
        opening.SYNC,
        opening.ACCOUNT,
        metering.SIGN_UP,
        metering.USAGE,
        metering.CHARGES,
        metering.BILL,
        metering.LEAVING,
        metering.SALES_REQUEST,
    ]


@pytest.mark.timeout(180)
def test_the_tour_of_usage_comes_out_as_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert tour("metered", colour=False) == 0
    told = capfd.readouterr().out
    assert "8 of 8 steps came out as announced" in told
    assert "24.00 USD so far" in told


@pytest.mark.timeout(180)
def test_the_scenes_come_out_as_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    scenes = [*BEGINNING, *SCHEDULING, leaving.NOW, leaving.AGAIN]
    assert tour("choose-when", colour=False, scenes=scenes) == 0
    told = capfd.readouterr().out
    for line in (
        "Stripe has a schedule with what runs and what follows",
        "the change before it is replaced",
        "no schedule is left at Stripe",
        "Starter 1k is in effect",
        "stays on the balance for what comes",
    ):
        assert line in told
    assert "11 of 11 steps came out as announced" in told
    assert list(tmp_path.iterdir()) == []
