"""What every resource stands on, with no knowledge of any: the journaled store, clocks and the
agenda of due work, deterministic ids, form parsing and declared fields, error bodies, rendering and
expansion, list pages, idempotency keys, faults, webhook delivery and the table of endpoints.
"""

from .errors import Json, StripeError
from .routing import Call, Route
from .world import World

__all__ = ["Call", "Json", "Route", "StripeError", "World"]
