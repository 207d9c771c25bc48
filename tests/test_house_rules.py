"""Rules of the house that a linter does not know; each says why it is one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("mappings", "adapter", "webhooks", "service", "sandbox")
FILES = sorted(
    path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "versions" not in path.parts
)
# A file is read in one sitting, a function in one glance; these are the hard limits.
FILE_LINES, FUNCTION_LINES = 320, 55
TEST_FILE_LINES = 330


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


def calls(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            called = node.func
            yield called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")


def test_only_the_gateway_calls_stripe():
    """The edge verifies signatures with the SDK; everything else goes through the gateway."""
    users = {
        named(path)
        for path in FILES
        if any(name.split(".")[0] == "stripe" for name in imports(path))
    }
    assert {user for user in users if not user.startswith("adapter/gateway/")} == {
        "webhooks/edge.py"
    }


def test_only_steps_makes_a_write_that_may_be_sent():
    """A CommittedIntent stands for a committed row; made anywhere else it would be a lie."""
    makers = {named(path) for path in FILES if "CommittedIntent" in calls(path)}
    assert makers == {"adapter/steps.py"}


def test_only_the_mirror_writes_mirrored_rows():
    """Rows that say what Stripe says are written under the ticket rule, in one place."""
    rows = {"SubscriptionRow", "LineRow", "InvoiceRow"}
    makers = {named(path) for path in FILES if rows & set(calls(path))}
    assert makers == {"adapter/mirror.py"}


def test_nothing_but_settings_reads_the_environment():
    """Settings are read once and handed around; only the entry points touch os.environ."""
    readers = {named(path) for path in FILES if "os.environ" in path.read_text()}
    assert {reader for reader in readers if reader.split("/")[0] not in ("service", "sandbox")} == {
        "adapter/migrations/env.py"
    }


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_file_is_read_in_one_sitting_and_a_function_in_one_glance(path: Path):
    assert len(path.read_text().splitlines()) <= FILE_LINES
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            inner = [child for child in node.body if isinstance(child, ast.FunctionDef)]
            own = length(node) - sum(length(child) for child in inner)
            assert own < FUNCTION_LINES, node.name


def length(node: ast.FunctionDef) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


@pytest.mark.parametrize("path", FILES, ids=named)
def test_every_module_says_what_it_is_for(path: Path):
    assert ast.get_docstring(tree(path)), f"{named(path)} has no docstring"


def test_a_test_file_is_one_sitting_too_and_borrows_from_no_other():
    """What two of them need is in ``tests/support``, where it is looked for."""
    files = sorted((ROOT / "tests").rglob("*.py"))
    long = [named(path) for path in files if len(path.read_text().splitlines()) > TEST_FILE_LINES]
    lent = {named(path): name for path in files for name in imports(path) if ".test_" in name}
    assert (long, lent) == ([], {})
