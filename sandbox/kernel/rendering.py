"""From stored objects to the JSON Stripe shows: private keys off, references expanded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import Json, invalid
from .store import Snapshot, copy_json

if TYPE_CHECKING:
    from .world import World

Shaper = Callable[["World", Json], Json]
Computed = Callable[["World", Json], Any]


class Shapes:
    """What each kind of object shows beyond its stored fields, registered by the resource modules.

    `shapers` finish an object (an item's price id becomes the price); `references` name the
    expandable ids by dotted path; `computed` are fields that exist only when expanded.
    """

    def __init__(self) -> None:
        self.shapers: dict[str, Shaper] = {}
        self.references: dict[tuple[str, str], str] = {}
        self.computed: dict[tuple[str, str], Computed] = {}

    def refer(self, kind: str, **fields: str) -> None:
        for path, family in fields.items():
            self.references[kind, path.replace("__", ".")] = family


# Stripe shows what has no value as null, except these: they are left out (its OpenAPI document,
# where they are optional and not nullable; recorded traffic of 2026-09-30.endive).
ABSENT = frozenset(
    {
        "amount_paid_off_stripe",
        "automatic_tax",
        "business_name",
        "context",
        "decline_code",
        "individual_name",
        "price_details",
        "proration_details",
        "subscription_item",
    }
)


def public(value: Any) -> Any:
    """A copy without the keys that start with an underscore, which are the sandbox's own."""
    kind = type(value)
    if kind is list:
        return [public(entry) for entry in value]
    if kind is not dict:
        return value.read() if kind is Snapshot else value
    shown = {}
    # This is where a sandbox spends most of its time; plain entries are most of them.
    for key, entry in value.items():
        if key[:1] == "_":
            continue
        kind = type(entry)
        if kind is dict or kind is list or kind is Snapshot:
            shown[key] = public(entry)
        elif entry is not None or key not in ABSENT:
            shown[key] = entry
    return shown


def render(world: World, body: Json) -> Json:
    """The object as Stripe shows it unexpanded."""
    if body.get("_deleted"):
        return {"id": body["id"], "object": body["object"], "deleted": True}
    shaper = world.shapes.shapers.get(body["object"])
    return shaper(world, body) if shaper else dict(public(body))


def expand(world: World, shown: Json, paths: list[str]) -> Json:
    """Expands each dotted path in place (Stripe docs: expanding responses; at most four deep)."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > 4 + path.count("data"):
            raise invalid(f"You cannot expand more than 4 levels of a property: {path}", "expand")
        _Expansion(world, path).walk(shown, shown, parts, "")
    return shown


class _Expansion:
    """One path being followed. `holder` is the API object around the node, `prefix` the node's
    path inside it: references are declared as dotted paths from their object."""

    def __init__(self, world: World, path: str) -> None:
        self.world = world
        self.path = path

    def walk(self, holder: Json, node: Any, parts: list[str], prefix: str) -> None:
        if isinstance(node, list):
            for entry in node:
                if isinstance(entry, dict):
                    self.walk(entry if "object" in entry else holder, entry, parts, "")
            return
        if not parts or not isinstance(node, dict):
            return
        name, rest = parts[0], parts[1:]
        relative = f"{prefix}.{name}" if prefix else name
        self._fill(holder, node, name, relative)
        value = node.get(name)
        if isinstance(value, dict) and "object" in value:
            self.walk(value, value, rest, "")
        else:
            self.walk(holder, value, rest, relative)

    def _fill(self, holder: Json, node: Json, name: str, relative: str) -> None:
        kind = holder.get("object", "")
        compute = self.world.shapes.computed.get((kind, relative))
        family = self.world.shapes.references.get((kind, relative))
        if compute is not None:
            if not isinstance(node.get(name), dict):
                stored = self.world.store.peek(kind, holder["id"])
                node[name] = compute(self.world, stored if stored is not None else holder)
        elif family is not None:
            node[name] = _dereference(self.world, family, node.get(name))
        elif name not in node:
            raise invalid(
                f"This property cannot be expanded ({self.path}). You may want to try expanding "
                "a property of another object.",
                "expand",
            )


def _dereference(world: World, family: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_dereference(world, family, entry) for entry in value]
    if not isinstance(value, str):
        return value
    target = world.store.peek(family, value)
    return render(world, target) if target is not None else value


def changes(before: Any, after: Any) -> Json:
    """`previous_attributes`: the old values of what differs, nested objects reduced likewise."""
    previous: Json = {}
    for key in {**before, **after}:
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            previous[key] = changes(old, new)
        else:
            previous[key] = copy_json(old)
    return previous
