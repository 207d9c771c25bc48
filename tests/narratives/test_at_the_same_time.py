"""Two requests, or a request and the news, at the same time.

Cases that other systems got wrong; docs/adr/004-plan-change-cases.md says which is which.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.support.teams import GROWTH, SCALE, TEAM, order
from tests.support.world import World, world

pytestmark = pytest.mark.by_turns


@pytest.fixture
def w(database_url: str) -> Iterator[World]:
    with world(database_url, catalogue="choose-when") as made:
        made.account("acme")
        yield made


def test_two_first_purchases_at_the_same_time_are_one(w: World):
    quotes = [w.quote("acme", *GROWTH, family=TEAM), w.quote("acme", *SCALE, family=TEAM)]
    together = Barrier(2)

    def execute(quote: Any) -> Any:
        together.wait()
        body = {"quote": quote["id"], "when": "now", "acknowledgements": []}
        return w.app.test_client().post(
            "/v1/accounts/acme/plan-changes", json=body, headers=w.headers
        )

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(execute, quotes))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    # Whoever comes second finds the first under way, or made already.
    (lost,) = (answer for answer in answers if answer.status_code == 409)
    assert lost.json["code"] in ("change_in_progress", "quote_stale")
    w.settle()
    assert w.subscription("acme")["status"] == "active"
    assert len(w.charged("acme")) == 1


def test_a_purchase_made_while_another_is_looked_at_once_more_is_seen(
    w: World, monkeypatch: pytest.MonkeyPatch
):
    first, second = w.quote("acme", *GROWTH, family=TEAM), w.quote("acme", *SCALE, family=TEAM)
    look = w.parts.quotes.still_holds

    def overtaken(*given: Any) -> Any:
        agreed = look(*given)
        monkeypatch.setattr(w.parts.quotes, "still_holds", look)
        # Bought, paid and over: no open change is in the way any more.
        assert w.execute("acme", first).status_code == 201
        return agreed

    monkeypatch.setattr(w.parts.quotes, "still_holds", overtaken)
    answer = w.execute("acme", second)
    assert (answer.status_code, answer.json["code"]) == (409, "quote_stale")
    assert answer.json["quote"]["kind"] == "change"
    w.settle()
    assert (w.plan("acme", TEAM), w.charged("acme")) == (GROWTH, [15_900])


def test_an_answer_that_is_overtaken_by_news_is_fetched_again(
    w: World, monkeypatch: pytest.MonkeyPatch
):
    order(w, "now", *GROWTH)
    quote = w.quote("acme", *SCALE, family=TEAM)
    writer = w.parts.writer
    send = writer.send

    def slow(*given: Any) -> Any:
        answer = send(*given)
        # While the answer is on its way, the events of what it did are worked off.
        w.settle()
        return answer

    monkeypatch.setattr(writer, "send", slow)
    since = len(w.calls())
    answer = w.execute("acme", quote, when="now")
    assert answer.json["lines"][0]["state"] == "applied"
    paths = [(call.method, call.path) for call in w.calls(since)]
    wrote = paths.index(("POST", f"/v1/subscriptions/{w.subscription('acme')['id']}"))
    assert any(method == "GET" and "/subscriptions/" in path for method, path in paths[wrote:])
    w.settle()
    assert w.plan("acme", TEAM) == SCALE
