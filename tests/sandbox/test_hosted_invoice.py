"""The hosted invoice page: a person, or a test, pays with a chosen card."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from sandbox import create_app

from .conftest import Stage


@pytest.fixture
def browser(stage: Stage) -> FlaskClient:
    return create_app(stage.box).test_client()


@pytest.fixture
def unpaid(stage: Stage) -> Any:
    """A subscription whose first invoice waits for its payment."""
    sub = stage.subscribe(
        stage.customer(), stage.price(2500), payment_behavior="default_incomplete"
    )
    return stage.latest(sub["id"])


def path_of(invoice: Any) -> str:
    return urlsplit(invoice["hosted_invoice_url"]).path


def test_it_shows_what_is_due(browser: FlaskClient, unpaid: Any) -> None:
    page = browser.get(path_of(unpaid)).text
    assert unpaid["number"] in page
    assert "25.00" in page
    assert "pm_card_visa" in page


def test_paying_starts_the_subscription(stage: Stage, browser: FlaskClient, unpaid: Any) -> None:
    answer = browser.post(path_of(unpaid), data={"card": "pm_card_mastercard"})
    assert answer.status_code == 303
    assert answer.location.endswith("?result=paid")
    assert stage.invoice(unpaid["id"])["status"] == "paid"
    owner = unpaid["parent"]["subscription_details"]["subscription"]
    assert stage.sub(owner)["status"] == "active"
    assert "Pay" not in browser.get(path_of(unpaid)).text


@pytest.mark.parametrize("card", ["pm_card_chargeCustomerFail", "pm_card_chargeDeclined"])
def test_a_declined_card(stage: Stage, browser: FlaskClient, unpaid: Any, card: str) -> None:
    answer = browser.post(path_of(unpaid), data={"card": card}, follow_redirects=True)
    assert "declined" in answer.text
    assert stage.invoice(unpaid["id"])["status"] == "open"


@pytest.mark.parametrize(("word", "status"), [("complete", "paid"), ("fail", "open")])
def test_a_bank_s_challenge(
    stage: Stage, browser: FlaskClient, unpaid: Any, word: str, status: str
) -> None:
    path = path_of(unpaid)
    asked = browser.post(path, data={"card": "pm_card_threeDSecure2Required"})
    assert asked.location.endswith("?result=action")
    assert "Your bank asks" in browser.get(path).text
    browser.post(path, data={"answer": word})
    assert stage.invoice(unpaid["id"])["status"] == status


def test_no_page_and_no_card(browser: FlaskClient, unpaid: Any) -> None:
    assert browser.get("/i/acct_sandbox/test_in_none").status_code == 404
    assert browser.post(path_of(unpaid), data={"card": "pm_card_none"}).status_code == 400
