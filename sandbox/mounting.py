"""The sandbox in-process: the official SDK's own HTTP client, answered without a socket."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from .box import Sandbox
from .kernel.faults import Dropped

if TYPE_CHECKING:
    from requests import PreparedRequest
    from responses import RequestsMock

Answered = tuple[int, dict[str, str], str]
HOSTS = ("https://api.stripe.com", "https://meter-events.stripe.com")


def mount(box: Sandbox, mock: RequestsMock, *bases: str) -> None:
    """Answers every request to `bases` made through `requests` while `mock` is active; by default
    these are Stripe's own hosts.

    Faults without an answer are raised as the exceptions `requests` raises for them.
    """

    def answer(request: PreparedRequest) -> Answered:
        parts = urlsplit(str(request.url))
        body = request.body.decode() if isinstance(request.body, bytes) else request.body or ""
        encoded = "&".join(part for part in (parts.query, str(body)) if part)
        try:
            reply = box.call(str(request.method), parts.path, encoded, dict(request.headers))
        except Dropped as dropped:
            if dropped.kind == "reset":
                raise requests.ConnectionError("Connection reset by peer") from None
            raise requests.ReadTimeout(f"Read timed out ({dropped.kind})") from None
        return reply.status, reply.headers, json.dumps(reply.body)

    for base in bases or HOSTS:
        for method in ("GET", "POST", "DELETE"):
            mock.add_callback(method, re.compile(re.escape(base) + "/.*"), answer)
