"""Names of ours at Stripe that somebody else has: found before anything is written."""

from __future__ import annotations

from mappings import Catalogue

from ..errors import Conflict
from ..gateway.snapshots import ListedPrice, ProductSnapshot
from .inventory import Inventory, is_ours, wanted_products


class NameTaken(Conflict):
    """A product id or lookup key of this catalogue belongs to something that is not ours.

    ``facts`` lists the ids of all such ``products`` and ``prices``.
    """

    @classmethod
    def by(
        cls, catalogue: Catalogue, products: list[ProductSnapshot], prices: list[ListedPrice]
    ) -> NameTaken:
        found = [f"product {product.id!r} ({product.name!r})" for product in products]
        found += [f"price {price.id!r} (lookup key {price.lookup_key!r})" for price in prices]
        return cls(
            "catalogue_name_taken",
            f"Stripe already holds {', '.join(found)}, without the metadata of tenant "
            f"{catalogue.tenant!r}. Nothing was changed. If it is yours, restore its planshift "
            "metadata in Stripe's dashboard; if not, give the catalogue another tenant.",
            products=[product.id for product in products],
            prices=[price.id for price in prices],
        )


def refuse_taken_names(catalogue: Catalogue, inventory: Inventory) -> None:
    """Raises NameTaken naming everything foreign that sits on a product id or key of ours, and
    Conflict ``meter_unusable`` where a meter of a name of ours counts otherwise.
    """
    _refuse_other_meters(inventory)
    products = [
        inventory.products[product]
        for product in wanted_products(catalogue)
        if product in inventory.products
        and not is_ours(catalogue, inventory.products[product].metadata)
    ]
    keys = {catalogue.lookup_key(offer) for offer in catalogue.sold_offers()}
    prices = [
        price
        for price in inventory.prices
        if price.lookup_key in keys and not is_ours(catalogue, price.metadata)
    ]
    if products or prices:
        raise NameTaken.by(catalogue, products, prices)


def _refuse_other_meters(inventory: Inventory) -> None:
    """A meter cannot be changed, and of one event name there is one."""
    for name, meter in inventory.meters.items():
        if not meter.sums:
            raise Conflict(
                "meter_unusable",
                f"Stripe holds meter {meter.id!r} for events {name!r}, and it does not sum 'value' "
                "by 'stripe_customer_id' as they come. Nothing was changed. Give the plan another "
                "meter in the catalogue.",
                meter=meter.id,
            )
