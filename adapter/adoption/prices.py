"""Prices from before: saying which offer one carries, so that its subscriptions map back."""

from __future__ import annotations

from sqlalchemy import select

from mappings import Offer, UnknownOffer, UnknownPrice

from ..catalogue_sync.inventory import is_ours
from ..catalogue_sync.local import remember_price
from ..deployment import Deployment
from ..errors import Conflict, Invalid
from ..gateway.failures import Gone
from ..gateway.snapshots import TENANT_KEY, ListedPrice, PriceSnapshot
from ..gateway.write import Operation
from ..holdings import LIVE
from ..steps import StepRefused
from ..tables import LineRow, SubscriptionRow

PATH = "OFFER"
OFFER_PARTS = 4


class AdoptedPrices:
    """Puts an offer's metadata on a price that somebody made before there was a catalogue."""

    def __init__(self, deployment: Deployment) -> None:
        self._database = deployment.database
        self._reader = deployment.reader
        self._catalogue = deployment.catalogue
        self._mirror = deployment.mirror
        self._steps = deployment.steps

    def adopt(self, price_id: str, said: str) -> tuple[Offer, int]:
        """Let the price carry the offer ``FAMILY/PLAN/TIER/INTERVAL``, as an older price of it;
        gives the offer and how many live subscriptions here were mapped anew.

        The amount may differ from the catalogue's: whoever is on the price keeps it. Doing it
        again does no harm, and finishes what a crash left half done.

        Raises:
            Invalid: ``unknown_price_id``, ``unknown_offer``: there is no such price, or offer.
            Conflict: ``price_does_not_fit``, ``price_taken``, ``refused_by_stripe``, with what is
                in the way.
        """
        price = self._price(price_id)
        offer = self._offer(said, price.currency)
        self._refuse_misfit(price, offer)
        steps = self._steps(f"price:{price.id}")
        try:
            steps.do(
                f"adopt:{self._catalogue.lookup_key(offer)}",
                Operation.PRICE_UPDATE,
                {"metadata": self._catalogue.metadata_of(offer)},
                target=price.id,
                look=lambda: self._carrying(price.id, offer),
            )
        except StepRefused as refused:
            said = f"Stripe refused it: {refused.message}"
            raise Conflict.refused_by_stripe(said, refused.code) from refused
        with self._database.write() as tx:
            remember_price(tx, self._catalogue, self._reader.price(price.id))
        return offer, self._map_anew(price.id)

    def _price(self, price_id: str) -> ListedPrice:
        try:
            return self._reader.price(price_id)
        except Gone as gone:
            raise Invalid(
                "unknown_price_id", f"Stripe has no price {price_id!r}.", path="PRICE"
            ) from gone

    def _offer(self, said: str, currency: str) -> Offer:
        parts = said.split("/")
        if len(parts) != OFFER_PARTS:
            raise Invalid("unknown_offer", f"{said!r} is not FAMILY/PLAN/TIER/INTERVAL.", path=PATH)
        family, plan, tier, interval = parts
        try:
            return self._catalogue.offer(family, plan, tier, interval, currency)
        except UnknownOffer as unknown:
            raise Invalid(
                "unknown_offer", str(unknown), path=PATH, known=list(unknown.known)
            ) from unknown

    def _refuse_misfit(self, price: ListedPrice, offer: Offer) -> None:
        if offer.is_free:
            raise Conflict(
                "price_does_not_fit",
                "A free plan is the absence of a subscription here: end those on this price at "
                "Stripe, and their accounts are on the free plan.",
            )
        if not price.plain or price.interval != offer.interval:
            raise Conflict(
                "price_does_not_fit",
                f"{price.id} is not a plain amount per {offer.interval}: move its subscriptions "
                "to a price that is, in Stripe's dashboard.",
            )
        if (price.meter is None) is not (self._catalogue.usage_of(offer) is None):
            raise Conflict(
                "price_does_not_fit",
                f"{price.id} is billed by usage, or the plan is, but not both: move its "
                "subscriptions to a price that fits, in Stripe's dashboard.",
            )
        carried = self._catalogue.offer_from_metadata(price.metadata)
        ours = is_ours(self._catalogue, price.metadata)
        if price.metadata.get(TENANT_KEY) and not ours:
            raise Conflict("price_taken", f"{price.id} belongs to another deployment's catalogue.")
        if not isinstance(carried, UnknownPrice) and carried != offer:
            raise Conflict("price_taken", f"{price.id} carries the offer {carried} already.")

    def _carrying(self, price_id: str, offer: Offer) -> PriceSnapshot | None:
        found = self._reader.price(price_id)
        return found if self._catalogue.offer_from_metadata(found.metadata) == offer else None

    def _map_anew(self, price_id: str) -> int:
        """Fetch every live subscription on the price: the mirror maps what it stores."""
        with self._database.read() as tx:
            subs = tx.scalars(
                select(LineRow.subscription_id)
                .join(SubscriptionRow, SubscriptionRow.id == LineRow.subscription_id)
                .where(LineRow.price_id == price_id, LineRow.removed.is_(False))
                .where(SubscriptionRow.status.in_(LIVE))
                .distinct()
            ).all()
        for subscription in subs:
            self._mirror.refresh_subscription(subscription)
        return len(subs)
