"""The overlay is held against the SDK, and the overlaid document, too: no entry is invention."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from sandbox.resources import TABLE

from . import document, overlay, sdk
from .openapi import kind_of, parameters_schema
from .overlay import Field, Parameter
from .schemas import named

ENTRIES = overlay.read()
OUR_OWN = {each.operation for each in ENTRIES.operations}


@cache
def overlaid() -> dict[str, Any]:
    loaded = document.load()
    overlay.apply(ENTRIES, loaded)
    return loaded


def served() -> dict[str, str]:
    """The operations of the sandbox, by their path without names, as the document names them."""
    ours = {f"{route.method} {_starred(route.path)}" for route in TABLE.routes}
    found = {}
    for path, verbs in overlaid()["paths"].items():
        for verb in verbs:
            key = f"{verb.upper()} {sdk.starred(path)}"
            if key in ours:
                found[key] = f"{verb.upper()} {path}"
    assert ours == set(found), f"not operations of Stripe: {ours - set(found)}"
    return found


def _starred(path: str) -> str:
    return sdk.starred(path.replace("<", "{").replace(">", "}"))


def answered() -> set[str]:
    """The objects those operations answer with, alone or as a list."""
    found = set()
    for operation in served().values():
        verb, path = operation.split()
        answer = overlaid()["paths"][path][verb.lower()]["responses"]["200"]["content"]
        schema = answer["application/json"]["schema"]
        listed = schema.get("properties", {}).get("data", {}).get("items", schema)
        choices = [listed, *listed.get("anyOf", [])]
        found |= {named(choice["$ref"]) for choice in choices if "$ref" in choice}
    components = overlaid()["components"]["schemas"]
    return {name for name in found if kind_of(components[name]) is not None}


def id_of(entry: Field | Parameter) -> str:
    return f"{entry.object if isinstance(entry, Field) else entry.operation}: {entry.path}"


@pytest.mark.parametrize("field", ENTRIES.fields, ids=id_of)
def test_the_sdk_has_each_field_of_the_overlay(field: Field):
    known = sdk.knows(sdk.class_of(field.object), field.path)
    if field.schema is None and not field.optional:
        assert not known, "the SDK still has what the overlay says is gone"
    else:
        assert known is field.declared


@pytest.mark.parametrize("parameter", ENTRIES.parameters, ids=id_of)
def test_the_sdk_takes_each_parameter_of_the_overlay(parameter: Parameter):
    verb, path = parameter.operation.split()
    call = sdk.parameters().get(f"{verb} {sdk.starred(path)}")
    if call is None:
        assert parameter.operation in OUR_OWN
    else:
        assert sdk.takes(call, parameter.path) is (parameter.schema is not None)


@pytest.mark.parametrize("name", sorted(answered()))
def test_the_sdk_has_every_field_that_an_answer_may_have(name: str):
    components = overlaid()["components"]["schemas"]
    kind = kind_of(components[name])
    assert kind is not None
    undeclared = {field.path for field in ENTRIES.fields if field.object == name}
    unknown = set(sdk.unknown(components, components[name], sdk.class_of(kind)))
    assert unknown <= undeclared, "gone since the document, or to be named in the overlay"


@pytest.mark.parametrize("key", sorted(served()))
def test_the_sdk_takes_every_parameter_that_a_request_may_have(key: str):
    if key not in sdk.parameters():
        return  # an old path that the SDK has no call for: only the document knows it
    verb, path = served()[key].split()
    schema = parameters_schema(overlaid()["paths"][path][verb.lower()])
    assert list(sdk.untaken(schema, sdk.parameters()[key])) == []


def test_every_entry_says_where_it_comes_from():
    entries = [*ENTRIES.fields, *ENTRIES.parameters, *ENTRIES.operations]
    assert all(entry.source for entry in entries)
    assert len(entries) == len(ENTRIES)


def test_an_entry_that_says_what_the_document_says_is_out_of_date():
    stale = Field("subscription", "livemode", "nowhere", {"type": "boolean"})
    schema = document.load()
    schema["components"]["schemas"]["subscription"]["properties"]["livemode"] = {"type": "boolean"}
    with pytest.raises(ValueError, match="says so itself"):
        overlay.apply(overlay.Overlay((stale,), (), ()), schema)
