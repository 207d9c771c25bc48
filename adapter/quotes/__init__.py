"""Quotes: what a change would cost and mean, before anybody commits to it.

``targets`` works out what a request means for this account and what the rules say;
``documents`` renders what the caller reads; ``quotes`` makes, keeps and checks them.
"""

from .quotes import Quotes

__all__ = ["Quotes"]
