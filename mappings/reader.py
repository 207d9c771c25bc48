"""A lenient reader of the document: what is absent or of the wrong type reads as None.

The shape check has reported those places already; reading on past them lets one run find every
other problem too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar, cast

_Choice = TypeVar("_Choice", bound=str)


class Reader:
    """One table of the document, with its path."""

    def __init__(self, table: object, path: str = "") -> None:
        self.path = path
        is_table = isinstance(table, dict)
        self._table: Mapping[str, object] = cast("dict[str, object]", table) if is_table else {}

    def at(self, key: str) -> str:
        """The path of a key of this table."""
        return f"{self.path}.{key}" if self.path else key

    def names(self) -> tuple[str, ...]:
        return tuple(self._table)

    def has(self, key: str) -> bool:
        return key in self._table

    def text(self, key: str) -> str | None:
        value = self._table.get(key)
        return value if isinstance(value, str) else None

    def whole(self, key: str) -> int | None:
        value = self._table.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def flag(self, key: str) -> bool | None:
        value = self._table.get(key)
        return value if isinstance(value, bool) else None

    def choice(self, key: str, choices: tuple[_Choice, ...]) -> _Choice | None:
        value = self._table.get(key)
        return next((choice for choice in choices if choice == value), None)

    def choices(self, key: str, choices: tuple[_Choice, ...]) -> tuple[_Choice, ...]:
        """Those of `choices` that the key lists, in the order listed."""
        return tuple(choice for text in self.texts(key) for choice in choices if choice == text)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; a single text reads as a list of one."""
        value = self._table.get(key)
        listed = value if isinstance(value, list) else [value]
        return tuple(text for text in listed if isinstance(text, str))

    def table(self, key: str) -> Reader:
        """The table under a key, empty if there is none."""
        return Reader(self._table.get(key), self.at(key))

    def tables(self, key: str) -> Iterator[Reader]:
        """The tables of a list, each with its position in the document."""
        listed = self._table.get(key)
        for index, table in enumerate(listed if isinstance(listed, list) else []):
            yield Reader(table, f"{self.at(key)}[{index}]")

    def named(self, key: str) -> Iterator[tuple[str, Reader]]:
        """The tables of a table, by id."""
        below = self.table(key)
        for name in below.names():
            yield name, below.table(name)
