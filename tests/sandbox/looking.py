"""Somebody looks at the dashboard and presses its buttons."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from .conftest import Stage

NAMES = ("customer", "subscription", "invoice", "subscription_schedule")
PAGES = (
    "/",
    *(f"/dashboard/lists/{name}" for name in NAMES),
    *(f"/dashboard/{name}" for name in ("events", "knobs", "switches", "everything", "search")),
)


def shown(answer: TestResponse) -> str:
    """The text of a page, as a reader sees it."""
    assert answer.status_code == 200, answer.text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def act(web: FlaskClient, path: str, /, **form: Any) -> str:
    """Sends a form and reads the page that follows."""
    answer = web.post(f"/dashboard/{path}", data=form)
    assert answer.status_code == 303, answer.text
    return shown(web.get(answer.location))


def at(identifier: str) -> str:
    return f"/dashboard/objects/{identifier}"


def two(stage: Stage) -> str:
    """A subscription, by its id."""
    return str(stage.subscribe(stage.customer(), stage.price(1000))["id"])
