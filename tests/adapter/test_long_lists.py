"""Lists inside an object: Stripe answers ten of them, and all of them are wanted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.world import World, world

pytestmark = pytest.mark.by_turns
MANY = 12


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url) as made:
        yield made


def prices(w: World) -> list[str]:
    made = []
    for n in range(MANY):
        product = w.stripe("POST", "/v1/products", name=f"Part {n}")["id"]
        asked = {"product": product, "currency": "usd", "unit_amount": 100 + n}
        made.append(
            w.stripe("POST", "/v1/prices", **asked, **{"recurring[interval]": "month"})["id"]
        )
    return made


def test_a_subscription_is_read_with_all_items_and_its_invoice_with_all_lines(w: World):
    customer = w.account("acme")
    items = {f"items[{n}][price]": price for n, price in enumerate(prices(w))}
    made = w.stripe("POST", "/v1/subscriptions", customer=customer, **items)
    shown = w.stripe("GET", f"/v1/invoices/{made['latest_invoice']}")["lines"]
    assert (len(shown["data"]), shown["has_more"]) == (10, True)
    since = len(w.calls())
    read = w.parts.reader.subscription(made["id"])
    assert len({item.id for item in read.items}) == MANY
    assert read.invoice is not None
    assert sorted(line.amount for line in read.invoice.lines) == [100 + n for n in range(MANY)]
    invoice = w.parts.reader.invoice(made["latest_invoice"])
    assert len({line.id for line in invoice.lines}) == MANY
    assert len(w.calls(since)) > 2


def test_a_short_one_takes_one_question(w: World):
    customer = w.account("acme")
    made = w.stripe(
        "POST", "/v1/subscriptions", customer=customer, **{"items[0][price]": prices(w)[0]}
    )
    since = len(w.calls())
    assert len(w.parts.reader.subscription(made["id"]).items) == 1
    assert len(w.parts.reader.invoice(made["latest_invoice"]).lines) == 1
    assert len(w.calls(since)) == 2


def test_an_id_is_a_part_of_the_path_and_no_more(w: World):
    """Ids come from events, whose signature says that they are Stripe's own; still."""
    since = len(w.calls())
    with pytest.raises(Exception, match="No such subscription"):
        w.parts.reader.subscription("../customers?x=1#")
    assert [call.path for call in w.calls(since)] == ["/v1/subscriptions/..%2Fcustomers%3Fx%3D1%23"]
