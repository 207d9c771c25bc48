"""Rate limits: what one key may ask for, and how often one address may be refused.

A key has a generous allowance, so that one caller's loop does not take the service from the
others. Refusals (a wrong key, a webhook that is not Stripe's) are counted per remote address, and
only they: once the allowance is used up a refusal says 429, while a good key and a signed event
are never held up, whatever else comes from their address. This matters behind a proxy, where all
callers may share its address. ``X-Forwarded-For`` is therefore neither read nor needed (anybody
can write it); who wants it per caller wraps the app in werkzeug's ``ProxyFix``.

Counting is in memory, for each serving process by itself: N processes allow up to N times as
much. Health, metrics and documentation need no key and are not counted.
"""

from __future__ import annotations

import time

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RateLimitExceeded
from flask_limiter.util import get_remote_address
from limits import parse

from .access import caller
from .problems import problem

PER_KEY = "1000/minute"
REFUSALS = parse("30/minute")
WEBHOOK = "webhooks.receive"


def install(app: Flask, per_key: str) -> Limiter:
    """Count every request. Call after ``access.install``: it says whose request it is."""
    limiter = Limiter(
        key_func=lambda: caller().key_id,
        application_limits=[per_key],
        storage_uri="memory://",
    )
    limiter.request_filter(lambda: "caller" not in g)
    limiter.init_app(app)

    def exceeded(_error: RateLimitExceeded) -> Response:
        current = limiter.current_limit
        return _too_many(current.reset_at if current else time.time())

    def count_refusals(response: Response) -> Response:
        kind = _refusal(response)
        if kind is None or limiter.limiter.hit(REFUSALS, kind, get_remote_address()):
            return response
        window = limiter.limiter.get_window_stats(REFUSALS, kind, get_remote_address())
        return _too_many(window.reset_time)

    app.register_error_handler(RateLimitExceeded, exceeded)
    app.after_request(count_refusals)
    return limiter


def _refusal(response: Response) -> str | None:
    """What kind of refusal an answer is, if it is one that counts."""
    if response.status_code == 401:
        return "key"
    if response.status_code in (400, 413) and request.endpoint == WEBHOOK:
        return "webhook"
    return None


def _too_many(until: float) -> Response:
    seconds = max(1, int(until - time.time()) + 1)
    response = problem(429, "rate_limited", f"Too many requests; wait {seconds} s.")
    response.headers["Retry-After"] = str(seconds)
    return response
