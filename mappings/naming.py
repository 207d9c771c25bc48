"""Names at Stripe: ids, lookup keys and metadata, all deterministic.

Ids in a catalogue are lower-case words joined by hyphens, so joining them with a character that no
id contains cannot make two different things share a name.
"""

from __future__ import annotations

from mappings.offer import Offer

# https://docs.stripe.com/api/prices/create#create_price-lookup_key
LOOKUP_KEY_MAX = 200

TENANT = "planshift_tenant"
FAMILY = "planshift_family"
PLAN = "planshift_plan"
OFFER_KEYS = (FAMILY, PLAN, "planshift_tier", "planshift_interval", "planshift_currency")


def lookup_key(tenant: str, offer: Offer) -> str:
    parts = ("planshift", tenant, offer.family, offer.plan, offer.tier)
    return ".".join((*parts, offer.interval or "free", offer.currency or "none"))


def product_id(tenant: str, family: str, plan: str) -> str:
    return f"planshift_{tenant}_{family}_{plan}"


def product_metadata(tenant: str, family: str, plan: str) -> dict[str, str]:
    return {TENANT: tenant, FAMILY: family, PLAN: plan}


def unused_product_id(tenant: str, family: str) -> str:
    """No plan's product: a plan's id has no underscore."""
    return f"planshift_{tenant}_{family}__unused"


def unused_product_metadata(tenant: str, family: str) -> dict[str, str]:
    return {TENANT: tenant, FAMILY: family}


def metadata(tenant: str, offer: Offer) -> dict[str, str]:
    """All six keys; an absent interval or currency is an empty string and so is left out."""
    values = (offer.family, offer.plan, offer.tier, offer.interval, offer.currency)
    found = {key: value for key, value in zip(OFFER_KEYS, values, strict=True) if value}
    return {TENANT: tenant, **found}
