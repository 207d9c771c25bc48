"""A customer in front of Stripe's pages, for tests and demos in the same process."""

from __future__ import annotations

from ..billing.checkout_payment import Answer, Ending, visit_checkout
from ..billing.portal import visit_portal
from ..box import Sandbox


class Visitor:
    """Does at a page what a person would do there."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box

    def pay(
        self,
        session: str,
        card: str = "pm_card_visa",
        *,
        answer: Answer = None,
        email: str | None = None,
        name: str | None = None,
        code: str | None = None,
    ) -> Ending:
        """Tries a card at a Checkout session, which also may only save it (setup mode).

        `action` means that the bank asks: call again with `answer`. Raises LookupError where no
        session is open, ValueError for an unknown card or promotion code.
        """
        with self._box.acting():
            return visit_checkout(
                self._box.world, session, card, answer=answer, email=email, name=name, code=code
            )

    def use_portal(self, session: str, action: str, **wanted: str) -> str:
        """One action in the billing portal; see `billing.portal.ACTIONS`. Returns what happened.

        Raises LookupError where there is no such session, ValueError for what it does not allow.
        """
        with self._box.acting():
            return visit_portal(self._box.world, session, action, wanted)
