"""Every kind of change, as a story short enough to be told again for each way it can go wrong.

To add one, add a ``Scenario`` to the file of its kind: how the world is before it, what is done,
and how it ends when nothing goes wrong. Then write its points down (see ``points.py``).
"""

from __future__ import annotations

from .at_once import AT_ONCE
from .at_pages import AT_PAGES
from .at_period_end import AT_PERIOD_END
from .metered import METERED
from .orders import ORDERS
from .packs import PACKS

SCENARIOS = (*AT_ONCE, *AT_PERIOD_END, *PACKS, *AT_PAGES, *METERED, *ORDERS)
