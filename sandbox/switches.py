"""Named switches: every point where Stripe's behaviour is not proven, with our belief as default.

A narrative that moves money should pass under both values: our belief is not its own proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DAY = 86_400
LATEST_API_VERSION = "2026-10-28.endive"


@dataclass
class Switches:
    """Settings of one sandbox. Open points first, then what an account sets in the Dashboard."""

    half_cent: Literal["away_from_zero", "to_even"] = "away_from_zero"
    """How an exact half of a minor unit is rounded (stripe-facts §3.1, undocumented)."""

    cancel_final_invoice: Literal["draft", "finalized"] = "draft"
    """State of the invoice that `cancel(invoice_now=true)` leaves; a draft is finalized an hour
    later by itself, unless someone does it earlier."""

    void_restores: Literal["active", "past_due"] = "active"
    """Status of a past_due subscription after its unpaid latest invoice is voided or marked
    uncollectible (only where no other unpaid invoice is left)."""

    update_without_payment_method: Literal["400", "pending"] = "400"
    """What `pending_if_incomplete` answers when money is due and there is nothing to charge."""

    void_releases_items: bool = False
    """Whether voiding an invoice makes items pending again that waited before it was drafted."""

    void_keeps_credit_base: bool = False
    """Whether debits of a voided invoice still count as debited when unused time is credited."""

    void_returns_balance: bool = True
    """Whether voiding gives back the customer balance that the invoice had used."""

    reset_without_credit_keeps_base: bool = False
    """Whether debits survive a restarted cycle with proration `none`, to be credited later."""

    uncancel_clears_timestamp: bool = False
    """Whether cancel_at_period_end=false also clears a cancel_at set as a timestamp (§7)."""

    cancel_incomplete: Literal["canceled", "incomplete_expired"] = "incomplete_expired"
    """Status of an incomplete subscription that is canceled before its first payment."""

    inactive_price: Literal["ok", "400"] = "400"
    """Whether an item may be added or switched to a price that is not active."""

    interval_change_reanchors: Literal["no", "yes"] = "no"
    """Flexible mode, other interval, anchor omitted: recorded traffic says the anchor stays."""

    interval_change_invoices: bool = False
    """Flexible mode, other interval, anchor omitted, create_prorations: whether it is invoiced at
    once all the same (§7)."""

    anchor_string: Literal["400", "ok"] = "400"
    """Whether the word `now` is still taken where endive wants `{"type": "now"}` (§7)."""

    inactive_price_resent: Literal["ok", "400"] = "ok"
    """Whether a schedule's phase may hold on to a price that it had and that is not active now."""

    current_phase_items: Literal["editable", "400"] = "editable"
    """Whether updating a schedule may change the items of its current phase. The SDK's docstring
    of proration_behavior says so; code of other people says Stripe refuses it."""

    resent_phase_merges_metadata: bool = False
    """Whether metadata of a current phase that is sent again is merged once more (§3.7: merged
    when the phase is entered)."""

    phase_keeps_item_ids: bool = False
    """Whether a phase with another price changes the item or replaces it by one with another id."""

    phase_billing_reason: Literal["subscription_cycle", "subscription_update"] = (
        "subscription_cycle"
    )
    """billing_reason of the invoice that a change of phase drafts (§7)."""

    cancel_before_start: Literal["aborted", "canceled"] = "aborted"
    """Event of a schedule canceled before it has begun (the CLI's fixture for `aborted`)."""

    schedule_expiring_days: int = 9
    """Days before a schedule's end at which subscription_schedule.expiring is sent. The docs say 7
    (§4); the official CLI's fixture for it stops 9 days before the end and expects it by then."""

    proration_amount_off: Literal["shared", "whole"] = "shared"
    """Flexible mode: whether an amount off the subscription lowers an item's proration debit by
    the item's share or by all of it (§3.1 shows credits only)."""

    tax_rounding: Literal["line", "invoice"] = "line"
    """Whether tax is rounded on each line or once per rate over the invoice."""

    draft_seconds: int = 3_600
    """How long a renewal's invoice stays a draft (Stripe docs: about one hour)."""

    incomplete_seconds: int = 23 * 3_600
    """Life of an unpaid first invoice, and the longest life of a pending update (§3.5)."""

    meter_lag_seconds: int = 0
    """How long meter events take until they count (Stripe docs: processed asynchronously)."""

    meter_identifier_seconds: int = 86_400
    """How long a meter event's identifier is taken (Stripe docs: at least 24 hours)."""

    unknown_usage_customer: Literal["400", "dropped"] = "400"
    """Whether a meter event for a customer who is not there is refused at once, or taken and then
    counted for nobody."""

    retries_without_method: bool = False
    """Whether a renewal's invoice is tried again while there is no payment method at all; Stripe
    docs (smart retries) say it is not. What then ends the subscription is not said: nothing."""

    settlement_seconds: int = 5 * DAY
    """How long a bank debit is under way before it succeeds or fails (Stripe docs: up to 14
    business days)."""

    processing_starts: Literal["active", "incomplete"] = "active"
    """Status of a new subscription while its first payment, a bank debit, is under way."""

    retry_days: tuple[int, ...] = (3, 5, 7)
    """Days between automatic tries of a renewal's invoice; Smart Retries choose their own moments,
    a fixed ladder is what tests can rely on."""

    when_retries_end: Literal["cancel", "unpaid", "past_due"] = "cancel"
    """Dashboard setting: what happens to the subscription after the last try."""

    upcoming_days: int | None = 7
    """Dashboard setting: days before a renewal at which invoice.upcoming is sent; None = never."""

    default_api_version: str = LATEST_API_VERSION
    """The account's version, used where a request names none."""

    minimum_charge: int = 50
    """Smallest amount a card is charged, in minor units; below it the invoice is paid and the
    amount carried on the customer balance (§3.6). Set 0 to switch it off."""
