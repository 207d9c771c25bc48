"""The committed differences between the document's API version and ours (``overlay.toml``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .schemas import Schema, named

FILE = Path(__file__).with_name("overlay.toml")


@dataclass(frozen=True)
class Field:
    """A field of an answer, by the path that leads to it from the object.

    ``schema`` None: the field is gone, or with ``optional``, may be left out although the document
    requires it. ``declared`` False: Stripe sends it, and neither document nor SDK names it.
    """

    object: str
    path: str
    source: str
    schema: Schema | None
    optional: bool = False
    declared: bool = True


@dataclass(frozen=True)
class Parameter:
    """A parameter of a request, under the document's operation; ``schema`` None: it is gone."""

    operation: str
    path: str
    source: str
    schema: Schema | None


@dataclass(frozen=True)
class Operation:
    """An operation that the document does not have; ``answers`` is the object it gives, by its
    name in the document or as a schema."""

    operation: str
    answers: str | Schema
    source: str


@dataclass(frozen=True)
class Overlay:
    """All differences, by kind."""

    fields: tuple[Field, ...]
    parameters: tuple[Parameter, ...]
    operations: tuple[Operation, ...]

    def __len__(self) -> int:
        return len(self.fields) + len(self.parameters) + len(self.operations)


def read() -> Overlay:
    """The overlay as it is committed."""
    tables = tomllib.loads(FILE.read_text())
    return Overlay(
        fields=tuple(Field(**_whole(entry)) for entry in tables.get("field", [])),
        parameters=tuple(
            Parameter(**_whole(entry) | {"operation": operation, "path": path})
            for entry in tables.get("parameter", [])
            for operation in _several(entry["operation"])
            for path in _several(entry["path"])
        ),
        operations=tuple(Operation(**entry) for entry in tables.get("operation", [])),
    )


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _whole(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry says what it does: ``schema``, ``gone`` or ``optional``, and no two of them."""
    said = [entry.get("optional", False), entry.get("gone", False), "schema" in entry]
    if said.count(True) != 1:
        raise ValueError(f"say one of schema, gone and optional: {entry}")
    return {"schema": None, **{name: value for name, value in entry.items() if name != "gone"}}


def apply(overlay: Overlay, document: dict[str, Any]) -> None:
    """Change the document as the overlay says, in place.

    Raises:
        ValueError: an entry adds what is there, or takes away what is not: it is out of date.
    """
    components = document["components"]["schemas"]
    for added in overlay.operations:
        verb, path = added.operation.split()
        operations = document["paths"].setdefault(path, {})
        if verb.lower() in operations:
            raise ValueError(f"the document has {added.operation}")
        operations[verb.lower()] = _operation(added.answers)
    for parameter in overlay.parameters:
        properties = parameters_of(document, parameter.operation)
        *above, last = parameter.path.split(".")
        _put(_inside(components, properties, above), last, parameter)
    for field in overlay.fields:
        *above, last = field.path.split(".")
        owner = owner_of(components, components[field.object], above)
        if field.optional:
            owner["required"].remove(last)
        else:
            _put(owner["properties"], last, field)


def parameters_of(document: dict[str, Any], operation: str) -> dict[str, Schema]:
    """The parameters of an operation's form, to be read and changed."""
    verb, path = operation.split()
    body = document["paths"][path][verb.lower()]["requestBody"]
    (content,) = body["content"].values()
    properties: dict[str, Schema] = content["schema"]["properties"]
    return properties


def _operation(answers: str | Schema) -> dict[str, Any]:
    form = {"type": "object", "properties": {}, "additionalProperties": False}
    known = isinstance(answers, str)
    answer = {"schema": {"$ref": f"#/components/schemas/{answers}"} if known else answers}
    return {
        "parameters": [],
        "requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": form}}},
        "responses": {"200": {"content": {"application/json": answer}}},
    }


def _put(properties: dict[str, Schema], name: str, entry: Field | Parameter) -> None:
    if entry.schema is None:
        if properties.pop(name, None) is None:
            raise ValueError(f"is not there and cannot be gone: {entry}")
    elif properties.get(name) == entry.schema:
        raise ValueError(f"the document says so itself: {entry}")
    else:
        properties[name] = entry.schema


def _inside(
    components: dict[str, Schema], properties: dict[str, Schema], above: list[str]
) -> dict[str, Schema]:
    for name in above:
        properties = owner_of(components, properties[name], [])["properties"]
    return properties


def owner_of(components: dict[str, Schema], schema: Schema, above: list[str]) -> Schema:
    """The object schema that ``above`` leads to, through references, lists and choices."""
    while "properties" not in schema:
        if "$ref" in schema:
            schema = components[named(schema["$ref"])]
        elif "items" in schema:
            schema = schema["items"]
        else:
            schema = next(
                choice for choice in schema["anyOf"] if choice.get("type") not in ("string",)
            )
    return owner_of(components, schema["properties"][above[0]], above[1:]) if above else schema
