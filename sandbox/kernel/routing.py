"""The table of endpoints: method, path, what it accepts, who handles it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from .errors import Json, unknown_url
from .fields import Fields, array, text

if TYPE_CHECKING:
    from .world import World


@dataclass(frozen=True)
class Call:
    """One request as its handler sees it: typed parameters, and the ids of its path."""

    params: Json
    path: dict[str, str]
    url: str

    @property
    def id(self) -> str:
        return self.path["id"]


Handler = Callable[["World", Call], Json]

EXPAND: Fields = {"expand": array(text())}


@dataclass(frozen=True, eq=False)
class Route:
    """`Route("POST", "/v1/customers/<id>", update, FIELDS)`; `expand` is accepted everywhere."""

    method: str
    path: str
    handler: Handler
    accepts: Fields


class Table:
    """Finds the route of a request with Flask's own routing (werkzeug's Map)."""

    def __init__(self, routes: list[Route]) -> None:
        self.routes = routes
        rules = [Rule(route.path, methods=[route.method], endpoint=route) for route in routes]
        self._map = Map(rules, strict_slashes=True, merge_slashes=False)

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route and its path ids, or Stripe's 404 for an unknown URL."""
        try:
            route, values = self._map.bind("localhost").match(path, method=method)
        except HTTPException:
            raise unknown_url(method, path) from None
        return route, dict(values)
