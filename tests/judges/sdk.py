"""What the pinned SDK knows: it is generated from exactly the API version we use.

Its classes say which fields an object has, its TypedDicts which parameters a call takes. It has no
validator of its own, so it judges names, and the document types and values.
"""

from __future__ import annotations

import importlib
import inspect
import re
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import stripe
import typing_extensions
from stripe._object_classes import OBJECT_CLASSES, V2_OBJECT_CLASSES
from stripe._stripe_object import UntypedStripeObject

from .overlay import owner_of
from .schemas import Schema, named

PACKAGE = Path(stripe.__file__).parent
CALL = re.compile(
    r"def (?!\w+_async)\w+\(\s*self,(?P<arguments>.*?)\) -> .*?"
    r"self\._request\(\s*\"(?P<verb>\w+)\",\s*(?P<path>.*?),\s*base_address",
    re.DOTALL,
)


def class_of(kind: str) -> type:
    """The class of an object by the value of its ``object`` field."""
    module, name = {**OBJECT_CLASSES, **V2_OBJECT_CLASSES}[kind]
    found: type = getattr(importlib.import_module(module), name)
    return found


def fields_of(of: type) -> set[str]:
    """The fields a class declares, its ancestors' included."""
    found: set[str] = set()
    for each in of.__mro__:
        if each is stripe.StripeObject:
            break
        found |= set(inspect.get_annotations(each))
    return found


def part_of(of: type, field: str) -> type | None:
    """The class of a nested object; None for plain values and for objects of their own."""
    for each in of.__mro__:
        parts = each.__dict__.get("_inner_class_types", {})
        if field in parts:
            found: type = parts[field]
            return found
    return None


def knows(of: type, path: str) -> bool:
    """Whether a class has a field, given with the fields that lead to it."""
    first, _, rest = path.partition(".")
    if first not in fields_of(of):
        return False
    below = part_of(of, first)
    return not rest or (below is not None and knows(below, rest))


def unknown(components: dict[str, Schema], schema: Schema, of: type) -> Iterator[str]:
    """Fields of the document that a class does not have, nested ones with their path."""
    for name, below in schema["properties"].items():
        if name not in fields_of(of):
            yield name
            continue
        part, inner = part_of(of, name), _part(components, below)
        if part is not None and inner is not None:
            yield from (f"{name}.{deeper}" for deeper in unknown(components, inner, part))


def _part(components: dict[str, Schema], schema: Schema) -> Schema | None:
    """The schema of a nested object; None where it is a value, a map or an object of its own."""
    if "x-expansionResources" in schema:
        return None
    if "$ref" in schema:
        schema = components[named(schema["$ref"])]
    choices = [each for each in schema.get("anyOf", []) if "$ref" in each or "properties" in each]
    if len(choices) == 1 or "items" in schema:
        return _part(components, choices[0] if choices else schema["items"])
    if "properties" not in schema or "x-resourceId" in schema:
        return None
    return owner_of(components, schema, [])


@cache
def parameters() -> dict[str, type]:
    """The TypedDict of each operation, with ``*`` for the ids in its path."""
    found = {}
    for file in [*PACKAGE.glob("_*_service.py"), *PACKAGE.glob("*/_*_service.py")]:
        for call in CALL.finditer(file.read_text()):
            if match := re.search(r"params: (?:\"|Optional\[\s*\")(\w+)", call["arguments"]):
                found[_operation(call["verb"], call["path"])] = getattr(
                    importlib.import_module("stripe.params"), match[1], None
                ) or _elsewhere(file, match[1])
    return found


def _elsewhere(file: Path, name: str) -> type:
    found: type = getattr(importlib.import_module(f"stripe.params.{file.parent.name}"), name)
    return found


def _operation(verb: str, path: str) -> str:
    template = re.search(r"\"(/v\d/[^\"]*)\"", path)
    assert template is not None, path
    return f"{verb.upper()} {starred(template[1])}"


def starred(path: str) -> str:
    """A path without the names of its placeholders, which differ between document and SDK."""
    return re.sub(r"\{\w+\}", "*", path)


def takes(of: type, path: str) -> bool:
    """Whether a call takes a parameter, given with the parameters that lead to it."""
    first, _, rest = path.partition(".")
    members = _members(of)
    if first not in members:
        return False
    return not rest or any(takes(below, rest) for below in _typed_dicts(members[first]))


def untaken(schema: Schema, of: type) -> Iterator[str]:
    """Parameters of the document that a call does not take, nested ones with their path."""
    members = _members(of)
    for name, below in schema.get("properties", {}).items():
        if name not in members:
            yield name
            continue
        shapes, choices = _typed_dicts(members[name]), _objects(below)
        if shapes and len(choices) == 1:
            missing = [set(untaken(choices[0], shape)) for shape in shapes]
            yield from (f"{name}.{deeper}" for deeper in sorted(set.intersection(*missing)))


@cache
def _members(of: type) -> dict[str, Any]:
    # Imported by the SDK for type checkers only.
    checked = {"StripeContext": stripe.StripeContext, "UntypedStripeObject": UntypedStripeObject}
    names = {**vars(typing), **checked}
    return typing.get_type_hints(of, vars(importlib.import_module(of.__module__)), names)


def _typed_dicts(of: Any) -> list[type]:
    """The TypedDicts a type is made of: ``List[A]``, ``Literal[""] | A``."""
    if typing_extensions.is_typeddict(of):
        return [of]
    return [each for argument in typing.get_args(of) for each in _typed_dicts(argument)]


def _objects(schema: Schema) -> list[Schema]:
    if "anyOf" in schema:
        return [each for choice in schema["anyOf"] for each in _objects(choice)]
    if "items" in schema:
        return _objects(schema["items"])
    return [schema] if "properties" in schema else []
