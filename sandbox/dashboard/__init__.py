"""The dashboard: what is in this sandbox, to look at and to act on, at `/`.

Rendered here and complete without a script: reading follows links, acting posts forms. What it
does to objects it asks of the API, so that nothing can be done here that a program could not do.
"""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response

from ..box import Sandbox
from ..guard import refuse_name
from .acting import acting
from .screen import Screen
from .views import views

STYLE = Path(__file__).with_name("dashboard.css")
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    # not no-referrer: with it, browsers post forms from an origin of "null"
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

__all__ = ["dashboard"]


def dashboard(box: Sandbox) -> Blueprint:
    """The pages of one sandbox, to be mounted by the app."""
    room = Blueprint("dashboard", __name__)
    screen = Screen(box)

    @room.before_request
    def known_name() -> Response | None:
        return refuse_name(box)

    @room.after_request
    def harden(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    @room.get("/dashboard/style.css")
    def style() -> Response:
        return Response(STYLE.read_bytes(), content_type="text/css; charset=utf-8")

    views(room, box, screen)
    acting(room, box, screen)
    return room
