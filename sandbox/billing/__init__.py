"""Billing: how time, prices and cards become invoices, payments and statuses."""

from ..kernel.world import Dated

DATED: dict[str, Dated] = {}
