"""Every code there is, with what it means: the table behind the documentation.

A code is a promise: callers branch on it. A test reads the source of all rooms and holds this
table complete, without entries that nothing raises, and with the statuses that are really sent.
"""

from __future__ import annotations

from typing import NamedTuple


class Meaning(NamedTuple):
    """``status`` is None for what only the command line and the worker ever show."""

    status: int | None
    text: str


_INPUT = {
    "bad_request": (400, "The body is not JSON that can be read, or the request is malformed."),
    "request_entity_too_large": (413, "The body is larger than 1 MiB."),
    "unsupported_media_type": (415, "The body was not sent as application/json."),
    "invalid_request": (422, "A field is missing, unknown or not valid; 'errors' has each path."),
    "invalid_ref": (422, "A ref for a new account uses letters that are not allowed."),
    "refused_contact": (422, "Stripe does not take the part of the contact named in 'path'."),
    "invalid_cursor": (422, "'after' is not the 'next' of a page."),
    "idempotency_key_required": (422, "A purchase needs an Idempotency-Key."),
    "invalid_idempotency_key": (422, "Idempotency-Key has more than 255 letters, or none."),
    "idempotency_key_reused": (422, "The Idempotency-Key was used with another request."),
    "idempotency_in_progress": (409, "The first request with this Idempotency-Key still runs."),
    "not_found": (404, "There is no such path."),
    "method_not_allowed": (405, "The path exists, but not for this method; see Allow."),
}

_ACCESS = {
    "unauthorized": (401, "The API key is missing, unknown or revoked."),
    "forbidden": (403, "The API key lacks the scope named in 'scope'."),
    "rate_limited": (429, "Too many requests with this key, or too many refusals; wait."),
}

_NAMED = {
    "unknown_account": (404, "There is no account with this ref."),
    "unknown_quote": (404, "This account has no such quote."),
    "unknown_plan_change": (404, "There is no such plan change."),
    "unknown_purchase": (404, "There is no such purchase."),
    "unknown_subscription": (404, "This account has no such live subscription."),
    "unknown_event": (404, "No such event was received here."),
    "unknown_family": (422, "The catalogue has no such family; 'known' lists those it has."),
    "unknown_plan": (422, "The family has no such plan; 'known' lists those it has."),
    "unknown_tier": (422, "The plan has no such tier; 'known' lists those it has."),
    "unknown_interval": (422, "The tier is not sold at this interval; see 'known'."),
    "unknown_currency": (422, "The offer is not sold in this currency; see 'known'."),
    "unknown_pack": (422, "The family sells no such pack; 'known' lists those it sells."),
    "invoice_only_at_start": (422, "Only a subscription that begins is billed by sent invoices."),
    "form_too_long": (422, "The form for sales has more letters than are taken."),
    "usage_has_no_quantity": (422, "The plan is billed by usage; leave the quantity out."),
    "unknown_payment_method": (422, "Stripe does not know the payment method of this customer."),
}

_CHANGES = {
    "shared_cycle": (
        409,
        "A new cycle would bill other plans too; order them in 'families' along.",
    ),
    "foreign_schedule": (
        409,
        "A schedule made elsewhere holds prices that are not in the catalogue.",
    ),
    "failed_after_cancel": (409, "The old plan ended and is credited; the new one was refused."),
    "choose_timing": (422, "The quote offers several moments: say which in 'when'."),
    "acknowledgement_required": (422, "The change loses something; repeat what is 'required'."),
    "selection_required": (422, "The change keeps only a part; choose what is 'required'."),
    "split_order": (
        409,
        "These cannot be one order; 'families' says which to take out.",
    ),
    "already_on_offer": (409, "The account already has exactly this offer."),
    "contact_sales": (409, "The catalogue sells this through people only."),
    "end_plan_first": (409, "Usage and a fixed price do not change into each other; end the one."),
    "sales_not_configured": (409, "PLANSHIFT_SALES_EMAIL is not set, so nobody would be told."),
    "not_offered": (409, "The catalogue does not offer this change."),
    "ambiguous_target": (409, "Several plans could be meant: name the subscription."),
    "change_in_progress": (409, "Another change of the same plan is under way."),
    "send_invoice": (409, "The plan is paid by invoices that are sent; see an operator."),
    "classic_billing": (409, "The subscription bills in Stripe's classic mode; see an operator."),
    "mixed_intervals": (409, "The subscription has lines of several intervals; see an operator."),
    "cancellation_pending": (409, "The plan is set to end; undo that first."),
    "customer_deleted": (409, "The customer was deleted at Stripe; PUT the account anew."),
    "resume_first": (409, "The subscription is paused; resume it first."),
    "payment_outstanding": (409, "The current period is not paid yet."),
    "payment_method_required": (409, "There is nothing to charge; save a payment method."),
    "plan_required": (409, "Packs come on top of a paid plan, and there is none in the family."),
    "paid_at_a_page": (422, "The change is paid at a page, which asks what with; name no method."),
    "payment_failed": (402, "The payment was refused; nothing was changed, nothing charged."),
    "refused_by_stripe": (409, "Stripe refused the change; nothing was changed."),
    "quote_expired": (409, "The quote is too old; ask for a new one."),
    "quote_stale": (409, "Something moved since the quote; a fresh one is attached as 'quote'."),
    "nothing_to_cancel": (409, "There is no paid plan to cancel."),
    "not_cancelled": (409, "No plan is set to end, so there is nothing to take back."),
    "not_cancellable": (409, "The plan change is past the point where it can be taken back."),
    "unknown_price": (409, "The plan held is on a price that maps to no offer; see an operator."),
    "test_clock_fixed": (409, "The test clock of an account cannot be changed."),
    "test_clock_in_livemode": (422, "Test clocks exist in test mode only."),
    "not_replayable": (409, "The event is one that is not handled here."),
}

_ALLOWANCES = {
    "family_without_allowance": (422, "Nothing of this family is used up."),
    "usage_out_of_period": (422, "Usage is booked in the present period; see 'since' and 'now'."),
    "usage_conflict": (409, "The record named in 'id' was booked with another content."),
    "no_allowance_held": (409, "The account holds no plan in force that grants units of it."),
    "no_metered_plan_held": (409, "The account holds no plan in force that is billed by usage."),
    "metered_plan_ending": (409, "The metered plan is being ended; no more usage is taken."),
    "instant_out_of_range": (422, "Balances are known for instants of this century."),
}

_WEBHOOKS = {
    "signature_missing": (400, "The Stripe-Signature header is missing."),
    "signature_invalid": (400, "No configured secret made the signature."),
    "signature_out_of_time": (400, "The signature is older or newer than five minutes."),
    "body_not_utf8": (400, "The signed body is not UTF-8."),
    "body_not_json": (400, "The signed body is not JSON."),
    "body_not_an_event": (400, "The signed body is not an event."),
}

_SERVICE = {
    "stripe_unavailable": (503, "Stripe did not answer usably; the same request may be repeated."),
    "stripe_key_rejected": (503, "Stripe rejects the service's own key; an operator has to act."),
    "catalogue_not_synced": (503, "The price is not at Stripe yet; an operator has to act."),
    "database_unavailable": (503, "The database does not answer."),
    "database_outdated": (503, "The database is not at the newest revision."),
    "internal_error": (500, "A fault of the service; it has been logged."),
}

_NOT_HTTP = {
    "catalogue_sync_running": (None, "Another sync of the catalogue is running."),
    "catalogue_sync_interrupted": (None, "An earlier sync has writes without an answer."),
    "since_in_the_future": (None, "Events are fetched from a moment in the past."),
    "since_too_long_ago": (None, "Stripe keeps events for 30 days."),
    "meter_unusable": (None, "Stripe holds a meter of this name that counts otherwise."),
    "catalogue_name_taken": (None, "Stripe holds objects of these names that are not ours."),
    "unreachable_public_url": (None, "PLANSHIFT_PUBLIC_URL is not where Stripe can send events."),
    "no_endpoint": (None, "There is no webhook endpoint of ours at Stripe to rotate."),
    "rotation_not_seen": (None, "Stripe has not reached the new webhook endpoint yet."),
    "unsupported_database": (None, "PLANSHIFT_DATABASE_URL names an unknown database."),
    "driver_missing": (None, "The PostgreSQL driver is not installed."),
    "bad_smtp_url": (None, "PLANSHIFT_SMTP_URL cannot be used."),
    "unknown_ref_source": (None, "References cannot come from there."),
    "unknown_price_id": (None, "Stripe has no such price."),
    "unknown_offer": (None, "The catalogue has no such offer."),
    "price_does_not_fit": (None, "The price is not a plain amount per interval of the offer."),
    "price_taken": (None, "The price carries another offer, or belongs to another deployment."),
    "unknown_scope": (None, "There is no such scope."),
    "unknown_key": (None, "There is no such API key."),
    "message_refused": (None, "The mail server refused a message for good."),
    "unusable_address": (None, "The account's e-mail address cannot be written to."),
    "message_deferred": (None, "The mail server put a message off."),
    "mail_server_unavailable": (None, "The mail server does not answer usably."),
}


def _meanings(table: dict[str, tuple[int, str]]) -> dict[str, Meaning]:
    return {code: Meaning(status, text) for code, (status, text) in table.items()}


# By chapter, in the order in which a caller meets them.
CHAPTERS: dict[str, dict[str, Meaning]] = {
    "The request": _meanings(_INPUT),
    "Access": _meanings(_ACCESS),
    "What was named": _meanings(_NAMED),
    "Changes": _meanings(_CHANGES),
    "Allowances": _meanings(_ALLOWANCES),
    "Webhooks": _meanings(_WEBHOOKS),
    "The service": _meanings(_SERVICE),
}
NOT_HTTP = {code: Meaning(status, text) for code, (status, text) in _NOT_HTTP.items()}
ALL: dict[str, Meaning] = {
    code: meaning for chapter in (*CHAPTERS.values(), NOT_HTTP) for code, meaning in chapter.items()
}
