"""How the official SDK is set up: pinned version, timeouts, bounded retries, no telemetry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import stripe

from .pacing import Pacing

# The SDK pins its API version; naming it makes an upgrade a visible change here.
API_VERSION = "2026-10-28.endive"
CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 20.0
READ_RETRIES = 2
WRITE_RETRIES = 1


@dataclass(frozen=True)
class StripeSettings:
    """What is needed to reach Stripe; ``api_base`` None means Stripe's own address."""

    api_key: str
    api_base: str | None = None
    read_timeout_s: float = READ_TIMEOUT_S

    @property
    def timeouts(self) -> tuple[float, float]:
        """Seconds to wait for a connection, and for each piece of an answer."""
        return min(CONNECT_TIMEOUT_S, self.read_timeout_s), self.read_timeout_s

    @property
    def ownership_s(self) -> float:
        """How long an unanswered intent belongs to its request: twice the HTTP timeout.

        One try plus ``WRITE_RETRIES`` fit in it; only then may the worker take the intent over.
        """
        return (1 + WRITE_RETRIES) * sum(self.timeouts)


class StripeTime:
    """Stripe's own clock as seen in its ``Date`` headers, kept as an offset to wall time.

    Billing rules (quote expiry, proration dates, due work of a customer) go by it. An answer that
    shows no date changes nothing.
    """

    def __init__(self, wall: Callable[[], datetime]) -> None:
        self._wall = wall
        self._offset = timedelta(0)

    def observe(self, date_header: str | None) -> None:
        """Learn the offset from a ``Date`` header; sub-second differences are noise."""
        if not date_header:
            return
        offset = parsedate_to_datetime(date_header).astimezone(UTC) - self._wall()
        self._offset = offset if abs(offset) > timedelta(seconds=2) else timedelta(0)

    def now(self) -> datetime:
        """The present moment at Stripe, to the second."""
        return (self._wall() + self._offset).replace(microsecond=0)


# What Stripe would answer if we did not wait our turn.
_BUSY = b'{"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "Busy."}}'


class _PacedClient(stripe.RequestsClient):
    """Stripe's own HTTP client: every try waits its turn, whoever calls, and each answer's
    ``Date`` is shown to ``StripeTime``.
    """

    def __init__(self, time: StripeTime, pacing: Pacing, timeout: tuple[float, float]) -> None:
        super().__init__(timeout=timeout)
        self._time = time
        self._pacing = pacing

    def request(self, method, url, headers, post_data=None):  # type: ignore[no-untyped-def,override]
        if not self._pacing.admit(method, url):
            return _BUSY, 429, {}
        answer = super().request(method, url, headers, post_data)
        self._time.observe(answer[2].get("Date"))
        if answer[1] == 429:
            self._pacing.turned_away(method, url, answer[2], answer[0])
        return answer


def connect(settings: StripeSettings, time: StripeTime, pacing: Pacing) -> stripe.StripeClient:
    """A client on the pinned API version that may be shared by all threads.

    Without ``max_network_retries`` a StripeClient does not retry at all; each call says its own.
    """
    # Telemetry would write a file into the home directory of whoever runs the service.
    stripe.enable_telemetry = False
    return stripe.StripeClient(
        settings.api_key,
        stripe_version=API_VERSION,
        max_network_retries=READ_RETRIES,
        http_client=_PacedClient(time, pacing, settings.timeouts),
        base_addresses={"api": settings.api_base} if settings.api_base else {},
    )
