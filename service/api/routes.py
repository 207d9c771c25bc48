"""The blueprint of all nouns: flask-smorest's, with a parser that takes nothing for granted."""

from __future__ import annotations

from typing import Any, NoReturn

import flask_smorest
from flask import Request, abort
from marshmallow import RAISE, Schema
from webargs.flaskparser import FlaskParser, is_json_request


class Parser(FlaskParser):
    """Reads JSON bodies; what cannot be read is the caller's fault, never a 500."""

    # A misspelt filter that is passed over gives the wrong list, and nobody notices.
    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": RAISE}

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body. A body of another type is refused rather than passed over: read as empty it
        would mean "all defaults", which for a cancellation means a lot.
        """
        if req.get_data(cache=True) and not is_json_request(req):
            abort(415, "Send the body as application/json.")
        try:
            return super().load_json(req, schema)
        except (RecursionError, ValueError):
            # json gives up on thousands of brackets, and on integers of thousands of digits.
            _unreadable()


def _unreadable() -> NoReturn:
    abort(400, "The body is not JSON that can be read.")


class Routes(flask_smorest.Blueprint):
    """The routes of one noun."""

    ARGUMENTS_PARSER = Parser()
