"""Apps that are made once and lent to one world after the other.

Making one registers and describes all routes, which takes longer than most tests use it. An app
keeps nothing about its callers but the counts of the rate limits, which start anew with each loan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from flask import Flask
from werkzeug.local import LocalProxy

from service.app import create_app
from service.wiring import Parts


class _Lent:
    """An app whose parts are stand-ins for those of the world that has it at the moment."""

    def __init__(self, parts: Parts) -> None:
        self.parts: Parts | None = None
        stand_ins = {field.name: self._stand_in(field.name) for field in fields(Parts)}
        # The routes describe the catalogue while they are made: an app has one for good.
        self.app = create_app(Parts(**{**stand_ins, "catalogue": parts.catalogue}))

    def _stand_in(self, name: str) -> Any:
        return LocalProxy(lambda: getattr(self.parts, name))


_IDLE: dict[int, list[_Lent]] = defaultdict(list)


@contextmanager
def app_for(parts: Parts) -> Iterator[Flask]:
    """An app that works on ``parts`` and on nobody else's until the block ends."""
    # Catalogues are loaded once per process, so one is known by its identity.
    idle = _IDLE[id(parts.catalogue)]
    lent = idle.pop() if idle else _Lent(parts)
    lent.parts = parts
    for limiter in lent.app.extensions["limiter"]:
        limiter.enabled = True
        limiter.reset()
    try:
        yield lent.app
    finally:
        lent.parts = None
        idle.append(lent)
