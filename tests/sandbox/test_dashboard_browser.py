"""The dashboard in a browser that runs no script: made, renewed, failed, retried, recovered.

`SCREENSHOTS=docs` writes the picture that docs/sandbox.md shows.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.server import Server, open_server
from tests.support.browser import browsing, chromium

START = datetime(2026, 1, 10, 9, 0, tzinfo=UTC)


class Receiver(BaseHTTPRequestHandler):
    """Answers events with the status it is told to."""

    status = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[str]:
    chromium()
    Receiver.status = 200
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(receiver: str) -> Iterator[Server]:
    # long enough a backoff that only the button sends again
    box = Sandbox(START, deliver="background", retry_waits=(600.0,))
    ask = box.ask
    product = ask("POST", "/v1/products", {"name": "Core"}).body["id"]
    for amount, name in (("1900", "Core, small"), ("4900", "Core, large")):
        price = {"product": product, "currency": "usd", "recurring[interval]": "month"}
        ask("POST", "/v1/prices", {**price, "unit_amount": amount, "nickname": name})
    server = open_server(port=0, box=box, forward_to=receiver).start()
    yield server
    server.close()


def test_a_year_s_worth_of_trouble_by_hand(server: Server) -> None:
    """Everything by forms and links: scripts are switched off."""
    with browsing(server.url, java_script_enabled=False) as page:

        def press(button: str) -> None:
            page.get_by_role("button", name=button, exact=True).first.click()

        def said(text: str) -> None:
            page.get_by_role("status").or_(page.get_by_role("alert")).get_by_text(text).wait_for()

        def status(word: str) -> None:
            page.locator("h1 .status", has_text=re.compile(f"^{word}$")).wait_for()

        page.goto("/")
        assert page.locator("time").inner_text() == "Sat 10 Jan 2026 09:00:00"
        page.get_by_label("Name").fill("Acme & Sons <b>")
        page.get_by_label("E-mail").fill("billing@acme.example")
        press("Make a customer")
        said("Made cus_")
        page.get_by_role("link", name="Acme & Sons <b>").first.click()
        customer = page.url
        page.get_by_label("Price").select_option(label="Core, 19.00 USD a month")
        press("Subscribe")
        said("is active")
        page.get_by_role("link", name="Core, 19.00 USD a month").first.click()
        status("active")
        subscription = page.url

        # a month, and the renewal that it brings
        press("+ month")
        said("The clock is at Tue 10 Feb 2026 09:00:00.")
        assert page.locator("tbody tr", has_text="subscription cycle").count() == 1
        press("+ hour")
        row = page.locator("tbody tr", has_text="subscription cycle")
        assert "paid" in row.inner_text()

        # the card starts to fail, and the receiver of events with it
        page.goto(customer)
        page.get_by_label("Card").select_option("chargeCustomerFail")
        press("Make it the default")
        Receiver.status = 500
        page.goto(subscription)
        press("+ month")
        press("+ hour")
        status("past due")
        page.get_by_role("link", name="Events", exact=True).click()
        failed = page.locator("tr", has_text="invoice.payment_failed")
        while "500 in" not in failed.inner_text():
            page.reload()
        assert "pending" in failed.inner_text()

        # the button sends it again, to a receiver that has recovered
        Receiver.status = 200
        failed.get_by_role("button").click()
        said("Sent again.")
        page.locator("tr", has_text="invoice.payment_failed").get_by_text("200 in").wait_for()

        # a better card, and the next try comes by itself
        page.goto(customer)
        page.get_by_label("Card").select_option("mastercard")
        press("Make it the default")
        page.goto(subscription)
        for _ in range(20):
            if page.locator("h1 .status").inner_text() == "active":
                break
            page.get_by_role("button", name="to the next thing").click()
        status("active")
        invoices = page.locator("section", has_text="subscription cycle")
        assert invoices.locator(".status", has_text="paid").count() == 3


def test_the_picture_of_the_overview(server: Server) -> None:
    """The overview of a small shop with a schedule, in light and dark, wide and narrow."""
    box, price = server.box, prices(server.box)
    sub = subscribe(box, "Acme", "visa", price[0])
    subscribe(box, "Broke & Co", "chargeCustomerFail", price[1])
    schedule_change(box, sub, price)
    box.advance(seconds=45 * 86_400)
    for scheme, width in (("light", 1120), ("dark", 420)):
        viewport = {"width": width, "height": 800}
        with browsing(server.url, viewport=viewport, color_scheme=scheme) as page:
            page.goto("/")
            assert page.locator("svg[role=img]").count() == 1
            overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(overflow) == 0
            if scheme == "light":
                keep_picture(page, "sandbox.png")
            # from the keyboard: the first thing is the way past the menu
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.textContent") == "To the content"


def keep_picture(page: Any, name: str) -> None:
    """Writes a picture of the page where SCREENSHOTS says."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / name)


def prices(box: Sandbox) -> list[str]:
    return [body["id"] for body in box.world.store.scan("price")]


def subscribe(box: Sandbox, name: str, card: str, price: str) -> str:
    """A customer with a subscription, whose first invoice a good card paid; its id."""
    good, owner = "pm_card_visa", {"name": name, "email": f"{name[:4].lower()}@shop.example"}
    default = "invoice_settings[default_payment_method]"
    made = box.ask("POST", "/v1/customers", {**owner, "payment_method": good, default: good}).body
    items = {"customer": made["id"], "items[0][price]": price}
    sub = str(box.ask("POST", "/v1/subscriptions", items).body["id"])
    attach = f"/v1/payment_methods/pm_card_{card}/attach"
    method = box.ask("POST", attach, {"customer": made["id"]}).body["id"]
    box.ask("POST", f"/v1/customers/{made['id']}", {default: method})
    return sub


def schedule_change(box: Sandbox, sub: str, price: list[str]) -> None:
    """Two months as it is, then the larger price."""
    path = "/v1/subscription_schedules"
    made = box.ask("POST", path, {"from_subscription": sub}).body
    phases = {
        "phases[0][start_date]": str(made["phases"][0]["start_date"]),
        "phases[0][items][0][price]": price[0],
        "phases[0][duration][interval]": "month",
        "phases[0][duration][interval_count]": "2",
        "phases[1][items][0][price]": price[1],
        "phases[1][duration][interval]": "month",
        "phases[1][duration][interval_count]": "3",
    }
    assert box.ask("POST", f"{path}/{made['id']}", phases).status == 200
