"""The writes a sync may make, as values: each can say itself in one line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from mappings import Money, Offer, UnitPrice

from ..gateway.snapshots import METER_CUSTOMER, METER_VALUE
from ..gateway.write import Operation


@dataclass(frozen=True)
class Action(ABC):
    """One write to Stripe. ``product`` is the id of the product it belongs to.

    ``verb`` and ``noun`` name its kind ("create", "product"); ``target`` is the id of the object
    that is changed, None for one that is created.
    """

    verb: ClassVar[str]
    noun: ClassVar[str]
    operation: ClassVar[Operation]

    product: str

    @property
    def target(self) -> str | None:
        """The object that is changed."""
        return None

    def knowing(self, _meters: Mapping[str, str]) -> Action:
        """The same, once the ids of meters are known, by their event names."""
        return self

    @abstractmethod
    def params(self) -> dict[str, Any]:
        """The parameters of ``operation``, as they are recorded and sent."""

    @abstractmethod
    def __str__(self) -> str: ...


@dataclass(frozen=True)
class CreateProduct(Action):
    """What Stripe does not know yet, a plan mostly; its id is ours, so it cannot be made twice."""

    verb, noun, operation = "create", "product", Operation.PRODUCT_CREATE

    name: str
    metadata: Mapping[str, str]

    def params(self) -> dict[str, Any]:
        return {"id": self.product, "name": self.name, "metadata": dict(self.metadata)}

    def __str__(self) -> str:
        return f"create product {self.name!r}"


@dataclass(frozen=True)
class UpdateProduct(Action):
    """A product whose name or metadata drifted, or that was archived; only what differs is sent."""

    verb, noun, operation = "update", "product", Operation.PRODUCT_UPDATE

    name: str
    changes: Mapping[str, Any]

    @property
    def target(self) -> str:
        return self.product

    def params(self) -> dict[str, Any]:
        return dict(self.changes)

    def __str__(self) -> str:
        return f"update product {self.name!r}: {_said(self.changes)}"


@dataclass(frozen=True)
class ArchiveProduct(Action):
    """A product whose plan left the catalogue and that nothing uses."""

    verb, noun, operation = "archive", "product", Operation.PRODUCT_UPDATE

    name: str

    @property
    def target(self) -> str:
        return self.product

    def params(self) -> dict[str, Any]:
        return {"active": False}

    def __str__(self) -> str:
        return f"archive product {self.name!r}: its plan left the catalogue"


@dataclass(frozen=True)
class CreateMeter(Action):
    """A meter that counts the usage of metered plans. It has no metadata: whoever sends events of
    its name counts on it.
    """

    verb, noun, operation = "create", "meter", Operation.METER_CREATE

    name: str

    def params(self) -> dict[str, Any]:
        return {
            "event_name": self.product,
            "display_name": self.name,
            "default_aggregation": {"formula": "sum"},
            "customer_mapping": {"type": "by_id", "event_payload_key": METER_CUSTOMER},
            "value_settings": {"event_payload_key": METER_VALUE},
        }

    def __str__(self) -> str:
        return f"create meter {self.product!r}, which sums its events"


@dataclass(frozen=True)
class ReactivateMeter(Action):
    """A meter that somebody switched off; what it had counted is still there."""

    verb, noun, operation = "reactivate", "meter", Operation.METER_REACTIVATE

    meter: str

    @property
    def target(self) -> str:
        return self.meter

    def params(self) -> dict[str, Any]:
        return {}

    def __str__(self) -> str:
        return f"reactivate meter {self.product!r}"


@dataclass(frozen=True)
class CreatePrice(Action):
    """A price for an offer. The lookup key moves to it in the same call (stripe-facts §2.3).

    ``event_name`` is that of the meter a metered price is billed by; ``meter``, its id, may not be
    known before the meter is made.
    """

    verb, noun, operation = "create", "price", Operation.PRICE_CREATE

    offer: Offer
    money: Money | UnitPrice
    lookup_key: str
    nickname: str
    metadata: Mapping[str, str]
    replaces: str | None = None
    event_name: str | None = None
    meter: str | None = None

    def knowing(self, meters: Mapping[str, str]) -> Action:
        return replace(self, meter=self.meter or meters.get(self.event_name or ""))

    def _amount(self) -> dict[str, Any]:
        recurring: dict[str, Any] = {"interval": self.offer.interval}
        if isinstance(self.money, Money):
            return {"unit_amount": self.money.amount, "recurring": recurring}
        recurring |= {"usage_type": "metered", "meter": self.meter}
        # As text, for the parameters are recorded as JSON and no digit may be lost.
        return {"unit_amount_decimal": f"{self.money.amount:f}", "recurring": recurring}

    def params(self) -> dict[str, Any]:
        return {
            "product": self.product,
            "currency": self.money.currency,
            **self._amount(),
            "lookup_key": self.lookup_key,
            "transfer_lookup_key": True,
            "nickname": self.nickname,
            "metadata": dict(self.metadata),
        }

    def __str__(self) -> str:
        instead = f", in place of {self.replaces}" if self.replaces else ""
        return f"create price {self.nickname!r} at {self.money}{instead}"


@dataclass(frozen=True)
class ReKeyPrice(Action):
    """An older price that is right again: the lookup key moves to it, and it is made active.

    ``changes`` is what else of it drifted.
    """

    verb, noun, operation = "re-key", "price", Operation.PRICE_UPDATE

    price: str
    nickname: str
    money: Money | UnitPrice
    lookup_key: str
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def target(self) -> str:
        return self.price

    def params(self) -> dict[str, Any]:
        return {"lookup_key": self.lookup_key, "transfer_lookup_key": True, **self.changes}

    def __str__(self) -> str:
        also = f" ({_said(self.changes)})" if self.changes else ""
        return f"re-key price {self.price} as {self.nickname!r} at {self.money}{also}"


@dataclass(frozen=True)
class CorrectPrice(Action):
    """A current price whose nickname or metadata drifted, or that was archived."""

    verb, noun, operation = "correct", "price", Operation.PRICE_UPDATE

    price: str
    nickname: str
    changes: Mapping[str, Any]

    @property
    def target(self) -> str:
        return self.price

    def params(self) -> dict[str, Any]:
        return dict(self.changes)

    def __str__(self) -> str:
        return f"correct price {self.price} ({self.nickname!r}): {_said(self.changes)}"


@dataclass(frozen=True)
class ArchivePrice(Action):
    """A price that is not sold any more and that no subscription uses. ``why`` is a clause."""

    verb, noun, operation = "archive", "price", Operation.PRICE_UPDATE

    price: str
    offer: Offer
    why: str

    @property
    def target(self) -> str:
        return self.price

    def params(self) -> dict[str, Any]:
        return {"active": False}

    def __str__(self) -> str:
        return f"archive price {self.price} of {self.offer}: {self.why}"


# In the order in which they are carried out and counted: nothing that is sold goes before what
# replaces it is there.
KINDS: tuple[type[Action], ...] = (
    CreateProduct,
    UpdateProduct,
    CreateMeter,
    ReactivateMeter,
    CreatePrice,
    ReKeyPrice,
    CorrectPrice,
    ArchivePrice,
    ArchiveProduct,
)


def _said(changes: Mapping[str, Any]) -> str:
    """What is changed, for a person: "active again, name 'Core', metadata planshift_plan"."""
    parts = ["active again"] if changes.get("active") else []
    parts += [f"{key} {changes[key]!r}" for key in ("name", "nickname") if key in changes]
    if "metadata" in changes:
        parts.append("metadata " + ", ".join(changes["metadata"]))
    return ", ".join(parts)
