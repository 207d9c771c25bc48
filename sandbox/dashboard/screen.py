"""Rendering: the frame around every page, and what was said after the last action."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Response, redirect, request
from flask.typing import ResponseReturnValue
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ..box import Sandbox
from ..kernel.calendar import boundary
from ..kernel.errors import Json
from . import words
from .tables import Link, Status
from .timeline import WIDE

HERE = Path(__file__).parent
IDENTIFIER = re.compile(r"&#34;([a-z]+_[A-Za-z0-9_]{6,})&#34;")
KEPT_NOTES = 100
# Kinds with a place of their own in the menu; all others are listed on the page of everything.
MENU = {
    "customer": "Customers",
    "subscription": "Subscriptions",
    "invoice": "Invoices",
    "subscription_schedule": "Schedules",
}


class Screen:
    """Renders the pages of one sandbox."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._notes: OrderedDict[str, tuple[str, bool]] = OrderedDict()
        self._lock = threading.Lock()
        self._count = 0

    def show(self, page: str, /, status: int = 200, **seen: Any) -> Response:
        """A page in its frame. The sandbox's lock is held: what is shown belongs together."""
        with self._box.lock:
            html = _pages().get_template(page).render(**self._frame(), **seen)
        return Response(html, status, content_type="text/html; charset=utf-8")

    def missing(self, what: str) -> Response:
        return self.show("missing.html", 404, what=what)

    def back(self, said: str, *, good: bool = True) -> ResponseReturnValue:
        """After an action: to the page it was started from, which says how it went."""
        with self._lock:
            self._count += 1
            note = str(self._count)
            self._notes[note] = (said, good)
            while len(self._notes) > KEPT_NOTES:
                self._notes.popitem(last=False)
        return redirect(link(_own_page(request.form.get("back", "/")), note=note), 303)

    def linked(self, body: Json) -> Markup:
        """An object as JSON in which the ids of other objects lead to them."""
        text = str(escape(json.dumps(body, indent=2, ensure_ascii=False)))

        def lead(found: re.Match[str]) -> str:
            identifier = found[1]
            if identifier == body.get("id") or find(self._box, identifier) is None:
                return found[0]
            return f'&#34;<a href="/dashboard/objects/{identifier}">{identifier}</a>&#34;'

        return Markup(IDENTIFIER.sub(lead, text))  # noqa: S704  (escaped above; ids are plain)

    def _frame(self) -> Json:
        """What every page shows: the clock, what comes next, and the last action's outcome."""
        box, now = self._box, self._box.now()
        due = box.world.next_due(None)
        said = self._notes.get(request.args.get("note", ""))
        seen = {name: value for name, value in request.args.items() if name != "note"}
        return {
            "now": now,
            "frozen": box.world.frozen,
            "next": due,
            "a_month_on": boundary(now, "month", 1, 1),
            "waiting": len(box.pending_deliveries()),
            "trouble": len(box.faults.planned) + len(box.latency.planned),
            "said": said,
            "name_of": lambda body: words.name_of(box.world.store, body),
            "json": self.linked,
            "here": link(request.path, **seen),
            "path": request.path,
        }


@cache
def _pages() -> Environment:
    """The templates, compiled once for all sandboxes of the process."""
    pages = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.globals.update(
        WIDE=WIDE,
        MENU=MENU,
        is_link=lambda cell: isinstance(cell, Link),
        is_status=lambda cell: isinstance(cell, Status),
        link=link,
    )
    told = (words.clock_face, words.day, words.iso, words.money, words.moment, words.mood)
    pages.filters.update({one.__name__: one for one in told})
    return pages


def find(box: Sandbox, identifier: str) -> Json | None:
    """The object of this id, whatever it is."""
    for family in box.world.store.families():
        body = box.world.store.peek(family, identifier)
        if body is not None:
            return body
    return None


def link(path: str, **query: Any) -> str:
    """A path with those of the query's values that say something."""
    parts = urlsplit(path)
    told = {name: value for name, value in query.items() if value not in ("", None)}
    joined = "&".join(part for part in (parts.query, urlencode(told)) if part)
    return f"{parts.path}?{joined}" if joined else parts.path


def _own_page(path: str) -> str:
    """The path if it is one of the dashboard's: a form never leads anywhere else."""
    own = path == "/" or path.startswith(("/?", "/dashboard/"))
    return path if own and "\\" not in path and "\n" not in path else "/"
