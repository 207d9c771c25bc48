"""A failed validation as a sentence that says which field is wrong and how."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from jsonschema_rs import ValidationError, ValidationErrorKind


def explain(errors: Iterator[ValidationError]) -> list[str]:
    """One sentence per field, sorted; the first part of each path names the operation."""
    return sorted({_sentence(leaf) for error in errors for leaf in _leaves(error)})


def _leaves(error: ValidationError) -> list[ValidationError]:
    """The error itself, or where choices failed, what is wrong with the one that was meant."""
    if not isinstance(error.kind, ValidationErrorKind.AnyOf):
        return [error]
    here = len(error.instance_path)
    choices = [[leaf for each in choice for leaf in _leaves(each)] for choice in error.kind.context]
    meant = [choice for choice in choices if not any(_mistaken(leaf, here) for leaf in choice)]
    return min(meant, key=len) if meant else [error]


def _mistaken(leaf: ValidationError, here: int) -> bool:
    """Whether the choice was of another kind altogether: another type, another object."""
    below = leaf.instance_path[here:]
    if isinstance(leaf.kind, ValidationErrorKind.Type):
        return not below
    return isinstance(leaf.kind, ValidationErrorKind.Enum) and below == ["object"]


def _sentence(error: ValidationError) -> str:
    where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.instance_path[1:])
    return f"{where.lstrip('.') or '(whole)'}: {_complaint(error)}"


def _complaint(error: ValidationError) -> str:
    kind: Any = error.kind
    match kind:
        case ValidationErrorKind.AdditionalProperties():
            return "unknown " + ", ".join(sorted(kind.unexpected))
        case ValidationErrorKind.Required():
            return f"lacks {kind.property}"
        case ValidationErrorKind.Enum():
            return f"{_short(error.instance)} is none of {_short(kind.options)}"
        case ValidationErrorKind.AnyOf():
            return f"{_short(error.instance)} fits none of the allowed forms"
        case ValidationErrorKind.Pattern():
            return f"{_short(error.instance)} does not look like {kind.pattern}"
        case ValidationErrorKind.Type():
            return f"{_short(error.instance)} is not of type {' or '.join(kind.types)}"
    return error.message[:200]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 120 else f"{text[:117]}..."
