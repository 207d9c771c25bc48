"""Which price at Stripe an offer is sold at, and what has to be done until it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mappings import Catalogue, Money, Offer, UnitPrice, UnknownPrice

from ..gateway.snapshots import ListedPrice
from .actions import Action, CorrectPrice, CreatePrice, ReKeyPrice
from .inventory import Inventory, is_ours


@dataclass(frozen=True)
class OfferPlan:
    """What to do for the offers on sale; ``current`` are the ids of prices they go on using."""

    actions: tuple[Action, ...]
    current: frozenset[str]


def plan_offers(catalogue: Catalogue, inventory: Inventory) -> OfferPlan:
    """Every priced offer gets exactly one active price that holds its lookup key.

    Prices that hold their key already are settled first, so that none of them is taken for
    another offer.
    """
    matching = _Matching(catalogue, inventory)
    offers = list(catalogue.sold_offers())
    held = {offer: matching.holder(offer) for offer in offers}
    current = {price.id for price in held.values() if price is not None}
    actions: list[Action] = []
    for offer in offers:
        price = held[offer] or matching.spare(offer, current)
        if price is None:
            actions.append(matching.create(offer))
            continue
        current.add(price.id)
        actions += matching.put_right(offer, price)
    return OfferPlan(tuple(actions), frozenset(current))


class _Matching:
    """Finds prices for offers among those that are ours."""

    def __init__(self, catalogue: Catalogue, inventory: Inventory) -> None:
        self._catalogue = catalogue
        self._meters = inventory.meter_ids
        self._ours = [price for price in inventory.prices if is_ours(catalogue, price.metadata)]
        self._by_key = {price.lookup_key: price for price in self._ours if price.lookup_key}

    def holder(self, offer: Offer) -> ListedPrice | None:
        """The price that holds the offer's lookup key, if it is the right one.

        One whose metadata names another offer on sale is not: whoever pays it bought that one.
        """
        price = self._by_key.get(self._catalogue.lookup_key(offer))
        if price is None or not self._charges(price, offer):
            return None
        named = self._catalogue.offer_from_metadata(price.metadata)
        return price if isinstance(named, UnknownPrice) or named == offer else None

    def spare(self, offer: Offer, taken: set[str]) -> ListedPrice | None:
        """A price made for this offer that is right again: an active one, else the newest."""
        fits = [
            price
            for price in self._ours
            if price.id not in taken
            and self._charges(price, offer)
            and self._catalogue.offer_from_metadata(price.metadata) == offer
        ]
        return next((price for price in fits if price.active), fits[0] if fits else None)

    def create(self, offer: Offer) -> CreatePrice:
        """The price to make; it takes the lookup key from the one that holds it now."""
        key = self._catalogue.lookup_key(offer)
        holder = self._by_key.get(key)
        usage = self._catalogue.usage_of(offer)
        return CreatePrice(
            product=self._catalogue.product_id(offer.family, offer.plan),
            offer=offer,
            money=self._money(offer),
            event_name=usage.meter if usage else None,
            lookup_key=key,
            nickname=self._catalogue.price_nickname(offer),
            metadata=self._catalogue.metadata_of(offer),
            replaces=holder.id if holder else None,
        )

    def put_right(self, offer: Offer, price: ListedPrice) -> list[Action]:
        """What is still wrong with the offer's price: its key, or what may be changed on it."""
        key = self._catalogue.lookup_key(offer)
        nickname = self._catalogue.price_nickname(offer)
        changes = _drift(price, nickname, self._catalogue.metadata_of(offer))
        if price.lookup_key != key:
            money = self._money(offer)
            return [ReKeyPrice(price.product, price.id, nickname, money, key, changes)]
        return [CorrectPrice(price.product, price.id, nickname, changes)] if changes else []

    def _charges(self, price: ListedPrice, offer: Offer) -> bool:
        """Whether it charges what the catalogue says, under the offer's product."""
        product = self._catalogue.product_id(offer.family, offer.plan)
        sold = (price.currency, price.interval, price.product)
        if not price.plain or sold != (offer.currency, offer.interval, product):
            return False
        money, usage = self._money(offer), self._catalogue.usage_of(offer)
        if usage is None:
            return price.meter is None and price.unit_amount == money.amount
        meter = self._meters.get(usage.meter)
        per_unit = Decimal(price.unit_price) if price.unit_price else None
        return meter is not None and (price.meter, per_unit) == (meter, money.amount)

    def _money(self, offer: Offer) -> Money | UnitPrice:
        if self._catalogue.usage_of(offer) is not None:
            return self._catalogue.unit_price_of(offer)
        return self._catalogue.price_of(offer)


def _drift(price: ListedPrice, nickname: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The parameters that put a price right; metadata of others on it is left alone."""
    changes: dict[str, Any] = {} if price.active else {"active": True}
    if price.nickname != nickname:
        changes["nickname"] = nickname
    wrong = {key: value for key, value in metadata.items() if price.metadata.get(key) != value}
    return {**changes, "metadata": wrong} if wrong else changes
