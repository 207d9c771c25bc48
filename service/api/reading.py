"""An OpenAPI document turned into what a page shows: nouns, their operations, flat fields."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from .openapi import operations

HOST = "$PLANSHIFT"


@dataclass(frozen=True)
class Field:
    """A parameter or a member of a body; ``name`` is a path such as ``changes[].plan``."""

    name: str
    where: str
    type: str
    required: bool
    text: str


@dataclass(frozen=True)
class Operation:
    """One operation, ready to be shown."""

    id: str
    method: str
    path: str
    summary: str
    scope: str
    parameters: list[Field]
    body: list[Field]
    answers: list[tuple[str, str]]
    failures: list[tuple[str, str]]
    curl: str


@dataclass(frozen=True)
class Noun:
    """A group of operations."""

    name: str
    text: str
    operations: list[Operation]


def nouns(document: dict[str, Any]) -> list[Noun]:
    """All operations of ``document``, by noun, in the document's order."""
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in operations(methods):
            shared = methods.get("parameters", [])
            shown = _operation(document, method, path, operation, shared)
            found[operation["tags"][0]].append(shown)
    return [
        Noun(tag["name"], tag.get("description", ""), found[tag["name"]])
        for tag in document["tags"]
    ]


def _operation(
    document: dict[str, Any],
    method: str,
    path: str,
    operation: dict[str, Any],
    shared: list[dict[str, Any]],
) -> Operation:
    answers, failures = _answers(document, operation["responses"])
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=_summary(operation),
        scope=_scope(operation["security"]),
        parameters=[_parameter(one) for one in (*shared, *operation.get("parameters", []))],
        body=list(_fields(document, content.get("schema", {}))),
        answers=answers,
        failures=failures,
        curl=_curl(method.upper(), path, operation["security"], content.get("example")),
    )


def _summary(operation: dict[str, Any]) -> str:
    parts = (operation.get("summary", ""), operation.get("description", ""))
    return " ".join(part for part in parts if part)


def _scope(security: list[dict[str, list[str]]]) -> str:
    if not security:
        return "no key"
    return ", ".join(security[0]["key"]) or "any key"


def _parameter(parameter: dict[str, Any]) -> Field:
    return Field(
        name=parameter["name"],
        where=parameter["in"],
        type=_type(parameter["schema"]),
        required=parameter.get("required", False),
        text=parameter.get("description", ""),
    )


def _fields(document: dict[str, Any], schema: dict[str, Any], path: str = "") -> Iterator[Field]:
    schema = _resolved(document, schema)
    required = schema.get("required", [])
    for name, member in schema.get("properties", {}).items():
        here = f"{path}{name}"
        yield Field(here, "body", _type(member), name in required, member.get("description", ""))
        inner = member.get("items") if member.get("type") == "array" else member
        brackets = "[]" if inner is not member else ""
        yield from _fields(document, inner or {}, f"{here}{brackets}.")


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return "object"
    kinds = schema.get("type", "any")
    named = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    chosen = [json.dumps(value) for value in schema.get("enum", ())]
    return " or ".join(chosen) if chosen else named


def _answers(
    document: dict[str, Any], responses: dict[str, Any]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Answers with the name of their schema, and failures with their phrase."""
    answers, failures = [], []
    for status, response in responses.items():
        if int(status) >= 400:
            failures.append((status, HTTPStatus(int(status)).phrase))
            continue
        kinds = [
            content.get("schema", {}).get("$ref", "").rpartition("/")[2] or kind
            for kind, content in _resolved(document, response).get("content", {}).items()
        ]
        answers.append((status, ", ".join(kinds)))
    return answers, failures


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def _curl(method: str, path: str, security: list[Any], example: object) -> str:
    parts = ["curl"] if method == "GET" else ["curl", "-X", method]
    # curl would take braces for a set of URLs; the shell fills its variables in.
    filled = path.replace("{", "$").replace("}", "")
    lines = [" ".join([*parts, f'"{HOST}{filled}"'])]
    if security:
        lines.append('-H "Authorization: Bearer $KEY"')
    if example is not None:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d {shlex.quote(json.dumps(example))}")
    return " \\\n  ".join(lines)
