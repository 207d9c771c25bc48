"""Bodies to start from; they fit the catalogue that is built in."""

from __future__ import annotations

from typing import Any

CONTACT: dict[str, Any] = {"email": "billing@acme.example", "name": "Acme", "locale": "en"}
QUOTE: dict[str, Any] = {
    "changes": [{"family": "operations", "plan": "core", "tier": "10k", "interval": "month"}]
}
PLAN_CHANGE: dict[str, Any] = {"quote": "q_1", "acknowledgements": []}
PURCHASE: dict[str, Any] = {"family": "operations", "pack": "extra-1k", "quantity": 1}
CHECKOUT: dict[str, Any] = {"mode": "setup", "return_url": "https://acme.example/billing"}
PORTAL: dict[str, Any] = {"return_url": "https://acme.example/billing"}
SALES_REQUEST: dict[str, Any] = {"fields": {"name": "Ada", "question": "Do you offer SSO?"}}
USAGE: dict[str, Any] = {"records": [{"id": "run-1", "family": "operations", "units": 25}]}
CANCEL_CHANGE: dict[str, Any] = {"family": "operations"}
CANCELLATION: dict[str, Any] = {"when": "period_end", "reason": "switched_service"}
