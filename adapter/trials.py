"""Trials: when their end is to be told."""

from __future__ import annotations

from datetime import datetime, timedelta

from .tables import AccountRow, SubscriptionRow

# As early as Stripe tells it, three days before (stripe-facts §4), with room for clocks that
# differ. A trial that is shorter is told of when it begins.
LEAD = timedelta(days=3, minutes=5)


def about_to_end(sub: SubscriptionRow, billing_now: datetime) -> bool:
    """Whether the billing contact is to hear that the trial ends and the plan will be charged.

    Not for one that ends with its trial: then nothing is charged.
    """
    runs = is_trialing(sub) and sub.trial_end is not None and sub.trial_end > billing_now
    return runs and sub.trial_end - billing_now <= LEAD  # type: ignore[operator]  # runs says so


def is_trialing(sub: SubscriptionRow) -> bool:
    """Whether a trial runs that the plan goes on after."""
    if sub.status != "trialing" or sub.trial_end is None:
        return False
    return sub.cancel_at is None or sub.cancel_at > sub.trial_end


def has_method(account: AccountRow, sub: SubscriptionRow) -> bool:
    """Whether there is something saved to charge when the trial is over."""
    return (sub.default_payment_method or account.default_payment_method) is not None
