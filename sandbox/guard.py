"""What keeps other people's web pages out: a browser on this machine can reach loopback too.

Programs send neither `Origin` nor `Sec-Fetch-Site` and are let through. What a browser posts must
come from the sandbox's own pages, and under a name that nobody else can point here: an address,
localhost, or the host that the sandbox was told to serve. Without that, any page on the web could
post a form to 127.0.0.1, or read this one through a name of its own (DNS rebinding).
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Response, request

from .box import Sandbox

READING = ("GET", "HEAD", "OPTIONS")
OWN = ("same-origin", "none")


def guard(app: Flask, box: Sandbox) -> None:
    """Refuses what a foreign page makes a browser send, on every route of the app."""

    @app.before_request
    def refuse() -> Response | None:
        if request.method in READING:
            return None
        origin = request.headers.get("Origin")
        if request.headers.get("Sec-Fetch-Site", OWN[0]) not in OWN:
            return _forbidden("This was sent by a page of another site.")
        if origin is None:
            return None
        if origin.partition("://")[2].lower() != request.host.lower():
            return _forbidden("This was sent by a page of another origin.")
        return refuse_name(box)


def refuse_name(box: Sandbox) -> Response | None:
    """A refusal if the request names a host that somebody else could have pointed here."""
    name = _name(request.host)
    served = urlsplit(box.world.pages).hostname
    if name in (served, "localhost") or name.endswith(".localhost") or _is_address(name):
        return None
    return _forbidden(f"This sandbox does not serve {name!r}: open it as 127.0.0.1.")


def _name(host: str) -> str:
    """The host without its port; an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _forbidden(reason: str) -> Response:
    return Response(f"{reason}\n", 403, content_type="text/plain; charset=utf-8")
