"""The checks of ``planshift doctor``: what is wrong, said before it costs money."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from adapter.alerts import alerts
from adapter.gateway.client import API_VERSION
from adapter.gateway.failures import GatewayFailure
from adapter.metering.standing import refused_usage
from adapter.migrations import is_current
from adapter.sweeps import SweepStatus

from .left import dead
from .wiring import Parts


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it is well, and what to do if it is not."""

    what: str
    well: bool
    detail: str


def examine(parts: Parts) -> Iterator[Finding]:
    """Look at the settings, the database, Stripe, and what waits for a person."""
    checks: tuple[Callable[[Parts], Finding], ...] = (
        _database,
        _stripe,
        _prices,
        _endpoint,
        _webhook_secret,
        _mail,
        _sales,
        _usage,
        _dead,
        _backfill,
        _reconcile,
    )
    for check in checks:
        yield check(parts)
        if check is _database and not is_current(parts.database):
            return
    yield from _alerts(parts)


def _database(parts: Parts) -> Finding:
    kind = "SQLite (one web and one worker process)" if parts.database.is_sqlite else "PostgreSQL"
    if is_current(parts.database):
        return Finding("database", True, f"{kind}, at the newest revision")
    return Finding("database", False, f"{kind} is outdated: run 'planshift db upgrade'")


def _stripe(parts: Parts) -> Finding:
    try:
        endpoints = list(parts.reader.webhook_endpoints())
    except GatewayFailure as failure:
        return Finding("stripe", False, f"Stripe does not answer as it should: {failure}")
    return Finding("stripe", True, f"reachable, {len(endpoints)} webhook endpoint(s)")


def _endpoint(parts: Parts) -> Finding:
    try:
        faults = parts.endpoints.faults()
    except GatewayFailure:
        return Finding("endpoint", False, "cannot be looked at while Stripe does not answer")
    well = f"Stripe sends all that is handled here to {parts.endpoints.url}, on {API_VERSION}"
    return Finding("endpoint", not faults, "; ".join(faults) or well)


def _prices(parts: Parts) -> Finding:
    try:
        plan = parts.catalogue_sync.plan()
    except GatewayFailure:
        return Finding("catalogue", False, "cannot be compared while Stripe does not answer")
    if plan.actions:
        return Finding(
            "catalogue", False, f"{len(plan.actions)} difference(s): run 'planshift catalogue sync'"
        )
    return Finding("catalogue", True, f"{parts.catalogue.name} is at Stripe as it stands here")


def _webhook_secret(parts: Parts) -> Finding:
    if parts.settings.webhook_secrets:
        return Finding("webhooks", True, f"{len(parts.settings.webhook_secrets)} signing secret(s)")
    return Finding("webhooks", False, "STRIPE_WEBHOOK_SECRET is not set: every event is refused")


def _mail(parts: Parts) -> Finding:
    if parts.settings.smtp_url:
        return Finding("mail", True, f"sent as {parts.settings.mail_from}")
    return Finding("mail", False, "PLANSHIFT_SMTP_URL is not set: notices are kept and not sent")


def _alerts(parts: Parts) -> Iterator[Finding]:
    """What at Stripe waits for a person."""
    with parts.database.read() as tx:
        found = alerts(tx)
    for kind, lines in found.items():
        yield Finding(kind.value, not lines, "; ".join(lines) or "nothing waits for a person")


def _usage(parts: Parts) -> Finding:
    refused = refused_usage(parts.database)
    if refused:
        return Finding("usage", False, f"{refused:,} units that Stripe did not take: bill by hand")
    return Finding("usage", True, "everything that was reported is billed, or will be")


def _sales(parts: Parts) -> Finding:
    rules = (rule for family in parts.catalogue.families.values() for rule in family.rules)
    if parts.settings.sales_email:
        return Finding("sales", True, f"requests go to {parts.settings.sales_email}")
    if any(rule.then.route == "contact_sales" for rule in rules):
        missing = "rules send callers to sales, but PLANSHIFT_SALES_EMAIL is not set"
        return Finding("sales", False, f"{missing}: requests are refused")
    return Finding("sales", True, "no rule sends callers to sales")


def _dead(parts: Parts) -> Finding:
    waiting = {name: count for name, count in dead(parts.database).items() if count}
    if waiting:
        return Finding("dead letters", False, f"a person has to look: {waiting}")
    return Finding("dead letters", True, "none")


def _backfill(parts: Parts) -> Finding:
    """It comes every ten minutes; a few may fail."""
    return _sweep(parts, "backfill", parts.backfill.status(), timedelta(hours=1))


def _reconcile(parts: Parts) -> Finding:
    """It comes every day."""
    return _sweep(parts, "reconcile", parts.reconciling.status(), timedelta(days=2))


def _sweep(parts: Parts, what: str, sweep: SweepStatus, at_least_every: timedelta) -> Finding:
    if sweep.error:
        return Finding(what, False, f"fails, and is tried again: {sweep.error}")
    if sweep.ended_at is None:
        return Finding(what, True, "none has ended yet; a worker does it by itself")
    age = parts.clock.now() - sweep.ended_at
    found = ", ".join(f"{count} {name}" for name, count in sweep.found.items()) or "nothing found"
    told = f"last ended {sweep.ended_at:%Y-%m-%d %H:%M} UTC: {found.replace('_', ' ')}"
    if age > at_least_every:
        return Finding(what, False, f"{told}; since then none has: does a worker run?")
    return Finding(what, True, told)
