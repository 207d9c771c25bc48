"""The command line, as an operator types it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path

import pytest
import requests
import responses

from sandbox import Sandbox, mount
from service.cli import main
from tests.support.commands import Planshift, planshift_on

pytestmark = pytest.mark.by_turns

API = "https://api.stripe.com"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    made = Sandbox(datetime(2026, 1, 10, tzinfo=UTC))
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mount(made, mock)
        yield made


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A copy of a shipped catalogue, to be edited."""
    path = tmp_path / "shop.toml"
    path.write_text(files("mappings.catalogues").joinpath("operations.toml").read_text())
    return path


@pytest.fixture
def planshift(box: Sandbox, catalogue: Path, database_url: str) -> Planshift:
    return planshift_on(database_url, PLANSHIFT_CATALOGUE=str(catalogue))


def writes(box: Sandbox) -> int:
    return sum(call.method != "GET" for call in box.request_log)


def test_sync_twice_writes_once_and_an_edited_amount_makes_exactly_one_price(
    planshift: Planshift, box: Sandbox, catalogue: Path
):
    assert planshift("catalogue", "diff").exit_code == 1
    first = planshift("catalogue", "sync")
    assert first.exit_code == 0, first.output
    assert "128 prices to create" in first.output
    before = writes(box)
    second = planshift("catalogue", "sync")
    assert (second.exit_code, writes(box)) == (0, before)
    assert planshift("catalogue", "diff").exit_code == 0

    text = catalogue.read_text()
    assert text.count('usd = "10.60"') == 1
    catalogue.write_text(text.replace('usd = "10.60"', 'usd = "11.90"'))
    shown = planshift("catalogue", "diff")
    assert (shown.exit_code, writes(box)) == (1, before), shown.output
    assert "1 price to create" in shown.output
    assert planshift("catalogue", "sync").exit_code == 0
    made = [call for call in box.request_log if call.path == "/v1/prices" and call.method == "POST"]
    assert len(made) == 129


def test_check_reports_every_problem_at_once_by_path(planshift: Planshift, catalogue: Path):
    text = catalogue.read_text()
    text = text.replace('usd = "10.60"', 'usd = "10.605"').replace("rank = 2", 'rank = "second"')
    catalogue.write_text(text)
    checked = planshift("catalogue", "check")
    assert checked.exit_code == 1
    assert "families.operations.plans.core.tiers[0].prices.month.usd" in checked.output
    assert "families.operations.plans.pro.rank" in checked.output
    assert "Traceback" not in checked.output


def test_check_and_show_take_a_file_or_a_name(planshift: Planshift, catalogue: Path):
    assert "ok" in planshift("catalogue", "check", str(catalogue)).output
    shown = planshift("catalogue", "show", "operations")
    assert json.loads(shown.output)["families"]
    assert "operations" in planshift("catalogue", "list").output


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"STRIPE_API_KEY": ""}, "STRIPE_API_KEY is not set"),
        ({"PLANSHIFT_LIVEMODE": "1"}, "test key"),
        ({"STRIPE_API_KEY": "sk_live_abc_123"}, "live key"),
        ({"PLANSHIFT_LIVEMODE": "perhaps"}, "PLANSHIFT_LIVEMODE"),
        ({"PLANSHIFT_SMTP_URL": "smtp://localhost"}, "PLANSHIFT_MAIL_FROM"),
        ({"PLANSHIFT_STRIPE_TIMEOUT": "soon"}, "PLANSHIFT_STRIPE_TIMEOUT"),
        ({"PLANSHIFT_DATABASE_URL": "mysql://x/y"}, "sqlite:///"),
        ({"PLANSHIFT_DATABASE_URL": "nonsense"}, "PLANSHIFT_DATABASE_URL"),
        ({"PLANSHIFT_CATALOGUE": "nowhere.toml"}, "nowhere.toml"),
    ],
)
def test_a_missing_or_contradictory_setting_stops_the_start_with_one_clear_line(
    planshift: Planshift, setting: dict[str, str], said: str
):
    for command in (("worker", "--once"), ("doctor",), ("catalogue", "diff")):
        refused = planshift(*command, **setting)
        assert refused.exit_code == 1, (command, refused.output)
        assert said in refused.output, (command, refused.output)
        assert "Traceback" not in refused.output
        assert isinstance(refused.exception, SystemExit)


def test_a_key_is_shown_once_and_kept_hashed(planshift: Planshift):
    made = planshift("keys", "create", "billing", "--scope", "accounts:read")
    key = made.output.strip()
    assert key.startswith("psk_")
    listed = planshift("keys", "list").output
    assert "billing" in listed
    assert key.split("_", 2)[2] not in listed
    assert planshift("keys", "revoke", key.split("_")[1]).exit_code == 0
    assert planshift("keys", "create", "x", "--scope", "everything").exit_code == 1


def test_the_doctor_finds_what_is_missing_and_is_content_when_it_is_mended(planshift: Planshift):
    ill = planshift("doctor")
    assert ill.exit_code == 1
    assert "planshift catalogue sync" in ill.output
    assert "planshift webhooks register" in ill.output
    assert planshift("catalogue", "sync").exit_code == 0
    more = {
        "PLANSHIFT_SMTP_URL": "smtp://127.0.0.1:25",
        "PLANSHIFT_MAIL_FROM": "a@b.example",
        "PLANSHIFT_PUBLIC_URL": "https://planshift.example",
    }
    assert planshift("webhooks", "register", **more).exit_code == 0
    well = planshift("doctor", **more)
    assert well.exit_code == 0, well.output


def test_the_worker_once_does_what_is_due_and_ends(planshift: Planshift):
    assert planshift("worker", "--once").exit_code == 0


def test_help_teaches_every_command(planshift: Planshift):
    for command in main.commands.values():
        said = planshift(str(command.name), "--help")
        assert said.exit_code == 0
        assert command.help or command.callback.__doc__


def test_import_rehearses_until_told_to_and_says_what_to_do(planshift: Planshift, box: Sandbox):
    planshift("catalogue", "sync")
    send = partial(requests.post, headers={"Authorization": "Bearer sk_test_shop"}, timeout=5)
    card = {"payment_method": "pm_card_visa", "email": "old@shop.example"}
    default = {"invoice_settings[default_payment_method]": "pm_card_visa"}
    who = send(f"{API}/v1/customers", data={**card, **default}).json()["id"]
    terms = {"currency": "usd", "unit_amount": 500, "recurring[interval]": "month"}
    price = send(f"{API}/v1/prices", data={**terms, "product_data[name]": "Old"}).json()["id"]
    send(f"{API}/v1/subscriptions", data={"customer": who, "items[0][price]": price})
    before = writes(box)
    rehearsed = planshift("accounts", "import")
    assert (rehearsed.exit_code, writes(box)) == (1, before), rehearsed.output
    assert "Would adopt 1 customers with 1 live subscriptions." in rehearsed.output
    assert f"planshift catalogue adopt {price}" in rehearsed.output
    assert planshift("accounts", "show", who).exit_code == 1
    done = json.loads(planshift("accounts", "import", "--yes", "--json").stdout)
    assert (done["adopted"], done["not_changeable"][0]["code"]) == (1, "unknown_price")
    adopted = planshift("catalogue", "adopt", price, "operations/core/10k/month")
    assert "1 subscription(s) here were mapped anew" in adopted.output
    clean = planshift("accounts", "import")
    assert (clean.exit_code, "Known already: 1." in clean.output) == (0, True), clean.output
    nonsense = planshift("accounts", "import", "--ref", "shoe-size")
    assert "say customer, email, or metadata:KEY" in nonsense.output
