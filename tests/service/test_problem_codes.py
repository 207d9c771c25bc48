"""The table of problem codes is that of the source: complete, and without what nothing raises."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from mappings import errors as mappings_errors
from service.api.problem_codes import ALL, CHAPTERS, NOT_HTTP
from service.api.problems import STATUS

ROOT = Path(__file__).parents[2]
# Raised by Flask itself, and named after their status in problems.py.
BY_FLASK = (400, 404, 405, 413, 415)


def sources(*rooms: str) -> list[ast.Module]:
    return [ast.parse(path.read_text()) for room in rooms for path in (ROOT / room).rglob("*.py")]


def name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def classes_below(root: str, trees: list[ast.Module]) -> set[str]:
    """``root`` and every class that inherits from it, however far down."""
    found, before = {root}, 0
    while len(found) > before:
        before = len(found)
        found |= {
            node.name
            for tree in trees
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef) and found & {name_of(base) for base in node.bases}
        }
    return found


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the name called; ``cls(...)`` under the name of its class."""
    for holder in ast.walk(tree):
        if isinstance(holder, ast.ClassDef):
            for node in ast.walk(holder):
                if isinstance(node, ast.Call) and name_of(node.func) == "cls":
                    yield holder.name, node
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield name_of(node.func), node


def first_texts(node: ast.Call, position: int = 0) -> list[str]:
    """The texts an argument can be; a code that is put together is expanded from its source."""
    told = node.args[position] if len(node.args) > position else None
    if isinstance(told, ast.Constant) and isinstance(told.value, str):
        return [told.value]
    if isinstance(told, ast.JoinedStr):
        start = told.values[0]
        assert isinstance(start, ast.Constant)
        assert start.value == "unknown_", "only unknown offers make up their codes"
        return [f"unknown_{field}" for field in fields_of_offers()]
    return []


def fields_of_offers() -> list[str]:
    tree = ast.parse(Path(str(mappings_errors.__file__)).read_text())
    found = [first_texts(node)[0] for name, node in calls(tree) if name == "UnknownOffer"]
    assert "family" in found
    return found


def codes_in_source() -> dict[str, set[int]]:
    """Every code that is raised or answered, with the statuses it is sent with."""
    trees = sources("adapter", "webhooks", "service")
    statuses = {
        kind: status for parent, status in STATUS for kind in classes_below(parent.__name__, trees)
    }
    statuses |= dict.fromkeys(classes_below("BadRequest", trees), 400)
    # Errors of no such kind never reach HTTP.
    statuses |= dict.fromkeys(classes_below("AdapterError", trees) - statuses.keys(), 0)
    found: dict[str, set[int]] = {}
    for name, node in (one for tree in trees for one in calls(tree)):
        if name == "problem" and isinstance(node.args[0], ast.Constant):
            for code in first_texts(node, 1):
                found.setdefault(code, set()).add(int(str(node.args[0].value)))
        elif name in statuses:
            for code in first_texts(node):
                found.setdefault(code, set()).add(statuses[name])
    for status in BY_FLASK:
        found.setdefault(HTTPStatus(status).name.lower(), set()).add(status)
    # Python names it so since 3.13; werkzeug does everywhere.
    found.setdefault("request_entity_too_large", set()).add(413)
    found.pop("content_too_large", None)
    return found


def test_every_code_of_the_source_is_in_the_table_and_no_other():
    found = codes_in_source()
    assert found.keys() - ALL.keys() == set(), "raised, but without a meaning in problem_codes.py"
    assert ALL.keys() - found.keys() == set(), "in problem_codes.py, but nothing raises them"
    assert len(found) > 50


def test_the_statuses_of_the_table_are_those_that_are_sent():
    for code, statuses in codes_in_source().items():
        if code not in NOT_HTTP:
            assert statuses == {ALL[code].status}, code


def test_a_code_is_in_one_chapter_and_its_meaning_is_a_sentence():
    assert sum(len(chapter) for chapter in (*CHAPTERS.values(), NOT_HTTP)) == len(ALL)
    for code, meaning in ALL.items():
        assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", code), code
        assert re.fullmatch(r"['A-Z].*\.", meaning.text), code
