"""Pages that a customer of the account sees, rendered here: Checkout and the billing portal.

A person uses them in a browser, a test posts to them or takes a `Visitor`. The page of an invoice
is in `sandbox.hosted`.
"""

from .checkout import checkout_pages
from .portal import portal_pages
from .visitor import Visitor

__all__ = ["Visitor", "checkout_pages", "portal_pages"]
