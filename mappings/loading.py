"""Loading a catalogue: from a file or a built-in name to a checked Catalogue."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from mappings.catalogue import Catalogue
from mappings.checks import check_catalogue
from mappings.coverage import check_rules
from mappings.errors import CatalogueError
from mappings.plans_table import FamilyReader
from mappings.prices_table import PriceReader
from mappings.problems import Problem, Problems
from mappings.reader import Reader
from mappings.shape import check_shape

_BUILT_IN = Path(__file__).parent / "catalogues"


def builtin_catalogues() -> tuple[str, ...]:
    """The names of the catalogues that come with Planshift."""
    return tuple(sorted(path.stem for path in _BUILT_IN.glob("*.toml")))


def load_catalogue(path_or_builtin_name: str | Path) -> Catalogue:
    """Read and check a catalogue document.

    A text that is the name of a built-in catalogue loads that one; anything else is a file. Raises
    CatalogueError with every problem of the document, each at its path.
    """
    asked = str(path_or_builtin_name)
    is_builtin = isinstance(path_or_builtin_name, str) and asked in builtin_catalogues()
    path = _BUILT_IN / f"{asked}.toml" if is_builtin else Path(path_or_builtin_name)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = ", ".join(builtin_catalogues())
        message = f"there is no such file, and the built-in catalogues are: {known}"
        raise _unreadable(asked, "not_found", message) from None
    except UnicodeDecodeError as error:
        message = f"byte {error.start} is not UTF-8"
        raise _unreadable(asked, "invalid_toml", message) from None
    except OSError as error:
        raise _unreadable(asked, "not_readable", str(error.strerror)) from None
    return parse_catalogue(text, source=asked)


def parse_catalogue(text: str, source: str = "document") -> Catalogue:
    """Check a catalogue document given as text. `source` names it in errors."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The message ends with the line and column, which is the path of a syntax error.
        raise _unreadable(source, "invalid_toml", str(error)) from None
    return build_catalogue(document, source)


def build_catalogue(document: Mapping[str, object], source: str = "document") -> Catalogue:
    """Check a catalogue document already read into plain data. Raises CatalogueError."""
    problems = Problems()
    check_shape(document, problems)
    catalogue = _read(Reader(dict(document)), problems)
    check_catalogue(catalogue, Reader(dict(document)), problems)
    check_rules(catalogue, problems)
    if problems:
        raise CatalogueError(source, list(problems))
    return catalogue


def _read(document: Reader, problems: Problems) -> Catalogue:
    currencies = document.texts("currencies")
    reader = FamilyReader(PriceReader(currencies, problems), problems)
    families = {key: reader.family(key, table) for key, table in document.named("families")}
    return Catalogue(
        name=document.text("name") or "",
        tenant=document.text("tenant") or "",
        currencies=currencies,
        families=families,
    )


def _unreadable(source: str, code: str, message: str) -> CatalogueError:
    return CatalogueError(source, [Problem(source, message, code)])
