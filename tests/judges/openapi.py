"""The judge: does a request, an answer or an event look as Stripe's document says?"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import jsonschema_rs

from . import overlay
from .document import load
from .explaining import explain
from .forms import read_form, read_json
from .schemas import Schema, form, strict, with_nulls

ERROR = "error"


class Judge:
    """Judges by one document.

    All schemas are compiled into two validators, one for forms and one for answers; what is judged
    is handed over under the name of its operation. Compiling 600 operations so takes a fifth of a
    second; one validator for each would take that for every few of them.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        # Only names are kept: the document is large, and the garbage collector would visit it.
        operations = {
            f"{verb.upper()} {template}": operation
            for template, verbs in document["paths"].items()
            for verb, operation in verbs.items()
        }
        self._paths = _Paths(operations)
        components: dict[str, Schema] = document["components"]["schemas"]
        self._resources = {
            kind: name for name, schema in components.items() if (kind := kind_of(schema))
        }
        answers = {name: strict(_answer(each)) for name, each in operations.items()}
        answers |= {name: {"$ref": f"#/$defs/{name}"} for name in self._resources.values()}
        answers[ERROR] = {"$ref": f"#/$defs/{ERROR}"}
        definitions = {
            name: strict(with_nulls(schema) if name.startswith("v2.") else schema)
            for name, schema in components.items()
        }
        self._answers = jsonschema_rs.validator_for({"$defs": definitions, "properties": answers})
        forms = {name: form(parameters_schema(each)) for name, each in operations.items()}
        self._forms = jsonschema_rs.validator_for({"properties": forms})

    def request(self, method: str, path: str, encoded: str) -> list[str]:
        """What is wrong with a request; ``encoded`` is its query or form, or both joined. What is
        posted to the v2 API is JSON."""
        operation = self._paths.find(method, path)
        if operation is None:
            return [f"request {method} {path}: no such operation"]
        read = read_json if method == "POST" and path.startswith("/v2/") else read_form
        return _judged(f"request {operation}", self._forms, {operation: read(encoded)})

    def answer(self, method: str, path: str, status: int, body: dict[str, Any]) -> list[str]:
        """What is wrong with an answer."""
        operation = self._paths.find(method, path)
        if status >= 400 and not path.startswith("/v1/"):
            return []  # errors of v2 have a shape of their own, and nothing here depends on it
        if status >= 400:
            return _judged(f"answer {status} of {method} {path}", self._answers, {ERROR: body})
        if operation is None:
            return [f"answer of {method} {path}: no such operation"]
        return _judged(f"answer of {operation}", self._answers, {operation: body})

    def event(self, event: dict[str, Any]) -> list[str]:
        """What is wrong with an event, its object and the names of its previous attributes."""
        label = f"event {event.get('type')}"
        found = _judged(label, self._answers, {"event": event})
        data = event.get("data", {})
        shown = data.get("object", {})
        resource = self._resources.get(shown.get("object"))
        if resource is None:
            return [*found, f"{label}: of an unknown object {shown.get('object')}"]
        if event.get("type") == "invoice.upcoming":
            # A look ahead has no id (stripe-facts §3.6), which the document does not say.
            shown = {"id": "none yet", **shown}
        return found + _judged(label, self._answers, {resource: shown})


@cache
def seated() -> Judge:
    """The judge of this process: the document as the overlay changes it."""
    document = load()
    overlay.apply(overlay.read(), document)
    return Judge(document)


def _judged(label: str, by: jsonschema_rs.Validator, instance: dict[str, Any]) -> list[str]:
    if by.is_valid(instance):
        return []
    return [f"{label}: {complaint}" for complaint in explain(by.iter_errors(instance))]


def kind_of(schema: Schema) -> str | None:
    """The ``object`` of a resource; None for parts of one, and for what is left of deleted ones."""
    properties = schema.get("properties", {})
    if "deleted" in properties or "x-resourceId" not in schema:
        return None
    values = properties.get("object", {}).get("enum", [None])
    return values[0] if len(values) == 1 else None


def _answer(operation: dict[str, Any]) -> Schema:
    content = operation["responses"]["200"]["content"]
    schema: Schema = content.get("application/json", {}).get("schema", {})
    return schema


def parameters_schema(operation: dict[str, Any]) -> Schema:
    """Query and form together: the SDK sends those of DELETE in the query (stripe-facts §1.1)."""
    query = [each for each in operation.get("parameters", []) if each["in"] == "query"]
    content = operation.get("requestBody", {}).get("content", {})
    body: Schema = next(iter(content.values()))["schema"] if content else {}
    return {
        "type": "object",
        "required": [each["name"] for each in query if each.get("required")]
        + body.get("required", []),
        "properties": {each["name"]: each["schema"] for each in query} | body.get("properties", {}),
    }


class _Paths:
    """Finds the operation of a path; a word in a template goes before a placeholder."""

    def __init__(self, names: Iterable[str]) -> None:
        self._tree: dict[str, Any] = {}
        for name in names:
            verb, template = name.split(" ")
            parts = ["*" if part.startswith("{") else part for part in template.split("/")]
            node = self._tree
            for part in [verb, *parts]:
                node = node.setdefault(part, {})
            node[""] = name

    def find(self, method: str, path: str) -> str | None:
        return _descend(self._tree, [method, *path.split("/")])


def _descend(node: dict[str, Any], parts: list[str]) -> str | None:
    if not parts:
        return node.get("")
    for step in (parts[0], "*"):
        below = node.get(step)
        found = _descend(below, parts[1:]) if isinstance(below, dict) else None
        if found is not None:
            return found
    return None
