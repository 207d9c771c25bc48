"""Plan changes as they stand now, and subscriptions that somebody edits by hand."""

from __future__ import annotations

from typing import Any

from tests.support.world import World


def line_of(w: World, change: Any) -> Any:
    """The one line of a plan change, as it stands now."""
    (line,) = w.get(f"/v1/plan-changes/{change['id']}")["lines"]
    return line


def state_of(w: World, change: Any) -> str:
    return str(line_of(w, change)["state"])


def newest_change(w: World) -> Any:
    return w.get("/v1/accounts/acme/plan-changes")["data"][0]


def edit(w: World, **params: Any) -> Any:
    """Somebody edits the account's subscription in the dashboard."""
    edited = w.stripe("POST", f"/v1/subscriptions/{w.subscription('acme')['id']}", **params)
    w.settle()
    return edited
