"""The tour: run as a person runs it, and shown to notice when something is not as announced."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mappings import Offer, load_catalogue
from service.demo.cast import NothingToTour, pick
from service.demo.programme import programme
from service.demo.scenes import leaving, opening
from service.demo.stage import Announcement, Scene, Stage
from service.demo.tour import tour

# For tours that are about something else: syncing the 128 prices of the other takes longest.
FEW_PRICES = "cancel-first"
COMMAND = (sys.executable, "-m", "service.cli", "demo")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the tour keeps its folder, so that what is left behind can be seen."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


@pytest.mark.timeout(180)
def test_the_tour_plays_every_scene_as_announced_and_leaves_nothing(temporary: Path):
    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    told = done.stdout
    for line in (
        "5 products and 128 prices, then nothing",
        "Core 10k is in effect",
        "Pro ranks above Core, so this is an upgrade",
        "6,000 unused operations at 0.00106 each",
        # 60.40 less 6,000 of the 10,000 operations that cost 10.60.
        "charged to the cent: 54.04 USD",
        "40,000 operations: what was paid back is not carried over too",
        "the lines of invoice",
        "the subscription is past due",
        "Your payment of $60.40 did not go through",
        "the subscription is active again",
        "no end is set any more",
        "Your subscription to Pro 40k monthly ended on",
    ):
        assert line in told
    assert re.search(r"customer\.subscription\.updated +[\d,]+ ms +[\d,]+ ms +[\d,]+ ms", told)
    assert "12 of 12 steps came out as announced" in told
    assert "\x1b" not in told, "colour without a terminal"
    assert not any(line.endswith(" ") for line in told.splitlines())
    assert list(temporary.iterdir()) == []
    assert processes_of(temporary) == []


def lose_the_card(stage: Stage) -> str:
    """Somebody replaces the card behind the tour's back by one that is declined."""
    stage.use_card("pm_card_chargeCustomerFail")
    return "sabotaged"


@pytest.mark.timeout(180)
def test_a_step_that_differs_ends_the_tour_with_an_error_and_keeps_the_logs(
    temporary: Path, capfd: pytest.CaptureFixture[str]
):
    scenes = list(programme(pick(load_catalogue(FEW_PRICES))))
    order = next(number for number, scene in enumerate(scenes) if scene.title == "The order")
    sabotage = Scene(
        "Sabotage", lambda _: Announcement("A bad card.", "nobody sees it"), lose_the_card
    )
    scenes.insert(order, sabotage)
    assert tour(FEW_PRICES, colour=False, scenes=scenes) == 1
    told = capfd.readouterr().out
    assert "payment_failed" in told
    assert "sandbox, last lines" in told
    assert "not played" in told
    assert f"5 of {len(scenes)} steps came out as announced" in told
    (kept,) = temporary.iterdir()
    assert str(kept) in told.replace("\n      ", "")
    assert {"service.log", "worker.log", "planshift.db"} <= {file.name for file in kept.iterdir()}
    assert processes_of(temporary) == []


@pytest.mark.timeout(120)
def test_an_expectation_that_does_not_hold_is_an_error(capfd: pytest.CaptureFixture[str]):
    def play(stage: Stage) -> str:
        stage.expect("the account has a plan", stage.in_effect(), ("no", "such"))
        return "never said"

    wrong = Scene("Wrong", lambda _: Announcement("A claim.", "a plan"), play)
    assert tour(FEW_PRICES, colour=False, scenes=[opening.ACCOUNT, wrong]) == 1
    told = capfd.readouterr().out
    assert "not so: the account has a plan" in told
    assert "never said" not in told


@pytest.mark.timeout(120)
def test_a_tour_that_is_told_to_end_leaves_no_process_and_no_file(temporary: Path):
    command = [*COMMAND, "--catalogue", FEW_PRICES]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        told = ""
        while "An account" not in told:
            told += running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        told += running.stdout.read()
    assert running.returncode == 130
    assert told.rstrip().endswith("Stopped.")
    assert list(temporary.iterdir()) == []
    assert processes_of(temporary) == []


def test_a_catalogue_that_does_not_exist_is_one_clear_line():
    command = [*COMMAND, "--catalogue", "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert len((done.stdout + done.stderr).strip().splitlines()) == 1


def test_the_cast_is_the_cheapest_monthly_plan_and_four_times_as_much_of_the_next():
    cast = pick(load_catalogue("operations"))
    assert cast.small == Offer("operations", "core", "10k", "month", "usd")
    assert cast.large == Offer("operations", "pro", "40k", "month", "usd")
    assert (cast.name(cast.small), cast.name(cast.large)) == ("Core 10k monthly", "Pro 40k monthly")


def test_scenes_follow_the_rules_of_the_catalogue(tmp_path: Path):
    text = builtin("operations").read_text()
    at_the_end = text.replace(
        'timing = "caller"\ncredit = "time_to_balance"', 'timing = "period_end"'
    )
    scenes = programme(pick(load_catalogue(written(tmp_path, at_the_end))))
    assert scenes[-1] == leaving.RUN_OUT
    at_once = text.replace('timing = "caller"', 'timing = "now"')
    scenes = programme(pick(load_catalogue(written(tmp_path, at_once))))
    assert leaving.LATER not in scenes
    assert leaving.UNCANCEL not in scenes
    assert scenes[-1] == leaving.NOW


def test_a_catalogue_without_a_monthly_plan_cannot_be_toured(tmp_path: Path):
    text = builtin("operations").read_text()
    yearly = re.sub(r"month = \{[^}]*\}, ", "", text)
    with pytest.raises(NothingToTour, match="no monthly plan"):
        pick(load_catalogue(written(tmp_path, yearly)))


def builtin(name: str) -> Path:
    import mappings

    return Path(mappings.__file__).parent / "catalogues" / f"{name}.toml"


def written(folder: Path, text: str) -> str:
    path = folder / "catalogue.toml"
    path.write_text(text)
    return str(path)


def processes_of(folder: Path) -> list[str]:
    """Processes that stand in ``folder`` or below, as those of a tour do, after a moment.

    Told by Linux only; elsewhere this finds none.
    """
    for _ in range(20):
        found = [
            entry.name
            for entry in Path("/proc").glob("*")
            if entry.name.isdigit() and _stands_in(entry, folder)
        ]
        if not found:
            return []
        time.sleep(0.1)
    return found


def _stands_in(entry: Path, folder: Path) -> bool:
    try:
        return os.readlink(entry / "cwd").startswith(str(folder))
    except OSError:
        return False
