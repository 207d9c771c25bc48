"""The switches as people and other programs see them: what each means, and turning it by a word.

The meaning is the text that stands below the switch in `sandbox.switches`: it is written once.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from typing import Any, Literal, get_args, get_origin, get_type_hints

from . import switches as module
from .exchanges import VERSION
from .switches import Switches

NEVER = "never"
LONGEST = 10 * 366 * 86_400


@dataclass(frozen=True)
class Switch:
    """One switch. `choices` are the words it takes; empty where any number or text will do."""

    name: str
    meaning: str
    choices: tuple[str, ...]
    default: Any
    hint: Any

    def read(self, word: str) -> Any:
        """The value a word stands for. ValueError for one that the switch does not take."""
        word = word.strip()
        if self.choices and word not in self.choices:
            raise ValueError(f"{self.name} is one of {', '.join(self.choices)}, not {word!r}")
        if self.hint is bool:
            return word == "true"
        if self.choices:
            return word
        if self.hint is str:
            if not VERSION.match(word):
                raise ValueError(f"{self.name} is an API version like {self.default}, not {word!r}")
            return word
        if word == NEVER and type(None) in get_args(self.hint):
            return None
        if get_origin(self.hint) is tuple:
            return tuple(self._number(one) for one in word.replace(",", " ").split())
        return self._number(word)

    def check(self, value: Any) -> Any:
        """A value from JSON or TOML, as the switch holds it. ValueError if it does not take it."""
        if isinstance(value, list | tuple):
            value = ", ".join(str(one) for one in value)
        return self.read(show(value))

    def _number(self, word: str) -> int:
        if not word.isascii() or not word.isdigit() or int(word) > LONGEST:
            raise ValueError(f"{self.name} takes whole numbers from 0 on, not {word!r}")
        return int(word)


@cache
def switchboard() -> dict[str, Switch]:
    """Every switch by its name, in the order in which they are written down."""
    hints, meanings, defaults = get_type_hints(Switches), _meanings(), Switches()
    return {
        one.name: Switch(
            one.name,
            meanings[one.name],
            _choices(hints[one.name]),
            getattr(defaults, one.name),
            hints[one.name],
        )
        for one in fields(Switches)
    }


def turn(switches: Switches, wanted: dict[str, Any]) -> None:
    """Sets the named switches, all or none. ValueError for a name or value that is not."""
    board = switchboard()
    for name in wanted:
        if name not in board:
            raise ValueError(f"unknown switch {name!r}: see {', '.join(board)}")
    values = {name: board[name].check(value) for name, value in wanted.items()}
    for name, value in values.items():
        setattr(switches, name, value)


def show(value: Any) -> str:
    """A switch's value as the word that sets it."""
    if value is None:
        return NEVER
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value)
    return str(value)


def _choices(hint: Any) -> tuple[str, ...]:
    if hint is bool:
        return ("true", "false")
    return tuple(get_args(hint)) if get_origin(hint) is Literal else ()


def _meanings() -> dict[str, str]:
    """The text below each field; Python itself drops it."""
    tree = ast.parse(inspect.getsource(module))
    (body,) = (node.body for node in tree.body if isinstance(node, ast.ClassDef))
    found: dict[str, str] = {}
    for field, told in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            assert isinstance(told, ast.Expr)
            assert isinstance(told.value, ast.Constant)
            found[field.target.id] = " ".join(str(told.value.value).split())
    return found
