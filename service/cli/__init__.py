"""The command line: ``planshift``. One module per noun; each command calls one function."""

from __future__ import annotations

from .main import main

__all__ = ["main"]
