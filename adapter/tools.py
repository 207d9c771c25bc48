"""What carrying out plan changes and purchases takes."""

from __future__ import annotations

from dataclasses import dataclass

from .changes.schedules.bringing import Scheduling
from .checkouts.sessions import Checkouts
from .deployment import Deployment
from .metering.sending import Sending


@dataclass(frozen=True)
class Tools(Deployment):
    """A deployment, with what does a part of the work: schedules, pages, and usage on its way."""

    scheduling: Scheduling
    checkouts: Checkouts
    sending: Sending
