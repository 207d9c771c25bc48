"""The dashboard's controls: planned faults, habits of delivery, switches."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from flask.testing import FlaskClient

from sandbox import Switches

from .conftest import Stage
from .looking import act, shown


class TestKnobs:
    def test_faults_are_planned_shown_and_taken_back(self, stage: Stage, web: FlaskClient) -> None:
        fault = {"method": "POST", "path": "/v1/cust", "kind": "429", "back": "/dashboard/knobs"}
        text = act(web, "faults", **fault, count="2", probability="0.5")
        assert "POST /v1/cust 429 2 more, by chance of 0.5" in text
        act(web, "latency", method="*", path="", seconds="0.25")
        assert "2 faults or waits are planned" in shown(web.get("/"))
        act(web, "faults/clear")
        assert (stage.box.faults.planned, stage.box.latency.planned) == ([], [])

    def test_a_fault_without_a_count_is_endless(self, stage: Stage, web: FlaskClient) -> None:
        act(web, "faults", method="*", path="", kind="500", count="", probability="")
        assert [one.count for one in stage.box.faults.planned] == [None]

    @pytest.mark.parametrize(
        ("form", "said"),
        [
            ({"kind": "melt"}, "unknown fault"),
            ({"kind": "429", "path": "("}, "no regular expression"),
            ({"kind": "429", "count": "0"}, "a whole number from 1 on"),
            ({"kind": "429", "count": "many"}, "no number"),
            ({"kind": "429", "probability": "nan"}, "no number"),
            ({"kind": "429", "probability": "2"}, "between 0 and 1"),
        ],
    )
    def test_what_cannot_be_planned_is_said(
        self, stage: Stage, web: FlaskClient, form: dict[str, str], said: str
    ) -> None:
        assert said in act(web, "faults", **form)
        assert stage.box.faults.planned == []

    def test_habits_of_all_and_of_one(self, stage: Stage, web: FlaskClient, hook: str) -> None:
        act(web, "habits", drop="0.5", thin="yes")
        act(web, "habits", endpoint=hook, duplicate="1", back="/dashboard/knobs")
        assert (stage.box.delivery.habits().drop, stage.box.delivery.habits().thin) == (0.5, True)
        assert stage.box.delivery.habits(hook).duplicate == 1
        assert stage.box.delivery.habits(hook).thin is False
        assert "drop cannot be 3" in act(web, "habits", drop="3")
        act(web, "habits/clear")
        assert stage.box.delivery.habits(hook).duplicate == 0


class TestSwitches:
    def test_every_one_is_there_with_its_meaning(self, web: FlaskClient) -> None:
        page = web.get("/dashboard/switches").text
        for one in fields(Switches):
            row = page.split(f'<tr id="{one.name}">')[1].split("</tr>")[0]
            meaning = row.split("<br>")[1].split("</td>")[0]
            assert len(meaning) > 20, one.name

    @pytest.mark.parametrize(
        ("name", "word", "value"),
        [
            ("half_cent", "to_even", "to_even"),
            ("void_returns_balance", "false", False),
            ("draft_seconds", "60", 60),
            ("retry_days", "1, 2", (1, 2)),
            ("upcoming_days", "never", None),
            ("default_api_version", "2026-09-30.endive", "2026-09-30.endive"),
        ],
    )
    def test_they_are_turned(
        self, stage: Stage, web: FlaskClient, name: str, word: str, value: Any
    ) -> None:
        form = {"name": name, "value": word, "back": "/dashboard/switches"}
        assert f"{name} is now {word}" in act(web, "switches", **form)
        assert getattr(stage.box.switches, name) == value
        assert "usually" in shown(web.get("/dashboard/switches"))

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("half_cent", "up"),
            ("void_returns_balance", "perhaps"),
            ("draft_seconds", "-1"),
            ("draft_seconds", "never"),
            ("retry_days", "1; 2"),
            ("default_api_version", "latest"),
            ("no_switch", "1"),
        ],
    )
    def test_and_refuse_what_they_do_not_mean(
        self, stage: Stage, web: FlaskClient, name: str, word: str
    ) -> None:
        assert (
            'role="alert"'
            in web.get(
                web.post("/dashboard/switches", data={"name": name, "value": word}).location
            ).text
        )
        assert stage.box.switches == Switches()

    def test_programs_turn_them_too(self, stage: Stage, web: FlaskClient) -> None:
        path = "/_sandbox/switches"
        turned = web.post(path, json={"retry_days": [1, 2], "void_returns_balance": False})
        assert turned.get_json()["retry_days"] == [1, 2]
        assert stage.box.switches.void_returns_balance is False
        # all or none
        refused = web.post(path, json={"draft_seconds": 5, "half_cent": "up"})
        assert (refused.status_code, stage.box.switches.draft_seconds) == (400, 3600)
        assert web.post(path, json={"draft_seconds": True}).status_code == 400
        web.delete(path)
        assert stage.box.switches == Switches()
