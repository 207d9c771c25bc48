"""Errors in Stripe's shape: one exception, constructors named after what is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]


class StripeError(Exception):
    """An answer with a 4xx or 5xx status.

    `keep_effects` marks the failures that leave something behind at Stripe, such as a declined
    payment of an open invoice; every other failure rolls its request back.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        extra: Json | None = None,
        keep_effects: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        self.extra = extra or {}
        self.keep_effects = keep_effects

    def body(self, request_id: str | None = None) -> Json:
        """The JSON Stripe answers; fields without a value are left out, as Stripe does."""
        error: Json = {}
        if self.code:
            error["code"] = self.code
            slug = self.code.replace("_", "-")
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{slug}"
        error["message"] = self.message
        if self.param:
            error["param"] = self.param
        error |= {name: value for name, value in self.extra.items() if value is not None}
        if request_id:
            error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        error["type"] = self.kind
        return {"error": error}


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    return StripeError(400, message, code=code, param=param)


def unknown_parameter(name: str) -> StripeError:
    return invalid(f"Received unknown parameter: {name}", name, "parameter_unknown")


def missing_parameter(name: str) -> StripeError:
    return invalid(f"Missing required param: {name}.", name, "parameter_missing")


def empty_parameter(name: str) -> StripeError:
    return invalid(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset "
        f"a parameter; however '{name}' cannot be unset. You should remove '{name}' from your "
        "request or supply a non-empty value.",
        name,
        "parameter_invalid_empty",
    )


def no_such(noun: str, identifier: str, param: str | None = None) -> StripeError:
    """404 when the id stood in the path, 400 when it was a parameter; both `resource_missing`."""
    status = 400 if param else 404
    message = f"No such {noun}: '{identifier}'"
    return StripeError(status, message, code="resource_missing", param=param or "id")


def unknown_url(method: str, path: str) -> StripeError:
    return StripeError(
        404,
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we "
        "can help at https://support.stripe.com/.",
    )


def no_api_key() -> StripeError:
    return StripeError(
        401,
        "You did not provide an API key. You need to provide your API key in the Authorization "
        "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
    )


def bad_api_key(key: str) -> StripeError:
    return StripeError(401, f"Invalid API Key provided: {key[:8]}****{key[-4:]}")


def idempotency_mismatch(key: str, *, endpoints: tuple[str, str] | None = None) -> StripeError:
    what = (
        f"for the same endpoint they were first used for ('{endpoints[0]}' vs '{endpoints[1]}')"
        if endpoints
        else "with the same parameters they were first used with"
    )
    return StripeError(
        400,
        f"Keys for idempotent requests can only be used {what}. Try using a key other than "
        f"'{key}' if you meant to execute a different request.",
        kind="idempotency_error",
    )


def idempotency_in_use(key: str) -> StripeError:
    return StripeError(
        409,
        "There is currently another in-progress request using this Idempotent Key (that probably "
        "means you submitted twice, and the other request is still going through): "
        f"{key}. Please try again later.",
        kind="idempotency_error",
        code="idempotency_key_in_use",
    )


def rate_limited() -> StripeError:
    return StripeError(
        429,
        "Request rate limit exceeded. You can learn more about rate limits here "
        "https://stripe.com/docs/rate-limits.",
        code="rate_limit",
    )


def internal() -> StripeError:
    return StripeError(
        500,
        "An unknown error occurred while processing your request.",
        kind="api_error",
    )


def one_of(values: Iterable[str]) -> str:
    """`a, b, or c`: how Stripe lists the allowed values of an enum."""
    names = list(values)
    if len(names) < 3:
        return " or ".join(names)
    return ", ".join(names[:-1]) + f", or {names[-1]}"
