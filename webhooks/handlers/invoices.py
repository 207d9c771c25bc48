"""Events of invoices. The status of a subscription is never inferred from them: it is fetched."""

from __future__ import annotations

from adapter.tables import EventRow

from ..refs import Ref


def paid(event: EventRow) -> list[Ref]:
    """``invoice.paid``; preferred to invoice.payment_succeeded, which misses other means."""
    return _with_subscription(event)


def payment_failed(event: EventRow) -> list[Ref]:
    """``invoice.payment_failed``."""
    return _with_subscription(event)


def voided(event: EventRow) -> list[Ref]:
    """``invoice.voided``: the end of a pending update, or of a change that was never paid."""
    return _with_subscription(event)


def marked_uncollectible(event: EventRow) -> list[Ref]:
    """``invoice.marked_uncollectible``: somebody gave the money up."""
    return _with_subscription(event)


def payment_action_required(event: EventRow) -> list[Ref]:
    """``invoice.payment_action_required``."""
    return _with_subscription(event)


def finalization_failed(event: EventRow) -> list[Ref]:
    """``invoice.finalization_failed``: nobody is charged until a person mends it."""
    return _with_subscription(event)


def deleted(event: EventRow) -> list[Ref]:
    """``invoice.deleted``: a draft; the fetch finds it gone."""
    return _with_subscription(event)


def upcoming(event: EventRow) -> list[Ref]:
    """``invoice.upcoming`` shows an invoice that does not exist yet, so it has no id."""
    return _with_subscription(event)


def _with_subscription(event: EventRow) -> list[Ref]:
    # The subscription first: the invoice's effects look at what the subscription has become.
    refs = [Ref("subscription", event.subscription_id)] if event.subscription_id else []
    return [*refs, Ref("invoice", event.object_id)] if event.object_id else refs
