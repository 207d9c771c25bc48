"""Where an adopted account's reference, the caller's own id, comes from."""

from __future__ import annotations

from dataclasses import dataclass

from ..accounts import REF
from ..errors import Invalid
from ..gateway.snapshots import CustomerSnapshot

CUSTOMER, EMAIL, METADATA = "customer", "email", "metadata:"


@dataclass(frozen=True)
class RefSource:
    """``customer`` (Stripe's id of it), ``email``, or ``metadata:KEY`` of the customer."""

    said: str = CUSTOMER

    def __post_init__(self) -> None:
        """Raises Invalid, ``unknown_ref_source``."""
        key = self.said.removeprefix(METADATA) if self.said.startswith(METADATA) else None
        if self.said not in (CUSTOMER, EMAIL) and not key:
            raise Invalid(
                "unknown_ref_source",
                f"A reference cannot come from {self.said!r}; say customer, email, or "
                "metadata:KEY with the key under which your own id stands in the customer's "
                "metadata.",
                path="--ref",
            )

    def of(self, customer: CustomerSnapshot) -> str | None:
        """The reference of this customer; None where there is none that could be used."""
        if self.said == CUSTOMER:
            return customer.id
        if self.said == EMAIL:
            found = customer.email
        else:
            found = (customer.metadata or {}).get(self.said.removeprefix(METADATA))
        return found if found and REF.fullmatch(found) else None
