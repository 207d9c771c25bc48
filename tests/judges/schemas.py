"""From the document's OpenAPI 3.0 to strict JSON Schema.

The document allows in an answer what it does not mention, and describes requests as JSON although
they travel as forms. Strict means: no field that it does not name; and a form schema judges the
strings of the form, where a list is an object with its indexes as keys.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

KEPT = ("type", "enum", "maxLength", "pattern", "required")
FORMATS = {"currency": "^[a-z]{3}$", "decimal": r"^-?\d+(\.\d{1,12})?$"}
FORM_TYPES: dict[str, Schema] = {
    "integer": {"type": "string", "pattern": r"^-?\d+$"},
    "number": {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
    "boolean": {"type": "string", "enum": ["true", "false"]},
}
NULL: Schema = {"type": "null"}


def named(reference: str) -> str:
    """``subscription`` of ``#/components/schemas/subscription``."""
    return reference.rsplit("/", 1)[1]


def strict(schema: Schema) -> Schema:
    """The schema of an answer, or of a part of it; references point into ``$defs``."""
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{named(schema['$ref'])}"}
    made = {key: schema[key] for key in KEPT if key in schema}
    if schema.get("format") in FORMATS:
        made["pattern"] = FORMATS[schema["format"]]
    if "properties" in schema:
        made["properties"] = {name: strict(of) for name, of in schema["properties"].items()}
        made["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = strict(schema["additionalProperties"])
    if "items" in schema:
        made["items"] = strict(schema["items"])
    if "anyOf" in schema:
        made["anyOf"] = [strict(choice) for choice in schema["anyOf"]]
    return _or_null(made) if schema.get("nullable") else made


def with_nulls(schema: Schema) -> Schema:
    """A schema of the v2 API: what it calls optional is there and null (Stripe docs: the v2 Event
    object says so of each such field, the document of none)."""
    required = schema.get("required", [])
    properties = {
        name: of if name in required else {"nullable": True, **of}
        for name, of in schema.get("properties", {}).items()
    }
    return {**schema, "properties": properties}


def _or_null(made: Schema) -> Schema:
    choices = made["anyOf"] if set(made) == {"anyOf"} else [made]
    return {"anyOf": [NULL, *choices]}


def form(schema: Schema) -> Schema:
    """The schema of a parameter as it is written in a form.

    An empty string unsets, which the document says where it is allowed; a plain string is
    therefore never empty.
    """
    kind = schema.get("type")
    if "anyOf" in schema:
        return {"anyOf": [form(choice) for choice in schema["anyOf"]]}
    if kind == "array":
        return _indexed(form(schema["items"]))
    if kind == "object":
        return _object(schema)
    if kind in FORM_TYPES:
        return FORM_TYPES[kind]
    made = {key: schema[key] for key in KEPT if key in schema}
    if schema.get("format") in FORMATS:
        made["pattern"] = FORMATS[schema["format"]]
    elif "enum" not in schema and kind == "string":
        made["minLength"] = 1
    return made


def _indexed(entry: Schema) -> Schema:
    return {
        "type": "object",
        "patternProperties": {r"^\d+$": entry},
        "additionalProperties": False,
    }


def _object(schema: Schema) -> Schema:
    made: Schema = {"type": "object"}
    if schema.get("required"):
        made["required"] = schema["required"]
    if "properties" in schema:
        made["properties"] = {name: form(of) for name, of in schema["properties"].items()}
        made["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), dict):
        # a key of metadata is removed by an empty value (stripe-facts §1.2)
        made["additionalProperties"] = form(schema["additionalProperties"]) | {"minLength": 0}
    return made
