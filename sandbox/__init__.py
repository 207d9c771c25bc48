"""A Stripe that runs on this machine.

It speaks Stripe's v1 API for what a billing integration uses, with its own clock: real, or frozen
and advanced by hand, in which case everything due is played in order. It bills, prorates, retries,
signs and delivers webhooks as Stripe does, keeps every uncertain point as a named switch
(`Switches`), and fails on request. It stands alone: it knows nothing of the service that is tested
against it and does not use Stripe's SDK.

    box = Sandbox(start=datetime(2026, 1, 1, tzinfo=UTC))
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mount(box, mock)                      # the official SDK now talks to `box`
        ...
        box.advance(seconds=31 * 86_400)      # renewals, retries and cancellations happen
        box.deliver_pending()                 # signed webhooks go out

`create_app(box)` is the same as a WSGI app, with a dashboard at `/`; `python -m sandbox` runs it as
a server. Observers see every exchange and event, so that somebody else can judge them; `Recorder`
writes them to a file.
"""

from .app import create_app
from .box import Sandbox
from .exchanges import Exchange, LoggedCall, Observer, Recorder, Reply
from .kernel.delivery import Delivery
from .mounting import mount
from .pages import Visitor
from .switches import Switches

__all__ = [
    "Delivery",
    "Exchange",
    "LoggedCall",
    "Observer",
    "Recorder",
    "Reply",
    "Sandbox",
    "Switches",
    "Visitor",
    "create_app",
    "mount",
]
