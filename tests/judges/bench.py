"""Who is judged for what, and the list of what was found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from sandbox import Exchange

from .document import OUR_API_VERSION as API_VERSION
from .openapi import Judge

# Our own service. Others may send what they like, and see it refused: tests do so on purpose.
OURS = re.compile(r"^bearer sk_test_planshift", re.IGNORECASE)


class Bench:
    """A sandbox's observer that holds everything it sees against Stripe's document.

    Answers and events always; requests if our service sent them, or if they name our API version
    and were carried out (without one, as the CLI asks, old names are still taken). The judge is
    asked for only when there is something to judge: the document takes a while to load.
    """

    def __init__(self, judge: Callable[[], Judge]) -> None:
        self._judge = judge
        self._found: list[str] = []

    def exchanged(self, exchange: Exchange) -> None:
        judge, status, body = self._judge(), exchange.status, exchange.body
        accepted = status is not None and status < 400
        accepted &= exchange.headers.get("stripe-version") == API_VERSION
        if accepted or OURS.match(exchange.headers.get("authorization", "")):
            self._found += judge.request(exchange.method, exchange.path, exchange.encoded)
        if status is not None and body is not None:
            self._found += judge.answer(exchange.method, exchange.path, status, body)

    def announced(self, event: dict[str, object]) -> None:
        self._found += self._judge().event(event)

    def verdict(self, disputed: Iterable[str] = ()) -> list[str]:
        """What was found since the last verdict, each once.

        ``disputed`` complaints are expected and left out; one that was not found is a complaint
        itself, so that no dispute outlives its reason.
        """
        found, self._found = list(dict.fromkeys(self._found)), []
        disputes = tuple(disputed)
        idle = [f"nobody complains: {each}" for each in disputes if each not in found]
        return [each for each in found if each not in disputes] + idle
