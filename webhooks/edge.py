"""The edge: what the internet can reach. Verify, store, answer; nothing else.

Nothing is stored before the signature holds, and whatever is stored is answered 2xx at once, so
Stripe's retries serve only for what truly did not arrive.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from stripe import SignatureVerificationError, WebhookSignature

from adapter.clock import Clock
from adapter.database import Database
from adapter.gateway.client import API_VERSION
from adapter.grouped import GroupedInserts
from adapter.tables import EventRow

from .registry import why_ignored

log = structlog.get_logger(__name__)

MAX_BODY = 1024 * 1024
# Stripe's own tolerance; the SDK checks only the past, a replay from the future is refused too.
TOLERANCE = timedelta(seconds=300)


class BadRequest(Exception):
    """The request is refused with 400; ``code`` is stable, the text says what was wrong."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Receipt:
    """What became of an event: ``stored`` (pending), ``ignored`` (kept, not handled), or
    ``duplicate``."""

    event_id: str
    outcome: str


class Edge:
    """Takes in events. ``secrets`` are tried in turn, so that they can be rolled."""

    def __init__(
        self, database: Database, secrets: Sequence[str], livemode: bool, clock: Clock
    ) -> None:
        # An empty secret would make every signature forgeable; it closes the edge instead.
        self.secrets = [secret for secret in secrets if secret]
        self._inbox = GroupedInserts(database, EventRow)
        self._livemode = livemode
        self._clock = clock

    def receive(self, body: bytes, signature: str | None) -> Receipt:
        """Store one event; back when it is committed.

        Raises:
            BadRequest: the signature is missing, wrong or out of time, or the body is not an
                event. Nothing was stored.
            DBAPIError: it could not be stored; the sender tries again.
        """
        text = self._verified(body, signature)
        event = _parsed(text)
        row = event_row(event, self._livemode, self._clock.now())
        if not self._inbox.insert_once(row):
            return Receipt(row["id"], "duplicate")
        return Receipt(row["id"], "stored" if row["state"] == "pending" else "ignored")

    def _verified(self, body: bytes, signature: str | None) -> str:
        if not signature:
            raise BadRequest("signature_missing", "The Stripe-Signature header is missing.")
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as broken:
            raise BadRequest("body_not_utf8", "The body is not UTF-8.") from broken
        if not any(_fits(text, signature, secret) for secret in self.secrets):
            raise BadRequest("signature_invalid", "No configured secret made this signature.")
        age = self._clock.now() - _signed_at(signature)
        if abs(age) > TOLERANCE:
            raise BadRequest(
                "signature_out_of_time",
                f"The signature is {abs(age).total_seconds():.0f} s "
                f"{'old' if age > timedelta(0) else 'in the future'}; the limit is "
                f"{TOLERANCE.total_seconds():.0f} s.",
            )
        return text


def event_row(event: Mapping[str, Any], livemode: bool, now: datetime) -> dict[str, Any]:
    """An event reduced to its row of the inbox, however it came here: delivered or listed.

    ``event`` is Stripe's own, with an ``id`` and a ``type``; ``now`` is when it was received.
    """
    kind = str(event["type"]).removeprefix("v1.")
    version = event.get("api_version")
    if version is not None and version != API_VERSION:
        # Objects are fetched in our version, so this costs nothing but a warning.
        log.warning("event_of_other_version", version=version, type=kind)
    named = _objects(event)
    ignored = why_ignored(kind)
    if bool(event.get("livemode")) != livemode:
        log.error("event_of_other_mode", event_id=event["id"])
        ignored = "livemode differs from PLANSHIFT_LIVEMODE"
    return {
        "id": str(event["id"]),
        "type": kind,
        "api_version": version,
        "occurred_at": _created(event, now),
        "received_at": now,
        "processed_at": now if ignored else None,
        **named,
        "owner": named["customer_id"] or named["object_id"] or str(event["id"]),
        "state": "ignored" if ignored else "pending",
        "error": ignored,
        "attempts": 0,
        "next_at": now,
    }


def _fits(text: str, signature: str, secret: str) -> bool:
    """Stripe's own verification, in constant time; the age is checked apart, on our clock."""
    try:
        return bool(WebhookSignature.verify_header(text, signature, secret, tolerance=None))
    except SignatureVerificationError:
        return False


def _signed_at(signature: str) -> datetime:
    stamps = [part[2:] for part in signature.split(",") if part.startswith("t=")]
    return datetime.fromtimestamp(int(stamps[0]), UTC)


def _parsed(text: str) -> dict[str, Any]:
    try:
        event = json.loads(text)
    except ValueError as broken:
        raise BadRequest("body_not_json", "The body is not JSON.") from broken
    if not isinstance(event, dict):
        raise BadRequest("body_not_an_event", "The body is not a JSON object.")
    for member in ("id", "type"):
        if not isinstance(event.get(member), str) or not event[member]:
            raise BadRequest("body_not_an_event", f"The body has no {member!r}.")
    return event


def _created(event: Mapping[str, Any], now: datetime) -> datetime:
    """When it happened: unix seconds in snapshot events, RFC 3339 in thin ones."""
    created = event.get("created")
    try:
        if isinstance(created, str):
            return datetime.fromisoformat(created)
        return datetime.fromtimestamp(int(created), UTC) if created is not None else now
    except (ValueError, OverflowError, TypeError):
        return now


def _objects(event: Mapping[str, Any]) -> dict[str, str | None]:
    """The ids an event names; all of its payload that is looked at."""
    data = event.get("data")
    named = data.get("object") if isinstance(data, dict) else None
    if not isinstance(named, dict):
        # A thin event names its object without showing it.
        related = event.get("related_object")
        named = related if isinstance(related, dict) else {}
    kind, own = _text(named.get("object") or named.get("type")), _text(named.get("id"))
    customer = own if kind == "customer" else _text(named.get("customer"))
    subscription = own if kind == "subscription" else _subscription_of(named)
    return {
        "object_type": kind,
        "object_id": own,
        "customer_id": customer,
        "subscription_id": subscription,
    }


def _subscription_of(named: dict[str, Any]) -> str | None:
    """What an invoice bills (under its parent), or a schedule carries or has released."""
    parent = named.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    if isinstance(details, dict):
        return _text(details.get("subscription"))
    return _text(named.get("subscription")) or _text(named.get("released_subscription"))


def _text(value: Any) -> str | None:
    """An id, also where it stands inside an expanded object."""
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) and value else None
