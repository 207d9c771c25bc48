"""The catalogue: what can be bought."""

from __future__ import annotations

from typing import Any

from mappings import describe

from ..wiring import Parts
from . import schemas
from .access import ANY_KEY, scope
from .routes import Routes


def blueprint(parts: Parts) -> Routes:
    """The catalogue route."""
    routes = Routes("catalogue", __name__, url_prefix="/v1/catalogue", description=__doc__)
    # It never changes while the service runs.
    document = describe(parts.catalogue)

    @routes.get("")
    @routes.response(200, schemas.Catalogue)
    @scope(ANY_KEY)
    def get_catalogue() -> dict[str, Any]:
        """Families, plans, tiers, intervals and prices."""
        return document

    return routes
