"""One sandbox: the account's state, its clock, and the way a request passes through it."""

from __future__ import annotations

import base64
import re
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import formatdate
from typing import Any, Literal
from urllib.parse import urlencode

from .billing import DATED
from .billing.settling import authenticate
from .exchanges import VERSION, Exchange, LoggedCall, Observer, Reply, Request
from .kernel import errors
from .kernel.delivery import Delivery, Post
from .kernel.errors import Json, StripeError
from .kernel.faults import Dropped, FaultKind, Faults, Latency
from .kernel.fields import read_fields
from .kernel.forms import parse_form, parse_json
from .kernel.idempotency import Answer, Keys
from .kernel.ids import token
from .kernel.rendering import expand, public
from .kernel.routing import EXPAND, Call, Route
from .kernel.store import Key
from .kernel.world import NOTIFICATION, World
from .resources import TABLE, register_shapes
from .resources.meter_streams import STREAM, admit
from .resources.thin_events import thin_form
from .switches import Switches

KEY = re.compile(r"^(sk|rk|rkcs)_test_\w+$")
OWN_KEY = "sk_test_dashboard"
Deliver = Literal["inline", "manual", "background"]


class Sandbox:
    """A Stripe account that lives in this process.

    `start=None` follows wall time, plus what it was advanced by; a value freezes the clock at that
    moment, and only `advance` moves it. `deliver` says who sends webhooks: the request that caused
    them ("inline"), the caller of `deliver_pending` ("manual"), or the server's own thread
    ("background"). `observers` see every exchange and event; more can be added at any time.
    """

    def __init__(
        self,
        start: datetime | int | None = None,
        *,
        seed: int = 0,
        deliver: Deliver = "manual",
        switches: Switches | None = None,
        retry_waits: tuple[float, ...] = (5.0, 30.0),
        observers: Iterable[Observer] = (),
    ) -> None:
        moment = int(start.timestamp()) if isinstance(start, datetime) else start
        self.switches = switches or Switches()
        self.lock = threading.RLock()
        self.faults = Faults(seed)
        self.latency = Latency()
        self.request_log: list[LoggedCall] = []
        self.deliver: Deliver = deliver
        # seconds a server keeps a client waiting that is to meet a timeout: longer than the SDK's
        # default of 80 s, so that its own timeout is what it sees
        self.silence: float = 90
        self.observers = list(observers)
        self.world = World(moment, seed, self.switches)
        self.world.dated.update(DATED)
        self._agenda_hook = self.world.store.on_commit
        self.world.store.on_commit = self._committed
        register_shapes(self.world.shapes)
        self.delivery = Post(self.world, self.lock, retry_waits, thin_form)
        self.world.resend = self.delivery.resend
        self._keys = Keys()
        self._seed = seed
        self._requests = 0

    # ---- the clock ------------------------------------------------------------------------

    def now(self) -> int:
        """Unix seconds of the sandbox's clock."""
        return self.world.clock_now(None)

    def advance(self, *, seconds: int | None = None, to: int | datetime | None = None) -> int:
        """Moves the clock forward and plays everything due on the way, in order. Returns now."""
        with self.lock:
            start = self.now()
            target = int(to.timestamp()) if isinstance(to, datetime) else to
            if target is None:
                target = start + (seconds or 0)
            if target < start:
                raise ValueError(f"the clock only moves forward: it is {start}, not {target}")
            self.world.play(None, target)
            self.world.move(target - start)
        self._after()
        return self.now()

    def catch_up(self) -> None:
        """Plays what became due while a clock that follows wall time ran on."""
        with self.lock:
            self.world.play(None, self.now())

    def next_due(self) -> int | None:
        """When something happens next by itself on the sandbox's own clock; None: never."""
        with self.lock:
            due = self.world.next_due(None)
        return due.moment if due else None

    # ---- webhooks -------------------------------------------------------------------------

    @property
    def deliveries(self) -> list[Delivery]:
        """Every delivery there ever was, oldest first."""
        return list(self.delivery.log)

    def pending_deliveries(self) -> list[Delivery]:
        return self.delivery.pending()

    def deliver_pending(self) -> list[Delivery]:
        """Sends what waits now, each once, in order, retries without regard to their backoff."""
        return self.delivery.drain(patient=False)

    def deliver_due(self) -> list[Delivery]:
        """Sends what waits and whose backoff has passed: what the background thread does."""
        return self.delivery.drain(patient=True)

    # ---- for tests and demos --------------------------------------------------------------

    def fail_next(self, method: str, path_pattern: str, kind: FaultKind, count: int = 1) -> None:
        """The next `count` requests with this method (`*`: any) and path (a regex) fail so."""
        self.faults.plan(method, path_pattern, kind, count)

    def authenticate(self, payment_intent: str, *, succeed: bool = True) -> None:
        """The customer completes, or fails, the 3-D Secure challenge of a PaymentIntent."""
        with self.acting():
            authenticate(self.world, payment_intent, succeed=succeed)

    @contextmanager
    def acting(self) -> Iterator[None]:
        """For what happens without an API request: a customer at a page, a bank's answer."""
        with self.lock, self.world.store.transaction():
            yield
        self._after()

    # ---- a request ------------------------------------------------------------------------

    def call(
        self, method: str, path: str, encoded: str = "", headers: dict[str, str] | None = None
    ) -> Reply:
        """Answers one API request. Raises `Dropped` where a fault says there is no answer."""
        self.latency.wait(method, path)
        return self._serve(method, path, encoded, headers or {}, self.faults.take(method, path))

    def ask(self, method: str, path: str, params: dict[str, str]) -> Reply:
        """The API as the sandbox's own pages ask it: neither faults nor latency befall them."""
        headers = {"Authorization": f"Bearer {OWN_KEY}"}
        return self._serve(method, path, urlencode(params), headers, None)

    def _serve(
        self, method: str, path: str, encoded: str, headers: dict[str, str], fault: FaultKind | None
    ) -> Reply:
        sent = {name.lower(): value for name, value in headers.items()}
        with self.lock:
            self._requests += 1
            request_id = "req_" + token(self._seed, "req", self._requests, 14)
        request = Request(request_id, method, path, encoded, sent, fault)
        if fault in ("timeout_before", "reset"):
            self._log(request, {}, None)
            self._show(Exchange.of(request, None))
            raise Dropped(fault)
        reply = self._answer(request)
        self._show(Exchange.of(request, reply))
        self._after()
        if fault == "timeout_after":
            raise Dropped(fault)
        return reply

    def _answer(self, request: Request) -> Reply:
        params: Json = {}
        extra: dict[str, str] = {}
        version = self.switches.default_api_version
        try:
            version = self._enter(request)
            params = parse_json(request.encoded) if request.is_json else parse_form(request.encoded)
            answer, extra = self._keyed(request, params)
        except StripeError as error:
            answer = Answer(error.status, error.body(request.id))
        self._log(request, params, answer.status)
        shown = {
            "Content-Type": "application/json",
            "Date": formatdate(self.now(), usegmt=True),
            "Request-Id": request.id,
            "Stripe-Version": version,
        }
        return Reply(answer.status, answer.body, shown | extra)

    def _keyed(self, request: Request, params: Json) -> tuple[Answer, dict[str, str]]:
        """The answer and its extra headers: replayed under a known idempotency key, else made."""
        if request.fault == "429":
            raise errors.rate_limited()
        route, ids = TABLE.match(request.method, request.path)
        key = request.key
        if key is None:
            return self._run(request, route, ids, params), {}
        known = self._keys.begin(key, request.path, params, self.now(), request.id)
        extra = {"Idempotency-Key": key}
        if known is not None and known.answer is not None:
            extra |= {"Idempotent-Replayed": "true", "Original-Request": known.request_id}
            return known.answer, extra
        return self._run(request, route, ids, params), extra

    def _enter(self, request: Request) -> str:
        """Checks the credential and names the API version of the request."""
        sent = request.headers
        scheme, _, credential = sent.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            credential = base64.b64decode(credential).decode(errors="replace").partition(":")[0]
        if not credential:
            raise errors.no_api_key()
        if request.path == STREAM:
            admit(self.world, credential)
        elif not KEY.match(credential):
            raise errors.bad_api_key(credential)
        version = sent.get("stripe-version") or self.switches.default_api_version
        if not VERSION.match(version):
            raise errors.invalid(f"Invalid Stripe API version: {version}")
        return version

    def _run(self, request: Request, route: Route, ids: dict[str, str], raw: Json) -> Answer:
        """Validation first (its failures are not stored under the key), then execution."""
        key = request.key
        try:
            params = read_fields({**route.accepts, **EXPAND}, raw)
            if request.fault == "500":
                answer = Answer(500, errors.internal().body(request.id))
            else:
                answer = self._execute(request, route, Call(params, ids, request.path))
        except BaseException:
            if key:
                self._keys.release(key)
            raise
        if key:
            self._keys.store(key, answer)
        return answer

    def _execute(self, request: Request, route: Route, call: Call) -> Answer:
        world = self.world
        with self.lock:
            world.play(None, self.now())
            world.after_commit.clear()
            cause = request.id if route.method != "GET" else None
            world.request = {"id": cause, "idempotency_key": request.key}
            world.version = request.headers.get("stripe-version")
            try:
                with world.store.transaction():
                    shown = route.handler(world, call)
                    expand(world, shown, call.params.get("expand") or [])
                for follow_up in world.after_commit:
                    follow_up()
                answer = Answer(200, shown)
            except StripeError as error:
                answer = Answer(error.status, error.body(request.id))
            finally:
                world.request = {"id": None, "idempotency_key": None}
            return answer

    # ---- after a change -------------------------------------------------------------------

    def _committed(self, touched: list[Key]) -> None:
        self._agenda_hook(touched)
        for family, identifier in touched:
            event = self.world.event(identifier) if family in ("event", NOTIFICATION) else None
            if event is not None and not event.get("_posted"):
                event["_posted"] = True
                self.delivery.enqueue(event)
                for observer in self.observers if family == "event" else ():
                    observer.announced(public(event))

    def _after(self) -> None:
        if self.deliver == "inline":
            self.delivery.drain(patient=True)

    def _show(self, exchange: Exchange) -> None:
        for observer in self.observers:
            observer.exchanged(exchange)

    def _log(self, request: Request, params: Json, status: int | None) -> None:
        entry = LoggedCall(request.method, request.path, params, request.headers, status)
        self.request_log.append(entry)

    def state(self) -> Json:
        """Clock and counts, for people."""
        with self.lock:
            waiting: list[Any] = self.delivery.pending()
            return {
                "now": self.now(),
                "wall": int(time.time()),
                "counts": self.world.store.families(),
                "pending_deliveries": len(waiting),
                "requests": self._requests,
            }
