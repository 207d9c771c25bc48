"""Stripe's errors, sorted once by what they mean for us.

The table is closed: anything it does not name is re-raised as it is, because guessing here moves
money (pattern: dj-stripe's error policy as data).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import stripe

from .gone import Kind, is_gone


class GatewayFailure(Exception):
    """Root: ``code`` and ``message`` are Stripe's, ``request_id`` helps its support."""

    def __init__(
        self,
        code: str | None,
        message: str,
        request_id: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(f"{code or 'error'}: {message} (request {request_id or 'unknown'})")
        self.code = code
        self.message = message
        self.request_id = request_id
        self.param = param

    @property
    def needs_action(self) -> bool:
        """Whether the payment waits for the customer (3-D Secure) rather than having failed."""
        return self.code in NEEDS_ACTION


class Declined(GatewayFailure):
    """402: the payment was refused or needs the customer's action. Stored under the key."""


class Refused(GatewayFailure):
    """400/404: Stripe did not do it and would say so again."""


class Gone(Refused):
    """404: the object named in the path does not exist (any more); see ``gone``."""


class NotExecuted(GatewayFailure):
    """429: turned away before anything happened; the same key may be used again."""


class Unanswered(GatewayFailure):
    """No answer: it may or may not have happened. Resend the same key."""


class StoredFailure(GatewayFailure):
    """5xx: it may or may not have happened, and the key would replay this answer. Look first."""


class NotAllowed(GatewayFailure):
    """401/403: the key is wrong or lacks the permission; an operator has to act."""


NEEDS_ACTION = frozenset({"invoice_payment_intent_requires_action", "authentication_required"})


@contextmanager
def sorted_failures(of: Kind | None = None) -> Iterator[None]:
    """Turn the SDK's exceptions of one call into ours. Only where one object of the kind ``of`` is
    asked for by its id can the answer be that it is gone.
    """
    try:
        yield
    except stripe.StripeError as error:
        raise _sort(error, of) from error


def _sort(error: stripe.StripeError, of: Kind | None) -> GatewayFailure | stripe.StripeError:
    kind = _kind(error)
    if kind is None:
        return error
    inner = error.error
    # Some classes leave .code empty and keep it on .error.
    code = error.code or getattr(inner, "code", None)
    message = error.user_message or str(error)
    param = getattr(error, "param", None)
    if kind is Refused and of and is_gone(of, error.http_status, code, param, message):
        kind = Gone
    return kind(code=code, message=message, request_id=error.request_id, param=param)


# The first class that fits decides; the order matters only where one is another's parent.
_BY_CLASS: tuple[tuple[type[stripe.StripeError], type[GatewayFailure]], ...] = (
    (stripe.APIConnectionError, Unanswered),
    (stripe.RateLimitError, NotExecuted),
    (stripe.CardError, Declined),
    (stripe.AuthenticationError, NotAllowed),
    (stripe.PermissionError, NotAllowed),
)


def _kind(error: stripe.StripeError) -> type[GatewayFailure] | None:
    status = error.http_status or 0
    for theirs, ours in _BY_CLASS:
        if isinstance(error, theirs):
            return ours
    if isinstance(error, stripe.InvalidRequestError):
        return Refused
    if status == 409:
        # The same key is still being worked on elsewhere: resend it later.
        return Unanswered
    return StoredFailure if status >= 500 else None
