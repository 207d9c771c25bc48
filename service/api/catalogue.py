"""The catalogue: what can be bought."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from mappings import describe

from ..wiring import Parts
from .access import ANY_KEY, scope


def blueprint(parts: Parts) -> Blueprint:
    """The catalogue route."""
    routes = Blueprint("catalogue", __name__, url_prefix="/v1/catalogue", description=__doc__)
    # It never changes while the service runs.
    document = describe(parts.catalogue)

    @routes.get("")
    @routes.response(200)
    @scope(ANY_KEY)
    def get_catalogue() -> dict[str, Any]:
        """Families, plans, tiers, intervals and prices."""
        return document

    return routes
