"""What can go wrong in this room, as one tree.

Every error says what happened and what to do next, and carries a stable ``code`` that callers
may branch on. The classes below the root say whose move it is; the service turns them into HTTP
statuses, and nothing here knows about HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping


class AdapterError(Exception):
    """Root of this room's errors: ``code`` is stable, ``detail`` is for a person.

    ``facts`` are extra members for the caller (JSON values only, nothing secret or personal).
    """

    def __init__(self, code: str, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.facts: Mapping[str, object] = facts


class NotFound(AdapterError):
    """The thing that was named does not exist here."""

    @classmethod
    def account(cls, ref: str) -> NotFound:
        return cls(
            "unknown_account",
            f"There is no account {ref!r}. Create it with PUT /v1/accounts/{{ref}}.",
        )

    @classmethod
    def quote(cls, quote_id: str) -> NotFound:
        return cls("unknown_quote", f"This account has no quote {quote_id!r}. Ask for a new one.")

    @classmethod
    def change(cls, change_id: str) -> NotFound:
        return cls("unknown_plan_change", f"There is no plan change {change_id!r}.")

    @classmethod
    def event(cls, event_id: str) -> NotFound:
        return cls("unknown_event", f"No event {event_id!r} was received here.")

    @classmethod
    def subscription(cls, subscription_id: str) -> NotFound:
        return cls(
            "unknown_subscription",
            f"This account has no live subscription {subscription_id!r}; "
            "GET /v1/accounts/{ref} lists those it has.",
        )


class Invalid(AdapterError):
    """The request names something that does not exist or cannot be meant; ``path`` says where."""

    def __init__(self, code: str, detail: str, path: str, **facts: object) -> None:
        super().__init__(code, detail, path=path, **facts)
        self.path = path


class Conflict(AdapterError):
    """The request is well formed, but the state of things does not allow it now."""

    @classmethod
    def refused_by_stripe(cls, detail: str, stripe_code: str | None, **facts: object) -> Conflict:
        return cls("refused_by_stripe", detail, stripe_code=stripe_code, **facts)


class PaymentFailed(AdapterError):
    """The payment was tried and refused; nothing was changed."""

    @classmethod
    def declined(cls, change_id: str, code: str | None, message: str) -> PaymentFailed:
        return cls(
            "payment_failed",
            f"{message} The plan was not changed and nothing was charged. "
            "Use another payment method, then ask for a new quote.",
            plan_change=change_id,
            decline_code=code,
        )


class Unavailable(AdapterError):
    """Stripe did not answer, or not usably; trying again later is right."""

    @classmethod
    def stripe(cls, what: str) -> Unavailable:
        return cls("stripe_unavailable", f"Stripe could not be reached ({what}). Try again.")


class Misconfigured(AdapterError):
    """This deployment is set up wrongly; an operator has to act."""
