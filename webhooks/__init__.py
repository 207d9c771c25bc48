"""What Stripe tells us: taken in once, answered at once, acted on by fetching.

``edge`` verifies and stores; ``backfill`` fetches what did not arrive; ``registry`` is the table of
contents of what is handled; ``processing`` fetches the objects that moved and hands them to the
mirror. Nothing in this room writes to Stripe (an import contract holds that).
"""

from .backfill import Backfill
from .edge import BadRequest, Edge, Receipt
from .inbox import Inbox
from .processing import Processing
from .registry import HANDLED, LISTED

__all__ = ["HANDLED", "LISTED", "Backfill", "BadRequest", "Edge", "Inbox", "Processing", "Receipt"]
