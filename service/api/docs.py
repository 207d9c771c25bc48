"""The API described by itself: ``/openapi.json`` for programs, ``/docs`` for people.

Both come from one document. The page is plain HTML with its own style inside: no script, no
other host.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, json
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from .access import PUBLIC, scope
from .problem_codes import CHAPTERS
from .reading import nouns

PAGES = Path(__file__).parent.parent / "pages"


def blueprint(document: dict[str, Any]) -> Blueprint:
    """The routes of the description ``document``; they are not part of it themselves."""
    routes = Blueprint("docs", __name__)
    described = json.dumps(document)
    environment = _environment()
    style = environment.get_template("docs.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    @cache
    def page() -> str:
        template = environment.get_template("docs.html.j2")
        return template.render(info=document["info"], nouns=nouns(document), chapters=CHAPTERS)

    @routes.get("/openapi.json")
    @scope(PUBLIC)
    def openapi() -> Response:
        """The description for programs."""
        return Response(described, content_type="application/json")

    @routes.get("/docs")
    @scope(PUBLIC)
    def docs() -> Response:
        """The description for people."""
        shown = Response(page(), content_type="text/html; charset=utf-8")
        shown.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"
        )
        return shown

    return routes


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
