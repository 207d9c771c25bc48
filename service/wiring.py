"""The composition root: builds every part once, for the app, the worker and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from adapter.accounts import Accounts
from adapter.adoption import AdoptedPrices, Adoption, Migration
from adapter.catalogue_sync import CatalogueSync
from adapter.changes.activating import Activating
from adapter.changes.orders import Orders
from adapter.changes.schedules.bringing import Scheduling
from adapter.changes.undoing import Undoing
from adapter.checkouts.mirroring import CheckoutMirror
from adapter.checkouts.sessions import Checkouts
from adapter.claims import Claims
from adapter.clock import Clock, WallClock
from adapter.clock_readings import AT_ONCE, SELDOM, ClockReadings
from adapter.database import Database, open_database
from adapter.deployment import Deployment
from adapter.due import Work
from adapter.endpoints import Endpoints
from adapter.gateway.client import StripeSettings, StripeTime, connect
from adapter.gateway.pacing import Limits, Pacing, Urgency
from adapter.gateway.read import Reader
from adapter.gateway.write import Writer
from adapter.keys import Keys
from adapter.metering.charges import Charges
from adapter.metering.sending import Sending
from adapter.mirror import Mirror
from adapter.portal import Portal
from adapter.purchases.orders import Purchases
from adapter.quotes import Quotes
from adapter.reconcile import Reconciling
from adapter.retrying import Retrying
from adapter.sales.requests import SalesRequests
from adapter.state import States
from adapter.tools import Tools
from adapter.working import DueWork, Workers
from mappings import Catalogue, load_catalogue
from webhooks import LISTED, Backfill, Edge, Inbox, Processing

from .metrics import Metrics
from .settings import Settings


@dataclass(frozen=True)
class Parts:
    """Everything there is, ready to use."""

    settings: Settings
    clock: Clock
    catalogue: Catalogue
    database: Database
    reader: Reader
    writer: Writer
    accounts: Accounts
    quotes: Quotes
    orders: Orders
    undoing: Undoing
    checkouts: Checkouts
    purchases: Purchases
    sales: SalesRequests
    portal: Portal
    states: States
    keys: Keys
    claims: Claims
    edge: Edge
    backfill: Backfill
    reconciling: Reconciling
    inbox: Inbox
    processing: Processing
    due_work: DueWork
    catalogue_sync: CatalogueSync
    adoption: Adoption
    adopted_prices: AdoptedPrices
    migration: Migration
    endpoints: Endpoints
    metrics: Metrics


def build(
    settings: Settings,
    clock: Clock | None = None,
    catalogue: Catalogue | None = None,
    urgency: Urgency = Urgency.PATIENT,
) -> Parts:
    """Build the parts for ``settings``; ``catalogue`` spares loading the one they name, and
    ``urgency`` says whether somebody waits for what Stripe answers.

    Raises:
        CatalogueError: the catalogue has problems (all of them are in the error).
        Misconfigured: the database URL is not usable.
    """
    clock, catalogue = clock or WallClock(), catalogue or load_catalogue(settings.catalogue)
    database = open_database(settings.database_url)
    urgency = Urgency.FREE if settings.stripe_api_base else urgency  # only Stripe has limits
    tools, seen, ownership = _tools(settings, database, catalogue, clock, urgency)
    reader, writer, mirror = tools.reader, tools.writer, tools.mirror
    quotes = Quotes(database, reader, catalogue)
    orders, undoing = Orders(quotes, tools, ownership), Undoing(tools, ownership)
    purchases = Purchases(tools, ownership)
    (backfill, reconciling), claims = _sweeps(tools, settings.livemode), Claims(database)
    return Parts(
        settings=settings,
        clock=clock,
        catalogue=catalogue,
        database=database,
        reader=reader,
        writer=writer,
        accounts=Accounts(tools),
        quotes=quotes,
        orders=orders,
        undoing=undoing,
        checkouts=tools.checkouts,
        purchases=purchases,
        sales=SalesRequests(database, catalogue, clock, settings.sales_email),
        portal=Portal(tools),
        states=States(database, catalogue),
        keys=Keys(database, clock),
        claims=claims,
        edge=Edge(database, settings.webhook_secrets, settings.livemode, clock),
        backfill=backfill,
        reconciling=reconciling,
        inbox=Inbox(database, clock),
        processing=Processing(database, reader, mirror, seen, catalogue, claims, clock),
        due_work=_due_work(tools, urgency, orders, undoing, purchases, backfill, reconciling),
        catalogue_sync=CatalogueSync(catalogue, database, reader, writer, clock),
        adoption=Adoption(tools),
        adopted_prices=AdoptedPrices(tools),
        migration=Migration(tools),
        endpoints=_endpoints(settings, tools),
        metrics=Metrics.new(),
    )


def _tools(
    settings: Settings, database: Database, catalogue: Catalogue, clock: Clock, urgency: Urgency
) -> tuple[Tools, CheckoutMirror, timedelta]:
    """What changing plans takes, what hears of Checkout's pages, and how long a write belongs to
    the request that began it.
    """
    reader, writer, ownership = _gateway(settings, database, clock, urgency)
    mirror = Mirror(database, reader, catalogue, clock)
    seen = CheckoutMirror(database, reader, catalogue, clock)
    deployment = Deployment(database, reader, writer, catalogue, mirror, clock)
    tools = Tools(
        **vars(deployment),
        scheduling=Scheduling(database, reader, mirror, catalogue),
        checkouts=Checkouts(deployment, seen, ownership, settings.public_url),
        sending=Sending(deployment),
    )
    return tools, seen, ownership


def _sweeps(tools: Tools, livemode: bool) -> tuple[Backfill, Reconciling]:
    """What comes again by itself, and may be run by hand."""
    database, reader, clock = tools.database, tools.reader, tools.clock
    return (
        Backfill(database, reader, livemode, clock),
        Reconciling(database, reader, tools.mirror, tools.catalogue, clock),
    )


def _due_work(
    tools: Tools,
    urgency: Urgency,
    orders: Orders,
    undoing: Undoing,
    purchases: Purchases,
    backfill: Backfill,
    reconciling: Reconciling,
) -> DueWork:
    """What the worker does when it is due."""
    workers = Workers.of(orders, undoing, Activating(tools), tools.checkouts, purchases)
    charges = Charges(tools.database, tools.reader, tools.sending)
    others = {
        Work.BACKFILL: backfill.do_due,
        Work.RECONCILE: reconciling.do_due,
        Work.METER: tools.sending.resume,
        Work.CHARGES: charges.calculate,
        Work.RETRY_PAYMENT: Retrying(tools).retry,
    }
    every = AT_ONCE if urgency is Urgency.FREE else SELDOM
    readings = ClockReadings(tools.reader, tools.clock, every)
    return DueWork(tools.database, tools.reader.time, readings, workers.also(others), tools.clock)


def _endpoints(settings: Settings, tools: Tools) -> Endpoints:
    """Where Stripe is to send what the registry handles."""
    return Endpoints(
        tools,
        events=list(LISTED),
        public_url=settings.public_url,
        at_stripe=settings.stripe_api_base is None,
        livemode=settings.livemode,
    )


def _gateway(
    settings: Settings, database: Database, clock: Clock, urgency: Urgency
) -> tuple[Reader, Writer, timedelta]:
    """The two doors to Stripe, and how long a write belongs to the request that began it."""
    stripe = StripeSettings(
        settings.stripe_api_key, settings.stripe_api_base, settings.stripe_timeout_s
    )
    time = StripeTime(clock.now)
    pacing = Pacing(
        database,
        Limits.of(livemode=settings.livemode),
        urgency,
    )
    client = connect(stripe, time, pacing)
    return Reader(client, time), Writer(client), timedelta(seconds=stripe.ownership_s)
