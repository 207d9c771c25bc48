"""The items a subscription will have after an update (stripe-facts §3.4)."""

from __future__ import annotations

from ..kernel import errors
from ..kernel.errors import Json
from ..kernel.store import copy_json
from ..kernel.world import World
from .items import check_items, choose_price, new_item, pieces, price_of
from .pricing import interval_of, unit_amount
from .settings import apply_item_settings


def change_items(world: World, subscription: Json, entries: list[Json]) -> None:
    """The items as they will be (§3.4): named by id they change, without an id they are added."""
    for index, entry in enumerate(entries):
        label = f"items[{index}]"
        price = choose_price(world, entry, label)
        if entry.get("id"):
            _change_item(world, subscription, entry, price, label)
            continue
        if price is None:
            raise errors.missing_parameter(f"{label}[price]")
        count = pieces(price, entry.get("quantity"), label)
        item = new_item(world, subscription, price, count)
        apply_item_settings(world, subscription, item, entry, label)
        item["_new"] = True
        subscription["items"].append(item)
    check_items(world, subscription)


def _change_item(
    world: World, subscription: Json, entry: Json, price: Json | None, label: str
) -> None:
    position = next(
        (at for at, item in enumerate(subscription["items"]) if item["id"] == entry["id"]), None
    )
    if position is None:
        raise errors.no_such("subscription item", entry["id"], f"{label}[id]")
    if entry.get("deleted"):
        del subscription["items"][position]
        return
    item = subscription["items"][position] = copy_json(subscription["items"][position])
    if price is not None and price["id"] != item["price"]:
        item["price"] = price["id"]
        # another price without a quantity means one piece (§3.4)
        item["quantity"] = pieces(price, None, label)
        item["_since"] = world.now(subscription)
    if entry.get("quantity") is not None:
        item["quantity"] = pieces(price_of(world, item), entry["quantity"], label)
    apply_item_settings(world, subscription, item, entry, label)


def reanchors(world: World, subscription: Json, before: list[Json]) -> bool:
    """Classic mode restarts the cycle when the interval changes or something free becomes paid;
    flexible mode never does by itself (§3.2), short of the named switch."""
    old = {item["id"]: item for item in before}
    other = other_interval(world, subscription, before)
    if subscription["billing_mode"]["type"] == "flexible":
        return other and world.switches.interval_change_reanchors == "yes"
    was_free = all(unit_amount(price_of(world, was)) == 0 for was in old.values())
    is_paid = any(unit_amount(price_of(world, item)) > 0 for item in subscription["items"])
    return other or (was_free and is_paid)


def other_interval(world: World, subscription: Json, before: list[Json]) -> bool:
    """Whether an item that stays has another interval now."""
    old = {item["id"]: item for item in before}
    return any(
        interval_of(price_of(world, old[item["id"]])) != interval_of(price_of(world, item))
        for item in subscription["items"]
        if item["id"] in old
    )


def was_interval(world: World, before: list[Json], item: Json) -> tuple[str, int] | None:
    for was in before:
        if was["id"] == item["id"]:
            return interval_of(price_of(world, was))
    return None


def same_item(was: Json, item: Json) -> bool:
    return bool(was["price"] == item["price"] and was["quantity"] == item["quantity"])
