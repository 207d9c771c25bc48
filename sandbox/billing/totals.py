"""An invoice's sums: lines, discounts, taxes, and what the customer balance will take (§3.6)."""

from __future__ import annotations

from ..kernel.errors import Json
from ..kernel.world import World
from .discounts import discount_lines, net_of, total_discounts
from .taxes import tax_lines, tax_of, total_taxes


def compute_totals(world: World, invoice: Json) -> None:
    """Works out a draft; amounts due are shown with the balance as it stands now (§3.6).

    `subtotal` holds item discounts and not those of the whole invoice; inclusive tax is inside
    both, exclusive tax only in `total` (Stripe docs: the invoice object).
    """
    discount_lines(world, invoice)
    tax_lines(world, invoice)
    lines: list[Json] = invoice["lines"]
    inclusive, exclusive = tax_of(lines, "inclusive"), tax_of(lines, "exclusive")
    subtotal = sum(_before_shared(line) for line in lines)
    total = sum(net_of(line) for line in lines) + exclusive
    customer = world.store.get("customer", invoice["customer"])
    due, ending = split_balance(total, customer["balance"], world.switches.minimum_charge)
    invoice |= {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - inclusive,
        "total": total,
        "total_discount_amounts": total_discounts(invoice),
        "total_excluding_tax": total - inclusive - exclusive,
        "total_taxes": total_taxes(lines),
        "starting_balance": customer["balance"],
        "amount_due": due,
        "amount_remaining": due,
        "_ending": ending,
    }


def _before_shared(line: Json) -> int:
    own = sum(
        int(cut["amount"])
        for cut in line["discount_amounts"]
        if cut["discount"] in line["discounts"]
    )
    return int(line["amount"]) - own


def split_balance(total: int, balance: int, minimum: int) -> tuple[int, int]:
    """`(amount_due, ending_balance)`: credit is used up first, a negative total becomes credit,
    and an amount too small to charge is carried as a debit (§3.6)."""
    due = total + balance
    if due <= 0:
        return 0, due
    if due < minimum:
        return 0, due
    return due, 0
